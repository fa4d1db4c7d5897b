"""Bench: one message on the tone workbench. What came in, the on-brand version beside it, and what a model suggests.

What is typed is kept as a draft a moment after a pause, and lies on the bench again when this person comes back.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import streamlit as st

from engine.problems import Problem
from engine.scoring.guide import Guide
from studio.data import drafts, examples, merging
from studio.data.drafts import Draft
from studio.data.examples import APPROVED, DRAFT, Example
from studio.store import Store
from studio.ui import chat, marks, notices, parts, state, suggest, verdict
from studio.ui.sheet import Sheet, again, lay
from studio.writing import fixing, inspiration, rough, suggestions

NEW = fixing.NEW  # entries that begin so are not examples yet; their words lie in a draft
SHOWN_LIKE = 3  # of the nearest approved examples, to read


def desk(dataset: str, entry: str, order: Sequence[str], guide: Guide) -> None:
    """The whole bench for one entry; `order` is the row it stands in, to go on in."""
    store, me = state.store(), state.me()
    example = None if entry.startswith(NEW) else examples.get(store, dataset, entry)
    draft = drafts.get(store, dataset, entry, me)
    if example is None and draft is None:
        raise Problem("There is nothing on the bench under this address.", "It was saved, or thrown away.")
    sheet = lay(dataset, entry, example, draft)
    if "content" not in sheet.messages[-1] or sheet.messages[-1]["role"] != "assistant":
        st.info("This example ends with a tool call, so there is no wording to work on.", icon=":material/build:")
        return
    head = st.container()  # filled below, once it is known what is unsaved
    _told(sheet, example, draft)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        sheet = _source(sheet)
    with right:
        text = marks.area(sheet.answer, guide, sheet.key("text"), "On-brand version", focus=True)
    _keep(store, sheet, me, text, draft)
    draft = drafts.get(store, dataset, entry, me)
    with head:
        _head(sheet, order, example, draft)
    written = [*sheet.messages[:-1], {**sheet.messages[-1], "content": text}]
    verdict.under(written, example.tools if example else None, sheet.key("verdict"))
    saved, approved, asked = _buttons(sheet)
    body = draft.body if draft else {}
    slot = st.container()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        compared = st.toggle("Mark what changed from what came in", key="bench-differs", persist_state="session")
        with st.popover("Who suggests", icon=":material/tune:", type="tertiary", key=sheet.key("who-box")):
            chosen = suggest.suggester()
    if compared:
        _compared(sheet, text)
    with slot:
        if asked and chosen:
            suggest.ask(store, sheet, chosen, guide, text)
        elif body.get(suggestions.KEY):
            suggest.offer(store, sheet, body, text)
    if saved or approved:
        with notices.told():
            _save(store, sheet, me, text, body, approved, order)


def like(sheet_source: str, dataset: str, entry: str, guide: Guide) -> None:
    """The nearest approved examples, to read beside the bench."""
    parts.label("Approved, and close to this")
    found = inspiration.near(state.store(), dataset, sheet_source, SHOWN_LIKE, without=entry)
    if not found:
        st.caption("Nothing approved comes near yet. What you approve here will help with the next one.")
    for number, one in enumerate(found):
        with st.expander(notices.plain(_short(one.prompt, 52)), expanded=number == 0, key=f"like-{one.entry}"):
            if len(one.prompt) > 52:
                st.caption(notices.plain(one.prompt))
            marks.text(one.answer, guide)
            st.caption(f"{one.made_by}, {parts.ago(one.made_at)}")


def go(entry: str) -> NoReturn:
    """Turn to another entry, with a fresh sheet."""
    state.keep(state.BENCH, None)
    state.ask(entry=entry)
    st.rerun()


def _head(sheet: Sheet, order: Sequence[str], example: Example | None, draft: Draft | None) -> None:
    at = order.index(sheet.entry) if sheet.entry in order else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if sheet.seen:
            where = f" · {at + 1} of {len(order)}" if at is not None else ""
            made = f"version {sheet.seen.version} by {notices.plain(sheet.seen.made_by)}"
            origin = f" · {notices.plain(sheet.seen.origin)}" if sheet.seen.origin else ""
            said = f"{parts.badge_text(sheet.seen.status)} :gray[{made}{origin}{where}]"
        else:
            said = f"{parts.badge_text(DRAFT)} :gray[a new example, not saved yet]"
        unsaved = draft and (not example or draft.body["messages"] != example.messages)
        if unsaved and draft:
            said += f" :gray[· unsaved words, kept since {draft.made_at:%H:%M} UTC]"
        st.markdown(said, width="stretch")
        if unsaved and st.button(
            "Throw away", key=sheet.key("discard"), type="tertiary", icon=":material/delete:", help="The unsaved words"
        ):
            drafts.drop(state.store(), sheet.dataset, sheet.entry, state.me())
            go(sheet.entry if example else "")
        for label, icon, step, key in (
            ("Previous", "chevron_left", -1, "Alt+Up"),
            ("Next", "chevron_right", 1, "Alt+Down"),
        ):
            there = beside(sheet.entry, order, step)
            if st.button(
                label, icon=f":material/{icon}:", type="tertiary", disabled=there == sheet.entry, shortcut=key,
                key=sheet.key(label),
            ):  # fmt: skip
                go(there)


def _on_top(sheet: Sheet, newest: Example, text: str) -> NoReturn:
    """Go on with `text` as the next version of what a colleague has saved; everything else stays as they left it."""
    messages = [*newest.messages[:-1], {**newest.messages[-1], "content": text}]
    drafts.keep(state.store(), sheet.dataset, sheet.entry, state.me(), newest.version, {"messages": messages})
    again(sheet, seen=newest, messages=messages)
    st.rerun()


def _told(sheet: Sheet, example: Example | None, draft: Draft | None) -> None:
    """What somebody must know before going on: newer words of others, own unsaved ones, why it is a test item."""
    if example and sheet.seen and example.version != sheet.seen.version:
        st.warning(
            f"**{notices.plain(example.made_by)} saved version {example.version} meanwhile.** "
            "Your words are still here, theirs are saved.",
            icon=":material/group:",
        )
        st.html(chat.compared(sheet.answer, example.answer)[1])
        mine = (st.session_state.get(sheet.key("text")) or {}).get("text") or sheet.answer
        _, together = merging.words(sheet.seen.answer, mine, example.answer)
        with st.container(horizontal=True):
            if together is not None and st.button("Put both together", type="primary", key=sheet.key("both")):
                _on_top(sheet, example, together)
            if st.button("Load their version", key=sheet.key("theirs")):
                drafts.drop(state.store(), sheet.dataset, sheet.entry, state.me())
                go(sheet.entry)
            if st.button("Keep mine, on top of theirs", key=sheet.key("mine")):
                _on_top(sheet, example, mine)
        if together is None:
            st.caption("Both changed the same words, so they cannot be put together without choosing.")
        return
    if draft and draft.body.get("why"):
        st.info(notices.plain(str(draft.body["why"])), icon=":material/info:")


def _source(sheet: Sheet) -> Sheet:
    """What came in; for a new example it can be written too."""
    before = [m for m in sheet.messages[:-2] if m.get("content")]
    if before:
        with st.expander(f"{parts.count(len(before), 'message')} before", type="compact"):
            for message in before:
                parts.label(message["role"])
                chat.words(message["content"])
    if sheet.seen is None:
        typed = st.text_area("What came in", sheet.source, key=sheet.key("source"), height=150)
        messages = [*sheet.messages[:-2], {"role": "user", "content": typed or ""}, sheet.messages[-1]]
        return replace(sheet, messages=messages)
    parts.label("What came in")
    chat.words(sheet.source)
    return sheet


def _keep(store: Store, sheet: Sheet, me: str, text: str, draft: Draft | None) -> None:
    """Autosave: what was typed lies in the draft by the time the marks are drawn."""
    messages = [*sheet.messages[:-1], {**sheet.messages[-1], "content": text}]
    body = dict(draft.body) if draft else {}
    unchanged = sheet.seen is not None and messages == sheet.seen.messages
    if unchanged and not body.get(suggestions.KEY):
        if draft:
            drafts.drop(store, sheet.dataset, sheet.entry, me)
    elif body.get("messages") != messages and not (unchanged and not draft):
        body["messages"] = messages
        drafts.keep(store, sheet.dataset, sheet.entry, me, sheet.version, body)


def _buttons(sheet: Sheet) -> tuple[bool, bool, bool]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        approved = st.button(
            "Approve, next", type="primary", icon=":material/done_all:", shortcut="Ctrl+Enter", key=sheet.key("approve")
        )
        saved = st.button("Save", icon=":material/save:", shortcut="Ctrl+S", key=sheet.key("save"))
        asked = st.button("Suggest", icon=":material/auto_awesome:", shortcut="Alt+S", key=sheet.key("suggest"))
    return saved, approved, asked


def _compared(sheet: Sheet, text: str) -> None:
    """Word by word: what went of what came in, and what the version adds."""
    left, right = chat.compared(sheet.source, text)
    one, other = st.columns([2, 3], gap="medium")
    one.html(left.replace("<ins>", "<del>").replace("</ins>", "</del>"))
    other.html(right)


def _save(
    store: Store, sheet: Sheet, me: str, text: str, body: dict[str, Any], approved: bool, order: Sequence[str]
) -> None:
    messages = [*sheet.messages[:-1], {**sheet.messages[-1], "content": text.strip()}]
    if approved and text.strip() == sheet.source.strip() and rough.TAG in (sheet.seen.tags if sheet.seen else []):
        raise Problem("This is still the rough message.", "Nothing was rewritten yet.", "Write its version first.")
    origin = suggestions.origin(body, text)
    if sheet.seen is None:
        made = examples.write(
            store, sheet.dataset, messages, me, tuple(body.get("tags", ())),
            status=APPROVED if approved else DRAFT, note=str(body.get("note", "")), origin=origin or "",
            split=str(body.get("split", "")),
        )  # fmt: skip
        drafts.drop(store, sheet.dataset, sheet.entry, me)
        notices.later("The example is approved." if approved else "The example is saved as a draft.")
        go(made.entry)
    seen = sheet.seen
    status = APPROVED if approved else seen.status
    if messages != seen.messages or status != seen.status:
        made = examples.edit(
            store, seen, me, messages=messages, status=status, tags=rough.tags_after(seen, text), origin=origin
        )
        notices.later(f"Version {made.version} is {'approved' if approved else 'saved'}.")
    drafts.drop(store, sheet.dataset, sheet.entry, me)
    go(beside(sheet.entry, order, 1) if approved else sheet.entry)


def beside(entry: str, order: Sequence[str], step: int) -> str:
    """The entry `step` places on in the row, the same one at its ends."""
    if entry not in order:
        return order[0] if order and not entry else entry
    return order[min(max(order.index(entry) + step, 0), len(order) - 1)]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
