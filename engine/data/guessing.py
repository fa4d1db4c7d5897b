"""Guessing: which column of a table is what, by its name in several languages and by what its cells look like. Pure."""

import statistics
from dataclasses import replace
from typing import Any

from engine.data import columns, transcripts
from engine.data.columns import (
    ASSISTANT,
    CONVERSATION,
    LABEL,
    LEFT_OUT,
    REJECTED,
    SEVERAL,
    SPLIT,
    TAGS,
    TOOLS,
    USER,
)
from engine.data.conversations import KNOWN, ROLES
from engine.data.formats.table import Row, Table
from engine.data.mapping import Mapping, empty

LOOKED = 30  # cells of a column that are read in full
ENOUGH = 0.8  # of its cells must look alike


def guess(table: Table) -> Mapping:
    """What every column most likely is. A guess is shown to a person before anything follows from it."""
    rows = [row.values for row in table.sample if isinstance(row, Row)]
    if table.kind == "JSONL" and _as_they_stand(table, rows):
        return Mapping(as_is=True)
    cells = {name: [row[name] for row in rows if not empty(row.get(name))] for name in table.columns}
    found = {name: _field(name, cells[name]) for name in table.columns}
    _settle_conversations(found, cells)
    _find_texts(found, cells)
    if USER in found.values() and ASSISTANT in found.values():
        found = {name: TAGS if what == LABEL else what for name, what in found.items()}
    kept = _one_each(found)
    mapping = Mapping(columns=kept, part=table.part, header=table.header)
    alone = len([name for name in table.columns if cells[name]]) == 1 and USER in kept.values()
    return replace(mapping, unanswered=alone)


def _as_they_stand(table: Table, rows: list[dict[str, Any]]) -> bool:
    """Whether the rows are conversations already, in the names that Mistral knows."""
    if not table.columns:
        return True  # nothing could be read: the rules have the better words for it
    if not set(table.columns) <= KNOWN:
        return False
    if "messages" not in table.columns:
        return False
    return any(
        isinstance(turn, dict) and turn.get("role") in ROLES
        for row in rows[:LOOKED]
        if isinstance(row.get("messages"), list)
        for turn in row["messages"]
    ) or not any(transcripts.messages(row.get("messages")) for row in rows[:LOOKED])


def _field(name: str, cells: list[Any]) -> str | None:
    """By name, unless the cells say otherwise; None for what is left open."""
    named = columns.field(name)
    if cells and named in (None, USER, SPLIT, TAGS) and _is_split(cells):
        return SPLIT
    if named == SPLIT and not _is_split(cells):
        return LEFT_OUT
    if named in (None, USER, CONVERSATION, LEFT_OUT) and _holds_conversations(cells):
        return CONVERSATION
    if named == CONVERSATION:
        return None if _is_text(cells) else LEFT_OUT
    if named == TOOLS and not any(isinstance(cell, list | str) for cell in cells[:LOOKED]):
        return LEFT_OUT
    return named


def _is_split(cells: list[Any]) -> bool:
    return bool(cells) and len(set(map(str, cells))) <= 12 and all(columns.split(cell) for cell in set(map(str, cells)))


def _holds_conversations(cells: list[Any]) -> bool:
    """Lists of messages, or written chats; a single text is none."""
    looked = cells[:LOOKED]
    found = [turns for cell in looked if (turns := transcripts.messages(cell))]
    return bool(looked) and len(found) >= ENOUGH * len(looked)


def _settle_conversations(found: dict[str, str | None], cells: dict[str, list[Any]]) -> None:
    """A conversation in a column speaks for itself; what stands beside it is its answer, or left out."""
    whole = [name for name, what in found.items() if what == CONVERSATION]
    if not whole and USER not in found.values():
        chosen = [name for name, what in found.items() if what == ASSISTANT and _holds_conversations(cells[name])]
        if chosen:
            found[chosen[0]] = CONVERSATION
            whole = chosen[:1]
    if not whole:
        return
    for name in whole[1:]:
        found[name] = LEFT_OUT
    ends = [(transcripts.messages(cell) or [{}])[-1].get("role") for cell in cells[whole[0]][:LOOKED]]
    answered = all(role == "assistant" for role in ends)
    for name, what in found.items():
        if what in (USER, None) or (what in (ASSISTANT, LABEL) and answered):
            found[name] = TAGS if what == LABEL else LEFT_OUT


def _find_texts(found: dict[str, str | None], cells: dict[str, list[Any]]) -> None:
    """Give what is still open: texts are the question and the answer, in this order; few short words are labels."""
    asked = USER in found.values() or CONVERSATION in found.values()
    answered = any(what in (ASSISTANT, LABEL, CONVERSATION) for what in found.values())
    still = [name for name, what in found.items() if what is None]
    texts = [name for name in still if _is_text(cells[name])]
    labels = [name for name in texts if _is_label(cells[name])]
    for name in [name for name in texts if name not in labels] or (texts[:1] if not asked else []):
        if not asked:
            found[name], asked = USER, True
        elif not answered:
            found[name], answered = ASSISTANT, True
    for name in labels:
        if found[name] is None and not answered:
            found[name], answered = LABEL, True
        elif found[name] is None:
            found[name] = TAGS
    for name in still:
        found[name] = found[name] if found[name] is not None else LEFT_OUT


def _is_text(cells: list[Any]) -> bool:
    looked = cells[:LOOKED]
    return bool(looked) and all(isinstance(cell, str) for cell in looked)


def _is_label(cells: list[Any]) -> bool:
    """A few different short texts that come again and again."""
    if len(cells) < 4:
        return False
    different = set(map(str, cells))
    return len(different) <= len(cells) / 2 and statistics.median(len(str(cell).split()) for cell in cells) <= 4


def _one_each(found: dict[str, str | None]) -> dict[str, str]:
    """The first column of each field that only one can have; the others are left out."""
    kept: dict[str, str] = {}
    for name, what in found.items():
        field = what or LEFT_OUT
        taken = field not in SEVERAL and field in kept.values()
        kept[name] = LEFT_OUT if taken or (field == REJECTED and not _answers(found)) else field
    return kept


def _answers(found: dict[str, str | None]) -> bool:
    return any(what in (ASSISTANT, LABEL, CONVERSATION) for what in found.values())
