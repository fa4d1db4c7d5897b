"""Pairs: what preferences and rewards are learned from, read strictly. A row that cannot be used is refused by line.

    {"messages": [..., {"role": "assistant", "content": "better"}], "rejected": [{"role": "assistant", ...}]}
    {"messages": [..., {"role": "assistant", "content": "an answer"}], "good": false}      (kto)
    {"messages": [..., {"role": "user", "content": "a question"}], "expected": ...}        (grpo)

`rejected` stands in place of the last message. Learned is the last answer alone, and in it only what the assistant
says; what was said before is read. Knows no torch.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from engine.data.columns import REJECTED
from engine.problems import Problem
from engine.scoring.said import Answer
from engine.training.bases import calls
from engine.training.bases.calls import Form
from engine.training.bases.template import Message, Template
from engine.training.material import batches, rewards
from engine.training.material.batches import Data, Row, read_lines
from engine.training.material.rewards import Reward
from engine.training.settings import TrainSpec

GOOD = "good"
ANYTHING = {"role": "assistant", "content": "-"}  # stands for an answer that is still to be written


@dataclass(frozen=True)
class Pairs(Data):
    """`rows` are the better answers, each with its prompt; `worse` the worse ones to the same prompts."""

    worse: list[Row] = field(default_factory=list)

    @property
    def n_tokens(self) -> int:
        return sum(len(row.tokens) for row in (*self.rows, *self.worse))

    @property
    def n_trained(self) -> int:
        return sum(row.n_trained for row in (*self.rows, *self.worse))


@dataclass(frozen=True)
class Marked(Data):
    """Answers with their prompts, and for each whether it is a good one."""

    good: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Tasks(Data):
    """`rows` are prompts, of which no token is learned; `given` is what stood in their lines.

    `form` is how the base writes calls of tools; None where no prompt offers any.
    """

    given: list[dict[str, Any]] = field(default_factory=list)
    form: Form | None = None

    def answer(self, text: str, row: dict[str, Any]) -> Answer:
        """What a model wrote to a prompt, as a server reads it: where tools were offered, calls are told from words."""
        return self.form.message(text) if self.form and row.get("tools") else text


def read_pairs(path: Path, template: Template, max_tokens: int) -> Pairs:
    """A better and a worse answer to each prompt. Problem if there is no such file."""
    sha256, found, refused = read_lines(path, lambda given, line: _pair(given, template, max_tokens, line))
    return Pairs(path, sha256, [better for better, _ in found], refused, [worse for _, worse in found])


def read_marked(path: Path, template: Template, max_tokens: int) -> Marked:
    """Good and bad answers: from rows marked `good`, or from pairs, whose better answer is a good one."""
    sha256, found, refused = read_lines(path, lambda given, line: _marked(given, template, max_tokens, line))
    answers = [answer for both in found for answer in both]
    return Marked(path, sha256, [row for row, _ in answers], refused, [good for _, good in answers])


def room(spec: TrainSpec, words: Template) -> int:
    """Tokens that are left for a prompt when its answer has its own. Problem when there are none."""
    most = min(spec.max_tokens, words.context or spec.max_tokens) - spec.answer_tokens
    if most < 1:
        raise Problem(
            f"Answers of {spec.answer_tokens} tokens leave no room for a prompt.",
            f"Together they may have {spec.max_tokens}.",
            "Lower answer_tokens or raise max_tokens.",
        )
    return most


def read_tasks(path: Path, template: Template, most: int, paid: list[Reward]) -> Tasks:
    """Prompts of at most `most` tokens that can be paid for by these rewards."""
    form = cache(lambda: calls.form(template))

    def task(given: dict[str, Any], line: int) -> tuple[Row, dict[str, Any]]:
        row = _task(given, template, most, paid, line)
        if given.get("tools"):
            form()  # a Problem where calls could not be told from words
        return row, given

    sha256, found, refused = read_lines(path, task)
    rows, lines = [row for row, _ in found], [given for _, given in found]
    return Tasks(path, sha256, rows, refused, lines, form() if any(one.get("tools") for one in lines) else None)


def _pair(given: dict[str, Any], template: Template, max_tokens: int, line: int) -> tuple[Row, Row]:
    history, last = _parted(given)
    if last is None:
        raise Problem("Its last message is not the assistant's, so there is no better answer.")
    if last.get("weight", 1) == 0:
        raise Problem("Its better answer has the weight 0, so there is nothing to prefer.")
    worse = given.get(REJECTED)
    if not isinstance(worse, list) or not worse or not all(isinstance(message, dict) for message in worse):
        raise Problem('It has no "rejected", the worse answer as a list of messages.')
    if worse[0].get("role") != "assistant" or worse[-1].get("role") != "assistant":
        raise Problem("Its worse answer does not begin and end with a message of the assistant.")
    better_row = _row(history, [last], given, template, max_tokens, line)
    try:
        worse_row = _row(history, worse, given, template, max_tokens, line)
    except Problem as problem:
        raise Problem(f"Its worse answer cannot be used: {problem.what}", problem.why, problem.do) from problem
    if better_row.tokens == worse_row.tokens:
        raise Problem("Both answers are the same, so neither can be preferred.", do="Change one, or remove the row.")
    if prompt(better_row) != prompt(worse_row):
        raise Problem("The base's chat template writes the prompt differently for its two answers.")
    return better_row, worse_row


def _marked(given: dict[str, Any], template: Template, max_tokens: int, line: int) -> list[tuple[Row, bool]]:
    if GOOD in given and REJECTED in given:
        raise Problem('It has both "good" and "rejected".', do="Keep one of them.")
    if REJECTED in given:
        better, worse = _pair(given, template, max_tokens, line)
        return [(better, True), (worse, False)]
    if not isinstance(given.get(GOOD), bool):
        raise Problem(
            'It says neither "good": true or false, nor "rejected".', "Nobody knows what its answer is worth."
        )
    history, last = _parted(given)
    if last is None:
        raise Problem("Its last message is not the assistant's, so there is no answer that is good or bad.")
    return [(_row(history, [last], given, template, max_tokens, line), given[GOOD])]


def _task(given: dict[str, Any], template: Template, most: int, paid: list[Reward], line: int) -> Row:
    history, _ = _parted(given)
    if not history:
        raise Problem("It has no message to answer.")
    tokens = prompt(_row(history, [ANYTHING], given, template, template.context or most + 1_000_000, line))
    if len(tokens) > most:
        raise Problem(
            f"Its prompt has {len(tokens)} tokens, and at most {most} leave room for an answer.",
            do="Shorten it, lower answer_tokens, or raise max_tokens.",
        )
    if lack := rewards.lacking(paid, given):
        raise Problem(lack)
    return Row(line, tokens, [0] * len(tokens))


def _parted(given: dict[str, Any]) -> tuple[list[Message], Message | None]:
    """What was said before the last answer, none of it learned, and that answer, if there is one."""
    messages = given.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise Problem('It has no "messages", a list of objects with "role" and "content".')
    last = messages[-1] if messages[-1].get("role") == "assistant" else None
    before = messages[:-1] if last else messages
    return [{**m, "weight": 0} if m.get("role") == "assistant" else m for m in before], last


def _row(
    history: list[Message],
    answer: list[Message],
    given: dict[str, Any],
    template: Template,
    max_tokens: int,
    line: int,
) -> Row:
    whole = {"messages": [*history, *answer], "tools": given.get("tools")}
    return batches.row(whole, template, max_tokens, line)


def prompt(row: Row) -> list[int]:
    """The tokens before the first that is learned."""
    return row.tokens[: row.trained.index(1)]
