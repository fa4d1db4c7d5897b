"""Past: how an example came to be: its comments, and every version with what was changed and the way back to it."""

from typing import Any

import streamlit as st

from studio.data import comments, examples, versions
from studio.data.examples import Example
from studio.ui import chat, clash, notices, parts, state


def worse(example: Example) -> list[dict[str, Any]] | None:
    """The worse answer of an example, and a form to change it: what was asked for, None when nothing was."""
    held = str(example.worse[-1].get("content") or "") if example.worse else ""
    with st.expander("A worse answer", icon=":material/thumb_down:", expanded=bool(held)):
        st.caption(
            "Some models learn from two answers to one question: to come closer to the better one, and to move away "
            "from the worse one. Here stands the worse one, if you know it. Others read past it."
        )
        key = f"worse-{example.entry}-{example.version}"
        text = st.text_area("The worse answer", held, key=key, label_visibility="collapsed") or ""
        with st.container(horizontal=True):
            if st.button("Save the worse answer", icon=":material/save:", key=f"{key}-save", disabled=not text.strip()):
                return [{"role": "assistant", "content": text.strip()}]
            if held and st.button("Take it away", icon=":material/close:", type="tertiary", key=f"{key}-out"):
                return []
    return None


def talk(example: Example) -> None:
    """What colleagues said, and a line to say something."""
    said = comments.listed(state.store(), example.dataset, example.entry)
    parts.section(parts.count(len(said), "comment") if said else "Comments")
    for comment in said:
        with st.container(gap=None):
            st.caption(
                f"**{notices.plain(comment.made_by)}**, {parts.ago(comment.made_at)}, on version {comment.version}"
            )
            chat.words(comment.body)
    with (
        st.form(f"comment-{example.entry}-{len(said)}", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        words = st.text_input("Comment", placeholder="Say something to your colleagues", label_visibility="collapsed")
        sent = st.form_submit_button("Send", icon=":material/send:", key=f"send-{example.entry}")
    if sent:
        with notices.told():
            comments.add(state.store(), example.dataset, example.entry, example.version, words or "", state.me())
            st.rerun()


def history(example: Example) -> Example | None:
    """Every version, newest first, with what it changed; the one that somebody wants back."""
    past = examples.history(state.store(), example.dataset, example.entry)
    wanted = None
    with st.expander(
        f"History: {parts.count(len(past), 'version')}", icon=":material/history:", key=f"past-{example.entry}"
    ):
        for version, before in zip(past, [*past[1:], None], strict=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"**Version {version.version}** {parts.badge_text(version.status)} "
                    f":gray[{notices.plain(version.made_by)}, {parts.ago(version.made_at)}"
                    f"{', ' + notices.plain(', '.join(version.tags)) if version.tags else ''}]",
                    width="stretch",
                )
                key = f"restore-{example.entry}-{example.version}-{version.version}"
                if version.version != example.version and st.button(
                    "Restore", key=key, icon=":material/undo:", type="tertiary"
                ):
                    wanted = version
            st.html(
                chat.compared(clash.text(before.messages), clash.text(version.messages))[1]
                if before
                else _first(version)
            )
    return wanted


def hands(example: Example) -> str:
    """Who wrote the words and who approved them, in one phrase; nothing of an example as it was imported."""
    past = examples.history(state.store(), example.dataset, example.entry)
    if len(past) == 1 and example.line:
        return f"from {notices.plain(example.source)}, line {example.line:,}"
    found = versions.hands(past)
    if found.alone:
        return f"written and approved by {notices.plain(found.wrote)} alone"
    approved = f", approved by {notices.plain(found.approved)}" if found.approved else ""
    return f"words by {notices.plain(found.wrote)}{approved}"


def _first(version: Example) -> str:
    return f'<div class="diff">{chat.said(clash.text(version.messages))}</div>'
