"""Paper: what lies on the desk of who edits an example, and the draft that is kept of it.

A paper names the version that was seen and the words that were put on the desk; what is typed since lies in the
desk's component and in the widgets beside it, whose keys carry the paper's round.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import streamlit as st

from engine.problems import Problem
from studio.data import drafts, examples, merging
from studio.data.examples import DRAFT, Example
from studio.data.merging import Merged, State
from studio.ui import desk, effort, state
from studio.ui.desk import Turn

EMPTY = State([{"role": "user", "content": ""}, {"role": "assistant", "content": ""}], None, [], "", DRAFT)


@dataclass(frozen=True)
class Clash:
    """What could not be merged, and the version it was merged with."""

    merged: Merged
    newest: Example


@dataclass(frozen=True)
class Paper:
    dataset: str
    seen: Example | None  # None for an example that does not exist yet
    turns: list[Turn]  # as they were put on the desk
    tools: str
    tags: list[str]
    status: str
    note: str
    id: str  # what unsaved words in the tab's own storage belong to
    nonce: str
    round: int = 0
    of: int = 0  # the stamp of the words that the turns were made from
    went_on: datetime | None = None  # when the draft was kept that this goes on with
    clash: Clash | None = None

    @property
    def entry(self) -> str:
        return self.seen.entry if self.seen else ""

    @property
    def version(self) -> int:
        return self.seen.version if self.seen else 0

    @property
    def token(self) -> str:
        return f"{self.entry}/{self.version}/{self.round}/{self.nonce}"

    @property
    def desk(self) -> str:
        """Key of the component: one for all examples, so that no stale one hears the keys, and the caret stays."""
        return f"desk-{self.dataset}"

    @property
    def base(self) -> State:
        return merging.state(self.seen) if self.seen else EMPTY

    def key(self, name: object) -> str:
        return f"edit-{self.entry}-{self.nonce}-{self.round}-{name}"


def lay(dataset: str, example: Example | None) -> Paper:
    """The paper that lies there already if it is this example's, else a fresh one, with what was left unsaved."""
    paper = state.value(state.EDITING)
    if paper is None or (paper.dataset, paper.entry) != (dataset, example.entry if example else ""):
        if paper is not None:  # its last words came with the click that led here
            effort.count(paper.desk, paper.dataset, paper.entry)
            keep(paper)
        kept = drafts.get(state.store(), dataset, example.entry if example else "", state.me())
        paper = _from_draft(dataset, example, kept) or fresh(dataset, example)
        state.keep(state.EDITING, paper)
    return paper


def fresh(dataset: str, example: Example | None, of: int = 0) -> Paper:
    at = merging.state(example) if example else EMPTY
    nonce = uuid4().hex[:8]
    name = f"{example.entry}@{example.version}" if example else nonce
    turns, tools = desk.as_turns(at.messages), desk.as_text(at.tools)
    return Paper(dataset, example, turns, tools, at.tags, at.status, at.note, name, nonce, of=of)


def again(paper: Paper, at: State, seen: Example | None) -> Paper:
    """Other words on the same paper, on top of the version `seen`."""
    turns, tools = desk.as_turns(at.messages), desk.as_text(at.tools)
    name = f"{seen.entry}@{seen.version}" if seen else paper.id
    return replace(
        paper,
        seen=seen,
        turns=turns,
        tools=tools,
        tags=at.tags,
        status=at.status,
        note=at.note,
        id=name,
        round=paper.round + 1,
        of=stamp(paper),
        went_on=None,
        clash=None,
    )


def words(paper: Paper) -> tuple[list[Turn], str]:
    """Turns and tools as they stand in the browser."""
    typed = desk.typed(paper.desk)
    return (typed.turns, typed.tools) if typed and typed.token == paper.token else (paper.turns, paper.tools)


def stamp(paper: Paper) -> int:
    typed = desk.typed(paper.desk)
    return typed.stamp if typed and typed.token == paper.token else paper.of


def mine(paper: Paper) -> State:
    """All that stands on the paper now. Problem where a box holds broken JSON."""
    turns, tools = words(paper)
    return State(desk.as_messages(turns), desk.as_tools(tools), *_beside(paper))


def keep(paper: Paper) -> bool:
    """Put what is unsaved into the draft; whether anything is."""
    store, me = state.store(), state.me()
    (turns, tools), (tags, note, status) = words(paper), _beside(paper)
    messages, whole = _at_best(turns)
    changed = not whole or (messages, _tools(tools), tags, note, status) != _parts(paper.base)
    body: dict[str, Any] = {
        "messages": messages,
        "turns": turns,
        "tools": tools,
        "tags": tags,
        "note": note,
        "status": status,
    }
    said = json.dumps([paper.id, body, stamp(paper)] if changed else paper.id)
    if state.value(state.KEPT) == said:
        return changed
    if changed:
        body |= {"stamp": stamp(paper), "sheet": paper.id}
        drafts.keep(store, paper.dataset, paper.entry, me, paper.version, body)
    else:
        drafts.drop(store, paper.dataset, paper.entry, me)
    state.keep(state.KEPT, said)
    return changed


def _from_draft(dataset: str, example: Example | None, kept: drafts.Draft | None) -> Paper | None:
    """The paper as it was left, on the version it was begun from; None without a draft, or when that is saved."""
    if kept is None:
        return None
    seen, body = example, kept.body
    if example and kept.seen != example.version:
        past = examples.history(state.store(), dataset, example.entry)
        seen = next((version for version in past if version.version == kept.seen), example)
    paper = fresh(dataset, seen, of=int(body.get("stamp", 0)))
    paper = replace(
        paper,
        turns=body.get("turns") or desk.as_turns(body["messages"]),
        tools=body["tools"] if isinstance(body.get("tools"), str) else desk.as_text(body.get("tools")),
        tags=body.get("tags", paper.tags),
        status=body.get("status", paper.status),
        note=body.get("note", paper.note),
        id=body.get("sheet", paper.id),
        went_on=kept.made_at,
    )
    messages, whole = _at_best(paper.turns)
    stands = (messages, _tools(paper.tools), paper.tags, paper.note, paper.status)
    if example and whole and stands == _parts(merging.state(example)):
        drafts.drop(state.store(), dataset, example.entry, state.me())  # it was saved; only this was cut short
        return None
    return paper


def _beside(paper: Paper) -> tuple[list[str], str, str]:
    """Tags, note and status as the widgets hold them."""
    tags = st.session_state.get(paper.key("tags"), paper.tags)
    note = st.session_state.get(paper.key("note"), paper.note)
    return list(tags), note or "", st.session_state.get(paper.key("status"), paper.status) or paper.status


def _parts(at: State) -> tuple[Any, ...]:
    return at.messages, at.tools, at.tags, at.note, at.status


def _at_best(turns: Sequence[Turn]) -> tuple[list[dict[str, Any]], bool]:
    """The messages, and whether they are whole: where calls are half typed, they stay as they were."""
    try:
        return desk.as_messages(turns), True
    except Problem:
        before = [{**turn, "calls": desk.as_text((turn.get("was") or {}).get("tool_calls"))} for turn in turns]
        return desk.as_messages(before), False


def _tools(text: str) -> Any:
    try:
        return desk.as_tools(text)
    except Problem:
        return text
