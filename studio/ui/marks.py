"""Marks: the style guide's marks in a text, to read (`text`) or while somebody writes it (`area`).

`area` is a component of its own: its words live in the browser, so no drawing anew ever takes a keystroke. What is
typed reaches Python a moment after a pause; the marks come back and are drawn under the words they belong to. Marks of
older words are moved along with the edit until then.
"""

import html
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from engine.scoring import guide as rules
from engine.scoring.guide import Guide, Lack, Mark

ASSETS = Path(__file__).parent / "marked"

_area = st.components.v2.component(
    "atelier_marked",
    html=(ASSETS / "area.html").read_text(encoding="utf-8"),
    css=(ASSETS / "area.css").read_text(encoding="utf-8"),
    js=(ASSETS / "area.js").read_text(encoding="utf-8"),
    isolate_styles=False,  # keys without Ctrl or Alt are left to the text by Streamlit only where it sees the text area
)


def area(text: str, guide: Guide, key: str, label: str, *, focus: bool = False, height: int = 150) -> str:
    """A text to write in, with the guide's marks in it; what it says now. A new `key` starts anew with `text`."""
    held = st.session_state.get(key) or {}
    now = held.get("text") if hasattr(held, "get") else None
    said = text if now is None else str(now)
    found = _area(
        key=key,
        data={
            "text": text,
            "label": label,
            "focus": focus,
            "height": height,
            "checked": said,
            "marks": [_drawn(said, mark) for mark in rules.marks(said, guide)],
            "lacks": [{"rule": lack.rule, "why": lack.why} for lack in rules.missing(said, guide)],
            "ruled": not guide.silent,
        },
        on_text_change=_heard,
    )
    return text if found.text is None else str(found.text)


def text(words: str, guide: Guide) -> None:
    """A text to read, its marks underlined, and what the whole lacks below it."""
    st.html(marked(words, rules.marks(words, guide)) + lacks(rules.missing(words, guide)))


def marked(words: str, found: Sequence[Mark]) -> str:
    """The text as HTML; each mark carries its reason. Where marks overlap the inner one speaks."""
    cuts = sorted({0, len(words), *(at for mark in found for at in (mark.start, mark.end))})
    pieces = []
    for start, end in pairwise(cuts):
        over = [mark for mark in found if mark.start <= start and end <= mark.end]
        said = html.escape(words[start:end])
        if over:
            inner = min(over, key=lambda mark: mark.end - mark.start)
            said = f'<mark class="style" title="{html.escape(inner.why)}">{said}</mark>'
        pieces.append(said)
    return f'<div class="said">{"".join(pieces)}</div>'


def lacks(found: Sequence[Lack]) -> str:
    lines = "".join(f"<li>{html.escape(lack.why)}</li>" for lack in found)
    return f'<ul class="lacks">{lines}</ul>' if found else ""


def _heard() -> None:
    """Nothing to do: the drawing that follows reads the text."""


def _drawn(words: str, mark: Mark) -> dict[str, Any]:
    """Positions as the browser counts them, in UTF-16."""
    return {
        "start": _utf16(words[: mark.start]),
        "end": _utf16(words[: mark.end]),
        "said": words[mark.start : mark.end],
        "rule": mark.rule,
        "why": mark.why,
        "instead": mark.instead,
    }


def _utf16(words: str) -> int:
    return len(words.encode("utf-16-le", "surrogatepass")) // 2
