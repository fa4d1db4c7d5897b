"""Which column is what: guessed by names and looks, applied row by row, remembered; nothing is lost or raises."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.data import formats, guessing, mapping, transcripts
from engine.data.columns import FIELDS, split
from engine.data.formats.table import Row, Source, Table
from engine.data.mapping import TO_WRITE, Compared, Mapping
from engine.data.rows import Reject, Valid
from engine.problems import Problem
from studio.data import datasets, examples, mappings


def made(*rows: dict[str, object], kind: str = "JSONL") -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    found = [Row(n, row) for n, row in enumerate(rows, 1)]
    return Table("made", kind, columns, len(rows), lambda progress: iter(found), counted=True)


def said(*rows: dict[str, object], **more: object) -> list[list[tuple[str, str]]]:
    """Role and words of each row's messages, through the guess."""
    found = guessing.guess(made(*rows, **more))  # type: ignore[arg-type]
    assert found.missing == "", found
    valid = [mapping.apply(found, n, row) for n, row in enumerate(rows, 1)]
    assert all(isinstance(row, Valid) for row in valid), valid
    return [[(m["role"], m.get("content")) for m in row.conversation.messages] for row in valid]  # type: ignore[union-attr]


ASKED = [("user", "Where?"), ("assistant", "Here.")]
SHAPES = {
    "prompt and completion": {"prompt": "Where?", "completion": "Here."},
    "instruction": {"instruction": "Where?", "input": "", "output": "Here."},
    "sharegpt": {"conversations": [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "Here."}]},
    "messages under other names": {
        "messages": [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "Here."}]
    },
    "pairs": {"conversation": [["Where?", "Here."]]},
    "a chat in a cell": {"text": "Human: Where?\n\nAssistant: Here."},
    "an instruction in a cell": {"text": "### Instruction:\nWhere?\n\n### Response:\nHere."},
    "marks of Mistral in a cell": {"text": "<s>[INST] Where? [/INST] Here.</s>"},
    "marks of ChatML in a cell": {
        "text": "<|im_start|>user\nWhere?<|im_end|>\n<|im_start|>assistant\nHere.<|im_end|>\n"
    },
    "German names": {"Frage": "Where?", "Antwort": "Here.", "Nr.": 3},
    "French names": {"Demande": "Where?", "Réponse": "Here."},
    "Spanish names": {"pregunta": "Where?", "respuesta": "Here."},
    "a request log": {
        "id": "x",
        "request": {"model": "m", "messages": [{"role": "user", "content": "Where?"}]},
        "response": {"id": "y", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Here."}}]},
    },
    "a batch log": {
        "custom_id": "1",
        "body": {"messages": [{"role": "user", "content": "Where?"}]},
        "response": {"status_code": 200, "body": {"choices": [{"message": {"role": "assistant", "content": "Here."}}]}},
    },
    "a flat log": {
        "model": "m",
        "messages": [{"role": "user", "content": "Where?"}],
        "choices": [{"message": {"role": "assistant", "content": "Here.", "refusal": None}, "finish_reason": "stop"}],
        "usage": {"total_tokens": 3},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_that_people_have_are_understood_by_guess(shape):
    assert said(SHAPES[shape]) == [ASKED]


def test_an_instruction_and_its_input_are_one_message():
    (turns,) = said({"instruction": "Translate.", "input": "Hallo", "output": "Hello"})
    assert turns[0] == ("user", "Translate.\n\nHallo")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Where?", "chosen": "Here.", "rejected": "No."},
        {
            "chosen": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."}],
            "rejected": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "No."}],
        },
        {"chosen": "\n\nHuman: Where?\n\nAssistant: Here.", "rejected": "\n\nHuman: Where?\n\nAssistant: No."},
        {
            "input": {"messages": [{"role": "user", "content": "Where?"}]},
            "preferred_output": [{"role": "assistant", "content": "Here."}],
            "non_preferred_output": [{"role": "assistant", "content": "No."}],
        },
    ],
)
def test_a_preference_pair_is_an_example_that_knows_a_worse_answer(row):
    (turns,) = said(row)
    assert turns == ASKED
    found = mapping.apply(guessing.guess(made(row)), 1, row)
    assert isinstance(found, Compared) and found.rejected == [{"role": "assistant", "content": "No."}]


def test_tools_and_calls_come_along():
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    row = {
        "messages": [
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "abcdefghi", "content": "here"},
            {"role": "assistant", "content": "Here."},
        ],
        "tools": [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}],
        "source": "shop",
    }
    found = mapping.apply(guessing.guess(made(row)), 1, row)
    assert isinstance(found, Valid), found
    assert found.conversation.tools and found.conversation.messages[1]["tool_calls"] == [call]
    assert found.conversation.tags == ("source: shop",)


def test_columns_without_names_are_told_by_what_stands_in_them():
    rows = [{"part of the file": "oos_val" if n < 5 else "train", "column 1": f"how is it {n}", "column 2": "ab"[n % 2]}
            for n in range(20)]  # fmt: skip
    found = guessing.guess(made(*rows, kind="JSON"))
    assert found.columns == {"part of the file": "split", "column 1": "user", "column 2": "label"}
    row = mapping.apply(found, 1, rows[0])
    assert isinstance(row, Valid) and row.conversation.split == "validation"


@pytest.mark.parametrize(
    ("value", "side"),
    [("Train", "train"), ("oos_val", "validation"), ("dev-set", "validation"), ("TEST", "test"), ("", ""), ("x", None)],
)
def test_sides_are_understood_by_their_words(value, side):
    assert split(value) == side


def test_messages_without_answers_stand_in_for_them_with_a_tag():
    rows = [{"text": "Your parcel is late."}, {"text": "Your lamp is here."}]
    found = guessing.guess(made(*rows, kind="Text"))
    assert found.unanswered
    row = mapping.apply(found, 1, rows[0])
    assert isinstance(row, Valid) and row.conversation.tags == (TO_WRITE,)
    assert [m["content"] for m in row.conversation.messages] == ["Your parcel is late."] * 2


def test_what_a_mapping_lacks_is_said():
    assert "as the answer" in Mapping({"a": "user"}).missing
    assert "what the user says" in Mapping({"a": "tags"}).missing
    with pytest.raises(Problem, match="cannot both be"):
        mapping.checked(Mapping({"a": "assistant", "b": "assistant"}))


def test_an_empty_cell_a_new_column_a_strange_side_and_weight_are_rejected_with_their_reason():
    found = Mapping({"q": "user", "a": "assistant", "side": "split", "w": "weight"})
    codes = [
        mapping.apply(found, 1, row).code  # type: ignore[union-attr]
        for row in (
            {"q": "x", "a": " "},
            {"q": "x", "a": "y", "new": "z"},
            {"q": "x", "a": "y", "side": "left"},
            {"q": "x", "a": "y", "w": "2"},
        )
    ]
    assert codes == ["empty-cell", "unknown-column", "bad-split", "bad-weight"]


def test_an_answer_that_is_not_to_be_learned_gets_its_weight():
    row = {"history": [["a", "b"]], "q": "x", "a": "y", "w": "0"}
    found = Mapping({"history": "conversation", "q": "user", "a": "assistant", "w": "weight"})
    kept = mapping.apply(found, 1, row)
    assert isinstance(kept, Valid) and [m.get("weight") for m in kept.conversation.messages] == [None, None, None, 0]


def test_the_rejected_row_holds_what_could_be_put_together():
    found = mapping.apply(Mapping({"q": "user", "a": "assistant", "s": "split"}), 4, {"q": "x", "a": "y", "s": "left"})
    assert isinstance(found, Reject) and json.loads(found.content)["messages"][1]["content"] == "y"


def test_a_mapping_is_remembered_for_files_with_the_same_columns(store):
    table = made({"frage": "a", "text": "b"})
    assert mappings.proposed(store, table)[1] is False
    mappings.keep(store, table.shape, Mapping({"frage": "tags", "text": "user"}), "ada")
    again, known = mappings.proposed(store, made({"text": "c", "frage": "d"}))
    assert known and again.columns == {"text": "user", "frage": "tags"}


def test_a_mapping_survives_being_written_down():
    one = Mapping({"a": "user", "b": ""}, system="Be kind.", header=False)
    assert mapping.from_json(json.loads(json.dumps(one.json()))) == one


cell = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.floats(),
    some.text(max_size=20),
    some.sampled_from(["train", "User: a\nAssistant: b", '[{"role": "user"}]', "\ud800", "{", "[INST] a [/INST]"]),
    some.recursive(
        some.text(max_size=5) | some.none() | some.integers(),
        lambda inner: (
            some.lists(inner, max_size=3)
            | some.dictionaries(
                some.sampled_from(["role", "content", "from", "value", "messages", "x"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
)
names = some.sampled_from(
    ["messages", "prompt", "answer", "label", "tags", "split", "tools", "weight", "rejected", "x"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.lists(some.dictionaries(names, cell, max_size=5), min_size=1, max_size=8), some.randoms())
def test_any_table_through_any_mapping_gives_one_verdict_a_row_and_never_raises(rows, chance):
    table = made(*rows)
    for found in (guessing.guess(table), Mapping({name: chance.choice(list(FIELDS)) for name in table.columns})):
        verdicts = [mapping.apply(found, row.line, row.values) for row in table.rows()]
        assert len(verdicts) == len(rows)
        assert all(isinstance(one, Valid | Reject) for one in verdicts)
        for one in verdicts:
            (one.content if isinstance(one, Reject) else json.dumps(one.conversation.messages)).encode()


def test_random_files_through_records_lose_no_row(tmp_path: Path):
    chance = random.Random(7)
    for n in range(60):
        rows = [["q", "a"]] + [
            ["".join(chance.choice('ab ",\n;') for _ in range(8)) for _ in range(2)] for _ in range(9)
        ]
        path = tmp_path / f"{n}.csv"
        path.write_text("\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows))
        filled = sum(any(cell.strip() for cell in row) for row in rows[1:])
        found = list(formats.records(path, Mapping({"q": "user", "a": "assistant"}, header=True)))
        assert len(found) == filled


def test_a_worse_answer_stays_with_its_example(store, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"prompt": "Where?", "chosen": "Here.", "rejected": "No."}) + "\n")
    found = guessing.guess(formats.open_table(path))
    datasets.bring_in(store, path, "pairs", "ada", mapping=found)
    (one,), _ = examples.find(store, "pairs")
    assert (one.answer, one.worse) == ("Here.", [{"role": "assistant", "content": "No."}])


def test_chats_in_one_text_are_parted_by_rules_and_by_blank_lines():
    text = "User: a\nAssistant: b\n---\nUser: c\n\nAssistant: d\n\nUser: e\n\nAssistant: f"
    assert [line for line, _ in transcripts.chats(text)] == [1, 4]
    assert len(transcripts.spoken(transcripts.chats(text)[1][1]) or []) == 4


CLINC = Path(__file__).parents[2] / "shared" / "data" / "clinc150" / "data_full.json"


@pytest.mark.skipif(not CLINC.exists(), reason="the CLINC150 data is not beside the project")
def test_clinc150_comes_in_by_its_guess_alone(store):
    table = formats.open_table(CLINC)
    found = guessing.guess(table)
    assert list(found.columns.values()) == ["split", "user", "label"]
    done = datasets.bring_in(store, CLINC, "intents", "ada", mapping=found)
    assert (done.added + done.known, done.rejected) == (23_700, 0)
    rows = store.rows("select split, count(*) as n from example group by split order by split")
    assert {row["split"]: row["n"] for row in rows}.keys() == {"train", "validation", "test"}


def test_a_source_can_be_text_alone():
    assert Source("pasted", content=b"abc").size == 3


def test_a_jsonl_of_which_nothing_can_be_read_needs_no_mapping(tmp_path):
    (tmp_path / "latin.jsonl").write_bytes('{"messages": "caf\xe9"}\n'.encode("latin-1"))
    assert guessing.guess(formats.open_table(tmp_path / "latin.jsonl")) == Mapping(as_is=True)
