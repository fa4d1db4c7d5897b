"""A repair is valid or there is none; it keeps every word, unless what it takes away is said."""

import json
import random
import re
from typing import Any

import pytest

from engine.checking import repairs
from engine.data.rows import Reject, Valid, read_line

PAIR = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}]
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}


def call(id: object = "TX92Jm8Zi", arguments: object = "{}", **more: object) -> dict[str, object]:
    return {"id": id, "type": "function", "function": {"name": "find", "arguments": arguments}, **more}


def calling(made: dict[str, object], answered: str = "TX92Jm8Zi", **more: object) -> dict[str, Any]:
    return {
        "messages": [
            PAIR[0],
            {"role": "assistant", "tool_calls": [made], **more},
            {"role": "tool", "content": "[]", "tool_call_id": answered},
            PAIR[1],
        ],
        "tools": [TOOL],
    }


def judged(row: object) -> Valid | Reject:
    line = row if isinstance(row, bytes) else row.encode() if isinstance(row, str) else json.dumps(row).encode()
    return read_line(1, line)


def mended(row: object) -> Any:
    found = judged(row)
    assert isinstance(found, Reject), "it is valid as it is"
    assert repairs.said(found.code) or found.repair is None
    return None if found.repair is None else json.loads(found.repair)


@pytest.mark.parametrize(
    "row",
    [
        '{"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."},]}',
        '{"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}',
        "{'messages': [{'role': 'user', 'content': 'Where is it?'}, {'role': 'assistant', 'content': 'On its way.'}]}",
        '{"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}]},',
        '{"messages": [{"role": "user", "role": "user", "content": "Where is it?"}, '
        '{"role": "assistant", "content": "On its way."}]}',
        {"messages": [{"role": "Human", "content": "Where is it?"}, {"role": "GPT", "content": "On its way."}]},
        {"conversations": [{"from": "human", "value": "Where is it?"}, {"from": "gpt", "value": "On its way."}]},
        {"conversation": {"messages": PAIR}},
        {"prompt": "Where is it?", "completion": "On its way."},
        {"instruction": "Where is it?", "input": "", "output": "On its way."},
        {"id": 7, "messages": PAIR},
        {"messages": [*PAIR, PAIR[0]]},
        {"messages": [*PAIR, {"role": "user", "content": " "}]},
        {"messages": [{**PAIR[0], "name": "bo"}, PAIR[1]]},
        PAIR,
    ],
)
def test_rows_that_nearly_say_it_become_the_same_conversation(row):
    assert mended(row)["messages"] == PAIR


def test_messages_of_one_speaker_become_one():
    found = mended({"messages": [PAIR[0], {"role": "user", "content": "Hello?"}, PAIR[1]]})
    assert found["messages"] == [{"role": "user", "content": "Where is it?\n\nHello?"}, PAIR[1]]


def test_a_late_system_prompt_goes_to_the_beginning():
    system = {"role": "system", "content": "Be brief."}
    assert mended({"messages": [PAIR[0], system, PAIR[1]]})["messages"] == [system, *PAIR]


def test_ids_become_nine_signs_the_same_in_call_and_result():
    found = mended(calling(call("call_abc_1"), "call_abc_1"))["messages"]
    new = found[1]["tool_calls"][0]["id"]
    assert found[2]["tool_call_id"] == new and re.fullmatch("[a-zA-Z0-9]{9}", new)
    assert mended(calling(call("call_abc_1"), "call_abc_1"))["messages"] == found


def test_arguments_become_text_and_the_index_of_a_call_goes():
    found = mended(calling(call(arguments={"a": "é"}, index=0)))["messages"]
    assert found[1]["tool_calls"] == [call(arguments='{"a": "é"}')]


def test_content_beside_calls_goes_only_where_it_is_empty():
    assert "content" not in mended(calling(call(), content=""))["messages"][1]
    assert mended(calling(call(), content="I look.")) is None


def test_windows_text_is_read_as_it_was_written():
    line = json.dumps({"messages": PAIR}).encode().replace(b"way.", b"way: caf\xe9 5 \x80.")
    assert mended(line)["messages"][1]["content"] == "On its way: café 5 €."


@pytest.mark.parametrize(
    "row",
    [
        '{"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its w',
        '{"messages": [{"role": "user", "content": "a", "content": "b"}, {"role": "assistant", "content": "c"}]}',
        "{'messages': [{'role': 'user', 'content': 'a', 'content': 'b'}, {'role': 'assistant', 'content': 'c'}]}",
        {"messages": PAIR[:1]},
        {"messages": PAIR, "context": "A long text that somebody wrote and that may well matter. " * 4},
        calling(call(), answered="AAAAAAAAA"),
        {"messages": calling(call())["messages"]},
        "7",
        "hello",
    ],
)
def test_where_nobody_knows_there_is_no_repair(row):
    assert mended(row) is None


def words(value: object) -> set[str]:
    """Every word that stands in a text of a value."""
    if isinstance(value, str):
        return set(re.findall(r"\w+", value))
    if isinstance(value, dict | list):
        return set().union(*map(words, value.values() if isinstance(value, dict) else value))
    return set()


def spoilt(chance: random.Random) -> tuple[Any, set[str]]:
    """A row with some faults of the kinds that people make, and the words that were spoken in it before its end."""
    turns = []
    for n in range(chance.randint(1, 4)):
        turns += [
            {"role": "user", "content": f"ask{n} word{chance.random()}"},
            {"role": "assistant", "content": f"say{n}"},
        ]
    kept = words([turn["content"] for turn in turns])
    row: dict[str, Any] = {"messages": turns}
    for fault in chance.sample(range(9), chance.randint(1, 3)):
        if fault == 0:
            names = chance.choice([("human", "gpt"), ("User", "Assistant"), ("prompter", "bot")])
            for turn in turns:
                turn["role"] = {"user": names[0], "assistant": names[1]}.get(turn["role"], turn["role"])
        elif fault == 1:
            for turn in turns:
                turn["value"] = turn.pop("content", turn.pop("value", ""))
        elif fault == 2:
            row["id"] = chance.random()
        elif fault == 3:
            turns.append({"role": "user", "content": "left over"})
        elif fault == 4:
            turns.insert(chance.randint(0, len(turns)), {"role": "system", "content": "be brief"})
        elif fault == 5:
            turns.insert(chance.randint(0, len(turns)), {"role": "user", "content": "  "})
        elif fault == 6:
            row = {("conversations" if key == "messages" else key): value for key, value in row.items()}
        elif fault == 7:
            for turn in turns:
                turn["weight"] = None
        else:
            row["split"] = "Valid"
    return row, kept


def test_a_repair_keeps_every_word_or_is_none():
    chance = random.Random(11)
    repaired = 0
    for _ in range(3000):
        row, kept = spoilt(chance)
        found = judged(row)
        if isinstance(found, Valid) or found.repair is None:
            continue
        repaired += 1
        assert isinstance(judged(found.repair), Valid)
        assert kept <= words(json.loads(found.repair)["messages"]), row
    assert repaired > 2000


def test_a_repair_of_damaged_text_keeps_every_word_that_is_left():
    chance = random.Random(12)
    whole = json.dumps({"messages": [*PAIR, *PAIR], "tags": ["a"]})
    for _ in range(2000):
        place, end = chance.randrange(len(whole)), chance.randint(1, 3)
        text = whole[:place] + chance.choice(["", ",", "]", "}", '"', "\n", "'"]) + whole[place + end - 1 :]
        found = judged(text)
        if isinstance(found, Reject) and found.repair is not None:
            assert isinstance(judged(found.repair), Valid)
            left = {word for word in re.findall(r"\w+", text) if word in {"Where", "is", "it", "On", "its", "way"}}
            assert left <= words(json.loads(found.repair)), text
