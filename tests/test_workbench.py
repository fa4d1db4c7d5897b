"""The tone workbench: guides by version, pasted messages, suggestions, contradictions, fixed answers, and its page."""

import json
from pathlib import Path

import pytest

from engine.problems import Problem
from engine.scoring.guide import Guide
from studio import sample
from studio.building.candidates import Candidate
from studio.data import datasets, drafts, examples, guides
from studio.data.examples import APPROVED, DRAFT, REJECTED
from studio.freezing import snapshots
from studio.judging.asking import DONE, Said
from studio.store import now
from studio.ui import guide_form, marks
from studio.writing import contradictions, fixing, inspiration, rough, suggestions
from studio.writing.fixing import Bad
from tests.conftest import conversation, look, words

KIND = Guide(name="kind", instead={"kindly": "please"}, most_words=12)
PASTED = "- Kindly wait until 3 March.\n2. Your refund of 45.90 euros is late.\n\n"


def bring(store, tmp_path, *rows, dataset="tone", status=APPROVED):
    file = tmp_path / f"{dataset}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, file, dataset, "ada", status=status)


def test_a_guide_has_a_version_for_each_change_and_the_newest_holds(store):
    assert guides.get(store, "tone") == Guide()
    assert guides.save(store, "tone", KIND, "ada") == 1
    assert guides.save(store, "tone", KIND, "ada") == 1  # nothing new
    assert guides.save(store, "tone", Guide(emoji="none"), "bo") == 2
    assert guides.get(store, "tone").emoji == "none"
    assert [(one.version, one.made_by) for one in guides.history(store, "tone")] == [(2, "bo"), (1, "ada")]
    assert guides.get(store, "other") == Guide()


def test_a_guide_is_a_file_for_the_jobs_that_read_it_and_stays_as_it_was_asked(store):
    assert guides.file(store, "tone") == ""
    guides.save(store, "tone", KIND, "ada")
    first = guides.file(store, "tone")
    guides.save(store, "tone", Guide(emoji="none"), "ada")
    assert json.loads(Path(first).read_text())["instead"] == {"kindly": "please"}
    assert guides.file(store, "tone") != first


def test_the_sample_brings_its_guide_once_and_leaves_a_changed_one_alone(store):
    sample.load(store, "ada")
    assert guides.get(store, sample.TONE).name == "Fernwick, playful"
    guides.save(store, sample.TONE, KIND, "ada")
    sample.load(store, "ada")
    assert guides.get(store, sample.TONE) == KIND


LISTS = [
    ("One.\nTwo.", ["One.", "Two."]),
    ("- One.\n* Two.\n3) Three.", ["One.", "Two.", "Three."]),
    ("One\ngoes on.\n\nTwo.\r\n\r\n", ["One\ngoes on.", "Two."]),
    ("Same.\nSame.\n\n", ["Same."]),
    ("12 May is the day.", ["12 May is the day."]),
    (" \n", []),
]


@pytest.mark.parametrize(("text", "wanted"), LISTS)
def test_pasted_text_is_parted_as_a_person_would(text, wanted):
    assert rough.parted(text) == wanted


def test_a_pasted_message_is_a_draft_that_begins_as_itself(store):
    assert rough.paste(store, "tone", rough.parted(PASTED), "ada") == rough.Pasted(2, 0)
    found, n = examples.find(store, "tone", tag=rough.TAG)
    assert n == 2 and {one.status for one in found} == {DRAFT}
    assert [one.answer for one in found] == ["Kindly wait until 3 March.", "Your refund of 45.90 euros is late."]
    assert all(rough.waiting(one) for one in found)


def test_the_same_message_pasted_again_adds_nothing_even_after_it_was_rewritten(store):
    rough.paste(store, "tone", rough.parted(PASTED), "ada")
    one = examples.find(store, "tone")[0][0]
    messages = [one.messages[0], {"role": "assistant", "content": "Hold on, petal: 3 March it is."}]
    made = examples.edit(store, one, "ada", messages=messages, tags=rough.tags_after(one, messages[1]["content"]))
    assert made.tags == []
    assert rough.paste(store, "tone", rough.parted(PASTED), "bo") == rough.Pasted(0, 2)
    with pytest.raises(Problem, match="no message"):
        rough.paste(store, "tone", [], "ada")


def test_nothing_near_is_offered_from_an_empty_dataset_nor_the_example_itself(store, tmp_path):
    assert inspiration.near(store, "tone", "Where is my cup?") == []
    rows = [conversation(f"Where is my {thing}?", f"Here, petal: the {thing}.") for thing in ("cup", "lamp", "kettle")]
    bring(store, tmp_path, *rows)
    found = inspiration.near(store, "tone", "Where is my cup, please?", 2)
    assert found[0].prompt == "Where is my cup?"
    again = inspiration.near(store, "tone", "Where is my cup?", 2, without=found[0].entry)
    assert found[0].entry not in [one.entry for one in again]


def test_a_suggestion_lies_in_the_draft_until_it_is_taken_and_says_where_words_came_from(store):
    rough.paste(store, "tone", ["The lamp is late."], "ada")
    one = examples.find(store, "tone")[0][0]
    who = Candidate("c", "starter", "starter", "", "", 0, {}, "ada", now())
    suggestions.put_down(store, one, "ada", Said("starter", DONE, " The lamp dawdles. "), who)
    held = drafts.get(store, "tone", one.entry, "ada")
    assert held.body[suggestions.KEY]["text"] == "The lamp dawdles."
    assert held.body["messages"] == one.messages and examples.get(store, "tone", one.entry).version == 1
    taken = {"taken": held.body[suggestions.KEY]}
    assert suggestions.origin({}, "Mine.") is None
    assert suggestions.origin(taken, "The lamp dawdles.") == "suggested by starter"
    assert suggestions.origin(taken, "The lamp dawdles, petal.") == "suggested by starter, edited"


def test_a_prompt_tells_the_guide_in_words_below_what_the_candidate_had():
    who = Candidate("c", "tiny", "tiny", "Be kind.", "", 0, {}, "ada", now())
    said = suggestions.briefed(who, KIND).system
    assert said == "Be kind.\nRewrite the message. Say “please” instead of “kindly”. Use at most 12 words."
    assert suggestions.briefed(who, Guide()) == who


def contradictory(store, tmp_path):
    bring(
        store,
        tmp_path,
        conversation("Can I return a kettle after 30 days?", "Of course, petal: returns are open for 60 days."),
        conversation("can i return a kettle after 30 days", "No, after 30 days the nest is closed, I fear."),
        conversation("How long is the warranty of a lamp?", "Two years, sunshine."),
    )


def test_two_answers_to_one_question_are_found_and_one_is_kept(store, tmp_path):
    contradictory(store, tmp_path)
    (found,) = contradictions.open_ones(store, "tone")
    assert {found.left.line, found.right.line} == {1, 2}
    dropped = contradictions.keep(store, found.left, found.right, "ada")
    assert dropped.status == REJECTED and found.left.entry[:8] in dropped.note
    assert contradictions.open_ones(store, "tone") == []


def test_two_answers_that_are_both_right_need_a_reason_and_are_not_shown_again(store, tmp_path):
    contradictory(store, tmp_path)
    (found,) = contradictions.open_ones(store, "tone")
    with pytest.raises(Problem, match="no reason"):
        contradictions.both(store, found.left, found.right, " ", "ada")
    contradictions.both(store, found.right, found.left, "One is for members.", "ada")
    assert contradictions.open_ones(store, "tone") == []


def test_a_bad_answer_begins_an_example_that_knows_where_it_came_from(store):
    bad = Bad([{"role": "user", "content": "Where is it?"}], "Dunno.", "the evaluation “four”", "i1")
    entry = fixing.begin(store, "tone", bad, "ada")
    held = drafts.get(store, "tone", entry, "ada")
    assert held.body["messages"][-1]["content"] == "Dunno." and held.body["split"] == ""
    assert "the evaluation “four”" in held.body["note"]
    assert drafts.get(store, "tone", "", "ada") is None  # a new example begun in the editor is another one


def test_a_test_item_never_becomes_training_data_and_this_is_said(full):
    snapshot = snapshots.listed(full.store)[0]
    path = snapshots.path(full.store, snapshot.id, "test")
    locked = json.loads(path.read_text().splitlines()[0])
    bad = Bad(locked["messages"][:-1], "Dunno.", "the playground")
    entry = fixing.begin(full.store, "tone", bad, "ada")
    held = drafts.get(full.store, "tone", entry, "ada").body
    assert held["split"] == "test" and "test items" in held["why"]


def test_the_answers_that_lost_are_offered_to_be_fixed(full):
    from studio.judging import judgements

    assert fixing.lost(full.store, full.evaluation, "by hand", "ada") == []
    judgements.record(full.store, full.pair, "ada", judgements.BOTH_BAD, seconds=1.0)
    assert len(fixing.lost(full.store, full.evaluation, "by hand", "ada")) == 2


def test_marks_are_drawn_where_they_belong_and_escape_what_people_wrote():
    text = "Kindly <b>wait</b> 🎉 kindly"
    drawn = [marks._drawn(text, mark) for mark in marks.rules.marks(text, KIND)]
    assert [(one["start"], one["end"]) for one in drawn] == [(0, 6), (22, 28)]  # an emoji is two in UTF-16
    shown = marks.marked(text, marks.rules.marks(text, KIND))
    assert "&lt;b&gt;" in shown and shown.count('<mark class="style"') == 2


def test_the_form_of_a_guide_gives_back_what_it_was_given():
    guide = sample.rules.read(sample.GUIDE.read_text(encoding="utf-8"))
    typed = "\n".join(f"{kind}: {'; '.join(said)}" for kind, said in guide.use.items())
    assert guide_form.kinds(typed) == guide.use
    assert guide_form.unswapped("\n".join(guide_form.swaps(guide))) == (guide.avoid, guide.instead)


# the page


def test_an_empty_workbench_says_what_to_do(app, store):
    assert "No dataset yet" in words(look(app, "workbench"))


@pytest.mark.parametrize(
    ("show", "said"),
    [
        ("", "Where is cup"),
        ("paste", "How it is kept"),
        ("contradictions", "No contradictions"),
        ("coverage", "Coverage"),
        ("guide", "The guide in words"),
    ],
)
def test_each_view_of_the_workbench_is_drawn(app, full, show, said):
    found = look(app, "workbench", dataset="tone", show=show)
    assert not found.exception and not found.error
    assert said in words(found) or show == "coverage"


def test_messages_are_pasted_rewritten_and_approved_on_the_page(app, full):
    guides.save(full.store, "tone", KIND, "ada")
    found = look(app, "workbench", dataset="tone", show="paste")
    found.text_area[0].set_value(PASTED).run()
    next(button for button in found.button if button.label == "Keep 2 messages").click().run()
    assert not found.exception
    assert "Kindly wait until 3 March." in words(found)
    next(button for button in found.button if button.label == "Approve, next").click().run()
    assert "still the rough message" in found.error[0].value
    entry = examples.find(full.store, "tone", tag=rough.TAG)[0][0].entry
    one = examples.get(full.store, "tone", entry)
    said = [one.messages[0], {"role": "assistant", "content": "Please hold on till 3 March, petal."}]
    drafts.keep(full.store, "tone", entry, "ada", 1, {"messages": said, "taken": {"text": "x", "by": "tiny"}})
    app.session_state["bench"] = None
    found = look(app, "workbench", dataset="tone", show="", entry=entry)
    next(button for button in found.button if button.label == "Approve, next").click().run()
    made = examples.get(full.store, "tone", entry)
    assert (made.status, made.answer, made.tags) == (APPROVED, "Please hold on till 3 March, petal.", [])
    assert made.origin == "suggested by tiny, edited"
    assert drafts.get(full.store, "tone", entry, "ada") is None


def test_a_begun_example_lies_on_the_bench_and_is_saved_with_its_side(app, full):
    bad = Bad([{"role": "user", "content": "Where is it?"}], "Over there, petal.", "the playground")
    entry = fixing.begin(full.store, "tone", bad, "ada")
    found = look(app, "workbench", dataset="tone", entry=entry)
    assert not found.exception and not found.error
    assert "the playground" in words(found) or found.info
    next(button for button in found.button if button.label == "Save").click().run()
    assert not found.exception and not found.error
    (made,) = examples.find(full.store, "tone", tag=fixing.TAG)[0]
    assert (made.prompt, made.answer, made.status) == ("Where is it?", "Over there, petal.", DRAFT)
    assert drafts.waiting(full.store, "tone", "ada") == []


def test_an_address_that_leads_nowhere_is_told(app, full):
    found = look(app, "workbench", dataset="tone", entry="nowhere")
    assert "There is no example nowhere" in found.error[0].value
    found = look(app, "workbench", dataset="tone", entry="new-nothing")
    assert "nothing on the bench" in found.error[0].value


def test_what_two_people_changed_on_the_bench_is_put_together(store, app, tmp_path):
    bring(store, tmp_path, conversation("Where is it?", "It comes on Monday. We are sorry for the wait."))
    seen = examples.find(store, "tone").examples[0]
    mine = [seen.messages[0], {"role": "assistant", "content": "It arrives on Monday. We are sorry for the wait."}]
    drafts.keep(store, "tone", seen.entry, "ada", seen.version, {"messages": mine})
    theirs = [seen.messages[0], {"role": "assistant", "content": "It comes on Monday. We are so sorry for the wait."}]
    examples.edit(store, seen, "bo", messages=theirs, tags=["late"])
    page = look(app, "workbench", dataset="tone", entry=seen.entry)
    assert "bo saved version 2 meanwhile" in words(page)
    next(button for button in page.button if button.label == "Put both together").click().run()
    draft = drafts.get(store, "tone", seen.entry, "ada")
    assert draft is not None and draft.seen == 2
    assert draft.body["messages"][-1]["content"] == "It arrives on Monday. We are so sorry for the wait."


def test_the_same_words_changed_by_two_are_not_put_together_without_a_choice(store, app, tmp_path):
    bring(store, tmp_path, conversation("Where is it?", "It comes on Monday."))
    seen = examples.find(store, "tone").examples[0]
    for by, day in (("ada", "Tuesday"), ("bo", "Friday")):
        changed = [seen.messages[0], {"role": "assistant", "content": f"It comes on {day}."}]
        if by == "ada":
            drafts.keep(store, "tone", seen.entry, by, seen.version, {"messages": changed})
        else:
            examples.edit(store, seen, by, messages=changed)
    page = look(app, "workbench", dataset="tone", entry=seen.entry)
    assert "Both changed the same words" in words(page)
    assert "Put both together" not in words(page) and "Keep mine, on top of theirs" in words(page)
