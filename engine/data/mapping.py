"""Mapping: which column of a table is what for an example; guessed, changed by people, and applied row by row. Pure.

Every column is accounted for: it has a field or is named as left out, and a row with a filled column that the mapping
does not know is a reject. Applying never raises: a row is Valid, or a Reject with its reason and, as its content, the
conversation as far as it could be put together.
"""

import json
from collections.abc import Mapping as Values
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from engine.data import columns, transcripts
from engine.data.columns import FIELDS, LEFT_OUT, SEVERAL
from engine.data.conversations import parse
from engine.data.rows import Reject, Valid
from engine.data.transcripts import Message
from engine.data.unusable import Unusable, shown
from engine.problems import Problem

TO_WRITE = "to write"  # the tag of an example whose answer nobody has written yet
JOINT = "\n\n"  # between the columns of what the user says: an instruction and its input


@dataclass(frozen=True)
class Compared(Valid):
    """An example for which a worse answer is known, too."""

    rejected: list[Message] = field(default_factory=list)


@dataclass(frozen=True)
class Mapping:
    """`columns` says which field of `engine.data.columns` each column is; `as_is` that rows are conversations already.

    `system` is a system prompt for rows that bring none. `unanswered` makes an example of a message without an answer:
    the message itself stands there, tagged, until somebody has written a better one. `part` and `header` say how
    the table was opened.
    """

    columns: dict[str, str] = field(default_factory=dict)
    as_is: bool = False
    system: str = ""
    unanswered: bool = False
    part: str = ""
    header: bool | None = None

    def of(self, *wanted: str) -> list[str]:
        """The columns that have one of these fields, in their order."""
        return [column for column, what in self.columns.items() if what in wanted]

    @property
    def left_out(self) -> list[str]:
        return self.of(LEFT_OUT)

    @property
    def missing(self) -> str:
        """What stands between this mapping and an example, as a sentence; '' when nothing does."""
        if self.as_is or self.of(columns.CONVERSATION):
            return ""
        if not self.of(columns.USER):
            return "No column is marked as what the user says, nor as a whole conversation."
        if not self.of(columns.ASSISTANT, columns.LABEL) and not self.unanswered:
            return "No column is marked as the answer."
        return ""

    def json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(body: Values[str, Any]) -> Mapping:
    """A mapping as it was kept. Problem when it is none."""
    known = {one.name for one in fields(Mapping)}
    if unknown := sorted(body.keys() - known):
        raise Problem(f"A mapping does not know {', '.join(unknown)}.", do=f"It knows {', '.join(sorted(known))}.")
    return checked(Mapping(**body))


def checked(mapping: Mapping) -> Mapping:
    """The mapping itself. Problem when it gives a column an unknown field, or one field to several that only one can
    have."""
    for column, what in mapping.columns.items():
        if what not in FIELDS:
            offered = ", ".join(name for name in FIELDS if name)
            raise Problem(f"{column!r} cannot be {what!r}.", do=f"A column can be {offered}.")
    for what in FIELDS:
        same = mapping.of(what)
        if what not in SEVERAL and len(same) > 1:
            raise Problem(f"{' and '.join(same)} cannot both be {FIELDS[what]}.", do="Leave all but one of them out.")
    if mapping.of(columns.ASSISTANT) and mapping.of(columns.LABEL):
        both = mapping.of(columns.ASSISTANT, columns.LABEL)
        raise Problem(f"{' and '.join(both)} cannot both be the answer.", do="Make the label a tag, or leave it out.")
    return mapping


def changed(mapping: Mapping, column: str, what: str) -> Mapping:
    return replace(mapping, columns={**mapping.columns, column: what})


def apply(mapping: Mapping, line: int, values: Values[str, Any]) -> Valid | Reject:
    """One row as an example, or why it cannot be one."""
    row: dict[str, Any] = dict(values)
    try:
        if mapping.as_is:
            return Valid(line, parse(row))
        row = _row(mapping, values)
        said = parse({name: value for name, value in row.items() if name != columns.REJECTED})
        worse = row.get(columns.REJECTED)
        return Compared(line, said, worse) if worse else Valid(line, said)
    except Unusable as unusable:
        return Reject(line, unusable.code, unusable.why, _content(row))
    except RecursionError:
        return Reject(line, "broken-json", "It is nested too deeply to be a conversation.", "")


def _row(mapping: Mapping, values: Values[str, Any]) -> dict[str, Any]:
    """The row as a conversation is written: messages, tools, tags, group, split, and the worse answer."""
    for column, value in values.items():
        if column not in mapping.columns and not empty(value):
            raise Unusable("unknown-column", f"It has {shown(column)}, which the other rows do not have.")
    row: dict[str, Any] = {"messages": _messages(mapping, values)}
    if tools := _first(mapping, values, columns.TOOLS):
        row["tools"] = _decoded(tools)
    tags = [tag for name in mapping.of(columns.TAGS) for tag in _tags(values.get(name))]
    tags += [f"source: {text(values[name])}" for name in mapping.of(columns.SOURCE) if not empty(values.get(name))]
    if tags or mapping.unanswered:
        row["tags"] = list(dict.fromkeys([*tags, *[TO_WRITE] * mapping.unanswered]))
    if group := [text(values[name]) for name in mapping.of(columns.GROUP) if not empty(values.get(name))]:
        row["group"] = " · ".join(group)
    if split := _first(mapping, values, columns.SPLIT):
        row["split"] = columns.split(split) or text(split)
    if worse := _first(mapping, values, columns.REJECTED):
        row[columns.REJECTED] = _answer(worse, row["messages"][:-1])
    return row


def _messages(mapping: Mapping, values: Values[str, Any]) -> list[Message]:
    turns: list[Message] = []
    if column := next(iter(mapping.of(columns.CONVERSATION)), ""):
        turns = transcripts.messages(values.get(column)) or []
        if not turns:
            what = "is empty" if empty(values.get(column)) else "holds no conversation that can be read"
            raise Unusable("no-conversation", f"Its column {shown(column)} {what}.")
    asked = [name for name in mapping.of(columns.USER) if not empty(values.get(name))]
    if asked:
        turns = [*turns, {"role": "user", "content": JOINT.join(text(values[name]) for name in asked)}]
    elif mapping.of(columns.USER) and not turns:
        raise Unusable("empty-cell", f"Its {_named(mapping.of(columns.USER))} is empty.")
    answers = mapping.of(columns.ASSISTANT, columns.LABEL)
    answer = next((values[name] for name in answers if not empty(values.get(name))), None)
    if answer is not None:
        said = text(answer).strip() if mapping.of(columns.LABEL) else answer
        turns = [*turns, *_answer(said, turns)]
    elif answers and not (turns and turns[-1]["role"] == "assistant"):
        raise Unusable("empty-cell", f"Its {_named(answers)} is empty.")
    elif mapping.unanswered and turns and turns[-1]["role"] == "user":
        turns = [*turns, {"role": "assistant", "content": turns[-1]["content"]}]
    prompt = _first(mapping, values, columns.SYSTEM) or mapping.system
    if prompt and turns and turns[0]["role"] != "system":
        turns = [{"role": "system", "content": text(prompt)}, *turns]
    return _weighed(mapping, values, turns)


def _answer(value: Any, before: Sequence[Message]) -> list[Message]:
    """The turns that answer: a text, messages, or a whole conversation of which `before` is known already."""
    turns = transcripts.messages(value)
    bare = [turn for turn in turns or [] if turn["role"] != "system"]
    shared = [turn for turn in before if turn["role"] != "system"]
    if turns and shared and len(bare) > len(shared) and bare[: len(shared)] == shared:
        return bare[len(shared) :]
    if turns and (not before or not isinstance(value, str) or value.lstrip()[:1] in ("[", "{")):
        return turns
    return [{"role": "assistant", "content": text(value)}]  # words, even where they look like a chat


def _weighed(mapping: Mapping, values: Values[str, Any], turns: list[Message]) -> list[Message]:
    """The last answer is not learned where the row says so."""
    weight = _first(mapping, values, columns.WEIGHT)
    if weight is None or not turns:
        return turns
    said = text(weight).strip().casefold()
    if said in ("1", "true", "yes", "1.0"):
        return turns
    if said not in ("0", "false", "no", "0.0"):
        raise Unusable("bad-weight", f"Its {_named(mapping.of(columns.WEIGHT))} is {shown(weight)}; it can be 0 or 1.")
    return [*turns[:-1], {**turns[-1], "weight": 0}]


def _first(mapping: Mapping, values: Values[str, Any], what: str) -> Any:
    """The value of the column with this field; None when there is none or it is empty."""
    return next((values[name] for name in mapping.of(what) if not empty(values.get(name))), None)


def _tags(value: Any) -> list[str]:
    return [] if empty(value) else columns.split_tags(value)


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Unusable("bad-tools", "Its tools are not JSON.") from error


def _named(names: Sequence[str]) -> str:
    return f"column {shown(names[0])}" if len(names) == 1 else f"columns {', '.join(map(shown, names))}"


def empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


def text(value: Any) -> str:
    """A cell as people would write it: 3 and not 3.0, and objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def _content(row: Values[str, Any]) -> str:
    try:
        found = json.dumps(row, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, TypeError):
        found = str(row)
    return found.encode("utf-8", "backslashreplace").decode()
