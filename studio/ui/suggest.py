"""Suggest: who is asked for a version, its words as they come, and what to do with them."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.problems import Problem
from engine.scoring.guide import Guide
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.data import drafts
from studio.judging.asking import Said
from studio.store import Store
from studio.ui import chat, notices, parts, state
from studio.ui.sheet import Sheet, again
from studio.writing import inspiration, suggestions

WHO, TOLD, LIKE = "suggest-who", "suggest-guide", "suggest-like"  # keys of the choice of who suggests
NOBODY = Problem("There is no model to ask.", do="Add one under Runs, or serve the starter.")


def suggester() -> Candidate | None:
    """Who is asked, whether they hear the guide, and how many examples they are shown."""
    offered = {one.id: one for one in candidates.on_offer(state.store(), state.me())}
    if not offered:
        st.caption("There is no model to ask yet.")
        return None
    chosen = st.selectbox(
        "Model", list(offered), index=_usual(list(offered.values())), format_func=lambda id: offered[id].name,
        key=WHO, persist_state="session",
    )  # fmt: skip
    told, shown = suggestions.usual(state.store(), offered[chosen])
    st.toggle("Tell it the style guide", told, key=f"{TOLD}-{chosen}", persist_state="session")
    st.slider("Similar approved examples to show it", 0, 5, shown, key=f"{LIKE}-{chosen}", persist_state="session")
    if not told:
        st.caption("The starter has learned from short conversations: with rules or examples before them it rambles.")
    return offered[chosen]


def chosen_suggester() -> Candidate | None:
    """The same choice, for who asks without drawing it."""
    offered = candidates.on_offer(state.store(), state.me())
    asked = st.session_state.get(WHO)
    usual = offered[_usual(offered)] if offered else None
    return next((one for one in offered if one.id == asked), usual)


def _usual(offered: Sequence[Candidate]) -> int:
    """The newest tuned model as it is, else the first."""
    tuned = models.listed(state.store(), models.ADAPTER)
    return next((at for at, one in enumerate(offered) if tuned and one.name == tuned[-1].name), 0)


def wishes(chosen: Candidate) -> tuple[bool, int]:
    """Whether it hears the guide, and how many examples it is shown."""
    told, shown = suggestions.usual(state.store(), chosen)
    return (
        bool(st.session_state.get(f"{TOLD}-{chosen.id}", told)),
        int(st.session_state.get(f"{LIKE}-{chosen.id}", shown)),
    )


def ask(store: Store, sheet: Sheet, chosen: Candidate, guide: Guide, text: str) -> None:
    """Ask, draw the words as they come, and lay them beside what is there."""
    told, shown = wishes(chosen)
    if not sheet.source.strip():
        st.warning("Write what came in first; there is nothing to rewrite yet.", icon=":material/info:")
        return
    near = inspiration.near(store, sheet.dataset, sheet.source, shown, without=sheet.entry)
    parts.label(f"{chosen.name} suggests")
    slot, said = st.empty(), Said(chosen.name)
    slot.markdown(":shimmer[Starting the model; the first one takes some seconds]")
    for said in suggestions.ask(store, chosen, sheet.source, guide if told else None, near):
        if said.text:
            slot.html(chat.said(said.text))
    if said.error:
        slot.error(notices.plain(said.error), icon=":material/error:")
        return
    messages = [*sheet.messages[:-1], {**sheet.messages[-1], "content": text}]
    held = drafts.get(store, sheet.dataset, sheet.entry, state.me())
    body = {**(held.body if held else {}), "messages": messages}
    body[suggestions.KEY] = {"text": said.text.strip(), "by": chosen.name, "model": chosen.model}
    drafts.keep(store, sheet.dataset, sheet.entry, state.me(), sheet.version, body)
    st.rerun(scope="fragment")


def offer(store: Store, sheet: Sheet, body: dict[str, Any], text: str) -> None:
    """A suggestion that waits: what it would change, and what to do with it."""
    offered = body[suggestions.KEY]
    with st.container(border=True, gap="small"):
        parts.label(f"{offered['by']} suggests")
        st.html(chat.compared(text, offered["text"])[1])
        with st.container(horizontal=True):
            taken = st.button(
                "Take it", icon=":material/check:", shortcut="Alt+A", key=sheet.key("take"), type="primary"
            )
            left = st.button("No, thank you", icon=":material/close:", shortcut="Alt+X", key=sheet.key("leave"))
    if taken or left:
        kept = {name: value for name, value in body.items() if name != suggestions.KEY}
        if taken:
            messages = [*sheet.messages[:-1], {**sheet.messages[-1], "content": offered["text"]}]
            kept |= {"messages": messages, "taken": offered}
            drafts.keep(store, sheet.dataset, sheet.entry, state.me(), sheet.version, kept)
            again(sheet, messages=messages)
        elif sheet.seen and kept.get("messages") == sheet.seen.messages:
            drafts.drop(store, sheet.dataset, sheet.entry, state.me())
        else:
            drafts.keep(store, sheet.dataset, sheet.entry, state.me(), sheet.version, kept)
        st.rerun(scope="fragment")
