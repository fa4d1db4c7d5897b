"""The playground beyond one question: lists, four columns, blind mode, links, and what can be kept of it."""

import json
import threading
from dataclasses import replace

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from engine.problems import Problem
from engine.serving.asking.client import Decoding
from studio.building import candidates, keeping, models
from studio.data import datasets, examples
from studio.folders import Home
from studio.freezing import snapshots
from studio.judging import arrangements, asking, kin
from studio.judging.asking import DONE, FAILED, Said, Turn
from studio.judging.kin import DOCUMENTS, Kin
from studio.reading import libraries, questions
from studio.store import opened
from studio.ui import blind, chat
from tests import browsing, judged, speaking
from tests.conftest import ENTRY, Full, conversation, ended_run, look, words
from tests.patience import LONG, until
from tests.test_judging_pages import press

TURN = Turn("How long?", (Said("plain", DONE, "Two years."), Said("tuned", DONE, "Ages, petal!")))


@pytest.fixture
def speakers(full: Full):
    """Four models that each say something else."""
    said = ("Two whole years.", "Two short weeks.", "Two whole months.", "Nobody knows.")
    with (
        speaking.endpoint(said[0]) as one,
        speaking.endpoint(said[1]) as two,
        speaking.endpoint(said[2]) as three,
        speaking.endpoint(said[3]) as four,
    ):
        for name, url in zip(("one", "two", "three", "four"), (one, two, three, four), strict=True):
            models.add(full.store, name, models.ENDPOINT, url, "ada")
        yield said


def seated(app, *names: str):
    """The page with these candidates side by side."""
    look(app, "playground")
    app.segmented_control(key="columns-").set_value(len(names)).run()
    for side, name in enumerate(names):
        app.selectbox(key=f"who-{side}").set_value(name)
    return app.run()


def test_four_answer_side_by_side_and_what_differs_from_the_first_is_marked(speakers, app):
    seated(app, "one", "two", "three", "four").chat_input[0].set_value("How long?").run()
    said = words(app)
    assert all(text in said for text in speakers)
    app.toggle(key="differs").set_value(True).run()
    assert "Two whole <ins>months.</ins>" in words(app) and not app.exception


def test_what_goes_to_a_model_elsewhere_is_announced_before_it_is_asked(full, app):
    models.add(full.store, "far", models.ENDPOINT, "https://models.example", "ada")
    seated(app, "far", "tiny")
    assert words(app).count("This leaves the machine") == 1
    assert "told, shown and looks up go to far at" in words(app) and "models.example" in words(app)


def test_the_examples_nearest_to_a_question_can_be_shown_and_are_kept_with_the_candidate(speakers, full, app):
    seated(app, "one", "two")
    key = "0-one"
    app.selectbox(key=f"shown-{key}").set_value(full.snapshot).run()
    app.number_input(key=f"nearest-{key}").set_value(2).run()
    assert f"With the 2 nearest examples of {snapshots.get(full.store, full.snapshot).name}." in words(app)
    next(button for button in app.button if button.label == "Keep as candidate").click().run()
    made = candidates.kept(full.store)[-1]
    assert (made.name, made.nearest, made.nearest_from) == ("one + examples", 2, full.snapshot)
    app.chat_input[0].set_value("Where is cup 3?").run()
    assert not app.exception and "2 examples shown before it" in [one.label for one in app.expander]
    assert words(app).count("is on its way!") == 2


def test_who_is_new_is_offered_what_the_tuned_model_was_watched_with(full, app, tmp_path):
    file = tmp_path / "other.jsonl"
    file.write_text(json.dumps(conversation("What is a kettle?", "A pot with a spout.")) + "\n")
    datasets.bring_in(full.store, file, "other", "ada")
    models.add(full.store, "taught", models.ADAPTER, "/models/taught", "ada", base="tiny", run=full.run)
    found = look(app, "playground")
    assert found.selectbox(key="who-1").value == "taught"
    offered = found.pills(key="suggested").options
    assert offered and all(question.startswith("Where is cup ") for question in offered)


def test_a_question_with_passages_in_it_is_offered_to_nobody(full, app, tmp_path):
    file = tmp_path / "grounded.jsonl"
    rows = ("Passages:\n[1] A kettle is a pot.\n\nQuestion: What is it?", "What is a pan?")
    file.write_text("".join(json.dumps(conversation(row, "A pot.")) + "\n" for row in rows))
    datasets.bring_in(full.store, file, "grounded", "ada")
    assert look(app, "playground").pills(key="suggested").options == ["What is a pan?"]


def test_a_model_that_learned_under_a_system_prompt_is_not_asked_first(full, app, tmp_path):
    models.add(full.store, "taught", models.ADAPTER, "/models/taught", "ada", base="tiny", run=full.run)
    file = tmp_path / "sorted.jsonl"
    prompt = {"role": "system", "content": "Name the topic."}
    rows = [conversation(f"Cup {n} is late.", "delivery") for n in range(24)]
    file.write_text("".join(json.dumps({"messages": [prompt, *row["messages"]]}) + "\n" for row in rows))
    datasets.bring_in(full.store, file, "sorted", "ada")
    run = ended_run(full.store, snapshots.freeze(full.store, "sorted", "ada").id, "sorter")
    models.add(full.store, "newest", models.ADAPTER, "/models/newest", "ada", base="tiny", run=run.id)
    assert look(app, "playground").selectbox(key="who-1").value == "taught"


def test_a_pasted_list_is_asked_line_by_line(speakers, app):
    seated(app, "one", "two")
    app.text_area(key="list").set_value("How long?\n\nAnd where?\n")
    press(app, "Ask all")
    said = words(app)
    assert "How long?" in said and "And where?" in said and said.count("Two short weeks.") == 2


def test_a_list_that_is_too_long_is_refused_whole(speakers, app):
    seated(app, "one", "two")
    app.text_area(key="list").set_value("\n".join(f"Question {n}?" for n in range(51)))
    press(app, "Ask all")
    assert "None was asked" in app.error[0].value and "Two short weeks." not in words(app)


def test_blind_shows_no_name_and_no_figure_until_it_is_switched_off(speakers, app):
    seated(app, "one", "two")
    app.toggle(key="blind").set_value(True).run()
    app.chat_input[0].set_value("How long?").run()
    drawn = [element.value for element in app.get("html")]
    assert "Two whole years." in words(app) and " tokens · " not in words(app)
    assert not any(">one<" in text or ">two<" in text for text in drawn)
    press(app, "A is best")
    app.toggle(key="blind").set_value(False).run()
    said = words(app)
    assert " tokens · " in said and "n = 1" in said


def test_the_order_of_a_blind_question_is_by_chance_and_stays(monkeypatch):
    monkeypatch.setattr(blind.state, "seat", lambda: "a window")
    orders = [tuple(blind.order(TURN, number)) for number in range(40)]
    assert set(orders) == {(0, 1), (1, 0)}
    assert [tuple(blind.order(TURN, number)) for number in range(40)] == orders


def test_a_verdict_on_other_candidates_is_not_counted_for_those_asked_last(monkeypatch):
    other = Turn("Where?", (Said("plain", DONE, "Here."), Said("other", DONE, "There.")))
    monkeypatch.setattr(blind.state, "value", lambda key, otherwise: {0: 1, 1: 1, 2: 0})
    found = blind.count([other, TURN, TURN])
    assert (found.wins, found.ties, found.n, found.others) == ((1, 1), 0, 2, 1)


def test_verdicts_are_not_counted_for_the_same_name_with_other_settings(monkeypatch):
    plain, changed = Said("plain", DONE, "Here.", candidate="a"), Said("plain, changed", DONE, "There.")
    cold, warm = (Turn("Where?", (plain, replace(changed, candidate=id))) for id in ("cold", "warm"))
    monkeypatch.setattr(blind.state, "value", lambda key, otherwise: {0: 1, 1: 0})
    found = blind.count([cold, warm])
    assert (found.wins, found.n, found.others) == ((1, 0), 1, 1)


def test_verdicts_on_one_document_are_one_word_to_chance_and_so_is_a_question_asked_again():
    known = Kin({f"Question {n}?": "handbook/a.md" for n in range(4)} | {"Question 4?": "handbook/b.md"}, DOCUMENTS)
    apart = blind.Count(2, tuple((f"Another {n}?", 0) for n in range(6)))
    assert blind.sign_test(apart, known) == "Sign test on the decided ones, each question on its own: p = 0.031."
    alike = blind.Count(2, tuple((f"Question {n}?", 0) for n in range(5)))
    assert blind.sign_test(alike, known) == "Sign test on the decided ones, 2 documents: p = 0.5."
    again = blind.Count(2, (("Another?", 0),) * 6)
    assert blind.sign_test(again, known) == "Sign test on the decided ones, 1 question: p = 1."


def test_a_typed_question_is_known_by_the_library_that_answers_it(store):
    libraries.add(store, "handbook", {"a.md": "The kettle holds two litres."}, "ada")
    questions.add(store, "handbook", "How much does it hold?", "a.md", "The kettle holds two litres.", "ada")
    assert kin.known(store).several(["How much does it hold?"] * 2).told == "1 document"


def test_an_answer_that_never_came_is_judged_by_nobody(full: Full, app):
    drawn = [candidates.draft(full.store, name, name, "ada") for name in ("starter", "tiny")]
    failed = replace(TURN, answers=(TURN.answers[0], Said("tuned", FAILED, error="It broke off.")))
    look(app, "playground", arrangement=arrangements.keep(full.store, drawn, [failed, TURN], "ada"))
    app.toggle(key="blind").set_value(True).run()
    assert [button.label for button in app.button if "is best" in button.label] == ["A is best", "B is best"]
    assert words(app).count("nothing to compare") == 1
    press(app, "A is best")
    assert [button.proto.type for button in app.button if button.label == "Show the names"] == ["primary"]


def test_one_button_shows_the_names_and_what_was_said_blind(speakers, app):
    seated(app, "one", "two").toggle(key="blind").set_value(True).run()
    app.chat_input[0].set_value("How long?").run()
    press(app, "B is best")
    press(app, "Show the names")
    assert not app.toggle(key="blind").value and "n = 1" in words(app)


def test_what_is_kept_is_chosen_and_the_model_begins_anew(speakers, app):
    seated(app, "one", "two").text_area(key="system-0-one").set_value("Be kind.").run()
    app.text_input(key="name-0-one").set_value("kind one")
    press(app, "Keep as candidate")
    assert app.selectbox(key="who-0").format_func(app.selectbox(key="who-0").value) == "kind one · kept"
    app.chat_input[0].set_value("How long?").run()
    assert any(">kind one<" in element.value for element in app.get("html"))
    app.selectbox(key="who-0").set_value("one").run()
    assert app.text_area(key="system-0-one-1").value == "" and "With a system prompt." not in words(app)


def test_changed_settings_can_be_undone(speakers, app):
    seated(app, "one", "two").text_area(key="system-0-one").set_value("Be kind.").run()
    press(app, "Undo these changes")
    assert "With a system prompt." not in words(app)
    assert not any(button.label == "Undo these changes" for button in app.button)


def test_a_long_answer_scrolls_in_its_place_and_a_short_one_does_not():
    long, short = "words " * 500, "Two years."
    assert 'class="said long"' in chat.said(long) and 'class="said"' in chat.said(short)
    assert ['class="diff long"' in text for text in chat.compared(long, short)] == [True, False]


def test_spaces_around_an_answer_are_no_difference():
    assert chat.compared("Two years.", " Two years. ") == ('<div class="diff">Two years.</div>',) * 2


def test_a_citation_leads_to_its_passage_also_where_differences_are_marked(monkeypatch):
    drawn = []
    monkeypatch.setattr(chat.st, "html", drawn.append)
    passage = {"text": "Two years.", "source": "a.md", "library": "handbook"}
    said = Said("plain", DONE, "Two years [1].", passages=[passage])
    chat.answer(said, chat.compared("Ages [1].", said.text)[1])
    assert any('<ins>Two years</ins> <a class="cite" href="library?library=handbook' in text for text in drawn)


def test_what_is_shared_opens_as_it_stood(store):
    plain, tuned = judged.two(store)
    warm = candidates.draft(store, "warm", "starter", "ada", decoding=Decoding(temperature=0.7, seed=3))
    id = arrangements.keep(store, [plain, tuned, warm], [TURN], "ada", follow=True)
    found = arrangements.get(store, id)
    assert [one.id for one in found.candidates] == [plain.id, tuned.id, warm.id]
    assert found.turns == (TURN,) and found.follow and found.made_by == "ada"
    assert arrangements.keep(store, [plain, tuned, warm], [TURN], "bo", follow=True) == id


def test_a_link_that_leads_nowhere_or_to_a_model_that_is_gone_says_so(store):
    with pytest.raises(Problem, match="leads nowhere"):
        arrangements.get(store, "0" * 16)
    plain, tuned = judged.two(store)
    id = arrangements.keep(store, [plain, tuned], [], "ada")
    with store.write("ada", "model.remove", "playful") as cursor:
        cursor.execute("delete from model where name = 'playful'")
    with pytest.raises(Problem, match="no model playful"):
        arrangements.get(store, id)


def test_a_link_shows_its_questions_and_answers_to_whoever_opens_it(full: Full, app):
    plain = candidates.draft(full.store, "starter, changed", "starter", "ada", system="Be odd.")
    other = candidates.draft(full.store, "tiny", "tiny", "ada")
    id = arrangements.keep(full.store, [plain, other], [TURN], "bo")
    look(app, "playground", arrangement=id)
    said = words(app)
    assert "How long?" in said and "Ages, petal!" in said and not app.exception
    assert "bo has shared this with you." in said
    assert app.selectbox(key="who-0").value == plain.id
    assert app.text_area(key=f"system-0-{plain.id}").value == "Be odd."


def test_a_link_to_an_archived_model_asks_that_model_and_no_other(speakers, full: Full, app):
    drawn = [candidates.draft(full.store, name, name, "ada") for name in ("three", "two")]
    id = arrangements.keep(full.store, drawn, [TURN], "bo")
    keeping.archive(full.store, "three", "ada")
    look(app, "playground", arrangement=id)
    assert [app.selectbox(key=f"who-{side}").value for side in (0, 1)] == ["three", "two"]
    app.chat_input[0].set_value("And where?").run()
    assert "Two whole months." in words(app)


def test_where_a_chosen_model_was_deleted_the_page_goes_on_and_says_who_stands_there(speakers, full: Full, app):
    look(app, "playground", model="three")
    assert app.selectbox(key="who-0").value == "three"
    keeping.delete(full.store, "three", "ada")
    app.run()
    first = app.selectbox(key="who-0").value
    assert f"no longer offered. {first} stands in its place." in words(app)
    for side, name in enumerate(("one", "two")):
        app.selectbox(key=f"who-{side}").set_value(name)
    app.run().chat_input[0].set_value("How long?").run()
    assert not app.exception and not app.error and "no longer offered" not in words(app)
    assert "Two short weeks." in words(app)


def test_a_conversation_is_saved_as_an_example_with_its_system_prompt():
    before = Turn("Hello?", (Said("plain", DONE, "Hello!"), Said("tuned", FAILED, error="It broke off.")))
    roles = [message["role"] for message in asking.conversation([before, TURN], 0, "Be kind.")]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert asking.conversation([before, TURN], 1)[0]["content"] == "How long?"  # what failed was never said


def test_an_answer_becomes_an_example_by_one_button(speakers, full: Full, app):
    seated(app, "one", "two").chat_input[0].set_value("How long?").run()
    app.selectbox(key="save-where-0-1").set_value("tone")
    app.button(key="save-go-0-1").click().run()
    found = [example for example in examples.find(full.store, "tone")[0] if "playground" in example.tags]
    assert [example.answer for example in found] == ["Two short weeks."]
    assert found[0].origin == "two, in the playground" and found[0].status == examples.DRAFT


def test_an_example_is_saved_with_the_prompt_that_its_answer_was_given(speakers, full: Full, app):
    seated(app, "one", "two").text_area(key="system-0-one").set_value("Be kind.").run()
    assert "With a system prompt." in words(app)
    app.chat_input[0].set_value("How long?").run()
    app.text_area(key="system-0-one").set_value("Be brief.").run()
    app.selectbox(key="save-where-0-0").set_value("tone")
    app.button(key="save-go-0-0").click().run()
    [found] = [example for example in examples.find(full.store, "tone")[0] if "playground" in example.tags]
    assert found.messages[0] == {"role": "system", "content": "Be kind."}


def test_a_bad_answer_is_fixed_with_what_was_said_before_it(speakers, full: Full, app):
    seated(app, "one", "two").toggle(key="follow-").set_value(True).run()
    for question in ("How long?", "And then?"):
        app.chat_input[0].set_value(question).run()
    app.button(key="fix-go-1-0").click().run()
    [row] = full.store.rows("select body from draft")
    told = [message["content"] for message in json.loads(row["body"])["messages"]]
    assert told == ["How long?", "Two whole years.", "And then?", "Two whole years."]


def test_an_answer_that_was_cut_off_says_so(full: Full, app):
    with speaking.endpoint("Two whole", finish="length") as cut, speaking.endpoint("Two weeks.") as whole:
        models.add(full.store, "cut", models.ENDPOINT, cut, "ada")
        models.add(full.store, "whole", models.ENDPOINT, whole, "ada")
        seated(app, "cut", "whole").chat_input[0].set_value("How long?").run()
    assert [one.value.endswith("cut off at its longest") for one in app.caption if " tokens · " in one.value] == [
        True,
        False,
    ]


def test_a_reload_finds_the_answers_the_settings_and_what_was_not_answered_yet(speakers, full: Full, app):
    seated(app, "one", "two").text_area(key="system-0-one").set_value("Be kind.").run()
    app.chat_input[0].set_value("How long?").run()
    app.session_state["asking"] = ["And where?", "And why?"]
    app.run()
    seat = app.session_state["seat"]
    again = look(AppTest.from_file(ENTRY, default_timeout=LONG), "playground", seat=seat)
    said = words(again)
    assert "Two whole years." in said and "With a system prompt." in said and not again.exception
    assert "**Not answered yet:** And where? and 1 more" in said
    again.button(key="go-on").click().run()
    assert words(again).count("Two whole years.") == 3 and "Not answered yet" not in words(again)
    stranger = look(AppTest.from_file(ENTRY, default_timeout=LONG), "playground", seat="another")
    assert "Two whole years." not in words(stranger)


def test_what_was_cleared_can_be_brought_back(speakers, app):
    seated(app, "one", "two").chat_input[0].set_value("How long?").run()
    app.button(key="clear").click().run()
    assert "Two whole years." not in words(app)
    app.button(key="undo").click().run()
    assert "Two whole years." in words(app)


def test_a_link_keeps_what_was_said_blind_and_another_is_due_once_more_was_asked(speakers, app):
    app = seated(app, "one", "two").toggle(key="blind").set_value(True).run()
    app.chat_input[0].set_value("How long?").run()
    press(app, "A is best")
    app.button(key="share").click().run()
    assert any("?arrangement=" in code.value for code in app.code)
    app.toggle(key="blind").set_value(False).run()
    assert "n = 1" in words(app)
    app.chat_input[0].set_value("And where?").run()
    assert not any("?arrangement=" in code.value for code in app.code) and app.button(key="share")


def test_a_library_is_asked_beside_the_same_model_without_it(full: Full, app):
    libraries.add(full.store, "handbook", {"a.md": "The kettle holds two litres."}, "ada")
    questions.add(full.store, "handbook", "How much does it hold?", "a.md", "The kettle holds two litres.", "ada")
    look(app, "playground", library="handbook")
    assert app.get("button_group")[-1].options == ["How much does it hold?"]
    assert not app.exception and "With 2 passages of handbook." in words(app)
    look(app, "playground", model="tiny")
    assert app.selectbox(key="who-0").value == "tiny"


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(browsing.CHROMIUM is None, reason="no Chromium here")
def test_what_is_typed_outlives_a_reload_and_one_press_leads_back(tmp_path):
    with browsing.studio(Home(tmp_path / "home")) as opened, browsing.tab(opened.url) as page:
        page.get_by_role("link", name="Playground").click()
        typed = page.get_by_placeholder("Ask something")
        typed.press_sequentially("How long is")
        expect(typed).to_have_value("How long is")
        page.wait_for_function("Object.values(sessionStorage).includes('How long is')")
        page.reload()
        expect(typed).to_have_value("How long is")
        page.get_by_role("button", name="Settings").first.click()
        page.get_by_label("System prompt").fill("Be kind.")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/playground?seat=*")
        expect(page.get_by_text("With a system prompt.")).to_be_visible()
        browsing.drawn(page)
        page.go_back()
        page.wait_for_url(f"{opened.url}/")
        expect(typed).to_have_count(0)
        browsing.drawn(page)  # people see where they are before they turn round
        page.go_forward()
        expect(typed).to_have_value("How long is")
        expect(page.get_by_text("With a system prompt.")).to_be_visible()
        browsing.drawn(page)

        def emptied() -> bool:
            typed.fill("")  # by a key, which a field that is drawn anew just then does not hear
            return bool(page.evaluate("!Object.values(sessionStorage).includes('How long is')"))

        until(emptied)
        browsing.drawn(page)
        expect(typed).to_have_value("")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(browsing.CHROMIUM is None, reason="no Chromium here")
def test_it_opens_at_the_top_and_stop_is_heard_while_no_word_comes(tmp_path):
    home, gate = Home(tmp_path / "home"), threading.Event()
    with speaking.endpoint("Two whole years.", gate=gate) as url:
        store = opened(home)
        models.add(store, "slow", models.ENDPOINT, url, "ada")
        store.close()
        with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/playground?model=slow", height=420) as page:
            browsing.drawn(page)
            expect(page.get_by_role("heading", name="Playground")).to_be_in_viewport()
            page.get_by_placeholder("Ask something").fill("How long?")
            page.keyboard.press("Enter")
            expect(page.get_by_text("How long?")).to_be_in_viewport()
            page.get_by_role("button", name="Stop").click()
            expect(page.get_by_text("Not answered yet: How long?")).to_be_in_viewport()
            gate.set()
            page.get_by_role("button", name="Ask now").click()
            expect(page.get_by_text("Two whole years.").first).to_be_in_viewport()
