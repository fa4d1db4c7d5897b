"""Sweeping: a sweep on a page. Its trials best first, what their differences are worth, and its runs."""

import pandas as pd
import streamlit as st

from studio.building import sweeps
from studio.building.sweeps import Sweep, Trial
from studio.ui import course, nav, notices, parts


def show(sweep: Sweep) -> None:
    """The verdict in words, the table of trials, and each run with its state."""
    done = sum(run.state == "done" for run in sweep.runs)
    st.markdown(sweeps.said(sweep) or _waiting(sweep, done), width=720)
    st.dataframe(table(sweep), hide_index=True, width="stretch", key="trials")
    n = sweep.best.n if sweep.best else 0
    watched = f"the same {n:,} validation examples each time" if n else "the validation examples"
    st.caption(
        f"{sweep.measure.capitalize()}: mean over the seeds that are done, on {watched}; lower is better. "
        "*Cannot tell*: the 95 % interval of the difference to the best, from the spread between seeds, holds zero. "
        "The best of many trials looks better than it is; judge it on test examples before you trust it."
    )
    parts.section("Its runs")
    for run in sorted(sweep.runs, key=lambda run: (run.made_at, run.id)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"run-{run.id}"):
            nav.link(notices.plain(run.name), "run", run=run.id)
            st.markdown(parts.badge_text(run.state))
            st.caption(f"{_settings(sweep, run.id)} · {course.standing(run)}", width="stretch")


def table(sweep: Sweep) -> pd.DataFrame:
    """A row a trial, best first."""
    return pd.DataFrame([_row(sweep, trial) for trial in sweep.trials])


def _row(sweep: Sweep, trial: Trial) -> dict[str, object]:
    behind = sweeps.behind(sweep, trial)
    some = trial.losses
    against = {"best": "best", "worse": "worse", "cannot tell": "cannot tell", "": "not done yet"}
    found = {key.replace("_", " "): str(value) for key, value in trial.changed.items()} or {"settings": "the same"}
    return {
        **found,
        sweep.measure: f"{trial.loss:.3f}" if trial.loss is not None else "",
        "against the best": against[sweeps.verdict(sweep, trial)],
        "lowest to highest": f"{min(some):.3f} to {max(some):.3f}" if len(some) > 1 else "",
        "SD": f"{trial.spread:.3f}" if trial.spread is not None else "",
        "seeds": f"{len(some)} of {len(trial.runs)}",
        "above the best by": "" if behind is None else _interval(behind.value, behind.low, behind.high),
    }


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if low is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _settings(sweep: Sweep, run: str) -> str:
    trial = next(trial for trial in sweep.trials if run in [one.id for one in trial.runs])
    seed = next(one.settings.get("seed", 0) for one in trial.runs if one.id == run)
    return f"{notices.plain(trial.name)}, seed {seed}"


def _waiting(sweep: Sweep, done: int) -> str:
    return f"{done} of {len(sweep.runs)} runs are done; what they tell stands here as soon as two can be compared."
