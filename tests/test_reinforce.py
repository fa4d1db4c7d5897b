"""Learning from what answers are paid: what is refused, what is told, what is learned, and that nothing is lost."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import jobs
from engine.problems import Problem
from engine.training import train
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.material import pairs, rewards
from engine.training.methods import reinforce
from engine.training.settings import GRPO, TrainSpec
from tests import tiny
from tests.teaching import teacher
from tests.test_preference import STARTER, TONE, assert_same, gone, ran, started, told, wait_for_step, weights
from tests.test_tools import LOOK, WRITTEN, said, written

ASKED = [{"messages": [{"role": "user", "content": f"Where is order {n}?"}]} for n in range(12)]
SHORT = {"kind": "length", "most": 2}


@pytest.fixture(scope="module")
def words(base: Path) -> Template:
    return template.load(str(base))


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    return TrainSpec(
        base=str(base),
        train=str(tiny.jsonl(tmp_path / "train.jsonl", ASKED)),
        validation=str(tiny.jsonl(tmp_path / "validation.jsonl", ASKED[:3])),
        method=GRPO,
        rewards=[SHORT],
        steps=4,
        batch_size=2,
        group=4,
        answer_tokens=6,
        evaluate_every=2,
        checkpoint_every=2,
        learning_rate=1e-2,
        beta=0.02,
    )


def test_a_prompt_ends_where_the_assistant_is_to_speak(words: Template, tmp_path: Path) -> None:
    """With and without a last answer, which is the reference and never shown to the model."""
    answered = tiny.conversation("Where is order 0?", "On its way.")
    file = tiny.jsonl(tmp_path / "tasks.jsonl", [ASKED[0], answered])
    one, other = pairs.read_tasks(file, words, 64, rewards.read([SHORT])).accepted()
    assert one.tokens == other.tokens and words.tokenizer.decode(one.tokens) == "Where is order 0?"
    assert not any(one.trained)


@pytest.mark.parametrize(
    ("row", "reward", "why"),
    [
        (ASKED[0], {"kind": "exact"}, r"Reward 1 \(exact\) cannot be paid: it has no expected text"),
        ({"messages": [{"role": "user", "content": "Long. " * 40}]}, SHORT, "tokens, and at most 64 leave room"),
        ({"messages": [{"role": "assistant", "content": "Hello."}]}, SHORT, "no message to answer"),
        ({"messages": []}, SHORT, 'no "messages"'),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused_by_line(
    row: dict[str, Any], reward: dict[str, Any], why: str, words: Template, tmp_path: Path
) -> None:
    data = pairs.read_tasks(tiny.jsonl(tmp_path / "tasks.jsonl", [row]), words, 64, rewards.read([reward]))
    with pytest.raises(Problem, match=rf"tasks\.jsonl line 1: .*{why}"):
        data.accepted()


def test_a_run_without_rewards_is_refused_before_anything_is_loaded(spec: TrainSpec, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No reward is set"):
        ran(tmp_path / "run", replace(spec, rewards=[]))


def test_answers_that_leave_no_room_for_a_prompt_are_refused(spec: TrainSpec, words: Template) -> None:
    with pytest.raises(Problem, match="leave no room"):
        reinforce.read(replace(spec, answer_tokens=600), words, rewards.read([SHORT]))


def test_a_run_tells_what_it_tries_and_what_is_paid(spec: TrainSpec, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", spec)
    steps, looks = told(tmp_path / "run", "step"), told(tmp_path / "run", "validation")
    assert [event["step"] for event in steps] == [1, 2, 3, 4] and [look["step"] for look in looks] == [0, 2, 4]
    for event in steps:
        assert event["loss"] == pytest.approx(1 - event["metrics"]["reward"], abs=1e-4)
        assert event["metrics"].keys() >= {"reward", "spread", "same", "kl", "unknown", "policy_loss"}
    for look in looks:
        assert look["n"] == 3 and look["loss"] == pytest.approx(1 - look["metrics"]["reward"], abs=1e-4)
    assert result["metrics"] == min(looks, key=lambda look: look["loss"])["metrics"]
    assert "Only the length is paid" in told(tmp_path / "run", "warning")[0]["why"]
    assert told(tmp_path / "run", "sample")[0]["prompt"] == "Where is order 0?"
    assert (Path(result["adapter"]) / "README.md").exists() and not (tmp_path / "run" / "trainer").exists()


def test_what_is_paid_for_a_call_is_what_a_server_would_read(words: Template, tmp_path: Path) -> None:
    """Through what TRL asks: token ids go in, payments come out."""
    by = written(WRITTEN["hermes"], tokenizer=words.tokenizer)
    expected = {"tool_calls": [{"function": {"name": "look", "arguments": LOOK.arguments}}]}
    row = {**ASKED[0], "tools": [template.TOOL], "expected": expected}
    paid = rewards.read([{"kind": "tool"}])
    tasks = pairs.read_tasks(tiny.jsonl(tmp_path / "tasks.jsonl", [row]), by, 512, paid)
    trainer = reinforce.Reinforcing.__new__(reinforce.Reinforcing)  # it pays without a model
    trainer.pay_by(paid, by, tasks, None)
    tried = [said(by, LOOK), said(written(WRITTEN["mistral v13"]), LOOK), "It is on its way."]
    ids = [[*tokens, by.end_token, 7] for tokens in by.ids(tried)]
    assert trainer.rate(["0"] * 3, ids) == [1.0, 0.0, 0.0]


def test_where_all_answers_are_paid_the_same_it_says_that_nothing_is_learned(spec: TrainSpec, tmp_path: Path) -> None:
    never = {"kind": "regex", "pattern": "Rumpelstiltskin"}
    ran(tmp_path / "run", replace(spec, rewards=[never], steps=8, validation="", answer_tokens=2))
    assert {event["metrics"]["same"] for event in told(tmp_path / "run", "step")} == {1.0}
    (warning,) = told(tmp_path / "run", "warning")
    assert warning["step"] == 8 and "100% of the groups of the last 8 steps" in warning["why"]


def test_answers_that_a_judge_could_not_pay_are_left_out_and_counted(spec: TrainSpec, tmp_path: Path) -> None:
    """The judge fails on every third call; the mean of the others is not lowered."""
    calls: list[Any] = []

    def said(_: Any) -> str:
        calls.append(None)
        return "I cannot say." if len(calls) % 3 == 0 else "SCORE: 8"

    with teacher(said) as url:
        judge = {"kind": "judge", "url": url, "model": "teacher", "rubric": "Be kind."}
        ran(tmp_path / "run", replace(spec, rewards=[judge, {**SHORT, "most": 99}], steps=2, validation=""))
    for event in told(tmp_path / "run", "step"):
        assert event["metrics"]["unknown"] in (2, 3) and event["metrics"]["reward"] == pytest.approx(0.9)
    assert any("of 8 answers could not be paid" in event["why"] for event in told(tmp_path / "run", "warning"))


def test_a_judge_that_never_answers_ends_the_run_with_its_reason(spec: TrainSpec, tmp_path: Path) -> None:
    with teacher(lambda _: 400) as url:
        judge = {"kind": "judge", "url": url, "model": "teacher", "rubric": "Be kind."}
        with pytest.raises(Problem, match=r"No answer could be paid at step 1\. The judge did not answer"):
            ran(tmp_path / "run", replace(spec, rewards=[judge], validation=""))


@pytest.mark.slow
def test_one_killed_at_any_moment_ends_where_an_undisturbed_one_ends(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(spec, steps=10, evaluate_every=5, checkpoint_every=4)
    undisturbed = ran(tmp_path / "undisturbed", spec)
    job = started(tmp_path, spec)
    wait_for_step(job, 6)
    os.kill(json.loads((job.folder / "process.json").read_text())["pid"], signal.SIGKILL)
    gone(job)
    assert job.state == jobs.FAILED
    result = train.run(job.folder)
    assert told(job.folder, "resumed")[0]["step"] >= 4
    assert result["loss"] == pytest.approx(undisturbed["loss"], abs=1e-3)
    assert (result["tokens"], result["best_step"]) == (undisturbed["tokens"], undisturbed["best_step"])
    assert_same(weights(result), weights(undisturbed))


@pytest.mark.slow
def test_on_the_starter_held_out_answers_earn_more(tmp_path: Path) -> None:
    """Short answers are paid; the starter repeats the message. The rise is many times its standard error over the
    same 24 held-out prompts."""

    def asked(side: str, n: int) -> str:
        rows = [json.loads(line) for line in (TONE / f"{side}.jsonl").read_text().splitlines()]
        chosen = [{"messages": row["messages"][:1]} for row in rows[:: len(rows) // n][:n]]
        return str(tiny.jsonl(tmp_path / f"{side}.jsonl", chosen))

    spec = TrainSpec(
        base=str(STARTER),
        train=asked("train", 96),
        validation=asked("validation", 24),
        method=GRPO,
        rewards=[{"kind": "length", "most": 5}],
        steps=24,
        batch_size=4,
        group=8,
        answer_tokens=32,
        evaluate_every=12,
        learning_rate=2e-3,
        beta=0.01,
    )
    result = ran(tmp_path / "run", spec)
    before = told(tmp_path / "run", "validation")[0]["metrics"]
    error = before["spread"] / 24**0.5
    assert result["metrics"]["reward"] > before["reward"] + max(0.15, 3 * error)
