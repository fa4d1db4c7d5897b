"""Leaks between the sides and against the library, their remedies, and what two snapshots differ in."""

import json
from pathlib import Path

import pytest

from engine.problems import Problem
from studio.data import datasets, examples
from studio.freezing import changes, leaks, placements, snapshots
from studio.freezing.leaks import Row
from studio.freezing.splits import Plan
from studio.reading import libraries
from tests.conftest import conversation

CUP = "Where on earth is the blue cup that I ordered from you last week?"
LONG = "It left our workshop this morning, wrapped twice and with a note for you."


@pytest.fixture
def fill(store, tmp_path: Path):
    def bring(*rows: dict) -> None:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        datasets.bring_in(store, path, "tone", "ada")

    return bring


def topics(*splits: str, word: str = "Question") -> list[dict]:
    names = "amber birch cedar daisy elder fern ginger hazel iris jasmine".split()
    return [
        conversation(f"{word}: {names[k]} {names[k + 4]} {names[k]}s", f"{names[k]}!", split=split)
        for k, split in enumerate(splits)
    ]


def test_a_copied_and_a_nearly_copied_prompt_are_found_and_another_one_is_not(store, fill):
    fill(
        conversation(CUP, "Soon.", split="test"),
        conversation(CUP.replace("earth is", "earth, is").upper(), "Tomorrow.", split="train"),
        conversation(CUP.replace("last week", "some weeks ago"), "In May.", split="validation"),
        conversation("Do you sell lamps?", "We do.", split="train"),
    )
    found = leaks.find(store, snapshots.freeze(store, "tone", "ada"))
    assert leaks.counted(found) == {
        "test prompt in train": 1,
        "test prompt in validation": 1,
        "validation prompt in train": 1,
    }
    assert {leak.kind for leak in found} == {"exact", "near"} and found[0].score == 1.0


def test_an_answer_that_comes_again_is_a_leak_but_a_label_is_not():
    one, two = Row("a", "What happened to my parcel?", LONG), Row("b", "Any news of the lamp I wanted?", LONG)
    other = [Row(f"c{k}", f"{'xyz'[k]} {k}", f"Nothing like that {'xyz'[k]} {k}.") for k in range(3)]
    (leak,) = leaks.between({"train": [one, *other], "validation": [], "test": [two]})
    assert (leak.what, leak.key, leak.found, leak.kind) == ("answer", "b", "a", "exact")
    labels = [Row(f"l{k}", f"Ticket {k} of {'abcdefgh'[k]}", "delivery late") for k in range(8)]
    assert leaks.between({"train": labels[:6], "validation": [], "test": labels[6:]}) == []


def test_what_stands_in_the_library_is_told_as_such(store, fill):
    fill(conversation(CUP, LONG, split="test"), conversation("Lamps?", "Yes.", split="train"))
    text = f"# Answers\n\nAn intro of some words that nobody asked for.\n\n{CUP}\n\n{LONG} Have fun."
    libraries.add(store, "faq", {"cups.md": text}, "ada")
    found = leaks.find(store, snapshots.freeze(store, "tone", "ada"))
    assert {(leak.what, leak.other, leak.found) for leak in found} == {
        ("prompt", "library faq", "cups.md"),
        ("answer", "library faq", "cups.md"),
    }
    assert leaks.remedy(found) == ()


def test_a_remedy_takes_the_copies_out_of_training_and_says_so(store, fill):
    fill(conversation(CUP, "Soon.", split="test"), conversation(CUP + "!", "Now.", split="train"))
    fill(*topics("train", "train", "validation"))
    frozen = snapshots.freeze(store, "tone", "ada")
    found = leaks.find(store, frozen)
    entries = leaks.entries(store, "tone", leaks.remedy(found))
    again = snapshots.freeze(store, "tone", "ada", Plan(exclude=entries))
    assert leaks.find(store, again) == [] and (again.train, again.test) == (frozen.train - 1, frozen.test)
    assert again.how.exclude == entries


def test_grouping_look_alikes_before_the_first_freeze_leaves_none(store, fill):
    cups = "amber birch cedar daisy elder fern ginger hazel iris jasmine".split()
    for mark in ("?", "!!", "..."):
        fill(*(conversation(f"Tell me about the {cup} cup in the window{mark}", f"{cup}{mark}") for cup in cups))
    torn = leaks.foreseen(store, "tone", placements.decide(store, "tone", Plan(test=0.3, validation=0.2)))
    whole = placements.decide(store, "tone", Plan(test=0.3, validation=0.2, look_alikes=True))
    assert torn and leaks.foreseen(store, "tone", whole) == []


def test_two_snapshots_differ_by_example_and_no_side_moves(store, fill):
    fill(*topics("train", "train", "train", "test"))
    first = snapshots.freeze(store, "tone", "ada")
    found, _ = examples.find(store, "tone")
    new = [found[0].messages[0], {"role": "assistant", "content": "Amber, indeed!"}]
    examples.edit(store, found[0], "bo", messages=new)
    examples.edit(store, found[1], "bo", status="rejected")
    examples.edit(store, found[2], "bo", tags=["tree"])
    fill(*topics("test", word="Something else"))
    diff = changes.between(store, first, snapshots.freeze(store, "tone", "ada"))
    assert [len(part) for part in (diff.added, diff.removed, diff.changed, diff.tagged, diff.moved)] == [1, 1, 1, 1, 0]
    assert diff.same == 1
    (change,) = diff.changed
    assert (change.entry, change.before, change.after) == (found[0].entry, "train", "train")
    assert changes.spoken(change.new or {}) == "user: Question: amber elder ambers\nassistant: Amber, indeed!"
    assert changes.counts(diff.added) == {"train": 0, "validation": 0, "test": 1}


def test_snapshots_of_two_datasets_are_not_compared(store, fill, tmp_path):
    fill(*topics("train"))
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps(topics("train", word="Other")[0]))
    datasets.bring_in(store, path, "other", "ada")
    one, two = (snapshots.freeze(store, name, "ada") for name in ("tone", "other"))
    with pytest.raises(Problem, match="are of different datasets"):
        changes.between(store, one, two)
