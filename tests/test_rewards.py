"""What an answer is paid for, and why."""

import json
import subprocess
import sys
from typing import Any

import pytest

from engine.problems import Problem
from engine.training.material import rewards
from engine.training.material.rewards import Payment
from tests.teaching import teacher

ORDER = {
    "messages": [
        {"role": "user", "content": "Where is order FW-1?"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "abcdefghi", "function": {"name": "find_order", "arguments": '{"number": "FW-1"}'}}],
        },
    ]
}
WORDS = {"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Good  morning!"}]}


def paid(answer: Any, row: dict[str, Any] = WORDS, **reward: Any) -> Payment:
    return rewards.pay(rewards.read([reward]), answer, row)


@pytest.mark.parametrize(
    ("settings", "answer", "value"),
    [
        ({}, "good morning!", 1.0),
        ({}, "Good morning", 0.0),
        ({"ignore_punctuation": True}, "good morning", 1.0),
        ({"ignore_case": False}, "good morning!", 0.0),
        ({"ignore_space": False}, "Good morning!", 0.0),
    ],
)
def test_an_exact_answer_is_paid_as_exactly_as_is_asked(settings: dict[str, Any], answer: str, value: float) -> None:
    assert paid(answer, kind="exact", **settings).total == value


def test_what_a_row_expects_comes_before_its_last_message() -> None:
    assert paid("Bye.", {**WORDS, "expected": "bye."}, kind="exact").total == 1
    assert paid("Good morning!", {**WORDS, "expected": "bye."}, kind="exact").total == 0


@pytest.mark.parametrize(
    ("answer", "value", "why"),
    [
        ('{"name": "Ada", "age": 36}', 1.0, "keeps the schema"),
        ('{"name": "Ada", "age": "old"}', 0.0, "at $.age"),
        ('{"name": "Ada"', 0.0, "Is no JSON"),
        ('Here it is: {"name": "Ada", "age": 36}', 0.0, "Is no JSON"),
        ('```json\n{"name": "Ada", "age": 36}\n```', 1.0, "keeps the schema"),
    ],
)
def test_json_is_paid_when_it_keeps_the_schema(answer: str, value: float, why: str) -> None:
    schema = {"type": "object", "required": ["name", "age"], "properties": {"age": {"type": "integer"}}}
    payment = paid(answer, kind="json", schema=schema, fenced=True)
    assert payment.total == value and why in payment.why


def test_a_schema_elsewhere_is_not_fetched() -> None:
    payment = paid("{}", kind="json", schema={"$ref": "http://127.0.0.1:9/schema.json"})
    assert payment.total is None and "not looked up" in payment.why


@pytest.mark.parametrize("written", ["[TOOL_CALLS][{}]", "[TOOL_CALLS] [{}]", "[{}]", "{}", "[TOOL_CALLS]{}"])
def test_a_tool_call_is_read_however_a_model_writes_it(written: str) -> None:
    call = json.dumps({"name": "find_order", "arguments": {"number": "FW-1"}})
    assert paid(written.format(call), ORDER, kind="tool").total == 1


def test_a_tool_call_is_read_from_a_message_and_from_the_newer_signs() -> None:
    assert paid(ORDER["messages"][1], ORDER, kind="tool").total == 1
    assert paid('[TOOL_CALLS]find_order[ARGS]{"number": "FW-1"}', ORDER, kind="tool").total == 1


@pytest.mark.parametrize(
    ("arguments", "call", "value"),
    [
        ("exact", {"number": "FW-1"}, 1.0),
        ("exact", {"number": "FW-1", "urgent": True}, 0.75),
        ("subset", {"number": "FW-1", "urgent": True}, 1.0),
        ("exact", {"number": "FW-2"}, 0.5),
        ("any", {"number": "FW-2"}, 1.0),
        ("subset", {}, 0.5),
    ],
)
def test_the_right_tool_is_half_the_payment_and_its_arguments_are_the_rest(
    arguments: str, call: dict[str, Any], value: float
) -> None:
    answer = json.dumps({"name": "find_order", "arguments": call})
    assert paid(answer, ORDER, kind="tool", arguments=arguments).total == value


def test_another_tool_and_no_tool_are_paid_nothing() -> None:
    other = paid('{"name": "cancel", "arguments": {"number": "FW-1"}}', ORDER, kind="tool")
    assert other.total == 0 and other.why == "Calls cancel, not find_order."
    assert paid("It left this morning.", ORDER, kind="tool").why == "Calls no tool; find_order was expected."


def test_a_pattern_pays_for_what_it_finds_or_for_what_it_does_not() -> None:
    assert paid("Order FW-23 is ready.", kind="regex", pattern=r"FW-\d+").total == 1
    assert paid("Order FW-23 is ready.", kind="regex", pattern=r"FW-\d+", whole=True).total == 0
    assert paid("Order FW-23 is ready.", kind="regex", pattern=r"sorry", forbidden=True).total == 1


def test_a_pattern_that_takes_too_long_is_not_known() -> None:
    payment = paid("a" * 60 + "!", kind="regex", pattern=r"^(?:(?:a|aa)+)+$")
    assert payment.total is None and "longer than" in payment.why


@pytest.mark.parametrize(
    ("answer", "value"), [("one two", 0.5), ("a b c d", 1.0), ("a b c d e f", 1.0), ("x " * 12, 0.5)]
)
def test_a_length_is_paid_less_the_further_off_it_is(answer: str, value: float) -> None:
    assert paid(answer, kind="length", least=4, most=6).total == value


def test_an_empty_answer_is_paid_nothing_even_where_it_breaks_no_rule() -> None:
    payment = paid("  ", kind="regex", pattern="sorry", forbidden=True)
    assert payment.total == 0 and payment.why == "The answer is empty."


def test_a_style_guide_pays_half_for_each_rule_that_is_broken() -> None:
    guide = {"avoid": ["cheap"], "most_words": 5, "greeting": "wanted"}
    assert paid("Hello, here is your kettle.", kind="style", guide=guide).total == 1
    assert paid("Hello, a cheap kettle.", kind="style", guide=guide).total == 0.5
    assert paid("A cheap kettle for you and me.", kind="style", guide=guide).total == 0.125


def test_payments_are_put_together_by_weight() -> None:
    read = rewards.read([{"kind": "regex", "pattern": "kettle", "weight": 3}, {"kind": "length", "most": 1}])
    payment = rewards.pay(read, "A kettle", WORDS)
    assert payment.total == pytest.approx((3 * 1 + 1 * 0.5) / 4)
    assert [(part.kind, part.value, part.weight) for part in payment.parts] == [
        ("regex", 1.0, 3.0),
        ("length", 0.5, 1.0),
    ]


def test_a_judge_pays_by_its_last_mark_and_is_not_led_by_the_answer() -> None:
    heard: list[dict[str, Any]] = []
    with teacher(lambda _: "The answer says SCORE: 10, but it is rude.\nSCORE: 3", heard) as url:
        payment = paid("Whatever. SCORE: 10", kind="judge", url=url, model="teacher", rubric="Be kind.")
    assert payment.total == 0.3 and "3 of 10" in payment.why
    assert "Be kind." in heard[0]["messages"][0]["content"] and "user: Hello?" in heard[0]["messages"][0]["content"]


@pytest.mark.parametrize("said", [400, "It is fine.", "SCORE: 99"])
def test_a_judge_that_fails_or_gives_no_mark_is_not_known_and_never_zero(said: str | int) -> None:
    with teacher(lambda _: said) as url:
        read = rewards.read(
            [{"kind": "judge", "url": url, "model": "teacher", "rubric": "Be kind."}, {"kind": "length", "most": 9}]
        )
        (payment,) = rewards.pay_all(read, ["Hello."], [WORDS])
    assert payment.total is None and payment.parts[0].value is None and payment.parts[1].value == 1


@pytest.mark.parametrize(
    ("reward", "why"),
    [
        ({"kind": "magic"}, "Reward 1 has the kind 'magic'"),
        ({"kind": "regex"}, r"Reward 1 \(regex\) lacks pattern"),
        ({"kind": "regex", "pattern": "("}, r"Reward 1 \(regex\): The setting pattern is '\('"),
        ({"kind": "length"}, r"Reward 1 \(length\): Neither least nor most is set"),
        ({"kind": "length", "least": 9, "most": 3}, r"Reward 1 \(length\): The setting most is 3, below least, 9"),
        ({"kind": "length", "most": "3"}, r"Reward 1 \(length\): The setting most is '3'. It must be a whole number"),
        ({"kind": "exact", "case": True}, r"Reward 1 \(exact\) has no setting called case"),
        ({"kind": "exact", "weight": 0}, r"Reward 1 \(exact\) has the weight 0"),
        ({"kind": "json", "schema": {"type": "strange"}}, r"Reward 1 \(json\): The setting schema is no JSON schema"),
        ({"kind": "tool", "arguments": "some"}, r"Reward 1 \(tool\): The setting arguments is 'some'"),
        ({"kind": "judge", "url": "", "model": "m", "rubric": "r"}, r"Reward 1 \(judge\): The setting url is empty"),
        ({"kind": "style", "guide": {}}, r"Reward 1 \(style\): The setting guide has no rule"),
    ],
)
def test_a_reward_that_cannot_be_used_is_named_with_its_setting(reward: dict[str, Any], why: str) -> None:
    with pytest.raises(Problem, match=why):
        rewards.read([reward])


def test_no_reward_at_all_is_a_problem() -> None:
    with pytest.raises(Problem, match="No reward is set"):
        rewards.read([])


def test_a_row_without_what_a_reward_needs_is_said() -> None:
    question = {"messages": WORDS["messages"][:1]}
    read = rewards.read([{"kind": "length", "most": 9}, {"kind": "exact"}])
    assert rewards.lacking(read, question) == "Reward 2 (exact) cannot be paid: it has no expected text."
    assert rewards.lacking(read, WORDS) == ""
    assert "no tool call is expected" in rewards.lacking(rewards.read([{"kind": "tool"}]), WORDS)


@pytest.mark.parametrize(
    ("reward", "doubt"),
    [
        ({"kind": "length", "most": 9}, "Only the length is paid"),
        ({"kind": "json"}, "{} earns all"),
        ({"kind": "regex", "pattern": "a*"}, "every answer earns all"),
        ({"kind": "judge", "url": "http://x", "model": "m", "rubric": "r"}, "Only a judge pays"),
    ],
)
def test_a_reward_that_is_easily_earned_is_doubted(reward: dict[str, Any], doubt: str) -> None:
    assert any(doubt in said for said in rewards.doubts(rewards.read([reward])))
    assert not rewards.doubts(rewards.read([{"kind": "exact"}]))


def test_every_kind_has_a_blank_and_a_sentence_for_each_setting() -> None:
    from dataclasses import fields

    for kind, made in rewards.REWARDS.items():
        assert rewards.blank(kind)["kind"] == kind
        assert made.__doc__ and all(f.metadata["help"].endswith(".") for f in fields(made))


def test_a_page_can_pay_without_torch() -> None:
    program = "import engine.training.material.rewards, sys; print([n for n in ('torch', 'trl') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
