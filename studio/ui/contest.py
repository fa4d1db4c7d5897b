"""Contest: the pieces of the page of the four arms: what is still missing, the budget, the probe, and what came out."""

import re
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.scoring import known
from studio.deciding import findings, grids
from studio.deciding.grids import Forgetting
from studio.judging import probes, rounds, sources, variants
from studio.judging.reach import Reach
from studio.judging.reports import Line
from studio.judging.sources import Source
from studio.judging.variants import Plan, Race, Tried
from studio.reading import libraries
from studio.store import Store
from studio.ui import charts, notices, reckoning, results

STANDINGS = {
    grids.SEARCHING: ("primary", "search", "searching the base's best prompt"),
    grids.ASKING: ("primary", "autorenew", "asking the four arms"),
    grids.DONE: ("green", "check", "done"),
    grids.STUCK: ("red", "error", "stopped on the way"),
}


def badge(standing: str) -> str:
    """How far a grid is, to stand within Markdown."""
    color, icon, words = STANDINGS[standing]
    return f":{color}-badge[:material/{icon}: {words}]"


def missing(store: Store) -> tuple[str, str, str, str, str] | None:
    """What must be there first, as `notices.empty` says it; None when nothing is missing."""
    if not grids.offered(store):
        text = "Two of the four arms are a model that was tuned from a base here. Train one first."
        return "No tuned model yet", text, "model_training", "runs", "To the runs"
    if not libraries.listed(store):
        text = "Two of the four arms read a library. Add the documents that answers stand in."
        return "No library yet", text, "menu_book", "libraries", "To the libraries"
    if not (sources.of(store, "test") and sources.of(store, "validation")):
        text = "The arms are asked a frozen test split, and the base's prompt is searched on a validation split."
        return "There are no frozen test items yet", text, "checklist", "datasets", "To the datasets"
    return None


def metrics() -> list[str]:
    """What the arms can be scored by: all that asks no judge."""
    return [name for name, one in known.known().items() if not one.judged]


BETWEEN = "\n---\n"  # prompts that are typed


def budget(proposed: Sequence[str], metrics: Sequence[str], shown: bool, key: str) -> Plan:
    """What the search for the base's best prompt may try, and how many answers it may take."""
    with st.expander("What the base is given: the search for its best prompt", icon=":material/search:"):
        st.caption("A base that nobody tried to prompt well proves nothing about tuning. No prompt is tried as well.")
        typed = st.text_area(
            "Prompts to try, a line of --- between two", BETWEEN.join(proposed), height=200, key=f"prompts-{key}",
            help="Put your own best ones here. Each is tried with every choice of examples.",
        )  # fmt: skip
        one, two, three = st.columns(3)
        shots = one.multiselect(
            "Examples from training data", [1, 2, 3, 5, 8], default=[1, 3] if shown else [], disabled=not shown,
            help="Shown to the base before the question: typical ones, ones drawn at random, and those nearest to each "
            "question. It gets from the training data what fits into a prompt.",
        )  # fmt: skip
        depths = two.multiselect("Passages to read", [1, 2, 3, 5, 8], default=[1, 2, 3])
        answers = three.number_input("Answers it may take at most", 40, 100_000, 1500, step=100)
    return Plan(
        [part for part in re.split(r"\n[ \t]*-{3,}[ \t]*\n", f"\n{typed}\n") if part.strip()],
        sorted(shots),
        sorted(depths),
        int(answers),
        [metric for metric in metrics if variants.averaged(metric)],
    )


def course(races: Sequence[Race]) -> str:
    """How the search will go, a sentence a race."""
    return " ".join(_course(race) for race in races)


def _course(race: Race) -> str:
    *halves, last = race.rounds or (0,)
    said = f"**{race.variants} variants of {race.name}**"
    if not last:
        least = f"each needs at least {rounds.LEAST} items, or chance decides"
        return f"{said} are too many for so few answers: {least}. Try fewer, or raise the budget."
    if not halves:
        return f"{said} are asked {last} items each."
    after = " and ".join(str(n) for n in halves)
    return f"{said}: after {after} items the worse half leaves, and the last are asked {last}."


def forgetting(offered: Sequence[Source]) -> tuple[Source | None, float]:
    """Which general questions base and tuned are asked, and how much may be lost."""
    with st.expander("What tuning may cost elsewhere: the forgetting probe", icon=":material/psychology_alt:"):
        one, two = st.columns([2, 1])
        choice = one.selectbox(
            "General questions", [*offered, None], key="probe",
            format_func=lambda source: f"{source.name} ({source.n})" if source else "none: then it cannot be told",
            help="Asked of base and tuned as they are. They should have nothing to do with what was tuned.",
        )  # fmt: skip
        margin = two.number_input("Points that may be lost", 1, 50, round(100 * probes.MARGIN), disabled=choice is None)
        st.caption("Declared now, before anybody has seen a figure: a margin chosen afterwards means nothing.")
    return choice, margin / 100


def promise(
    store: Store, base: str, tuned: str, races: Sequence[Race], seen: Reach, n: int, probe: Source | None
) -> str:
    """How many answers all this takes, how long and for how much, and what so many test items can show."""
    searched, probed = sum(race.answers for race in races), probe.n if probe else 0
    asked = 4 * n + 2 * probed
    seconds, euros = grids.takes(store, {base: searched + 2 * n + probed, tuned: 2 * n + probed})
    return (
        f"Up to **{searched + asked:,} answers**: {searched:,} to search, {4 * n:,} for the four arms"
        f"{f', {2 * probed:,} for the probe' if probed else ''}. {reckoning.takes(seconds, euros, (base, tuned))}\n\n"
        f"**{seen.asked}**: {notices.plain(seen.shows)}."
    )


def costs(lines: Sequence[Line]) -> pd.DataFrame:
    """A row an arm: what a thousand answers cost, and how long one takes."""
    return pd.DataFrame(
        {
            "arm": line.name,
            "1,000 answers cost": findings.euros(line.cost),
            "half of them under": f"{line.seconds:.2f} s",
            "95 of 100 under": f"{line.seconds_p95:.2f} s",
            "n": line.answered,
            "failed": line.failed,
        }
        for line in lines
    )


def forgotten(probe: Forgetting, base: str, tuned: str) -> None:
    """The share right on general questions before and after, and the verdict against the margin."""
    shares = {base: probe.base, tuned: probe.tuned}
    said = "; ".join(f"{name} {share}" for name, share in shares.items())
    charts.show(charts.estimates({probe.metric: shares}), "probe", f"General questions right: {said}")
    results.rows([(base, str(probe.base), "Before tuning."), (tuned, str(probe.tuned), "After it.")])
    icon = {"kept": ":material/check_circle:", "lost": ":material/warning:", "cannot tell": ":material/help:"}
    st.markdown(f"{icon[probe.verdict]} {results.figures(probe.words)}", unsafe_allow_html=True)


def tried(found: Sequence[Tried]) -> pd.DataFrame:
    """The variants of a stage as a table, the chosen one marked."""
    return pd.DataFrame(
        {"chosen": "✓" if one.best else "", "tried": one.words, **one.said, "failed": one.failed} for one in found
    )
