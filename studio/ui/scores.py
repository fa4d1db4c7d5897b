"""Scores: what the answers of an evaluation come to by one metric: bars, verdicts in words, mistakes, what it took."""

import pandas as pd
import streamlit as st

from engine.scoring import known
from engine.scoring.confusion import Confusion
from studio.deciding import findings
from studio.judging import figures, reports
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.store import Store
from studio.ui import charts, results

EACH = {"label": "accuracy", "type": "accuracy", "levels": "levels right", "perplexity": "each answer"}
DRAWN = 40  # labels that a matrix can show; beyond it only the commonest mistakes
NO_LABEL = "(no label)"


def compared(store: Store, evaluation: Evaluation, lines: list[Line], metric: str) -> None:
    """The figures of all candidates, and what each says against one of them."""
    wholes = figures.figures(store, evaluation.id, metric)
    told = {one.name: one for several in wholes.values() for one in several}
    each = EACH.get(metric, "each answer")
    chosen = each
    if told:
        chosen = st.pills(
            "Figure", [each, *told], default=each, required=True, key=f"figure-{evaluation.id}-{metric}",
            label_visibility="collapsed", persist_state="session",
        ) or each  # fmt: skip
    if chosen in told:
        one = told[chosen]
        lines = reports.as_whole(lines, wholes, chosen)
        st.caption(one.words + (f" `{one.signature}`" if one.signature else ""))
    else:
        st.caption(known.words(metric))
    results.shares(lines, metric, key=f"shares-{metric}-{chosen}")
    baseline = against(evaluation, lines)
    if chosen in told:
        differences = reports.whole_differences(wholes, chosen, baseline)
    else:
        differences = reports.differences(store, evaluation.id, metric, baseline)
    results.verdicts(lines, differences, baseline)


def against(evaluation: Evaluation, lines: list[Line]) -> str:
    """The candidate that the others are held against."""
    names = {line.candidate: line.name for line in lines}
    order = [id for id in evaluation.candidates if id in names]
    if len(order) == 1:
        return order[0]
    return st.selectbox(
        "Against", order, format_func=names.__getitem__, key=f"baseline-{evaluation.id}", width=320,
        persist_state="session", help="The others are held against this one, over the items that both have answered.",
    )  # fmt: skip


def took(lines: list[Line]) -> None:
    """What the answers cost and how long they took."""
    st.dataframe(
        pd.DataFrame(
            {
                "Candidate": line.name,
                "Seconds, half of them under": line.seconds,
                "Seconds, 19 of 20 under": line.seconds_p95,
                "1,000 answers": findings.euros(line.cost),
                "n": line.answered,
                "Failed": line.failed,
            }
            for line in lines
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f")
            for name in ("Seconds, half of them under", "Seconds, 19 of 20 under")
        },
    )


def confused(store: Store, evaluation: Evaluation, lines: list[Line], metric: str) -> None:
    """Which label one candidate takes for which, beside what always giving the commonest label would reach."""
    names = {line.candidate: line.name for line in lines}
    who = st.selectbox(
        "Candidate", list(names), format_func=names.__getitem__, key=f"confused-{evaluation.id}", width=320,
        persist_state="session",
    )  # fmt: skip
    found = figures.confused(store, evaluation.id, metric, who)
    if found is None:
        st.caption("No answer that could be held against a label.")
        return
    beaten = found.accuracy.low is not None and found.majority.value is not None
    above = beaten and (found.accuracy.low or 0) > (found.majority.value or 0)
    beats = "More" if above else "Not surely more"
    rows = [
        ("Right", found.accuracy, f"{beats} than always giving the commonest label reaches."),
        ("Always the commonest label", found.majority, "What a model must beat to be worth anything."),
        ("No label at all", found.unknown, "Answers that are none of the labels. Each counts as wrong."),
    ]
    results.rows([(name, str(one), said) for name, one, said in rows])
    _matrix(found, f"matrix-{metric}-{who}")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Commonest mistakes")
        st.dataframe(pd.DataFrame(found.mistakes(), columns=["Expected", "Answered", "Times"]), hide_index=True)
    with right:
        st.subheader("Recall of each label")
        worst = sorted(found.recall.items(), key=lambda one: one[1].value or 0.0)
        st.dataframe(
            pd.DataFrame([{"Label": name, "Found": str(one)} for name, one in worst]),
            hide_index=True,
        )


def _matrix(found: Confusion, key: str) -> None:
    labels = list(found.recall)
    if len(labels) > DRAWN:
        st.caption(f"{len(labels)} labels are too many for a picture; the commonest mistakes stand below.")
        return
    counts: dict[tuple[str, str], int] = {}
    for (want, said), n in found.counts.items():
        place = want, said if said in found.recall else NO_LABEL
        counts[place] = counts.get(place, 0) + n
    shown = [*labels, NO_LABEL] if any(said == NO_LABEL for _, said in counts) else labels
    charts.show(charts.confusion(counts, shown), key, f"Expected against answered labels; right: {found.accuracy}")
