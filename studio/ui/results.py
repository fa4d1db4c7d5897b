"""Results: what an evaluation or a judge has found, drawn the same way on every page."""

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engine import jobs
from engine.scoring import stats
from engine.scoring.evaluate import EvaluateSpec
from studio.deciding import findings
from studio.deciding.findings import Arms, Effects
from studio.judging.judgements import Tally
from studio.judging.reports import Line
from studio.ui import charts, notices, parts

EARLY = 0.02  # the share of answers before which nobody can tell how long the rest takes


def shares(lines: Sequence[Line], metric: str, key: str) -> None:
    """A bar a candidate with its interval, in the unit of the metric."""
    scale = lines[0].scale
    percent = scale.unit == " %"
    times = 100 if scale.of_hundred and not percent else 1
    known = {line.name: _times(line.quality, times) for line in lines}
    said = "; ".join(f"{line.name} {line.said}" for line in lines)
    alt = f"{'Share of answers that pass' if scale.yes_no else 'Figures by'} {metric}: {said}"
    charts.show(charts.estimates({metric: known}, percent=percent), key, alt)


def _times(found: stats.Estimate, by: int) -> stats.Estimate:
    value, low, high = (None if one is None else by * one for one in (found.value, found.low, found.high))
    return stats.Estimate(value, low, high, found.n, found.of)


def verdicts(lines: Sequence[Line], differences: Mapping[str, stats.Difference], baseline: str) -> None:
    """A line a candidate: its figure, and what it says against the baseline."""
    told = []
    for line in lines:
        if line.candidate == baseline:
            said = "The baseline."
        elif line.candidate in differences:
            said = line.scale.in_words(differences[line.candidate])
        else:
            said = "No answer that both have a score for."
        told.append((line.name, line.said, f"{said} {line.failed} failed." if line.failed else said))
    rows(told)


def rows(told: Sequence[tuple[str, str, str]]) -> None:
    """Lines of a name, a figure, and what it says."""
    cells = "".join(
        f'<div class="verdict"><b>{html.escape(name)}</b><span>{figures(figure)}</span>'
        f"<span>{figures(said)}</span></div>"
        for name, figure, said in told
    )
    st.html(f'<div class="verdicts">{cells}</div>')


def preference(tally: Tally, key: str) -> None:
    """Wins, ties and losses as one bar, and what they say in words."""
    counts = [(tally.first, tally.wins), ("tie or both bad", tally.ties), (tally.second, tally.losses)]
    said = findings.preferred(tally)
    charts.show(charts.preferred(counts), key, said)
    st.markdown(UNPARTED.sub("\N{NO-BREAK SPACE}", notices.plain(said)))
    if tally.skipped:
        st.caption(f"{tally.skipped} skipped, counted nowhere.")


def said(sentences: Sequence[str]) -> None:
    """What somebody in a hurry reads: the first sentence large, the others below it."""
    with st.container(border=True, key="finding"):
        st.html("".join(f'<p class="finding">{figures(sentence)}</p>' for sentence in sentences if sentence))


def four_arms(lines: Sequence[Line], arms: Arms, lead: Sequence[Line]) -> None:
    """The two by two: base or tuned, without or with retrieval; those that lead are marked, all of them."""
    known, leading = {line.candidate: line for line in lines}, {line.candidate for line in lead}

    def cell(id: str) -> str:
        said = known[id].said if id in known else "no number (n = 0)"
        value = known[id].quality.value if id in known else None
        tint = 0 if value is None else round(6 + 34 * min(1.0, max(0.0, value)))
        mark = " best" if id in leading else ""
        figure, doubt = said.removesuffix(")").split(" (", 1)
        name = html.escape(known[id].name) if id in known else ""
        return (
            f'<td class="arm{mark}" style="--tint:{tint}%"><b>{html.escape(figure)}</b><span>{figures(doubt)}</span>'
            f"<i>{name}</i></td>"
        )

    st.html(
        '<table class="arms"><tr><td></td><th>without retrieval</th><th>with retrieval</th></tr>'
        f"<tr><th>base</th>{cell(arms.prompt)}{cell(arms.rag)}</tr>"
        f"<tr><th>tuned</th>{cell(arms.tuned)}{cell(arms.both)}</tr></table>"
    )


def effects(found: Effects) -> None:
    """What each step does, in words."""
    cells = "".join(
        f'<div class="verdict"><b>{html.escape(name)}</b><span>{figures(said)}</span></div>'
        for name, said in findings.steps(found)
    )
    st.html(f'<div class="verdicts two">{cells}</div>')


UNPARTED = re.compile(r" (?=[%€])|(?<=\b[np]) (?=[=<])|(?<=[=<]) |(?<= to) (?=[+-])")


def figures(text: str) -> str:
    """Text for HTML in which no figure parts from its unit or its n at the end of a line."""
    return UNPARTED.sub("&nbsp;", html.escape(text))


def standing(told: Mapping[str, Any], live: bool = True) -> str:
    """Progress in words; with what is left of it where it runs, and enough came to tell."""
    done, of, left = told["done"], told["of"], told.get("seconds_left")
    said = f"{done:,} of {of:,} answers"
    # the first ones wait for models to be loaded, and would foretell hours
    return f"{said} · about {parts.lasting(left)} left" if live and left and done >= EARLY * of else said


def unfinished(told: Mapping[str, Any], live: bool = False) -> str:
    """What the figures of an evaluation rest on that has not asked everything; nothing where it has."""
    if told["done"] >= told["of"]:
        return ""
    if live:
        return f"It is still being asked, {standing(told)}: the figures are of these alone."
    return (
        f"It ended after {standing(told, live=False)}: the figures are of these alone. To have the rest, let it go on."
    )


def reused(n: int, of: int) -> str:
    """How many answers were not asked for anew, in words; nothing where all were."""
    if not n:
        return ""
    many = f"All {of:,}" if n == of else f"{n:,} of {of:,}"
    return f"{many} answers were taken from earlier, same requests, and not paid again."


def why_failed(folder: Path) -> None:
    """What a job that failed says of it."""
    with st.expander("Why it failed", icon=":material/error:", expanded=True):
        st.code(jobs.why(folder), language=None, wrap_lines=True)


def silent(told: Mapping[str, Any]) -> str:
    """Where nobody answers, in words; nothing while somebody does everywhere."""
    away: Mapping[str, float] = told.get("away") or {}
    said = [
        f"For {parts.lasting(seconds)} nobody has answered at "
        f"{where if '://' in where else f'the server of {Path(where).name}'}."
        for where, seconds in away.items()
    ]
    if not said:
        return ""
    waits = f"It is tried for {parts.lasting(EvaluateSpec.patience)} before an answer counts as failed."
    return " ".join([*said, waits, "What was answered stays, so it can be stopped and go on later."])


def paid(told: Mapping[str, Any]) -> str:
    """What the calls of an evaluation have cost, in words; nothing where nobody knows of any cost."""
    euros, unsure = told.get("euros") or 0.0, told.get("unsure") or 0.0
    said = [f"It has cost {findings.euros(euros)}, failed calls and scores included."] if euros else []
    if unsure:
        more = " more" if euros else ""
        said.append(f"Calls of which nobody told what they took may have cost up to {findings.euros(unsure)}{more}.")
    return " ".join(said)
