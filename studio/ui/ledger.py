"""Ledger: what an answer claims, claim by claim, with the passage that it stands on, the quote and the verdict."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.scoring.judged.prompts import CONTRADICTED, NOT_IN_CONTEXT, SUPPORTED
from studio.ui import notices, parts

VERDICTS = {  # the sign, the words, and how the row looks
    SUPPORTED: ("✓", "supported", "right"),
    CONTRADICTED: ("✗", "contradicted", "wrong"),
    NOT_IN_CONTEXT: ("–", "not in the passages", "open"),
}

Scores = Mapping[str, Mapping[str, Any]]  # metric -> value, why, detail


def draw(scores: Scores) -> set[str]:
    """The claims of judged scores, once for all that share them, and what a judge said that could not be used. The
    names of the scores that are told of here."""
    told: set[str] = set()
    seen: list[Any] = []
    for name, score in scores.items():
        detail = score["detail"] or {}
        claims, unusable = detail.get("claims"), detail.get("status") == "unusable"
        if not claims and not unusable:
            continue
        told.add(name)
        if detail in seen:
            continue
        seen.append(detail)
        with st.expander("Claim by claim" if claims else f"What the judge of {name} said", type="compact"):
            if claims:
                st.html("".join(row(claim) for claim in claims))
            else:
                st.code(str(detail.get("said", "")) or "(nothing)", language=None, wrap_lines=True)
            st.caption(judged(detail))
    return told


def row(claim: Mapping[str, Any]) -> str:
    """One claim as HTML: verdict, words, where they stand, what it cites."""
    sign, words, look = VERDICTS[claim["verdict"]]
    lines = []
    if claim["passage"]:
        lines.append((f"[{claim['passage']}] {claim['source']}", f"“{claim['quote']}”"))
    if claim["cited"]:
        lines.append(("cites", ", ".join(_cited(one) for one in claim["cited"])))
    elif claim["needs_source"]:
        lines.append(("cites", "nothing, and needs a source"))
    cells = "".join(f"<span>{html.escape(name)}</span><span>{html.escape(said)}</span>" for name, said in lines)
    why = f'<div class="why">{html.escape(words)}: {html.escape(claim["reason"])}</div>'
    return (
        f'<div class="scored {look} claim"><span class="sign">{sign}</span><div><p>{html.escape(claim["claim"])}</p>'
        f'<div class="lines">{cells}</div>{why}</div></div>'
    )


def judged(detail: Mapping[str, Any]) -> str:
    """Who judged, by which prompts, and what it took."""
    prompts = ", ".join(detail.get("prompts", ()))
    took = f"{parts.count(detail.get('calls', 0), 'call')}, {detail.get('seconds', 0):.1f} s"
    return notices.plain(f"Judged by {detail.get('judge', '')} · prompts {prompts} · {took}")


def _cited(one: Mapping[str, Any]) -> str:
    if not one["exists"]:
        return f"[{one['passage']}], which does not exist"
    return f"[{one['passage']}], which {'supports it' if one['supports'] else 'does not support it'}"
