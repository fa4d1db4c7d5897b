"""Course: how a training run goes, read off its events: as tables for the charts, and in plain words. Pure."""

from typing import Any

import pandas as pd

from engine import events, jobs
from engine.jobs import Job
from studio.building.runs import Run
from studio.ui import parts

STEP = ["step", "loss", "learning_rate", "gradient_norm", "tokens_per_second"]
RECENT = 10  # steps; a single batch says little


def steps(run: Run) -> pd.DataFrame:
    """One row a step, the newest telling of it: what came after a checkpoint is told again by a resumed run."""
    return _table(run.of("step"), STEP)


def looks(run: Run) -> pd.DataFrame:
    """One row for each look at the validation loss: step, loss, n (examples), tokens."""
    return _table(run.of("validation"), ["step", "loss", "n", "tokens"])


def share(run: Run) -> float:
    """How much of it is done, from 0 to 1."""
    told = run.last("step")
    return 1.0 if run.state == jobs.DONE else told["step"] / told["steps"] if told else 0.0


def left(run: Run) -> str:
    """The time left, in words; '' when it is not known."""
    told = run.last("step")
    return f"about {parts.lasting(told['seconds_left'])} left" if run.live and told else ""


def progress(job: Job) -> tuple[float, str]:
    """How much of any job is done, from 0 to 1, and the time left in words ('' when it is not known)."""
    told, _ = events.read(job.folder)
    last = next((event for event in reversed(told) if event["kind"] in ("step", "progress")), None)
    if last is None:
        return 0.0, ""
    done, of = (last["step"], last["steps"]) if last["kind"] == "step" else (last["done"], last["of"])
    seconds = last.get("seconds_left")
    return (min(1.0, done / of) if of else 0.0), f"about {parts.lasting(seconds)} left" if seconds else ""


def figures(run: Run) -> dict[str, str]:
    """The few numbers that say how it stands."""
    told, seen, plan = steps(run), looks(run), run.last("plan")
    found = {}
    if plan:
        found["examples"] = f"{plan['examples']:,}"
    if len(told):
        found["step"] = f"{told['step'].iloc[-1]:,} of {run.last('step')['steps']:,}"  # type: ignore[index]
        found["training loss"] = f"{told['loss'].tail(RECENT).mean():.3f}"
    if len(seen):
        found[f"validation loss (n = {seen['n'].iloc[-1]:,})"] = f"{seen['loss'].iloc[-1]:.3f}"
    end = run.last("end")
    if end and end.get("seconds"):
        found["tokens a second"] = f"{end['tokens'] / end['seconds']:,.0f}"
        found["took"] = parts.lasting(end["seconds"])
    elif len(told):
        found["tokens a second"] = f"{told['tokens_per_second'].iloc[-1]:,.0f}"
    return found


def words(run: Run) -> str:
    """In a sentence or two, for somebody who has never seen a loss curve."""
    if run.state == jobs.QUEUED:
        return "It waits for its turn; runs go one after the other."
    told, seen = steps(run), looks(run)
    if not len(told):
        return "It is starting: the model is loaded and the examples are read." if run.live else ""
    if len(seen) < 2:
        return "The first comparison on examples that it does not learn from is still to come."
    return _ended(run, seen) if run.state == jobs.DONE else _going(seen)


def warnings(run: Run) -> list[str]:
    return [event.get("text") or event.get("why", "") for event in run.of("warning")]


def _going(seen: pd.DataFrame) -> str:
    last, before = seen["loss"].iloc[-1], seen["loss"].iloc[-2]
    best = seen.sort_values("loss").iloc[0]
    if last <= best["loss"]:
        return (
            f"Validation loss is still falling ({before:.3f} to {last:.3f}): what it learns also helps on examples "
            "that it has never seen."
        )
    return (
        f"Validation loss was lowest at step {best['step']:.0f} ({best['loss']:.3f}) and is {last:.3f} now. "
        "If it keeps rising, the model is learning its examples by heart; the best state is kept."
    )


def _ended(run: Run, seen: pd.DataFrame) -> str:
    end: dict[str, Any] = run.last("end") or {}
    first, best = seen.iloc[0], seen.sort_values("loss").iloc[0]
    kept = end.get("best_step", best["step"])
    return (
        f"Done. On {best['n']:,.0f} examples that it did not learn from, the loss went from {first['loss']:.3f} to "
        f"{best['loss']:.3f}. The model of step {kept:,.0f} is the one that is kept."
    )


def _table(told: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(told, columns=columns).drop_duplicates("step", keep="last").sort_values("step")
