"""Results: what an evaluation or a judge has found, drawn the same way on every page."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from engine.scoring import stats
from studio.deciding import findings
from studio.deciding.findings import Arms, Effects
from studio.deciding.reports import Line
from studio.judging.judgements import Tally
from studio.ui import charts, chat, fix, notices, parts
from studio.writing.fixing import Bad


def shares(lines: Sequence[Line], metric: str, key: str) -> None:
    """A bar a candidate with its interval."""
    known = {line.name: line.quality for line in lines}
    said = "; ".join(f"{name} {quality}" for name, quality in known.items())
    charts.show(charts.estimates({metric: known}), key, f"Share of answers that pass {metric}: {said}")


def verdicts(lines: Sequence[Line], differences: Mapping[str, stats.Difference], baseline: str) -> None:
    """A line a candidate: its figure, and what it says against the baseline."""
    rows = []
    for line in lines:
        if line.candidate == baseline:
            said = "The baseline."
        elif line.candidate in differences:
            said = stats.in_words(differences[line.candidate])
        else:
            said = "No answer that both have a score for."
        rows.append((line.name, str(line.quality), said, f"{line.failed}&nbsp;failed" if line.failed else ""))
    cells = "".join(
        f'<div class="verdict"><b>{html.escape(name)}</b><span>{figures(quality)}</span>'
        f"<span>{figures(said)} <i>{failed}</i></span></div>"
        for name, quality, said, failed in rows
    )
    st.html(f'<div class="verdicts">{cells}</div>')


def preference(tally: Tally, key: str) -> None:
    """Wins, ties and losses as one bar, and what they say in words."""
    parts_of = ((tally.first, tally.wins), ("tie or both bad", tally.ties), (tally.second, tally.losses))
    figure = go.Figure(layout=charts.layout(110))
    for color, (name, n) in zip((charts.ACCENT, charts.HAIR, charts.SECOND), parts_of, strict=True):
        figure.add_bar(
            x=[n], y=[""], name=name, orientation="h", marker={"color": color}, text=[str(n) if n else ""],
            textposition="inside", insidetextanchor="middle", hovertemplate=f"{html.escape(name)}: {n}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", showlegend=True, legend={"traceorder": "normal"})
    figure.update_xaxes(visible=False, range=[0, tally.n])
    figure.update_yaxes(visible=False)
    said = findings.preferred(tally)
    charts.show(figure, key, said)
    st.markdown(notices.plain(said))
    if tally.skipped:
        st.caption(f"{tally.skipped} skipped, counted nowhere.")


def four_arms(lines: Sequence[Line], arms: Arms) -> None:
    """The two by two: base or tuned, without or with retrieval."""
    known = {line.candidate: line for line in lines}
    best = max((known[id].quality.value or 0.0 for id in arms.ids if id in known), default=0.0)

    def cell(id: str) -> str:
        quality = known[id].quality if id in known else stats.share(0, 0)
        value = quality.value
        tint = 0 if value is None else round(6 + 34 * value)
        mark = " best" if value is not None and value == best else ""
        figure = "no number" if value is None else f"{100 * value:.0f} %"
        doubt = str(quality).split("(")[-1].rstrip(")")
        name = html.escape(known[id].name) if id in known else ""
        return (
            f'<td class="arm{mark}" style="--tint:{tint}%"><b>{figure}</b><span>{figures(doubt)}</span>'
            f"<i>{name}</i></td>"
        )

    st.html(
        '<table class="arms"><tr><td></td><th>without retrieval</th><th>with retrieval</th></tr>'
        f"<tr><th>base</th>{cell(arms.prompt)}{cell(arms.rag)}</tr>"
        f"<tr><th>tuned</th>{cell(arms.tuned)}{cell(arms.both)}</tr></table>"
    )


def effects(found: Effects) -> None:
    """What each step does, in words."""
    rows = (
        ("Retrieval on the base", stats.in_words(found.rag)),
        ("Fine-tuning without retrieval", stats.in_words(found.tuned)),
        ("Both together", stats.in_words(found.both)),
        ("Beyond the sum of the two", _beyond(found.beyond)),
    )
    cells = "".join(
        f'<div class="verdict"><b>{html.escape(name)}</b><span>{figures(said)}</span></div>' for name, said in rows
    )
    st.html(f'<div class="verdicts two">{cells}</div>')


UNPARTED = re.compile(r" (?=[%€])|(?<=\bn) (?==)|(?<==) |(?<= to) (?=[+-])")


def figures(text: str) -> str:
    """Text for HTML in which no figure parts from its unit or its n at the end of a line."""
    return UNPARTED.sub("&nbsp;", html.escape(text))


def _beyond(found: stats.Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"Cannot tell (n = {found.n})."
    span = f"{100 * found.value:+.0f} points ({100 * found.low:+.0f} to {100 * found.high:+.0f}, n = {found.n})"
    if found.low > 0:
        return f"They help each other: {span}."
    if found.high < 0:
        return f"They overlap, so both give less than the sum: {span}."
    return f"Cannot tell whether they help or hinder each other: {span}."


SHOWN = {"all": "All", "wrong": "Wrong", "right": "Right", "unknown": "Cannot tell", "failed": "Failed"}


def kinds(table: pd.DataFrame) -> pd.Series:
    """Of each answer: failed, wrong, right or unknown."""
    found = pd.Series("unknown", index=table.index, dtype=object)
    found[table["value"] >= 0.5] = "right"
    found[table["value"] < 0.5] = "wrong"
    found[table["error"] != ""] = "failed"
    return found


def answers(table: pd.DataFrame, key: str, a_page: int = 10, found: str = "", dataset: str = "") -> None:
    """Answers one by one, worst first, with a filter by outcome and by words.

    Where `found` says which evaluation this is, each can be made the start of an example of `dataset`.
    """
    if table.empty:
        st.caption("No answer yet.")
        return
    table = table.assign(kind=kinds(table))
    counts = {"all": len(table), **table["kind"].value_counts().to_dict()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Outcome", [kind for kind in SHOWN if counts.get(kind)], default="all", required=True, key=f"kind-{key}",
            format_func=lambda kind: f"{SHOWN[kind]} {counts[kind]}", label_visibility="collapsed",
        )  # fmt: skip
        wanted = st.text_input("Words", key=f"words-{key}", placeholder="Words in question or answer", width=280,
                               label_visibility="collapsed")  # fmt: skip
    if chosen != "all":
        table = table[table["kind"] == chosen]
    if wanted:
        holds = table["prompt"].str.contains(wanted, case=False, regex=False)
        table = table[holds | table["text"].str.contains(wanted, case=False, regex=False)]
    pages = max(1, -(-len(table) // a_page))
    at = (st.pagination(pages, key=f"page-{key}-{chosen}-{wanted}") if pages > 1 else 1) - 1
    for row in table.iloc[at * a_page : (at + 1) * a_page].to_dict("records"):
        _answer({str(name): value for name, value in row.items()}, key, found, dataset)
    if table.empty:
        st.caption("No answer like that.")


SIGNS = {"right": "✓", "wrong": "✗", "unknown": "?", "failed": "!"}


def _answer(row: Mapping[str, Any], key: str, found: str, dataset: str) -> None:
    kind = row["kind"]
    lines = {"what failed": row["error"]} if kind == "failed" else {"answer": row["text"], "expected": row["expected"]}
    cells = "".join(
        f'<span class="label">{label}</span><span>{html.escape(text.strip())}</span>'
        for label, text in lines.items()
        if text
    )
    why = "" if kind == "failed" else html.escape(row["why"] or "")
    with st.container(border=True, gap="small"):
        st.html(
            f'<div class="scored {kind}"><span class="sign">{SIGNS[kind]}</span><div>'
            f'<p class="asked">{html.escape(row["prompt"])}</p><div class="lines">{cells}</div>'
            f'<p class="why">{why}</p></div></div>'
        )
        if row["passages"]:
            chat.passages(row["passages"])
        if found and kind != "failed":
            fix.button(Bad(row["messages"], row["text"], found, row["item"]), f"{key}-{row['item']}", dataset)


def standing(done: int, of: int, seconds_left: float | None) -> str:
    """Progress in words."""
    said = f"{done:,} of {of:,} answers"
    return said if not seconds_left else f"{said} · about {parts.lasting(seconds_left)} left"
