"""Editor: one example as a chat that can be edited, with its history.

What is typed lives in the widgets; the turns and the version they started from lie in `state.EDITING`.
The keys of the widgets carry a round number, so that a save, a reload or a turn more starts them anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from engine.conversations import ROLES
from studio import examples
from studio.examples import APPROVED, DRAFT, STATUSES, Example
from studio.ui import chat, notices, parts, state

FACES = {"system": "tune", "user": "person", "assistant": "auto_awesome", "tool": "build"}


@dataclass(frozen=True)
class Sheet:
    """What is on the desk: the version that was seen (none for a new example) and the turns as they stand now."""

    dataset: str
    seen: Example | None
    messages: list[dict[str, Any]]
    round: int = 0

    @property
    def entry(self) -> str:
        return self.seen.entry if self.seen else ""

    def key(self, name: object) -> str:
        return f"edit-{self.entry}-{self.round}-{name}"


def edit(example: Example, neighbours: Sequence[str]) -> None:
    """The editor of an example; `neighbours` are the entries listed beside it, to step through."""
    sheet = _sheet(example.dataset, example)
    seen = sheet.seen
    assert seen is not None
    _head(seen, neighbours)
    if example.version != seen.version:
        _overtaken(sheet, example)
    with st.form(sheet.key("form"), border=False, enter_to_submit=False):
        with st.container(horizontal=True):
            saved = st.form_submit_button(
                "Save", type="primary", icon=":material/save:", key=sheet.key("save"), shortcut="Ctrl+S"
            )
            approved = st.form_submit_button(
                "Approve, next", icon=":material/done_all:", key=sheet.key("approve"), shortcut="Ctrl+Enter"
            )
        _turns(sheet)
        tags = st.multiselect(
            "Tags",
            sorted({*examples.tags(state.store(), seen.dataset), *seen.tags}),
            seen.tags,
            accept_new_options=True,
            key=sheet.key("tags"),
        )
        status = st.segmented_control("Status", STATUSES, default=seen.status, required=True, key=sheet.key("status"))
        note = st.text_input(
            "Note", seen.note, key=sheet.key("note"), placeholder="For your colleagues; never trained on"
        )
    if saved or approved:
        with notices.told():
            said = APPROVED if approved else str(status)
            new = examples.edit(
                state.store(), seen, state.me(), messages=_typed(sheet), tags=list(tags), status=said, note=note or ""
            )
            notices.later(f"Version {new.version} is saved.")
            _leave(_beside(new.entry, neighbours, 1) if approved else new.entry)
    _history(sheet, example)


def write(dataset: str) -> None:
    """The editor of an example that does not exist yet."""
    sheet = _sheet(dataset, None)
    st.subheader("A new example", anchor=False)
    with st.form(sheet.key("form"), border=False, enter_to_submit=False):
        _turns(sheet)
        known = examples.tags(state.store(), dataset)
        tags = st.multiselect("Tags", known, accept_new_options=True, key=sheet.key("tags"))
        st.caption(f"It starts as a {DRAFT}; approve it when it is ready to be trained on.")
        with st.container(horizontal=True):
            saved = st.form_submit_button(
                "Save", type="primary", icon=":material/save:", key=sheet.key("save"), shortcut="Ctrl+S"
            )
            left = st.form_submit_button("Leave", key=sheet.key("leave"))
    if left:
        _leave("")
    if saved:
        with notices.told():
            new = examples.write(state.store(), dataset, _typed(sheet), state.me(), tuple(tags))
            notices.later("The example is saved as a draft.")
            _leave(new.entry)


def _sheet(dataset: str, example: Example | None) -> Sheet:
    """What lies on the desk already if it is this example, else a fresh sheet of it."""
    sheet = state.value(state.EDITING)
    if sheet is None or (sheet.dataset, sheet.entry) != (dataset, example.entry if example else ""):
        empty = [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]
        sheet = Sheet(dataset, example, example.messages if example else empty)
        state.keep(state.EDITING, sheet)
    return sheet


def _head(seen: Example, neighbours: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        length = f"{parts.count(len(seen.answer.split()), 'word')}, {parts.count(len(seen.answer), 'character')}"
        made = f"version {seen.version} by {seen.made_by}, {parts.ago(seen.made_at)}"
        st.markdown(f"{parts.badge_text(seen.status)} :gray[{made} · the answer has {length}]", width="stretch")
        for label, icon, step, key in (
            ("Previous", "chevron_left", -1, "Alt+Up"),
            ("Next", "chevron_right", 1, "Alt+Down"),
        ):
            there = _beside(seen.entry, neighbours, step)
            if st.button(label, icon=f":material/{icon}:", type="tertiary", disabled=there == seen.entry, shortcut=key):
                _leave(there)
        if st.button("Close", icon=":material/close:", type="tertiary", shortcut="Esc"):
            _leave("")


def _turns(sheet: Sheet) -> None:
    for number, message in enumerate(sheet.messages):
        role = message["role"]
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f":gray[:material/{FACES.get(role, 'chat')}:]", width="content")
                st.selectbox(
                    f"Who speaks in turn {number + 1}",
                    ROLES,
                    index=ROLES.index(role),
                    key=sheet.key(f"role-{number}"),
                    label_visibility="collapsed",
                    width=150,
                )
                st.space("stretch")
                st.form_submit_button(
                    "Remove",
                    icon=":material/close:",
                    type="tertiary",
                    key=sheet.key(f"remove-{number}"),
                    on_click=_remove,
                    args=(number,),
                    disabled=len(sheet.messages) == 1,
                )
            st.text_area(
                f"Words of turn {number + 1}",
                message.get("content") or "",
                key=sheet.key(f"text-{number}"),
                label_visibility="collapsed",
                height="content",
            )
            if message.get("tool_calls"):
                st.caption(f"It calls {parts.count(len(message['tool_calls']), 'tool')}; the calls stay as they are.")
    st.form_submit_button("Add a turn", icon=":material/add:", type="tertiary", key=sheet.key("add"), on_click=_add)


def _typed(sheet: Sheet) -> list[dict[str, Any]]:
    """The turns with what was typed; whatever else a message holds stays."""
    return [
        {
            **message,
            "role": st.session_state.get(sheet.key(f"role-{number}"), message["role"]),
            "content": st.session_state.get(sheet.key(f"text-{number}"), message.get("content")),
        }
        for number, message in enumerate(sheet.messages)
    ]


def _add() -> None:
    sheet = state.value(state.EDITING)
    turns = _typed(sheet)
    role = "user" if turns and turns[-1]["role"] == "assistant" else "assistant"
    _relay(sheet, [*turns, {"role": role, "content": ""}])


def _remove(number: int) -> None:
    sheet = state.value(state.EDITING)
    turns = _typed(sheet)
    _relay(sheet, turns[:number] + turns[number + 1 :])


def _relay(sheet: Sheet, turns: list[dict[str, Any]]) -> None:
    state.keep(state.EDITING, replace(sheet, messages=turns, round=sheet.round + 1))


def _overtaken(sheet: Sheet, newest: Example) -> None:
    st.warning(
        f"**{newest.made_by} saved version {newest.version} meanwhile.** Your words are still here, theirs are saved.",
        icon=":material/group:",
    )
    mine, theirs = chat.compared(_text(_typed(sheet)), _text(newest.messages))
    with st.expander("Yours beside theirs"):
        left, right = st.columns(2)
        left.html(mine)
        right.html(theirs)
    with st.container(horizontal=True):
        if st.button("Load their version", key=sheet.key("theirs")):
            state.keep(state.EDITING, replace(sheet, seen=newest, messages=newest.messages, round=sheet.round + 1))
            st.rerun()
        if st.button("Keep mine, on top of theirs", key=sheet.key("mine")):
            state.keep(state.EDITING, replace(sheet, seen=newest, messages=_typed(sheet), round=sheet.round + 1))
            st.rerun()


def _history(sheet: Sheet, newest: Example) -> None:
    versions = examples.history(state.store(), newest.dataset, newest.entry)
    with st.expander(
        f"History: {parts.count(len(versions), 'version')}", icon=":material/history:", key=sheet.key("past")
    ):
        for version, before in zip(versions, [*versions[1:], None], strict=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"**Version {version.version}** {parts.badge_text(version.status)} "
                    f":gray[{version.made_by}, {parts.ago(version.made_at)}]",
                    width="stretch",
                )
                if version.version != newest.version and st.button(
                    "Restore", key=sheet.key(f"restore-{version.version}"), icon=":material/undo:", type="tertiary"
                ):
                    _restore(version, newest)
            st.html(chat.compared(_text(before.messages), _text(version.messages))[1] if before else _first(version))


def _restore(version: Example, newest: Example) -> None:
    new = examples.edit(
        state.store(),
        newest,
        state.me(),
        messages=version.messages,
        tags=version.tags,
        status=version.status,
        note=f"restored version {version.version}",
    )
    notices.later(f"Version {version.version} is back, as version {new.version}.")
    _leave(new.entry)


def _first(version: Example) -> str:
    return f'<div class="diff">{chat.said(_text(version.messages))}</div>'


def _text(messages: Sequence[dict[str, Any]]) -> str:
    return "\n\n".join(f"{message['role']}: {message.get('content') or ''}" for message in messages)


def _beside(entry: str, neighbours: Sequence[str], step: int) -> str:
    """The entry `step` places on in the list, the same one at its ends."""
    if entry not in neighbours:
        return entry
    return neighbours[min(max(neighbours.index(entry) + step, 0), len(neighbours) - 1)]


def _leave(entry: str) -> None:
    """Turn to another entry ('' for none) with a fresh sheet."""
    state.keep(state.EDITING, None)
    state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)
    state.ask(entry=entry)
    st.rerun()
