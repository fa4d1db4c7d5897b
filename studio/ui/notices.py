"""Notices: how the studio speaks when something is wrong, missing, done, or about to be done."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine.problems import Problem
from studio.ui import nav, state


@contextmanager
def shown() -> Iterator[None]:
    """Around a page: a Problem is shown kindly, anything else as the bug it is, and toasts that wait are said."""
    for text in state.value(state.TOASTS, []):
        st.toast(text, icon=":material/check_circle:")
    state.keep(state.TOASTS, [])
    try:
        with told():
            yield
    except Exception as error:
        st.error(
            "**Something broke that should not have.** Nothing that was saved is lost.", icon=":material/bug_report:"
        )
        with st.expander(f"For whoever mends it: {type(error).__name__}"):
            st.code(traceback.format_exc(), language=None)
        raise


@contextmanager
def told() -> Iterator[None]:
    """Around one action: a Problem is shown where it happens, and the rest of the page is still drawn."""
    try:
        yield
    except Problem as problem:
        tell(problem)


def tell(problem: Problem) -> None:
    """What happened, why, and what to do."""
    words = [f"**{plain(problem.what)}**", plain(problem.why), plain(problem.do)]
    st.error("  \n".join(word for word in words if word), icon=":material/error:")


def later(text: str) -> None:
    """Say that something is done, after the page is drawn anew; for use before st.rerun or a switch of pages."""
    state.keep(state.TOASTS, [*state.value(state.TOASTS, []), text])


def empty(title: str, text: str, icon: str, go: str = "", label: str = "", **ids: str) -> None:
    """Where nothing is yet: what would be here, and the way on (to page `go`)."""
    with st.container(border=True, key=f"empty-{icon}", horizontal_alignment="center", gap="small"):
        st.space("small")
        st.markdown(f"## :material/{icon}:", text_alignment="center", anchors=False)
        st.markdown(f"#### {title}", text_alignment="center", anchors=False)
        st.markdown(text, text_alignment="center", width=520)
        if go and st.button(label, type="primary", key=f"empty-{icon}-{go}", icon=nav.place(go).symbol):
            nav.goto(go, **ids)
        st.space("small")


def sure(label: str, question: str, answer: str, key: str, icon: str = "", disabled: bool = False) -> bool:
    """A button that asks once more: True when the answer to the question was clicked."""
    with st.popover(label, icon=f":material/{icon}:" if icon else None, disabled=disabled, key=f"{key}-ask"):
        st.markdown(question)
        return st.button(answer, type="primary", key=key)


def plain(text: str) -> str:
    """Text with Markdown's signs made harmless: what people wrote is shown as they wrote it."""
    for sign in "\\`*_[]$:<>#~":
        text = text.replace(sign, f"\\{sign}")
    return text
