"""Course: how a training run goes, read off its events: as tables for the charts, and in plain words. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine import events, jobs
from engine.jobs import Job
from engine.scoring import stats
from engine.training.progress import EARLY
from engine.training.settings import DPO, GRPO, ORPO, PREFERENCES
from studio.building.runs import Run
from studio.ui import parts

STEP = ["step", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "memory", "gpu_memory"]
RECENT = 10  # steps; a single batch says little
GB = 1e9
READINGS = {"learning_rate": "Learning rate", "gradient_norm": "Gradient norm", "tokens_per_second": "Tokens a second"}
METRICS = {  # what a method tells of itself -> in words
    "accuracy": "How often the better answer is preferred",
    "margin": "How far the better answer is ahead",
    "reward": "What its answers are paid",
    "spread": "How much answers to one prompt differ in pay",
    "same": "Share of prompts whose answers all earn the same",
    "kl": "How far it has moved from the base",
    "answer_tokens": "Tokens in an answer",
}
HELD_OUT = ("accuracy", "margin", "reward")  # of these, what is measured on held-out examples too
LOSS = {GRPO: "Loss: what is missing to the full payment; lower is better"}
LOSS |= dict.fromkeys(PREFERENCES, "Loss: how far it is from preferring the better answer; lower is better")
SURPRISE = "Loss: how surprised it is by the right answer; lower is better"
CALM = EARLY.partition("{")[0]  # how a warning begins that is no alarm


@dataclass(frozen=True)
class Alarm:
    text: str
    calm: bool  # worth knowing, and nothing to do


def steps(run: Run) -> pd.DataFrame:
    """One row a step, the newest telling of it: what came after a checkpoint is told again by a resumed run."""
    return _table(run.of("step"), STEP)


def looks(run: Run) -> pd.DataFrame:
    """One row for each look at the validation loss: step, loss, n (examples), tokens."""
    return _table(run.of("validation"), ["step", "loss", "n", "tokens"])


def metrics(run: Run, kind: str = "step") -> pd.DataFrame:
    """A column for each figure that the method tells of itself, a row for each event of a kind: `step`, or
    `validation` for held-out examples. Empty for methods without."""
    told = [{"step": event["step"], **event["metrics"]} for event in run.of(kind) if event.get("metrics")]
    return _table(told, list(dict.fromkeys(["step", *(key for row in told for key in row)])))


def loss_words(run: Run) -> str:
    return LOSS.get(run.method, SURPRISE)


def readings(run: Run, told: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """The side readings that the run tells: a title, a table with a column step, and the column to draw."""
    own, watched = metrics(run), metrics(run, "validation")
    for name, title in METRICS.items():
        if name in own:
            yield title, own[["step", name]].dropna(), name
        if name in watched and name in HELD_OUT:
            held = watched[["step", name]].dropna().rename(columns={name: f"held_out_{name}"})
            yield f"{title}, held out", held, f"held_out_{name}"
    for name, title in READINGS.items():
        if told[name].notna().any():
            yield title, told.dropna(subset=[name]), name
    if len(held := memory(told)):
        yield "Memory held at most, in gigabytes", held, "gigabytes"


def memory(told: pd.DataFrame) -> pd.DataFrame:
    """Gigabytes held at most so far, by step: of the GPU where there is one, else of the process."""
    column = "gpu_memory" if told["gpu_memory"].notna().any() else "memory"
    found = told[["step", column]].dropna().rename(columns={column: "gigabytes"})
    return found.assign(gigabytes=found["gigabytes"].astype(float) / GB)


def standing(run: Run) -> str:
    """How it stands, in a few words for a list."""
    if run.live:
        return jobs.waits_for(run.job) or left(run) or "starting"
    told, seen = steps(run), looks(run)
    words = []
    if len(told):
        words.append(f"training loss {told['loss'].tail(RECENT).mean():.3f}")
    if len(seen):
        kept = seen["loss"].min() if run.state == jobs.DONE else seen["loss"].iloc[-1]
        words.append(f"validation {kept:.3f} (n = {seen['n'].iloc[-1]:,})")
    return ", ".join(words) or "no step was made"


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
        return jobs.waits_for(run.job)
    if run.state == jobs.PAUSED:
        return "It is paused. What it has learned up to its last checkpoint is kept; it goes on when you resume it."
    told, seen = steps(run), looks(run)
    if not len(told):
        return "It is starting: the model is loaded and the examples are read." if run.live else ""
    if run.method == GRPO and (paid := _paid(run)):
        return paid
    if run.state == jobs.DONE:
        return _ended(run, seen) if len(seen) else _unwatched(run)
    if len(seen) > 1:
        return _going(seen)
    return "The first comparison on examples that it does not learn from is still to come." if run.live else ""


def alarms(run: Run) -> list[Alarm]:
    """What the run has warned of, each once, the latest first."""
    told = [str(event.get("text") or event.get("why", "")) for event in run.of("warning")]
    return [Alarm(text, text.startswith(CALM)) for text in dict.fromkeys(reversed(told))]


def leaves(run: Run) -> list[str]:
    """What goes to another machine while it learns, in sentences."""
    said = (f"This leaves your machine, to {event['to']}: {event['what']}." for event in run.of("leaves"))
    return list(dict.fromkeys(said))


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
    kept, last = end.get("best_step", best["step"]), run.last("step") or {}
    early = last.get("step", 0) < last.get("steps", 0)
    return (
        f"{'It stopped early, as it no longer got better' if early else 'Done'}. On {best['n']:,.0f} examples that it "
        f"did not learn from, the loss went from {first['loss']:.3f} to {best['loss']:.3f}. The model of step "
        f"{kept:,.0f} is the one that is kept, the best of {len(seen):,} looks.{_preferred(run, end)}"
    )


def _preferred(run: Run, end: dict[str, Any]) -> str:
    """How often a run that learned from pairs now prefers the better answer."""
    accuracy, n = (end.get("metrics") or {}).get("accuracy"), int(end.get("validation_examples") or 0)
    if run.method not in (DPO, ORPO) or accuracy is None or not n:
        return ""
    return f" Of held-out pairs it prefers the better answer in {stats.share(round(accuracy * n), n)}."


def _unwatched(run: Run) -> str:
    """For a run that had nothing to compare itself with."""
    done = (run.last("step") or {}).get("step", 0)
    return (
        f"Done after {done:,} steps. There were no validation examples, so these figures cannot tell what it has "
        "learned from what it knows by heart; an evaluation can."
    )


def _paid(run: Run) -> str:
    """For a run that learns from rewards: what its answers earn, at first and lately."""
    told = metrics(run)
    if "reward" not in told or len(told) < 2:
        return ""
    some = min(RECENT, max(1, len(told) // 2))
    first, last = told["reward"].head(some).mean(), told["reward"].tail(some).mean()
    head = "Done. " if run.state == jobs.DONE else ""
    return (
        f"{head}Its answers were paid {first:.2f} on average in the first {parts.count(some, 'step')}, and {last:.2f} "
        "in the latest as many. Read the samples: a reward can be earned in ways that nobody meant."
    )


def _table(told: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(told, columns=columns).drop_duplicates("step", keep="last").sort_values("step")
