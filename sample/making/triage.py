"""Makes the tickets: what a customer wrote, and the type and sub-type that it belongs to.

A line of the bank is one phrasing family. Its mark says where it may be seen: `-` and `+` train, `v` validation,
`t` test. A `+` family gives one row, so that many wordings cost few rows; the others give two.
"""

import random
from collections.abc import Iterator
from typing import Any

from sample.making.banks import blocks
from sample.making.cast import cast_for, filled

INSTRUCTION = "Name the topic of this message."
ROWS_PER_FAMILY = 2
# What may stand around a ticket: something before it, between it and the end, after it.
AROUND = [(True, False, True)] * 3 + [(True, False, False)] * 2 + [(False, False, True)] * 3 + [(True, True, True)] * 2
MARKS = {"train": "-+", "validation": "v", "test": "t"}


def labels() -> dict[str, str]:
    """Each label with the line that describes it."""
    return {label: description for label, description in (block.fields for block in blocks("triage.txt"))}


def rows(split: str) -> Iterator[dict[str, Any]]:
    """The tickets of one split; a phrasing family lies in one split as a whole."""
    for block in blocks("triage.txt"):
        label = block.fields[0]
        kind, sub = label.split(" / ")
        fillers = _fillers(kind)
        for number, (mark, text) in enumerate(block.lines, 1):
            if mark not in MARKS[split]:
                continue
            group = f"{kind}-{sub}-{number}"
            for row in _row_numbers(mark, group):
                yield {
                    "messages": [
                        {"role": "system", "content": INSTRUCTION},
                        {"role": "user", "content": _ticket(text, group, row, fillers)},
                        {"role": "assistant", "content": label},
                    ],
                    "tags": [f"type:{kind}", f"sub-type:{sub}"],
                    "group": group,
                }


def _row_numbers(mark: str, group: str) -> list[int]:
    """The rows that a family gives; the single row of a `+` family is the bare one or a wrapped one, by draw."""
    numbers = list(range(ROWS_PER_FAMILY))
    return [random.Random(group).choice(numbers)] if mark == "+" else numbers


def _fillers(kind: str) -> dict[str, list[str]]:
    """What suits this request type, by place: nobody is annoyed in a thank-you note."""
    suiting: dict[str, list[str]] = {}
    for block in blocks("fillers.txt"):
        place, kinds = block.fields
        if kinds == "all" or kind in kinds.split():
            suiting.setdefault(place, []).extend(f"{mark} {text}".strip() for mark, text in block.lines)
    return suiting


def _ticket(text: str, group: str, row: int, fillers: dict[str, list[str]]) -> str:
    """One ticket: the first row of a family says its piece alone, the others greet, explain or sign."""
    draw = random.Random(f"{group}/{row}")
    ticket = filled(text, cast_for(text, group, row))
    if row:
        before, between, after = draw.choice(AROUND)
        if between:
            ticket = f"{ticket} {draw.choice(fillers['between'])}"
        if before:
            ticket = _after(draw.choice(fillers["before"]), ticket, text.startswith("{"))
        if after:
            closing = draw.choice(fillers["after"])
            # Far from the row's own number, so that nobody signs with the name of the person complained about.
            ticket = f"{ticket} {filled(closing, cast_for(closing, group, row + 7))}"
    return _as_typed(ticket, draw)


def _after(greeting: str, ticket: str, name_first: bool) -> str:
    if greeting.endswith(",") and not name_first and ticket[1].islower():
        ticket = ticket[0].lower() + ticket[1:]
    return f"{greeting} {ticket}"


def _as_typed(ticket: str, draw: random.Random) -> str:
    """Most people type well; some use no capitals, and now and then two letters change places."""
    habit = draw.random()
    if habit < 0.06:
        return ticket[0].lower() + ticket[1:].rstrip(".")
    if habit < 0.10:
        words = ticket.split()
        long = [n for n, word in enumerate(words) if word.isalpha() and word.islower() and len(word) > 5]
        if long:
            n = draw.choice(long)
            at = draw.randrange(1, len(words[n]) - 2)
            word = words[n]
            words[n] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return " ".join(words)
    return ticket
