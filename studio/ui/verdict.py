"""Verdict: one line under whatever is being written: can it be learned from, how long is it, and what is wrong first.

It judges what stands in the editor now, and changes nothing: a repair is shown, and taken by whoever calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.checking import repairs
from engine.checking.tokens import FAMILIES, Tokenizer, load
from engine.data.conversations import Unusable, parse
from engine.problems import Problem
from studio.data import preferences
from studio.ui import notices, state
from studio.ui import tokens as marked

Message = Mapping[str, Any]
FAMILY = "starter"  # the model that is always here
PREFERENCE = "tokenizer"


def line(
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]] | None = None,
    family: str = FAMILY,
    limit: int = 0,
) -> str | None:
    """Draw the verdict on what is being written. The row as it could be, if it cannot be used and somebody knows.

    `limit` is the longest row, in tokens, that training takes; 0 for none.
    """
    row = {"messages": [dict(message) for message in messages], **({"tools": list(tools)} if tools else {})}
    try:
        said = parse(row)
        count = _tokenizer(family).count(said)
    except Unusable as unusable:
        repair = repairs.propose(unusable.code, row)
        _say("orange", "pending", notices.plain(unusable.why))
        if repair is not None:
            st.caption(notices.plain(f"It can be repaired. {repairs.SAID[unusable.code]}"))
        return repair
    words = f"{count.tokens:,} tokens, {count.trained:,} of them learned · {family}"
    if limit and count.tokens > limit:
        over = f"too long by {count.tokens - limit:,} tokens: training takes {limit:,} a row"
        _say("orange", "straighten", f"{words} · {over}")
    else:
        _say("green", "check_circle", f"It can be learned from · {words}")
    return None


def under(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] | None, key: str) -> None:
    """The line with, folded behind it, its tokens and the model family by which a person counts."""
    chosen = preferences.get(state.store(), state.me(), PREFERENCE, FAMILY)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            try:
                line(messages, tools, chosen)
            except Problem as problem:  # a base's template may not know tools
                _say("orange", "error", notices.plain(f"{problem.what} {problem.why}"))
        with st.popover("Tokens", type="tertiary", icon=":material/data_array:", key=f"{key}-tokens"):
            family = st.segmented_control("Counted as by", FAMILIES, default=chosen, required=True, key=f"{key}-family")
            if family != chosen:
                preferences.set(state.store(), state.me(), PREFERENCE, family)
                st.rerun()
            if st.toggle("Show which are learned", key=f"{key}-shown"):
                tokens(messages, chosen)


def tokens(messages: Sequence[Message], family: str = FAMILY) -> None:
    """Draw the tokens of a conversation, those that are learned marked."""
    try:
        spans = _tokenizer(family).spans(parse({"messages": [dict(message) for message in messages]}))
    except Unusable as unusable:
        _say("orange", "pending", notices.plain(unusable.why))
        return
    batch = [{"tokens": [text for text, _ in spans], "trained": [on for _, on in spans]}]
    st.html(marked.rows(batch))
    st.caption("Marked is what the model learns to say; the rest it only reads.")


def _say(colour: str, icon: str, text: str) -> None:
    st.markdown(f":{colour}[:material/{icon}:] :gray[{text}]")


@st.cache_resource(show_spinner="Loading the tokenizer")
def _tokenizer(family: str) -> Tokenizer:
    return load(family)
