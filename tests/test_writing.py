"""Writing: what is typed is kept, a save is a version, many are changed at once, and all of it can be taken back."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from engine.problems import Problem
from studio.data import bulk, comments, datasets, drafts, examples, merging, replacing, versions
from studio.data.examples import Example
from studio.data.replacing import Rule
from studio.store import Store
from studio.ui import desk, state
from tests.conftest import look, words
from tests.patience import LONG

CALL = {"id": "abc123XYZ", "type": "function", "function": {"name": "find_parcel", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "find_parcel", "description": "", "parameters": {"type": "object"}}}


def said(question: str, answer: str, **more: object) -> list[dict]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **more}]


# -------------------------------------------------------------------- drafts and comments


def test_a_draft_is_one_a_person_and_example_and_the_last_words_hold(store: Store):
    for text in ("He", "Hello"):
        drafts.keep(store, "tone", "e1", "ada", 3, {"messages": said("?", text)})
    drafts.keep(store, "tone", "e1", "bo", 2, {"messages": said("?", "Hi")})
    mine = drafts.get(store, "tone", "e1", "ada")
    assert mine and mine.seen == 3 and mine.body["messages"][1]["content"] == "Hello"
    assert [draft.made_by for draft in drafts.of_others(store, "tone", "e1", "ada")] == ["bo"]
    drafts.drop(store, "tone", "e1", "ada")
    assert drafts.get(store, "tone", "e1", "ada") is None
    assert not store.rows("select * from event"), "a draft is nobody's deed"


def test_comments_are_read_in_the_order_they_were_said_and_an_empty_one_is_refused(store: Store):
    comments.add(store, "tone", "e1", 1, " Too long? ", "bo")
    comments.add(store, "tone", "e1", 2, "Better.", "ada")
    assert [(c.made_by, c.version, c.body) for c in comments.listed(store, "tone", "e1")] == [
        ("bo", 1, "Too long?"),
        ("ada", 2, "Better."),
    ]
    with pytest.raises(Problem, match="empty"):
        comments.add(store, "tone", "e1", 2, "  ", "ada")


# -------------------------------------------------------------------- turns and messages


def test_messages_that_nobody_touched_come_back_to_the_letter():
    kept = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Where?"}], "name": "eve"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "here", "tool_call_id": "abc123XYZ", "name": "find_parcel"},
        {"role": "assistant", "content": "Here.", "weight": 0},
    ]
    assert desk.as_messages(desk.as_turns(kept)) == kept
    assert desk.as_tools(desk.as_text([TOOL])) == [TOOL]


def test_a_turn_that_changes_its_speaker_leaves_behind_what_only_that_speaker_has():
    turns = desk.as_turns([{"role": "assistant", "content": "Hm", "weight": 0}])
    turns[0]["role"] = "user"
    assert desk.as_messages(turns) == [{"role": "user", "content": "Hm"}]


def test_the_weight_is_set_when_somebody_decides_and_not_before():
    turns = desk.as_turns(said("?", "Hm"))
    assert "weight" not in desk.as_messages(turns)[1]
    turns[1]["learn"] = False
    assert desk.as_messages(turns)[1]["weight"] == 0


def test_tool_calls_that_are_not_json_are_told_with_their_place():
    turns = desk.as_turns(said("?", "", tool_calls=[CALL]))
    turns[1]["calls"] = "[{"
    with pytest.raises(Problem, match="tool calls of turn 2 are not JSON"):
        desk.as_messages(turns)
    with pytest.raises(Problem, match="not a list"):
        desk.as_tools("{}")


# -------------------------------------------------------------------- the way back


@pytest.fixture
def three(store: Store) -> Example:
    """Written by ada, corrected by bo, approved by ada."""
    first = examples.write(store, "tone", said("Where?", "Here"), "ada", ("a",))
    second = examples.edit(store, first, "bo", messages=said("Where?", "Over there"))
    return examples.edit(store, second, "ada", status="approved")


def test_who_wrote_and_who_approved_is_read_off_the_versions(store, three):
    hands = versions.hands(examples.history(store, "tone", three.entry))
    assert (hands.wrote, hands.approved, hands.alone) == ("bo", "ada", False)
    own = examples.write(store, "tone", said("Why?", "So"), "ada")
    own = examples.edit(store, own, "ada", status="approved")
    assert versions.hands(examples.history(store, "tone", own.entry)).alone


def test_undo_takes_back_ones_own_last_change_and_goes_no_further_into_others(store, three):
    back = versions.undo(store, three, "ada")
    assert (back.version, back.status, back.answer) == (4, "draft", "Over there")
    with pytest.raises(Problem, match="bo's, not yours"):
        versions.undo(store, back, "ada")
    again = versions.undo(store, back, "bo")
    assert again.answer == "Here"
    with pytest.raises(Problem, match="nothing to take back"):
        versions.undo(store, again, "ada")


def test_a_deleted_turn_comes_back_with_the_version_that_had_it(store, three):
    longer = examples.edit(store, three, "ada", messages=[*three.messages, *said("Ta", "Gladly")])
    shorter = examples.edit(store, longer, "ada", messages=three.messages)
    assert len(versions.restore(store, shorter, longer, "ada").messages) == 4


# -------------------------------------------------------------------- many at once


@pytest.fixture
def many(store: Store) -> list[Example]:
    rows = ["Hello petal, HELLO", "hello there", "Othello is hello-free", "Café? Hello!", "Nothing"]
    return [examples.write(store, "tone", said(f"Hello {n}", text), "ada", ("old",)) for n, text in enumerate(rows)]


def replaced(store: Store, **rule: object) -> list[str]:
    hits = replacing.look(store, "tone", Rule(**rule))  # type: ignore[arg-type]
    return [hit.messages[1]["content"] for hit in hits.found]


def test_words_are_replaced_whole_and_keep_the_capitals_of_their_place(store, many):
    assert replaced(store, find="hello", by="welcome", whole=True) == [
        "Welcome petal, WELCOME",
        "welcome there",
        "Othello is welcome-free",
        "Café? Welcome!",
    ]
    assert "Otwelcome is welcome-free" in replaced(store, find="hello", by="welcome")
    assert replaced(store, find="hello", by="X", whole=True, exact=True)[0] == "X there"


def test_an_expression_may_use_its_groups_and_knows_letters_beyond_english(store, many):
    assert replaced(store, find=r"\b(caf\w)\?", by=r"\1!", expression=True) == ["Café! Hello!"]
    assert replaced(store, find="café", by="bar", whole=True) == ["Bar? Hello!"]


def test_an_expression_that_is_wrong_or_would_never_end_is_told(store, many):
    examples.write(store, "tone", said("Long", "a" * 60 + "b"), "ada")
    for find, told in ((r"(", "not a regular expression"), ("x*", "empty text"), (r"(a|aa)+$", "too long")):
        with pytest.raises(Problem, match=told):
            replacing.look(store, "tone", Rule(find, "", expression=True))
    with pytest.raises(Problem, match="replacement"):
        replacing.look(store, "tone", Rule("hello", r"\9", expression=True))


def test_replacing_stays_where_it_was_asked_for_and_says_when_there_is_more(store, many):
    hits = replacing.look(store, "tone", Rule("hello", "bye", where=replacing.QUESTIONS), most=2)
    assert [hit.messages[0]["content"] for hit in hits.found] == ["Bye 0", "Bye 1"] and hits.more
    assert all(hit.messages[1] == hit.example.messages[1] for hit in hits.found)


def test_a_deed_on_many_is_one_event_and_is_taken_back_as_one_but_for_what_others_changed(store, many):
    done = examples.edit_many(store, bulk.judged(many, "approved"), "ada")
    assert len(done.versions) == 5
    theirs = examples.get(store, "tone", many[0].entry)
    examples.edit(store, theirs, "bo", note="mine now")
    back = bulk.undo(store, "tone", done, "ada")
    assert (len(back.versions), back.overtaken) == (4, [many[0].entry])
    assert [examples.get(store, "tone", e.entry).status for e in many] == ["approved"] + ["draft"] * 4
    verbs = [row["verb"] for row in store.rows("select verb from event order by id")]
    assert verbs.count("example.edit_many") == 1 and verbs.count("example.undo_many") == 1


def test_tags_go_on_and_off_many_and_only_where_that_changes_something(store, many):
    tagged = examples.edit_many(store, bulk.tagged(many[:2], "new"), "ada")
    assert len(tagged.versions) == 2 and not bulk.tagged(many, "old")
    now = [examples.get(store, "tone", e.entry) for e in many]
    assert [edit.seen.entry for edit in bulk.untagged(now, "new")] == [many[0].entry, many[1].entry]


# -------------------------------------------------------------------- the page


def type_in(app: AppTest, change) -> None:  # type: ignore[no-untyped-def]
    """What the browser sends after somebody has typed: `change` alters the turns that lie on the desk."""
    sheet = app.session_state[state.EDITING]
    turns = [dict(turn) for turn in sheet.turns]
    change(turns)
    value = {"stamp": 1, "sheet": sheet.id, "token": sheet.token, "turns": turns, "tools": sheet.tools}
    app.session_state[sheet.desk] = {"typed": json.dumps(value)}


def edited(app: AppTest, full, text: str) -> AppTest:  # type: ignore[no-untyped-def]
    found = look(app, "examples", dataset="tone", entry=full.entry)
    type_in(found, lambda turns: turns[1].update(content=text))
    return found


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def test_a_saved_edit_is_a_new_version_and_the_old_one_stays(app, full):
    found = button(edited(app, full, "It is nearly there!"), "Save").click().run()
    assert not found.exception and not found.error
    new, old = examples.history(full.store, "tone", full.entry)
    assert (new.version, new.answer, new.made_by) == (2, "It is nearly there!", "ada")
    assert old.answer == "Cup 0 is on its way!"
    assert "Version 2 is saved." in words(found) and "<ins>nearly</ins>" in words(found)


def test_who_saves_again_while_the_saved_version_is_being_drawn_presses_the_same_button(app, full):
    found = edited(app, full, "It is nearly there!")
    before = button(found, "Save").key
    button(found, "Save").click().run()
    assert examples.get(full.store, "tone", full.entry).version == 2 and button(found, "Save").key == before


def test_what_is_typed_is_a_draft_before_it_is_saved_and_is_there_after_the_browser_was_closed(app, full):
    edited(app, full, "Half a sen").run()
    kept = drafts.get(full.store, "tone", full.entry, "ada")
    assert kept and kept.body["messages"][1]["content"] == "Half a sen" and kept.seen == 1
    anew = AppTest.from_file(app._script_path, default_timeout=LONG)
    found = look(anew, "examples", dataset="tone", entry=full.entry)
    assert "You go on with what you had not saved" in words(found)
    assert found.session_state[state.EDITING].turns[1]["content"] == "Half a sen"
    button(found, "Discard it").click().run()
    assert drafts.get(full.store, "tone", full.entry, "ada") is None
    assert found.session_state[state.EDITING].turns[1]["content"] == "Cup 0 is on its way!"


def test_a_saved_draft_is_dropped(app, full):
    found = edited(app, full, "Whole.").run()
    button(found, "Save").click().run()
    assert drafts.waiting(full.store, "tone", "ada") == []


def test_approve_next_saves_and_opens_the_next_example(app, full):
    found = edited(app, full, "It is nearly there!")
    neighbours, _ = examples.find(full.store, "tone", limit=25)
    button(found, "Approve, next").click().run()
    after = [example.entry for example in neighbours].index(full.entry) + 1
    assert found.query_params["entry"] == neighbours[after].entry


def test_rejecting_under_a_filter_goes_on_from_where_the_example_stood(app, full):
    neighbours = examples.find(full.store, "tone").examples
    found = look(app, "examples", dataset="tone", status="approved", entry=neighbours[3].entry)
    for follows in neighbours[4:6]:
        button(found, "Reject, next").click().run()
        assert found.query_params["entry"] == follows.entry


def test_who_saves_second_gets_both_changes_and_is_told_whose_they_are(app, full):
    seen = examples.get(full.store, "tone", full.entry)
    found = edited(app, full, "Cup 0 is on its merry way!")
    examples.edit(full.store, seen, "noor", messages=said("Where is my cup 0?", seen.answer), tags=[])
    button(found, "Save").click().run()
    assert not found.error
    now = examples.get(full.store, "tone", full.entry)
    assert (now.version, now.prompt, now.answer, now.tags) == (
        3,
        "Where is my cup 0?",
        "Cup 0 is on its merry way!",
        [],
    )
    assert "noor changed turn 1, removed the tag cups" in words(found)


def test_what_clashes_is_laid_side_by_side_and_saved_by_nobody_until_it_is_settled(app, full):
    found = edited(app, full, "Mine.")
    seen = examples.get(full.store, "tone", full.entry)
    examples.edit(full.store, seen, "noor", messages=said(seen.prompt, "Theirs."))
    button(found, "Save").click().run()
    assert "Not saved yet" in words(found) and "noor changed turn 2" in words(found)
    assert examples.get(full.store, "tone", full.entry).answer == "Theirs."
    assert drafts.get(full.store, "tone", full.entry, "ada").body["messages"][1]["content"] == "Mine."
    button(found, "Put together").click().run()
    button(found, "Save").click().run()
    assert [version.answer for version in examples.history(full.store, "tone", full.entry)][:2] == ["Mine.", "Theirs."]


def test_who_has_nothing_unsaved_simply_sees_what_others_saved(app, full):
    found = look(app, "examples", dataset="tone", entry=full.entry)
    seen = examples.get(full.store, "tone", full.entry)
    examples.edit(full.store, seen, "noor", messages=said(seen.prompt, "Theirs."))
    found.run()
    assert found.session_state[state.EDITING].turns[1]["content"] == "Theirs."
    assert "noor changed turn 2. You see version 2 now." in words(found)


def test_an_edit_without_an_answer_is_refused_with_the_reason_and_kept(app, full):
    found = button(edited(app, full, "  "), "Save").click().run()
    assert "has no text" in found.error[0].value
    assert len(examples.history(full.store, "tone", full.entry)) == 1
    assert drafts.get(full.store, "tone", full.entry, "ada")


def test_an_older_version_is_restored_as_a_new_one(app, full):
    seen = examples.get(full.store, "tone", full.entry)
    examples.edit(full.store, seen, "ada", messages=said(seen.prompt, "Worse."))
    found = look(app, "examples", dataset="tone", entry=full.entry)
    button(found, "Restore").click().run()
    assert not found.exception
    answers = [version.answer for version in examples.history(full.store, "tone", full.entry)]
    assert answers == ["Cup 0 is on its way!", "Worse.", "Cup 0 is on its way!"]
    assert found.session_state[state.EDITING].turns[1]["content"] == "Cup 0 is on its way!"


def test_undo_on_the_page_takes_back_the_last_save(app, full):
    found = button(edited(app, full, "Worse."), "Save").click().run()
    button(found, "Undo").click().run()
    assert examples.get(full.store, "tone", full.entry).answer == "Cup 0 is on its way!"


def test_a_new_example_is_written_by_hand_and_starts_as_a_draft(app, full):
    found = look(app, "examples", dataset="tone", entry="new")
    type_in(
        found, lambda turns: (turns[0].update(content="Do you ship tea?"), turns[1].update(content="Joy, and tea."))
    )
    found.run()
    assert drafts.get(full.store, "tone", "", "ada"), "a new one is kept before its first save too"
    button(found, "Save").click().run()
    assert not found.exception and not found.error
    new, n = examples.find(full.store, "tone", status="draft")
    assert n == 1 and new[0].answer == "Joy, and tea."
    assert drafts.get(full.store, "tone", "", "ada") is None


def test_rows_that_are_ticked_are_approved_at_once_and_taken_back_at_once(app, full):
    found = look(app, "examples", dataset="tone")
    found.session_state[found.dataframe[0].key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    found.run()
    button(found, "Reject").click().run()
    assert not found.exception
    assert examples.find(full.store, "tone", status="rejected").n == 2 and "2 examples set to rejected." in words(found)
    button(found, "Undo").click().run()
    assert examples.find(full.store, "tone", status="rejected").n == 0


def test_find_and_replace_shows_every_hit_and_leaves_out_what_is_unticked(app, full):
    found = look(app, "examples", dataset="tone")
    found.toggle(key="replaces").set_value(True).run()
    found.text_input(key="replace-find").set_value("way")
    found.text_input(key="replace-by").set_value("merry way").run()
    assert "24 places in 24 examples." in words(found)
    found.checkbox(key=f"hit-{full.entry}-1").uncheck().run()
    button(found, "Replace in 23 examples").click().run()
    assert not found.exception
    assert examples.get(full.store, "tone", full.entry).version == 1
    assert examples.find(full.store, "tone", text="merry").n == 23


def test_searching_narrows_the_table(app, full):
    found = look(app, "examples", dataset="tone")
    found.text_input(key="search").set_value("cup 7").run()
    assert list(found.dataframe[0].value["Question"]) == ["Where is cup 7?"]
    found.text_input(key="search").set_value("saucer").run()
    assert "None matches" in words(found)


def test_an_address_with_a_filter_shows_the_same_rows_to_a_colleague(app, full):
    examples.edit(full.store, examples.get(full.store, "tone", full.entry), "ada", status="in review")
    found = look(app, "examples", dataset="tone", status="in review")
    assert list(found.dataframe[0].value["Question"]) == ["Where is cup 0?"]


def test_a_dataset_without_examples_says_what_to_do(app, store):
    with store.write("ada", "dataset.make", "tone") as cursor:
        cursor.execute("insert into dataset values ('tone', '', 'ada', now()::timestamp)")
    assert datasets.get(store, "tone").examples == 0
    assert "No example yet" in words(look(app, "examples", dataset="tone"))


def test_a_state_is_all_that_people_change(store, three):
    assert merging.state(three).tags == ["a"] and merging.state(three).status == "approved"
