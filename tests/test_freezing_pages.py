"""The page of snapshots: a plan is chosen, seen and frozen; the test stays locked; what leaves is said first."""

import json
from pathlib import Path

import pytest

from studio.data import datasets, examples
from studio.freezing import snapshots
from tests.conftest import conversation, look, words


def press(app, label: str):
    found = next(button for button in app.button if button.label == label)
    return found.click().run()


@pytest.fixture
def labels(store, tmp_path: Path) -> str:
    """100 tickets: 20 of one label, 80 of another; two of them say nearly the same."""
    ask = "The {} lamp in my {} does not work"
    words = [(a, b) for a in "red blue green white pink grey tall small old new".split() for b in "abcdefghij"]
    rows = [conversation(ask.format(a, b * 3), "late" if k % 5 else "broken") for k, (a, b) in enumerate(words)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "t.jsonl", "tickets", "ada")
    return "tickets"


def test_without_a_dataset_there_is_a_way_to_one(app):
    assert "No dataset yet" in words(look(app, "snapshots"))


def test_nothing_approved_says_what_to_do(app, store):
    examples.write(store, "tone", conversation("Where?", "Here.")["messages"], "ada")
    assert "Nothing is approved yet" in words(look(app, "snapshots", dataset="tone"))


def test_the_sizes_and_the_smallest_difference_follow_the_shares(app, store, labels):
    found = look(app, "snapshots", dataset=labels)
    found.segmented_control(key="plan-kind").set_value("stratified").run()
    found.slider(key="plan-test").set_value(40).run()
    assert not found.exception and not found.error
    assert "**A test of 40 items**: enough to see 19 points of difference, four times out of five." in words(found)
    table = found.dataframe[0].value.set_index("kind")
    assert dict(table.loc["broken"]) == {"train": 10, "validation": 2, "test": 8}
    assert "--plan stratified --by answer --test 0.4" in words(found)
    press(found, "Freeze")
    assert not found.exception and "Frozen: 50 to learn from, 40 kept for the test." in words(found)
    (frozen,) = snapshots.listed(store, labels)
    assert (frozen.how.kind, frozen.how.by, frozen.test) == ("stratified", "answer", 40)


def test_a_test_of_groups_shows_less_before_the_freeze_and_after_it(app, store, tmp_path):
    rows = [conversation(f"Number {n}", str(n), group=f"g{n // 5}", split="test") for n in range(200)]
    rows.append(conversation("And now?", "Nothing.", split="train"))
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "t.jsonl", "tickets", "ada")
    said = "**A test of 200 items of 40 groups**: enough to see 9 to 20 points of difference, four times out of five"
    assert said in words(look(app, "snapshots", dataset="tickets"))
    frozen = snapshots.freeze(store, "tickets", "ada")
    assert said in words(look(app, "snapshots", snapshot=frozen.id))


def test_each_kind_of_plan_can_be_seen(app, labels):
    found = look(app, "snapshots", dataset=labels)
    for kind in ("grouped", "time", "random"):
        found.segmented_control(key="plan-kind").set_value(kind).run()
        assert not found.exception and not found.error, kind


def test_leaks_are_counted_and_can_be_left_out_of_training(app, store, tmp_path):
    ask = "Where on earth is the blue cup that I ordered from you last week"
    rows = [conversation(ask + "?", "Soon.", split="test"), conversation(ask + "!", "Now.", split="train")]
    rows += [conversation(f"Number {word}", word, split="train") for word in ("one", "two", "three")]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "t.jsonl", "tone", "ada")
    found = look(app, "snapshots", dataset="tone")
    assert "**1 test example** has its prompt in train." in words(found)
    press(found, "Leave 1 example out")
    assert "1 example will be left out of training" in words(found) and "No prompt and no answer" in words(found)
    press(found, "Freeze")
    (frozen,) = snapshots.listed(store)
    assert (frozen.train, frozen.test) == (3, 1) and len(frozen.how.exclude) == 1


def test_test_rows_are_shown_to_who_says_why(app, full):
    found = look(app, "snapshots", snapshot=full.snapshot)
    found.session_state["tabs"] = "Looks at the test"
    found.run()
    assert "A test that is looked at often stops being one." in words(found)
    press(found, "Look, and leave a note of it")
    assert "The test set is locked" in found.error[0].value and snapshots.looks(full.store, full.snapshot) == []
    found.text_input(key="why-rows").set_value("A label looks wrong")
    press(found, "Look, and leave a note of it")
    (kept,) = snapshots.looks(full.store, full.snapshot)
    assert (kept.made_by, kept.why) == ("ada", "A label looks wrong")
    shown = found.dataframe[-1].value
    assert len(shown) == snapshots.get(full.store, full.snapshot).test
    found.run()
    assert len(snapshots.looks(full.store, full.snapshot)) == 1


def test_two_snapshots_are_compared_word_by_word(app, full):
    for one in examples.find(full.store, "tone")[0]:
        new = [one.messages[0], {"role": "assistant", "content": f"{one.answer} Honest."}]
        examples.edit(full.store, one, "bo", messages=new)
    second = snapshots.freeze(full.store, "tone", "bo")
    found = look(app, "snapshots", snapshot=second.id)
    found.session_state["tabs"] = "What changed"
    found.run()
    assert not found.exception and "None has moved from one side to another." in words(found)
    table = found.dataframe[0].value.set_index("what")
    assert table.loc["other words", "in all"] == 24 and table.loc["moved", "in all"] == 0
    assert "Honest.</ins>" in words(found)


def test_what_leaves_is_said_before_it_is_written(app, full, tmp_path):
    found = look(app, "snapshots", snapshot=full.snapshot)
    found.session_state["tabs"] = "Take it out"
    found.run()
    found.segmented_control(key="out-form").set_value("csv").run()
    found.segmented_control(key="out-way").set_value("A folder on this machine").run()
    found.text_input(key="out-path").set_value(str(tmp_path / "out")).run()
    assert "24 examples of tone" in words(found) and "Personal data: none found in 24" in words(found)
    found.button(key="out-go").click().run()
    assert not found.exception and not found.error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "examples.csv"]
    found.button(key="out-go").click().run()
    assert "is there already" in found.error[0].value


def test_a_snapshot_that_is_not_there_says_so(app):
    assert "There is no snapshot nothing" in look(app, "snapshots", snapshot="nothing").error[0].value


def test_what_is_approved_can_leave_without_a_freeze(app, full):
    found = look(app, "snapshots", dataset="tone")
    found.checkbox(key="out-living").check().run()
    assert not found.exception and "24 examples of tone (24 approved) will leave for this browser" in words(found)
    found.button(key="out-go").click().run()
    assert not found.exception and not found.error and len(found.get("download_button")) == 1
