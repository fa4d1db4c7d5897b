"""Sweeps: one recipe in several settings, or with several seeds, and what the differences between them are worth.

A sweep is its name, which its runs share. A trial is one combination of settings; its runs differ by their seed alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean, stdev
from typing import Any

from engine import jobs, specs
from engine.problems import Problem
from engine.queue import Place
from engine.scoring import stats
from engine.scoring.stats import Estimate
from engine.training.settings import GRPO, PREFERENCES, TrainSpec
from studio.building import runs
from studio.building.material import Material
from studio.building.runs import Run
from studio.store import Store

LARGEST = 48  # runs; beyond that somebody has typed a comma too many
SEED = "seed"
LOSS = "validation loss"
LOST = "share of held-out comparisons lost"  # a preference loss cannot be compared between values of beta
PAID = "pay missed on held-out prompts"  # one less the reward
DEFAULTS = specs.defaults(TrainSpec)
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Trial:
    """One combination. `losses` are what `Sweep.measure` says, of its runs that are done, one a seed."""

    changed: dict[str, Any]  # what sets it apart from the others
    runs: list[Run]
    losses: list[float]
    n: int  # validation examples behind each loss

    @property
    def loss(self) -> float | None:
        return mean(self.losses) if self.losses else None

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None for fewer than two."""
        return stdev(self.losses) if len(self.losses) > 1 else None

    @property
    def name(self) -> str:
        words = (f"{key.replace('_', ' ')} {_shown(value)}" for key, value in self.changed.items())
        return ", ".join(words) or "these settings"


@dataclass(frozen=True)
class Sweep:
    name: str
    trials: list[Trial]  # best first; those without a result last

    @property
    def runs(self) -> list[Run]:
        return [run for trial in self.trials for run in trial.runs]

    @property
    def best(self) -> Trial | None:
        return self.trials[0] if self.trials and self.trials[0].losses else None

    @property
    def live(self) -> bool:
        return any(run.live for run in self.runs)

    @property
    def measure(self) -> str:
        """What is compared; lower is better."""
        return LOST if self.runs[0].method in PREFERENCES else PAID if self.runs[0].method == GRPO else LOSS


def read(pairs: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """`rank=8`, `learning_rate=1e-3,3e-3` as settings with one value, and as a grid of those with several.

    Problem for a setting that does not exist, or a value that it cannot take.
    """
    settings: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        found = values(name.strip(), text)
        if len(found) > 1:
            grid[name] = found
        else:
            settings[name] = found[0]
    return settings, grid


def values(name: str, text: str) -> list[Any]:
    """`8, 16` as the values of a setting, in its own type. Free texts have one value, whatever commas are in it."""
    if name not in DEFAULTS or isinstance(DEFAULTS[name], list):
        known = ", ".join(key for key, default in DEFAULTS.items() if not isinstance(default, list))
        raise Problem(f"There is no setting {name!r}.", do=f"Choose one of {known}.")
    kind = type(DEFAULTS[name])
    texts = [text] if kind is str and name != "tuning" else [part for part in text.split(",") if part.strip()]
    if not texts:
        raise Problem(f"The setting {name} has no value.", do=f"Write it as {name}={DEFAULTS[name]}.")
    return list(dict.fromkeys(_value(name, part.strip(), kind) for part in texts))


def plan(settings: Mapping[str, Any], grid: Mapping[str, Sequence[Any]], seeds: int = 1) -> list[dict[str, Any]]:
    """The settings of each run: every combination with the first seed, then with the next. Problem when too many."""
    combinations = [dict(zip(grid, chosen, strict=True)) for chosen in product(*grid.values())]
    if len(combinations) * seeds > LARGEST:
        raise Problem(
            f"These would be {len(combinations) * seeds:,} runs.",
            f"At most {LARGEST} are launched at once.",
            "Try fewer values; three for a setting that matters tell most.",
        )
    first = settings.get(SEED, DEFAULTS[SEED])
    apart = [{SEED: first + n} for n in range(seeds)] if seeds > 1 else [{}]
    return [{**settings, **one, **seed} for seed in apart for one in combinations]


def launch(
    store: Store,
    name: str,
    base: str,
    learned: Material | str,
    by: str,
    planned: Sequence[Mapping[str, Any]],
    place: Place | None = None,
    engine: str = "",
) -> list[Run]:
    """Put all planned runs in the queue, or none. One is a run of this name; several are a sweep of it."""
    runs.free(store, name)
    if len(planned) == 1:
        return [runs.launch(store, name, base, learned, by, planned[0], place=place, engine=engine)]
    names = [f"{name}-{number}" for number in range(1, len(planned) + 1)]
    for one, settings in zip(names, planned, strict=True):  # all of them are looked at before the first is launched
        runs.free(store, one)
        runs.spec_for(store, base, learned, settings, engine)
    return [
        runs.launch(store, one, base, learned, by, settings, place=place, sweep=name, engine=engine)
        for one, settings in zip(names, planned, strict=True)
    ]


def get(store: Store, name: str) -> Sweep:
    """A sweep with its trials, best first. Problem when there is none of this name."""
    found = runs.listed(store, name)[::-1] if name else []
    if not found:
        raise Problem(f"There is no sweep {name}.", do="Choose one from the list of runs.")
    told = [{**DEFAULTS, **run.settings} for run in found]
    varied = [key for key in DEFAULTS if key != SEED and any(one[key] != told[0][key] for one in told)]
    trials: dict[str, list[Run]] = {}
    for run, one in zip(found, told, strict=True):
        trials.setdefault(repr([one[key] for key in varied]), []).append(run)
    made = [_trial({key: {**DEFAULTS, **group[0].settings}[key] for key in varied}, group) for group in trials.values()]
    return Sweep(name, sorted(made, key=lambda trial: (trial.loss is None, trial.loss or 0.0)))


def behind(sweep: Sweep, trial: Trial) -> Estimate | None:
    """How far the loss of a trial is above the best one's, with its 95 % interval; None while either is unknown.

    Student's t with the spread between seeds pooled over all trials; without two seeds anywhere there is no interval.
    """
    best = sweep.best
    if best is None or best is trial or not trial.losses:
        return None
    return stats.apart(best.losses, trial.losses, [one.losses for one in sweep.trials])


def verdict(sweep: Sweep, trial: Trial) -> str:
    """What the difference to the best trial allows one to say: `best`, `worse`, `cannot tell`, or '' for not yet."""
    if trial is sweep.best:
        return "best"
    found = behind(sweep, trial)
    if found is None:
        return ""
    return "worse" if found.low is not None and found.low > 0 else "cannot tell"


def said(sweep: Sweep) -> str:
    """The outcome in a sentence or two."""
    best = sweep.best
    if best is None or len(sweep.runs) < 2:
        return ""
    if len(sweep.trials) == 1:
        if best.spread is None:
            return ""
        low, high = min(best.losses), max(best.losses)
        return (
            f"Over {len(best.losses)} seeds the {sweep.measure} is {best.loss:.3f} on average, from {low:.3f} to "
            f"{high:.3f} (standard deviation {best.spread:.3f}). A change that moves it less than that says nothing."
        )
    others = [trial for trial in sweep.trials[1:] if trial.losses]
    open_ones = [trial for trial in others if verdict(sweep, trial) == "cannot tell"]
    if not others:
        return ""
    if all(trial.spread is None for trial in sweep.trials):
        return (
            f"Lowest so far: {best.name} ({best.loss:.3f}). With one seed each nobody can tell whether that is more "
            "than chance: launch the best ones again with two or more seeds."
        )
    if open_ones:
        names = " and ".join(trial.name for trial in open_ones[:3])
        return (
            f"Lowest: {best.name} ({best.loss:.3f}). Whether it is better than {names} one cannot tell: so few seeds "
            "can differ as much by themselves."
        )
    return f"Best: {best.name} ({best.loss:.3f}); the others are worse by more than the seeds explain."


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _trial(changed: dict[str, Any], group: list[Run]) -> Trial:
    ends = [(run, run.last("end") or {}) for run in group if run.state == jobs.DONE]
    known = [(loss, end) for run, end in ends if (loss := _loss(run, end)) is not None]
    n = min((int(end.get("validation_examples") or 0) for _, end in known), default=0)
    return Trial(changed, group, [loss for loss, _ in known], n)


def _loss(run: Run, end: dict[str, Any]) -> float | None:
    """Of the weights that are kept; None where nothing was held out."""
    accuracy = (end.get("metrics") or {}).get("accuracy")
    if run.method in PREFERENCES and accuracy is not None:
        return 1 - float(accuracy)
    found = end.get("validation_loss")
    return None if found is None else float(found)


def _value(name: str, text: str, kind: type) -> Any:
    if kind is bool and text.lower() in (*YES, *NO):
        return text.lower() in YES
    try:
        if kind is bool:
            raise ValueError(text)
        return kind(text)
    except ValueError as error:
        raise Problem(f"{text!r} is no value for {name}, which is {specs.KINDS[kind]}.") from error
