"""Batches: conversations become rows that batches are made of: token ids with a loss mask.

Learned is what the assistant says, its end token included, unless the message carries `"weight": 0`.
A row that cannot be learned from is refused with its line, never dropped in silence or cut short.
Knows no torch: `engine.training.forecast.plan` and `engine.training.learn` read the same rows.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tokenizers.decoders import DecodeStream

from engine.problems import Problem
from engine.training.bases.template import Message, Template

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One conversation: token ids, and for each of them 1 if it is learned, 0 if it is only read."""

    line: int
    tokens: list[int]
    trained: list[int]

    @property
    def n_trained(self) -> int:
        return sum(self.trained)


@dataclass(frozen=True)
class Refused:
    """A line that cannot be learned from."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.why}"


@dataclass(frozen=True)
class Data:
    """One file, read: what can be learned from, what cannot, and the hash of its bytes."""

    path: Path
    sha256: str
    rows: list[Row]
    refused: list[Refused]

    @property
    def n_tokens(self) -> int:
        return sum(len(row.tokens) for row in self.rows)

    @property
    def n_trained(self) -> int:
        return sum(row.n_trained for row in self.rows)

    def accepted(self) -> list[Row]:
        """All rows. Problem if there is none, or if one was refused: nobody trains on less than they think."""
        if self.refused:
            first, more = self.refused[0], len(self.refused) - 1
            others = ", ".join(str(one.line) for one in self.refused[1:9])
            raise Problem(
                f"{self.path.name} line {first.line}: {first.why}",
                f"{more} more cannot be used: line {others}{' and so on' if more > 8 else ''}." if more else "",
            )
        if not self.rows:
            raise Problem(f"{self.path.name} has no examples.", do="Give at least one conversation, one a line.")
        return self.rows


def read(path: Path, template: Template, max_tokens: int) -> Data:
    """The rows of a JSONL file of conversations. Problem if there is no such file."""
    sha256, rows, refused = read_lines(path, lambda given, line: row(given, template, max_tokens, line))
    return Data(path, sha256, rows, refused)


def read_lines(path: Path, use: Callable[[dict[str, Any], int], T]) -> tuple[str, list[T], list[Refused]]:
    """The hash of a file, what `use` makes of its lines, and those that it refused with a Problem. Blank lines are no
    rows. Problem if there is no such file."""
    if not path.is_file():
        raise Problem(f"There is no file {path}.")
    data = path.read_bytes()
    found: list[T] = []
    refused: list[Refused] = []
    for line, text in enumerate(data.split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            found.append(use(parsed(text), line))
        except Problem as problem:
            refused.append(Refused(line, str(problem)))
    return hashlib.sha256(data).hexdigest(), found, refused


def conversation(path: Path, line: int) -> dict[str, Any]:
    """What stands in one line of a file that was read before."""
    return parsed(path.read_bytes().split(b"\n")[line - 1])


def row(conversation: dict[str, Any], template: Template, max_tokens: int, line: int = 1) -> Row:
    """One conversation as tokens and mask. Problem, without the line, if there is nothing to learn or too much."""
    messages, weights = _messages(conversation, template)
    text, spans = template.spans(messages, conversation.get("tools"))
    learned = [span for span, weight in zip(spans, weights, strict=True) if weight]
    cuts = [cut for span in learned for cut in (span.start, span.end)]
    tokens, *beginnings = template.ids([text, *(text[:cut] for cut in cuts)])
    limit = min(max_tokens, template.context or max_tokens)
    if len(tokens) > limit:
        raise Problem(
            f"It has {len(tokens)} tokens, and at most {limit} are allowed.",
            do="Shorten it" + ("." if limit < max_tokens else ", or raise max_tokens."),
        )
    trained = [0] * len(tokens)
    for before, through in zip(beginnings[::2], beginnings[1::2], strict=True):
        if tokens[: len(before)] != before or tokens[: len(through)] != through:
            raise Problem(
                "An answer melts into the text around it: the tokenizer makes one token of both.",
                do="Remove white space at the beginning and the end of the assistant's messages.",
            )
        # nothing comes before the first token, so nothing can foretell it
        for position in range(max(1, len(before)), _end(through, len(before), template)):
            trained[position] = 1
    return Row(line, tokens, trained)


def words(row: Row, template: Template) -> dict[str, list[Any]]:
    """A row to look at: the text of each token and whether it is learned. The texts joined are the whole text.

    A character of several tokens is shown with its last one.
    """
    stream = DecodeStream(skip_special_tokens=False)
    return {"tokens": [stream.step(template.tokenizer, token) or "" for token in row.tokens], "trained": row.trained}


def control_token(text: str, template: Template) -> str | None:
    """The first of the base's own steering tokens that stands in a text, if one does."""
    return next((token for token in template.control_tokens if token in text), None)


def _end(through: list[int], start: int, template: Template) -> int:
    """Where the learned tokens end: behind the last end token, as nothing after it is ever written."""
    for position in range(len(through) - 1, start - 1, -1):
        if through[position] == template.end_token:
            return position + 1
    raise Problem(
        "The base's chat template does not end an assistant's message with its end-of-sequence token.",
        "A model that learns from it would never stop.",
    )


def parsed(text: bytes) -> dict[str, Any]:
    """One line as an object. Problem if it is none."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Problem("It is not JSON.", f"The reader says: {error}.") from error
    if not isinstance(found, dict):
        raise Problem("It is no object, as { } writes one.")
    return found


def _messages(conversation: dict[str, Any], template: Template) -> tuple[list[Message], list[int]]:
    """The messages without their weights, and the weight of each assistant message."""
    messages = conversation.get("messages")
    if not isinstance(messages, list) or not all(
        isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages
    ):
        raise Problem('It has no "messages", a list of objects with "role" and "content".')
    if found := next((found for text in _texts(messages) if (found := control_token(text, template))), None):
        raise Problem(f"Its text contains {found}, with which the base steers itself.", do="Remove it.")
    weights = [message.get("weight", 1) for message in messages if message["role"] == "assistant"]
    if any(weight not in (0, 1) for weight in weights):
        raise Problem("It has a weight that is neither 0 nor 1.")
    spoken = [message for message in messages if message["role"] == "assistant" and message.get("weight", 1)]
    if not spoken:
        raise Problem("It has no assistant message to learn from.", do="Add the answer that you wish for.")
    if not all(message.get("content") or message.get("tool_calls") for message in spoken):
        raise Problem("It has an empty assistant message.", do='Write it, or give it "weight": 0.')
    return [{key: value for key, value in message.items() if key != "weight"} for message in messages], weights


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
