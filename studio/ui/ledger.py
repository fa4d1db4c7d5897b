"""Ledger: what an answer claims, claim by claim: the passage that it stands on, the quote, the judge's verdict, and
what people say instead, with one click."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.scoring.judged.overruling import CANNOT_TELL
from engine.scoring.judged.prompts import CONTRADICTED, NOT_IN_CONTEXT, SUPPORTED
from studio.judging import overrides
from studio.judging.overrides import Ruling
from studio.ui import notices, parts, state

VERDICTS = {  # the sign, the words, and how the row looks
    SUPPORTED: ("✓", "supported", "right"),
    CONTRADICTED: ("✗", "contradicted", "wrong"),
    NOT_IN_CONTEXT: ("–", "not in the passages", "open"),
}
SAYABLE = {NOT_IN_CONTEXT: "None holds it", CONTRADICTED: "One speaks against it", CANNOT_TELL: "Cannot tell"}
SHORT = {NOT_IN_CONTEXT: "None", CONTRADICTED: "Against it", CANNOT_TELL: "Cannot tell"}  # where room is scarce
HOW = (
    "Is the judge wrong? Click what you would say: the passage that holds the claim, none, or that one speaks against "
    "it. Click it again to take it back. The figures follow; the judge's own verdict stays beside yours."
)

Scores = Mapping[str, Mapping[str, Any]]  # metric -> value, why, detail


def draw(scores: Scores, response: str = "", passages: int = 0) -> set[str]:
    """The claims of judged scores, once for all that share them, and what a judge said that could not be used. The
    names of the scores that are told of here. Where the `response` with so many passages is named, people can say
    otherwise."""
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
            if claims and response:
                st.caption(HOW)
                ruled(claims, overrides.of(state.store(), response), response, passages)
            elif claims:
                st.html("".join(row(claim) for claim in claims))
            else:
                st.code(str(detail.get("said", "")) or "(nothing)", language=None, wrap_lines=True)
            st.caption(judged(detail))
    return told


def ruled(
    claims: Sequence[Mapping[str, Any]], people: Mapping[str, Sequence[Ruling]], response: str, passages: int
) -> None:
    """Each claim with what people say of it, and what this person can say."""
    for claim in claims:
        said = people.get(claim["id"], ())
        with st.container(gap="xsmall", key=f"claim-{response}-{claim['id']}"):
            st.html(row(claim, said))
            own = next((one for one in said if one.made_by == state.me()), None)
            _say(response, claim["id"], own, passages)


def row(claim: Mapping[str, Any], people: Sequence[Ruling] = ()) -> str:
    """One claim as HTML: the verdict that holds, words, where they stand, what it cites, and who says what."""
    sign, words, look = VERDICTS[claim["verdict"]]
    lines = _stands(claim)
    if claim["cited"]:
        lines.append(("cites", ", ".join(_cited(one) for one in claim["cited"])))
    elif claim["needs_source"]:
        lines.append(("cites", "nothing, and needs a source"))
    lines += [(one.made_by, f"{ruling(one)}, {parts.ago(one.made_at)}") for one in people]
    judge = claim.get("judge")
    if judge and (judge["verdict"], judge["passage"]) == (claim["verdict"], claim["passage"]):
        judge = None  # people agree with it
    if judge:
        quoted = "; ".join(f"{where} {quote}" for where, quote in _stands(judge))
        lines.append(("the judge", " · ".join(filter(None, (VERDICTS[judge["verdict"]][1], quoted, judge["reason"])))))
    cells = "".join(f"<span>{html.escape(name)}</span><span>{html.escape(said)}</span>" for name, said in lines)
    why = "" if judge else f'<div class="why">{html.escape(words)}: {html.escape(claim["reason"])}</div>'
    return (
        f'<div class="scored {look} claim"><span class="sign" title="{words}">{sign}</span>'
        f'<div><p>{html.escape(claim["claim"])}</p><div class="lines">{cells}</div>{why}</div></div>'
    )


def ruling(one: Ruling) -> str:
    """What somebody says of a claim, in words."""
    said = said_of(one.verdict, one.passage) + (", without seeing the judge's verdict" if one.drawn else "")
    return f"{said}: “{one.why}”" if one.why else said


def said_of(verdict: str, passage: int) -> str:
    """A verdict of a person in words."""
    return f"[{passage}] holds it" if verdict == SUPPORTED else SAYABLE[verdict].lower()


def judged(detail: Mapping[str, Any]) -> str:
    """Who judged, by which prompts, and what it took."""
    prompts = ", ".join(detail.get("prompts", ()))
    took = f"{parts.count(detail.get('calls', 0), 'call')}, {detail.get('seconds', 0):.1f} s"
    return notices.plain(f"Judged by {detail.get('judge', '')} · prompts {prompts} · {took}")


def _say(response: str, claim: str, own: Ruling | None, passages: int) -> None:
    """The verdicts to choose from, the person's own marked, and room for a word why."""
    key = f"say-{response}-{claim}"
    choices = [(SUPPORTED, n) for n in range(1, passages + 1)] + [(verdict, 0) for verdict in SAYABLE]
    state.keep(key, (own.verdict, own.passage) if own else None)  # it may have changed elsewhere
    st.pills(
        f"Your verdict on claim {claim}", choices, key=key, label_visibility="collapsed",
        format_func=lambda one: f"[{one[1]}]" if one[1] else SHORT[one[0]],
        on_change=_take, args=(response, claim, key, own.why if own else ""),
    )  # fmt: skip
    if own:
        words = f"why-{response}-{claim}"
        state.keep(words, own.why)
        st.text_input(
            f"Why, of claim {claim}", key=words, placeholder="Why? A word, if you like", width=320,
            label_visibility="collapsed", on_change=_explain, args=(response, claim, own, words),
        )  # fmt: skip


def _take(response: str, claim: str, key: str, why: str) -> None:
    chosen = st.session_state[key]
    with notices.told():
        if chosen is None:
            overrides.take_back(state.store(), response, claim, state.me())
        else:
            verdict, passage = chosen
            overrides.rule(state.store(), response, claim, verdict, state.me(), passage=passage, why=why)


def _explain(response: str, claim: str, own: Ruling, key: str) -> None:
    with notices.told():
        overrides.rule(
            state.store(), response, claim, own.verdict, state.me(), passage=own.passage, why=st.session_state[key]
        )


def _stands(claim: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where it stands and in which words, as far as a judge has quoted some."""
    return [(f"[{claim['passage']}] {claim['source']}", f"“{claim['quote']}”")] if claim["quote"] else []


def _cited(one: Mapping[str, Any]) -> str:
    if not one["exists"]:
        return f"[{one['passage']}], which does not exist"
    return f"[{one['passage']}], which {'supports it' if one['supports'] else 'does not support it'}"
