"""The pages that ask, judge and decide, empty and full, through the entry."""

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from engine import events, jobs, specs
from engine.problems import Problem
from engine.scoring.evaluate import EvaluateSpec
from studio import prices
from studio.building import candidates, models
from studio.judging import evaluations, judgements, pairs
from studio.judging.orders import SEARCH
from tests import judged, speaking
from tests.conftest import Full, look, words

PAGES = ("playground", "arena", "evaluations", "evaluation", "grid", "dashboard")


def everything(app: AppTest) -> str:
    """All that the browser is sent: the page's words, every label, help, key and option."""
    return str(app.main) + "".join(str(node.proto) for node in app.main) + str(app.query_params)


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_studio_says_what_will_be_here(app, page):
    look(app, page)
    assert not app.exception and not app.error
    assert len(words(app)) > 100


@pytest.mark.parametrize("page", PAGES)
def test_a_full_studio_is_shown_without_an_error(full, app, page):
    look(app, page)
    assert not app.exception and not app.error


@pytest.mark.parametrize("page", ("arena", "evaluations", "evaluation", "dashboard"))
def test_an_evaluation_that_is_not_there_is_told_in_a_sentence(full, app, page):
    look(app, page, evaluation="r9")
    assert "There is no evaluation r9" in app.error[0].value and not app.exception


# evaluations


def shown(app, evaluation, view="Figures", **asked):
    """An evaluation's page with one of its views open."""
    return look(app, "evaluation", evaluation=evaluation, view=view, **asked)


def test_an_evaluation_shows_each_share_with_its_interval_and_n_and_the_verdict_in_words(full, app):
    shown(app, full.evaluation)
    said = words(app)
    assert "100&nbsp;% (51-100, n&nbsp;=&nbsp;4)" in said and "0&nbsp;% (0-49, n&nbsp;=&nbsp;4)" in said
    assert "The baseline." in said and "Better by 100 points" in said
    assert not app.exception


def test_an_address_from_before_leads_to_the_evaluation(full, app):
    look(app, "evaluations", evaluation=full.evaluation)
    assert "The baseline." in words(app) and not app.exception


def test_items_are_listed_worst_first_and_filtered(full, app):
    _, tuned = full.store.row("select candidates from evaluation")["candidates"]
    shown(app, full.evaluation, "Answers")
    table = app.dataframe[0].value
    assert list(table.columns) == ["Question", "tuned", "plain", "Expected"] and len(table) == 4
    assert table["plain"].tolist() == ["✗"] * 4 and table["tuned"].tolist() == ["✓"] * 4
    app.text_input(key=f"words-{full.evaluation}").set_value("says i002").run()
    assert app.dataframe[0].value["Question"].tolist() == ["How long is warranty 2?"]
    app.selectbox(key=f"whose-{full.evaluation}").set_value(tuned).run()
    assert app.segmented_control(key=f"kind-{full.evaluation}-facts").options == [
        "All 1",
        "Right 1",
        "Candidates differ 1",
    ]
    assert not app.exception


def test_an_opened_item_shows_every_answer_to_the_letter_and_never_as_html(full, app):
    plain, tuned = judged.two(full.store)
    asked = judged.items(1)
    chances = {"best": [["a / x", 0.7], ["b", 0.3]]}
    scores = {"facts": {"value": 0.0, "why": "Lacks <b>5</b>.", "detail": chances}}
    lines = [
        judged.answer(plain, "i000", "<img src=x> costs $5 or $6 :red[now]", scores=scores),
        judged.answer(tuned, "i000", error="The server ended *before* it answered."),
    ]
    found = judged.evaluation(full.store, asked, lines)
    shown(app, found.id, "Answers", item="i000")
    said = words(app)
    assert "&lt;img src=x&gt; costs $5 or $6 :red[now]" in said and "Lacks &lt;b&gt;5&lt;/b&gt;." in said
    assert "What facts is made of" in said
    assert (
        app.dataframe[1].value["label"].tolist() == ["a / x", "b"]
        and "20 tokens read, 8 written · 0.5 s (first word after 0.1 s)" in said
    )
    assert any("ended \\*before\\*" in error.value for error in app.error)
    press(app, "Close")
    assert "item" not in app.query_params and not app.exception


def test_an_item_that_is_not_there_is_told_in_a_sentence(full, app):
    shown(app, full.evaluation, "Answers", item="i999")
    assert "This evaluation has no item i999" in app.error[0].value and not app.exception


def labelled(full):
    """An evaluation of four items with labels, three of them a; one is taken for b, and one answer is no label."""
    plain, _ = judged.two(full.store)
    asked = [item | {"label": label} for item, label in zip(judged.items(4), ["a", "a", "a", "b"], strict=True)]
    lines = [
        judged.answer(plain, item["id"], said, scores=judged.right(float(said == item["label"]), "label"))
        for item, said in zip(asked, ["a", "a", "b", "?"], strict=True)
    ]
    return judged.evaluation(full.store, asked, lines, metrics=("label",))


def test_labels_show_their_mistakes_beside_the_commonest_label(full, app):
    shown(app, labelled(full).id, "Mistakes")
    said = words(app)
    assert "Always the commonest label" in said and "75&nbsp;% (30-95, n&nbsp;=&nbsp;4)" in said
    assert "Not surely more than always giving the commonest label reaches." in said and not app.exception


def test_labels_have_more_figures_than_their_accuracy(full, app):
    found = labelled(full)
    shown(app, found.id)
    app.pills(key=f"figure-{found.id}-label").set_value("macro-F1").run()
    assert "40.0 (" in words(app) and not app.exception


def test_slices_say_what_stands_out_and_what_is_too_small(full, app):
    plain, _ = judged.two(full.store)
    asked = [item | {"tags": ["odd" if n % 2 else "even"]} for n, item in enumerate(judged.items(40))]
    asked[0]["tags"] = ["alone"]
    lines = [judged.answer(plain, item["id"], "x", scores=judged.right(float("odd" in item["tags"]))) for item in asked]
    found = judged.evaluation(full.store, asked, lines)
    shown(app, found.id, "Slices")
    table = app.dataframe[0].value.set_index("Slice")["Next to all other items"]
    assert table.to_dict() == {
        "even": "▼ worse: -95 points (-99 to -71, n = 19 next to 21)",
        "odd": "▲ better: +100 points (+77 to +100, n = 20 next to 20)",
        "alone": "too few items",
    }
    app.selectbox(key=f"slice-{found.id}-tag-{plain.id}").set_value("odd").run()
    assert len(app.dataframe[1].value) == 20 and not app.exception


def test_a_slice_against_another_candidate_tells_the_doubt_of_the_difference(full, app):
    plain, tuned = judged.two(full.store)
    asked = [item | {"tags": ["odd" if n % 2 else "even"]} for n, item in enumerate(judged.items(40))]
    lines = [
        judged.answer(who, item["id"], "x", scores=judged.right(float(who is tuned and "odd" in item["tags"])))
        for item in asked
        for who in (plain, tuned)
    ]
    found = judged.evaluation(full.store, asked, lines)
    shown(app, found.id, "Slices")
    app.selectbox(key=f"sliced-{found.id}").set_value(tuned.id).run()
    app.selectbox(key=f"slice-against-{found.id}-{tuned.id}").set_value(plain.id).run()
    table = app.dataframe[0].value.set_index("Slice")
    against = table["Against the other candidate"].to_dict()
    assert against == {
        "odd": "▲ better: +100 points (+77 to +100, n = 20)",
        "even": "no more than chance: 0 points (-16 to +16, n = 20)",
    }
    assert not app.exception


def test_another_evaluation_is_compared_over_the_items_that_both_asked(full, app):
    _, tuned = judged.two(full.store)
    asked = judged.items(3)
    lines = [judged.answer(tuned, item["id"], "x", scores=judged.right(1.0)) for item in asked]
    found = judged.evaluation(full.store, asked, lines, name="later")
    shown(app, found.id, "Other evaluations")
    said = words(app)
    assert "plain, then" in said and "tuned, here" in said and "Better by 100 points" in said
    assert "Over 3 items that both have a score for. Not counted: 1 only the other has." in said
    assert not app.exception and not app.warning


def test_two_evaluations_that_two_judges_scored_are_not_compared_in_silence(full, app):
    plain, _ = judged.two(full.store)
    made = {}
    for judge in ("starter", "playful"):
        line = judged.answer(plain, "i000", "x", scores=judged.right(1.0, "faithfulness"))
        more = {"metrics": ["faithfulness"], "name": f"by {judge}", "judge": judge}
        made[judge] = judged.evaluation(full.store, judged.items(1), [line], **more)
    shown(app, made["playful"].id, "Other evaluations")
    assert "They were not scored alike: starter judged there, playful here." in app.warning[0].value


def test_failed_calls_are_listed_and_counted_nowhere(full, app):
    plain, _ = judged.two(full.store)
    lines = [
        judged.answer(plain, "i000", "yes", scores=judged.right(1.0)),
        judged.answer(plain, "i001", error="The server ended before it answered."),
    ]
    found = judged.evaluation(full.store, judged.items(2), lines)
    shown(app, found.id)
    assert "1 call failed and was counted nowhere" in app.warning[0].value and "n&nbsp;=&nbsp;1)" in words(app)
    took = app.dataframe[-1].value.set_index("Candidate")
    assert took[["n", "Failed"]].sum().tolist() == [len(lines) - 1, 1]


def test_a_running_evaluation_shows_how_far_it_is(full, app):
    plain, _ = judged.two(full.store)
    made = evaluations.start(full.store, judged.order(judged.items(4), [plain]), "ada")
    line = judged.answer(plain, "i000", "yes", scores=judged.right(1.0))
    (made.job.folder / "responses.jsonl").write_text(json.dumps(line) + "\n")
    events.append(made.job.folder, "progress", done=1, of=4, seconds_left=75)
    shown(app, made.id)
    assert app.progress[0].text == "1 of 4 answers · about 1 min 15 s left"
    events.append(made.job.folder, "progress", done=1, of=1612, seconds_left=9840)
    shown(app, made.id)  # the model was loaded before the first answer; what the others take is not known
    assert app.progress[0].text == "1 of 1,612 answers"


def test_an_evaluation_that_was_stopped_says_what_its_figures_rest_on_and_who_has_not_answered(full, app):
    plain, tuned = judged.two(full.store)
    made = evaluations.start(full.store, judged.order(judged.items(4), [plain, tuned]), "ada")
    line = judged.answer(plain, "i000", "yes", scores=judged.right(1.0))
    (made.job.folder / "responses.jsonl").write_text(json.dumps(line) + "\n")
    events.append(made.job.folder, "progress", done=1, of=8, seconds_left=75)
    events.append(made.job.folder, "end", state=jobs.STOPPED)
    jobs.stop(made.job)
    shown(app, made.id)
    assert "It ended after 1 of 8 answers: the figures are of these alone" in app.warning[0].value
    assert "No answer yet of tuned." in words(app) and not app.progress and not app.exception
    look(app, "dashboard", evaluation=made.id)
    assert "It ended after 1 of 8 answers: the figures are of these alone" in app.warning[0].value


def test_the_dashboard_says_of_a_running_evaluation_what_its_figures_rest_on(full, app):
    plain, _ = judged.two(full.store)
    made = evaluations.start(full.store, judged.order(judged.items(4), [plain]), "ada")
    line = judged.answer(plain, "i000", "yes", scores=judged.right(1.0))
    (made.job.folder / "responses.jsonl").write_text(json.dumps(line) + "\n")
    look(app, "dashboard", evaluation=made.id)
    assert not app.warning and not app.exception
    events.append(made.job.folder, "progress", done=1, of=4, seconds_left=75)
    look(app, "dashboard", evaluation=made.id)
    said = "It is still being asked, 1 of 4 answers · about 1 min 15 s left: the figures are of these alone."
    assert app.warning[0].value == said


@pytest.mark.parametrize(
    ("earlier", "says"),
    [(0, ""), (1, "1 of 2 answers were taken from earlier"), (2, "All 2 answers were taken from earlier")],
)
def test_an_evaluation_says_how_many_answers_it_did_not_have_to_ask_for(full, app, earlier, says):
    plain, _ = judged.two(full.store)
    asked = judged.items(2)
    lines = [
        judged.answer(plain, item["id"], "x", scores=judged.right(1.0), kept=n < earlier)
        for n, item in enumerate(asked)
    ]
    found = judged.evaluation(full.store, asked, lines)
    assert evaluations.reused(full.store, found.id) == earlier
    said = words(shown(app, found.id))
    assert says in said and ("taken from earlier" in said) == bool(earlier)


def test_an_opened_item_can_be_asked_again_in_the_playground(full, app):
    shown(app, full.evaluation, "Answers", item="i000")
    press(app, "Ask it again in the playground")
    assert not app.exception and not app.error
    kept = full.store.row("select body from arrangement")["body"]
    turn = json.loads(kept)["turns"][0]
    assert turn["question"] == judged.items(1)[0]["messages"][-1]["content"] and len(turn["answers"]) == 2


def test_the_arena_offers_what_was_asked_to_compare_before_searches_and_probes(full, app):
    plain, _ = judged.two(full.store)
    evaluations.start(full.store, judged.order(judged.items(1), [plain], purpose=SEARCH), "ada")
    look(app, "arena")
    assert [expander.label for expander in app.expander] == [
        "1 more, asked by searches for a prompt and probes of forgetting"
    ]


def test_an_evaluation_whose_budget_was_too_small_goes_on_with_a_larger_one(full, app):
    plain, _ = judged.two(full.store)
    lines = [judged.answer(plain, "i000", "yes", scores=judged.right(1.0))]
    made = judged.evaluation(full.store, judged.items(2), lines, state=jobs.FAILED)
    specs.write(made.job.folder, replace(specs.read(made.job.folder, EvaluateSpec), budget=0.01))
    look(app, "evaluation", evaluation=made.id)
    app.number_input(key="more-budget").set_value(0.5).run()
    press(app, "Go on")
    assert not app.error and not app.exception
    again = evaluations.get(full.store, made.id)
    assert again.budget == 0.5 and again.state == jobs.QUEUED
    with pytest.raises(Problem, match="while it runs"):
        evaluations.allow(full.store, again, 1.0, "ada")


def test_before_the_first_answer_nobody_guesses_how_long_it_takes(full, app):
    plain, _ = judged.two(full.store)
    made = evaluations.start(full.store, judged.order(judged.items(4), [plain]), "ada")
    look(app, "evaluation", evaluation=made.id)
    assert "Waiting for its turn." in words(app) and not app.progress
    events.append(made.job.folder, "progress", done=0, of=4, seconds_left=None)
    assert look(app, "evaluation", evaluation=made.id).progress[0].text == "0 of 4 answers"


def test_an_endpoint_where_nobody_answers_is_named_while_it_is_waited_for(full, app):
    plain, _ = judged.two(full.store)
    made = evaluations.start(full.store, judged.order(judged.items(4), [plain]), "ada")
    events.append(made.job.folder, "progress", done=0, of=4, seconds_left=None, away={"http://127.0.0.1:9": 65})
    look(app, "evaluation", evaluation=made.id)
    said = app.warning[0].value.replace("\\", "")
    assert said.startswith("For 1 min 5 s nobody has answered at http://127.0.0.1:9. It is tried for 4 min")


def test_a_failed_evaluation_says_why_and_can_go_on(full, app):
    plain, _ = judged.two(full.store)
    found = judged.evaluation(full.store, judged.items(1), [judged.answer(plain, "i000", "x")], state=jobs.FAILED)
    events.append(found.job.folder, "end", state=jobs.FAILED, why="There is no model here.")
    shown(app, found.id)
    assert "There is no model here." in words(app)
    press(app, "Go on")
    assert evaluations.get(full.store, found.id).state == jobs.QUEUED


def test_what_was_chosen_for_an_evaluation_outlives_a_look_at_another_page(full, app):
    plain, _ = judged.two(full.store)
    look(app, "evaluations")
    assert "Choose who is asked" in words(app)
    app.text_input(key="new-name").set_value("Is it worth it?")
    app.multiselect(key="new-who").set_value([plain.id]).run()
    look(app, "arena")
    look(app, "evaluations")
    assert app.text_input(key="new-name").value == "Is it worth it?" and app.expander[0].proto.expanded
    assert app.multiselect(key="new-who").value == [plain.id]


def test_a_candidate_on_offer_says_which_model_it_is(full, app):
    candidates.add(full.store, "Best", "tiny", "ada", system="Be brief.")
    options = look(app, "evaluations").multiselect(key="new-who").options
    assert "Best: tiny with a prompt" in options and "starter" in options


def test_the_list_says_how_many_items_each_evaluation_asked(full, app):
    assert "4 items" in words(look(app, "evaluations")) and "4 items" in words(shown(app, full.evaluation))


def test_an_evaluation_is_started_with_what_it_can_show(full, app):
    look(app, "evaluations")
    ids = [candidate.id for candidate in candidates.listed(full.store)]
    app.multiselect(key="new-who").set_value(ids).run()
    assert "four times out of five" in words(app)
    app.text_input(key="new-name").set_value("a first look")
    press(app, "Start")
    newest = evaluations.listed(full.store)[0]
    assert (newest.name, newest.candidates, newest.made_by) == ("a first look", ids, "ada")
    assert (newest.snapshot, newest.split) == (full.snapshot, "test")
    assert not app.exception


def test_an_evaluation_asks_on_the_terms_of_its_form(full, app):
    look(app, "evaluations")
    app.multiselect(key="new-who").set_value([candidates.listed(full.store)[0].id]).run()
    app.number_input(key="new-repeats").set_value(3)
    app.number_input(key="new-budget").set_value(2.5).run()
    press(app, "Start")
    spec = specs.read(evaluations.listed(full.store)[0].job.folder, EvaluateSpec)
    assert (spec.repeats, spec.budget) == (3, 2.5) and not app.exception


def test_what_a_search_has_asked_does_not_stand_among_what_people_started(full, app):
    plain, _ = judged.two(full.store)
    chosen = evaluations.start(full.store, judged.order(judged.items(2), [plain], purpose=SEARCH), "ada")
    look(app, "evaluations")
    assert "1 more, asked by searches" in words(app)
    assert any(button.key == f"open-{chosen.id}" for button in app.button)


def test_a_metric_that_the_items_cannot_bear_says_why_and_one_that_is_told_something_waits_for_it(full, app):
    look(app, "evaluations")
    ids = [candidate.id for candidate in candidates.listed(full.store)]
    app.multiselect(key="new-who").set_value(ids).run()
    boxes = {box.key.split("-")[1]: box for box in app.checkbox if box.key.startswith(("no-", "metric-"))}
    assert boxes["number"].disabled is False and boxes["tool_call"].disabled is True
    assert "The item expects no tool call." in words(app)
    boxes["regex"].check().run()
    start = next(button for button in app.button if button.label == "Start")
    assert start.disabled and "regex needs: regular expression" in words(app)
    pattern = next(field for field in app.text_input if "Regular expression" in field.label)
    pattern.set_value("way!$").run()
    press(app, "Start")
    newest = evaluations.listed(full.store)[0]
    item = json.loads(full.store.row("select body from item where evaluation = ?", [newest.id])["body"])
    assert "regex" in newest.metrics and item["pattern"] == "way!$" and not app.exception


# arena


def test_nothing_on_the_judging_screen_tells_whose_answer_it_is(full, app):
    plain, tuned = judged.two(full.store)
    lines = [judged.answer(who, "i000", text) for who, text in ((plain, "Two years."), (tuned, "For ages, petal!"))]
    found = judged.evaluation(full.store, judged.items(1), lines)
    pairs.deal(full.store, found.id, plain.id, tuned.id, "ada")
    hidden = {row["id"] for row in full.store.rows("select id from response union select id from candidate")}
    hidden |= {said for who in (plain, tuned) for said in (who.name, who.model, who.system) if said}
    look(app, "arena", evaluation=found.id)
    sent = everything(app)
    assert "Two years." in sent and "For ages, petal!" in sent
    assert not [word for word in hidden if word in sent]
    look(app, "arena", evaluation=found.id, show="deal")
    assert plain.name in everything(app)  # where names may be seen, this test would see them


def test_one_key_judges_and_brings_the_next_pair(full, app):
    look(app, "arena", evaluation=full.evaluation)
    before = pairs.next_blind(full.store, full.evaluation, "ada")
    press(app, "Left")
    after = pairs.next_blind(full.store, full.evaluation, "ada")
    assert after != before and pairs.count(full.store, full.evaluation, "ada") == (1, 4)
    (row,) = full.store.rows("select pair, judge, verdict, seconds from judgement")
    assert (row["pair"], row["judge"], row["verdict"]) == (before.id, "ada", "left") and row["seconds"] > 0
    assert app.progress[0].value == 25


def test_the_buttons_carry_their_keys(full, app):
    look(app, "arena", evaluation=full.evaluation)
    keys = {button.label: button.proto.shortcut for button in app.button if button.proto.shortcut}
    assert keys == {"Left": "1", "Right": "2", "Equally good": "3", "Both bad": "4", "Skip": "s", "Undo": "z"}


def test_undo_brings_the_pair_back(full, app):
    look(app, "arena", evaluation=full.evaluation)
    before = pairs.next_blind(full.store, full.evaluation, "ada")
    press(app, "Both bad")
    press(app, "Undo")
    assert pairs.next_blind(full.store, full.evaluation, "ada") == before
    assert pairs.count(full.store, full.evaluation, "ada") == (0, 4)


def test_after_the_last_pair_the_names_are_offered_and_shown_on_demand(full, app):
    look(app, "arena", evaluation=full.evaluation)
    for _ in range(4):
        press(app, "Equally good")
    assert "You have judged all 4 pairs" in words(app) and "playful" not in everything(app)
    press(app, "Show who was who")
    assert "every pair was a tie (0 for plain, 0 for tuned, 4 ties; 1 judge)" in words(app)


def test_somebody_who_stops_early_must_say_so_before_names_are_shown(full, app):
    judgements.record(full.store, full.pair, "ada", judgements.LEFT)
    look(app, "arena", evaluation=full.evaluation)
    assert "You have judged 1 of 4" in words(app)
    press(app, "Show the names")
    assert app.query_params["show"] == "names" and "Cannot tell which is preferred" in words(app)


def test_pairs_are_dealt_from_the_page(full, app):
    plain, tuned = judged.two(full.store)
    lines = [judged.answer(who, "i000", who.name) for who in (plain, tuned)]
    found = judged.evaluation(full.store, judged.items(1), lines)
    look(app, "arena", evaluation=found.id, show="deal")
    press(app, "Deal the pairs")
    assert pairs.count(full.store, found.id, "ada") == (0, 1) and "Question" in words(app)


# dashboard


def test_of_two_evaluations_of_one_name_either_can_be_chosen(full, app):
    plain, _ = judged.two(full.store)
    made = {}
    for value in (0.0, 1.0):
        line = judged.answer(plain, "i000", "x", scores=judged.right(value))
        made[value] = judged.evaluation(full.store, judged.items(1), [line], name="the same")
    look(app, "dashboard")
    for value, said in ((0.0, "plain reaches 0&nbsp;%"), (1.0, "plain reaches 100&nbsp;%")):
        app.selectbox(key="which").set_value(made[value].id).run()
        assert said in words(app) and made[value].id in app.query_params["evaluation"]
    shown(app, full.evaluation, "Other evaluations")
    for value in (0.0, 1.0):
        app.selectbox(key=f"other-{full.evaluation}").set_value(made[value].id).run()
        assert ("plain, then" in words(app)) and (f"{100 * value:.0f}&nbsp;% (" in words(app)) and not app.exception


def test_the_dashboard_names_a_candidate_of_which_every_call_failed(full, app):
    plain, tuned = judged.two(full.store)
    asked = judged.items(2)
    lines = [judged.answer(plain, item["id"], "x", scores=judged.right(1.0)) for item in asked]
    lines += [judged.answer(tuned, item["id"], error="The server ended.") for item in asked]
    look(app, "dashboard", evaluation=judged.evaluation(full.store, asked, lines).id)
    assert "Not compared, since no answer has a score by facts: tuned (2 failed)." in words(app) and not app.exception


def test_the_first_line_says_what_the_figures_allow_one_to_say(full, app):
    look(app, "dashboard", evaluation=full.evaluation)
    said = words(app)
    assert "By facts, tuned is best: 100&nbsp;% (51-100, n&nbsp;=&nbsp;4)." in said
    assert "no other candidate is cheaper" in said or "the cheapest is" in said


def test_a_metric_where_lower_is_better_is_led_by_the_lowest_in_its_own_unit(full, app):
    lines = [
        judged.answer(who, f"i{n:03}", "x", scores=judged.right(value + n % steps, "perplexity"))
        for who, value, steps in zip(judged.two(full.store), (9.0, 2.0), (2, 3), strict=True)
        for n in range(12)
    ]
    found = judged.evaluation(full.store, judged.items(12), lines, metrics=("perplexity",))
    look(app, "dashboard", evaluation=found.id)
    said = words(app)
    assert "By perplexity, tuned is best: 3.00 (2." in said and "the next, is worse: 6.50 higher (" in said
    assert not app.exception


def test_a_price_is_set_with_its_source_and_by_whom(full, app):
    look(app, "dashboard")
    assert words(app).count("euros an hour**, until somebody sets it") == 2
    app.number_input[0].set_value(2.5)
    app.text_input[0].set_value("a bill of June")
    press(app, "Set")
    price = prices.current(full.store)
    assert (price.amount, price.source, price.made_by) == (2.5, "a bill of June", "ada")
    assert "2.5 euros an hour" in words(app)


def test_a_price_without_a_source_is_refused_in_a_sentence(full, app):
    look(app, "dashboard")
    press(app, "Set")
    assert "A price needs its source" in app.error[0].value and not app.exception


def test_runs_are_listed_with_their_last_validation_loss(full, app):
    look(app, "dashboard")
    table = app.dataframe[0].value
    assert table["run"].tolist() == ["tone-1"] and table["validation loss"].tolist() == pytest.approx([1.6])


# playground


def test_the_base_meets_the_newest_model_by_default(full, app):
    look(app, "playground")
    chosen = [app.selectbox(key=f"who-{side}").value for side in (0, 1)]
    assert chosen == ["starter", models.listed(full.store)[-1].name]


def test_both_answer_side_by_side_and_what_differs_is_marked_on_demand(full, app):
    with speaking.endpoint("Two whole years.") as one, speaking.endpoint("Two short weeks.") as other:
        models.add(full.store, "one", models.ENDPOINT, one, "ada")
        models.add(full.store, "other", models.ENDPOINT, other, "ada")
        look(app, "playground")
        app.selectbox(key="who-0").set_value("one")
        app.selectbox(key="who-1").set_value("other").run()
        app.chat_input[0].set_value("How long is the warranty?").run()
    said = words(app)
    assert "Two whole years." in said and "Two short weeks." in said and said.count("3 tokens · ") == 2
    app.toggle(key="differs").set_value(True).run()
    assert "Two <ins>whole</ins> <ins>years.</ins>" in words(app) and not app.exception


def test_a_failed_answer_is_told_in_its_own_column_and_stops_nothing(full, app):
    with speaking.endpoint("Two whole years.") as url:
        models.add(full.store, "gone", models.BASE, "/nowhere/at/all", "ada")
        models.add(full.store, "speaker", models.ENDPOINT, url, "ada")
        look(app, "playground")
        app.selectbox(key="who-0").set_value("gone")
        app.selectbox(key="who-1").set_value("speaker").run()
        app.chat_input[0].set_value("How long is the warranty?").run()
    assert "There is no model in /nowhere/at/all" in app.error[0].value and len(app.error) == 1
    assert "Two whole years." in words(app) and not app.exception


def test_a_changed_setting_can_be_kept_as_a_candidate(full: Full, app):
    look(app, "playground")
    app.text_area(key="system-0-starter").set_value("Be brief.").run()
    app.text_input(key="name-0-starter").set_value("brief")
    press(app, "Keep as candidate")
    kept = next(candidate for candidate in candidates.listed(full.store) if candidate.name == "brief")
    assert (kept.system, kept.model, kept.made_by) == ("Be brief.", "starter", "ada")
