"""Files become examples and rejects, line by line; edits add versions; freezing fixes the sides."""

import json
from pathlib import Path

import pytest

from engine.problems import Problem
from studio.data import datasets, examples, facets, imports, rejects
from studio.data.imports import Reject, Valid
from studio.folders import Home
from studio.freezing import snapshots
from studio.store import Store


@pytest.fixture
def own(tmp_path: Path):
    store = Store(Home(tmp_path / "home"))
    yield store
    store.close()


def row(question: str = "Where is my lamp?", answer: str = "On its way.", **more: object) -> dict[str, object]:
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        **more,
    }


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def why(path: Path) -> str:
    with pytest.raises(Problem) as caught:
        list(imports.read(path))
    return str(caught.value)


def test_every_line_is_either_valid_or_rejected_with_its_number(tmp_path):
    path = write(tmp_path / "a.jsonl", row(), row("Hello?", "Hi."), '{"messages": [', {"text": "no messages"}, "", "7")
    found = list(imports.read(path))
    assert [(type(one), one.line) for one in found] == [(Valid, 1), (Valid, 2), (Reject, 3), (Reject, 4), (Reject, 6)]
    assert [one.code for one in found if isinstance(one, Reject)] == ["broken-json", "no-messages", "not-an-object"]


def test_broken_json_on_line_three_is_told_with_its_column(tmp_path):
    path = write(tmp_path / "a.jsonl", row(), row("b"), '{"messages" []}')
    reject = list(imports.read(path))[2]
    assert str(reject) == "Line 3: It is not JSON: Expecting ':' delimiter at column 13."


def test_a_line_that_is_not_utf8_is_rejected_and_the_others_stay(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(row()).encode() + b'\n{"messages": "caf\xe9"}\n')
    valid, reject = imports.read(path)
    assert isinstance(valid, Valid) and isinstance(reject, Reject)
    assert reject.code == "not-utf8" and "0xe9" in reject.why


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"role": "user", "content": "Hello?"}], "no-assistant"),
        ([{"role": "assistant", "content": "Hi."}], "no-user"),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "no-assistant"),
        ([{"role": "user", "content": ""}, {"role": "assistant", "content": "b"}], "no-content"),
        ([{"role": "human", "content": "a"}], "bad-role"),
        ([], "no-messages"),
        (
            [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ],
            "last-not-assistant",
        ),
        (
            [
                {"role": "user", "content": "a"},
                {"role": "user", "content": "b"},
                {"role": "assistant", "content": "c"},
            ],
            "no-turns",
        ),
    ],
)
def test_a_conversation_that_breaks_a_rule_is_rejected_by_its_code(tmp_path, messages, code):
    (found,) = imports.read(write(tmp_path / "a.jsonl", {"messages": messages}))
    assert isinstance(found, Reject) and found.code == code


def test_files_that_cannot_be_read_at_all_say_why(tmp_path):
    empty, blank, wide, binary, huge = (tmp_path / name for name in ("e", "b", "w", "x", "h"))
    empty.touch()
    blank.write_text("\n\n")
    wide.write_bytes('{"a": 1}'.encode("utf-16"))
    binary.write_bytes(b"PK\x03\x04\x00\x00")
    with huge.open("wb") as file:
        file.truncate(2_000_000_000)  # sparse: 2 GB that take no room
    assert "is empty" in why(empty)
    assert "only blank lines" in why(blank)
    assert "UTF-16" in why(wide)
    assert "not a text file" in why(binary)
    assert "2.0 GB; the most is 1.5 GB" in why(huge)
    assert "There is no file" in why(tmp_path / "missing.jsonl")


def test_a_mark_of_utf8_at_the_start_does_no_harm(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(row()).encode())
    assert [type(one) for one in imports.read(path)] == [Valid]


def test_the_same_file_twice_adds_nothing(own, tmp_path):
    path = write(tmp_path / "a.jsonl", row(), row(), row("b"), "{")
    first, second = (datasets.bring_in(own, path, "tone", "ada") for _ in range(2))
    assert (first.added, first.known, first.rejected) == (2, 1, 1)
    assert (second.added, second.known, second.rejected) == (0, 3, 1)
    assert datasets.get(own, "tone").examples == 2 and datasets.get(own, "tone").rejects == 1
    datasets.bring_in(own, path, "intents", "ada")
    assert datasets.names(own) == [one.name for one in datasets.listed(own)] == ["tone", "intents"]


def test_a_mended_line_becomes_an_example(own, tmp_path):
    datasets.bring_in(own, write(tmp_path / "a.jsonl", row(), '{"messages": ['), "tone", "ada")
    (reject,) = rejects.waiting(own, "tone")
    with pytest.raises(Problem, match=r"Line 2 of a\.jsonl still cannot be used"):
        rejects.mend(own, "tone", reject, reject.content, "ada")
    rejects.mend(own, "tone", reject, json.dumps(row("mended")), "ada")
    assert rejects.waiting(own, "tone") == []
    assert [one.prompt for one in examples.find(own, "tone")[0]] == ["Where is my lamp?", "mended"]


def test_an_edit_adds_a_version_and_keeps_the_old_one(own, tmp_path):
    datasets.bring_in(own, write(tmp_path / "a.jsonl", row()), "tone", "ada")
    (seen,), _ = examples.find(own, "tone")
    new = examples.edit(own, seen, "bo", messages=[seen.messages[0], {"role": "assistant", "content": "Soon, petal!"}])
    assert (new.version, new.answer, new.made_by) == (2, "Soon, petal!", "bo")
    assert [one.answer for one in examples.history(own, "tone", seen.entry)] == ["Soon, petal!", "On its way."]


def test_going_back_to_the_first_words_is_an_edit_like_any_other(own, tmp_path):
    datasets.bring_in(own, write(tmp_path / "a.jsonl", row()), "tone", "ada")
    (first,), _ = examples.find(own, "tone")
    second = examples.edit(own, first, "bo", messages=[first.messages[0], {"role": "assistant", "content": "Soon."}])
    third = examples.edit(own, second, "bo", messages=first.messages)
    assert (third.version, third.id) == (3, first.id)


def test_who_edits_second_is_told_and_nothing_is_overwritten(own, tmp_path):
    datasets.bring_in(own, write(tmp_path / "a.jsonl", row()), "tone", "ada")
    (seen,), _ = examples.find(own, "tone")
    examples.edit(own, seen, "bo", tags=["delivery"])
    with pytest.raises(Problem, match="bo changed this example while you were editing it"):
        examples.edit(own, seen, "cy", tags=["lamp"])
    assert examples.get(own, "tone", seen.entry).tags == ["delivery"]


def test_examples_are_found_by_text_tag_and_status(own, tmp_path):
    lines = [row("Lamp?", tags=["lamp"]), row("Kettle?", tags=["kettle"]), row("Blue lamp?", tags=["lamp", "blue"])]
    datasets.bring_in(own, write(tmp_path / "a.jsonl", *lines), "tone", "ada")
    assert examples.find(own, "tone", text="LAMP")[1] == 2
    assert examples.find(own, "tone", tag="kettle")[1] == 1
    assert examples.find(own, "tone", status="draft")[1] == 0
    page, total = examples.find(own, "tone", limit=1, offset=1)
    assert (page[0].prompt, total) == ("Kettle?", 3)
    assert facets.tags(own, "tone") == ["blue", "kettle", "lamp"]


def test_freezing_the_same_examples_finds_the_same_snapshot(own, tmp_path):
    datasets.bring_in(own, write(tmp_path / "a.jsonl", *(row(f"Question {n}?") for n in range(60))), "tone", "ada")
    first, second = snapshots.freeze(own, "tone", "ada"), snapshots.freeze(own, "tone", "bo")
    assert first == second
    assert first.train + first.validation + first.test == 60


def test_no_example_changes_sides_as_a_dataset_grows(own, tmp_path):
    def sides() -> dict[str, str]:
        frozen = snapshots.freeze(own, "tone", "ada")
        return {
            r["id"]: split
            for split in ("train", "validation", "test")
            for r in snapshots.examples(own, frozen.id, split)
        }

    datasets.bring_in(own, write(tmp_path / "a.jsonl", *(row(f"Question {n}?") for n in range(80))), "tone", "ada")
    before = sides()
    datasets.bring_in(own, write(tmp_path / "b.jsonl", *(row(f"Question {n}?") for n in range(200))), "tone", "ada")
    after = sides()
    assert len(after) == 200 and all(after[id] == side for id, side in before.items())


def test_examples_of_one_group_stay_together(own, tmp_path):
    lines = [row(f"Question {n}?", group=f"g{n % 12}") for n in range(120)]
    datasets.bring_in(own, write(tmp_path / "a.jsonl", *lines), "tone", "ada")
    frozen = snapshots.freeze(own, "tone", "ada")
    groups = [{r["group"] for r in snapshots.examples(own, frozen.id, s)} for s in ("train", "validation", "test")]
    assert sum(map(len, groups)) == 12 and len(set.union(*groups)) == 12


def test_a_split_that_the_source_settled_holds(own, tmp_path):
    datasets.bring_in(own, write(tmp_path / "t.jsonl", row("a"), row("b")), "tone", "ada", split="test")
    datasets.bring_in(own, write(tmp_path / "r.jsonl", row("c")), "tone", "ada", split="train")
    frozen = snapshots.freeze(own, "tone", "ada")
    assert (frozen.train, frozen.validation, frozen.test) == (1, 0, 2)


def test_only_approved_examples_are_frozen(own, tmp_path):
    path = write(tmp_path / "a.jsonl", row("a", split="train"), row("b", split="train"))
    datasets.bring_in(own, path, "tone", "ada", status="draft")
    with pytest.raises(Problem, match="has no approved example to train on"):
        snapshots.freeze(own, "tone", "ada")
    (first, _), _ = examples.find(own, "tone")
    examples.edit(own, first, "ada", status="approved")
    assert snapshots.freeze(own, "tone", "ada").train == 1
