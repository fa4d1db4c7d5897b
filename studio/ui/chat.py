"""Chat: what was asked and what came back. Answers are shown as plain words, never as Markdown: the same rendering
for everybody, and no model can draw a picture or a link into the page."""

import difflib
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from studio.deciding import findings
from studio.judging import asking
from studio.judging.asking import Said
from studio.ui import cited, notices, parts

LONG = 2500  # letters from which an answer scrolls in its place, so that its neighbours stay at hand


def words(text: str, *, large: bool = False, found: Sequence[Mapping[str, Any]] = ()) -> None:
    """What somebody said, to the letter but for spaces around it. `[1]` leads to the first passage `found`."""
    st.html(cited.numbered(said(text, large=large), found))


def question(text: str) -> None:
    """What was asked, above the answers."""
    parts.label("Question")
    words(text, large=True)


def said(text: str, *, large: bool = False) -> str:
    kind = " large" if large else _length(text)
    return f'<div class="said{kind}">{html.escape(text.strip()) or "<i>(no words)</i>"}</div>'


def passages(found: Sequence[Mapping[str, Any]], library: str = "") -> None:
    """What was retrieved, folded away, numbered as the model saw it; each leads to where it stands in `library`. Those
    that the question brought stand in none."""
    whence = "retrieved" if any(passage.get("source") for passage in found) else "that the question brought"
    with st.expander(f"{parts.count(len(found), 'passage')} {whence}", type="compact"):
        for number, passage in enumerate(found, 1):
            text, home = str(passage["text"]), str(passage.get("library", library))
            link = cited.citation(f"[{number}] {cited.place(passage)}", home, str(passage.get("source", "")), text)
            st.html(f'<div class="said">{html.escape(text)}</div><div class="where">{link}</div>')


def examples(found: Sequence[Mapping[str, str]]) -> None:
    """What the model was shown before the question, questions and answers in turn, folded away."""
    with st.expander(f"{parts.count(len(found) // 2, 'example')} shown before it", type="compact"):
        for question, reply in zip(found[::2], found[1::2], strict=True):
            st.html(f'<div class="where">{html.escape(question["content"])}</div>{said(reply["content"])}')


def facts(answer: Said) -> str:
    """Tokens, seconds and cost in one line, and that it was cut off, where it was."""
    tokens = f"{answer.tokens_out} tokens" if answer.tokens_out is not None else "tokens unknown"
    first = f" (first word after {answer.first:.1f} s)" if answer.first and answer.first >= 0.05 else ""
    euros = "cost unknown" if answer.cost is None else f"{findings.euros(1000 * answer.cost)} for 1,000 such answers"
    cut = " · cut off at its longest" if answer.cut else ""
    return f"{tokens} · {answer.seconds:.1f} s{first} · {euros}{cut}"


def compared(one: str, other: str) -> tuple[str, str]:
    """Both texts as HTML without the spaces around them, with the words marked that only this one has."""
    one, other = one.strip(), other.strip()
    a, b = (re.findall(r"\s+|\S+", text) for text in (one, other))
    left, right = [], []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        here, there = html.escape("".join(a[i:j])), html.escape("".join(b[k:m]))
        left.append(here if kind == "equal" or not here else f"<ins>{here}</ins>")
        right.append(there if kind == "equal" or not there else f"<ins>{there}</ins>")
    return _marked(one, left), _marked(other, right)


def _marked(text: str, pieces: Sequence[str]) -> str:
    return f'<div class="diff{_length(text)}">{"".join(pieces)}</div>'


def _length(text: str) -> str:
    return " long" if len(text) > LONG else ""


def waiting() -> None:
    """In place of an answer whose words must not be seen before the others have ended too."""
    st.markdown(":shimmer[Writing]")


def nameless(letter: str, said: Said, body: str | None = None) -> None:
    """An answer without a name, a figure or a passage, since each of them could tell who wrote it."""
    parts.label(letter)
    if said.stage == asking.FAILED:
        st.caption("No answer came.")
    elif body:
        st.html(body)
    else:
        words(said.text)


def answer(said: Said, body: str | None = None) -> None:
    """One answer in its column: its words as far as they have come, then what it took. `body` replaces the words."""
    parts.label(said.name)
    if said.stage == asking.WAKING:
        st.markdown(":shimmer[Starting the model; the first question takes some seconds]")
        return
    if said.stage == asking.FAILED:
        st.error(notices.plain(said.error), icon=":material/error:")
        return
    if body:
        st.html(cited.numbered(body, said.passages))
    else:
        words(said.text, found=said.passages) if said.text or not said.live else st.markdown(":shimmer[Thinking]")
    if said.stage == asking.DONE:
        st.caption(facts(said))
        if said.passages:
            passages(said.passages)
        if said.shown:
            examples(said.shown)
