"""Trackers: the figures of a run, mirrored to where a team already keeps those of others.

A tracker is a package of its own, installed by who wants it. Keys come from the environment, as each package reads
them, and a run says in an event `leaves` when its figures go to another machine. What fails while it learns ends the
mirror, never the run.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlparse

from engine import events
from engine.problems import Problem
from engine.training.settings import TrainSpec

PROJECT = "atelier"
MIRRORED = {"step": "train", "validation": "validation"}  # events whose figures go out, and under which name
UNSENT = {"base", "train", "validation", "rewards", "trackers"}  # settings that name files, or hold texts


class Tracker(Protocol):
    def log(self, figures: dict[str, float], step: int) -> None: ...
    def end(self) -> None: ...


class Mirror:
    """What a run tells its trackers. Without any, it does nothing."""

    def __init__(self, spec: TrainSpec, folder: Path, speaks: bool = True) -> None:
        self.folder = folder
        names = named(spec.trackers) if speaks else []
        _announce(names, folder)
        self.open = {name: _opened(name, spec, folder) for name in names}

    def tell(self, kind: str, fields: dict[str, Any]) -> None:
        """Pass on the figures of an event, if it is of those that have any."""
        if not self.open or kind not in MIRRORED:
            return
        figures = {f"{MIRRORED[kind]}/{key}": value for key, value in fields.items() if _is_figure(key, value)}
        for name, tracker in list(self.open.items()):
            self._try(name, lambda tracker=tracker: tracker.log(figures, fields["step"]))  # type: ignore[misc]

    def close(self) -> None:
        for name, tracker in list(self.open.items()):
            self._try(name, tracker.end)
        self.open = {}

    def _try(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # another's package, another's server: the run is worth more than its mirror
            del self.open[name]
            why = f"{name} takes no more figures: {error}. The run goes on, and its figures stay here."
            events.append(self.folder, "warning", step=0, why=why)


def named(trackers: str) -> list[str]:
    """The trackers that a setting names. Problem for one that is unknown, not installed, or has no key."""
    found = [name.strip() for name in trackers.split(",") if name.strip()]
    for name in found:
        if name not in KNOWN:
            raise Problem(f"There is no tracker called {name!r}.", do=f"Use some of {', '.join(KNOWN)}.")
        if importlib.util.find_spec(name) is None:
            raise Problem(f"The tracker {name} is not installed.", do=f"Run pip install {name}, or leave it out.")
    if "wandb" in found and leaving("wandb") and not os.environ.get("WANDB_API_KEY"):
        raise Problem(
            "The tracker wandb has no key.",
            do="Set WANDB_API_KEY in the environment of Atelier, or WANDB_MODE=offline to keep the figures here.",
        )
    return found


def leaving(name: str) -> str:
    """The machine to which a tracker sends figures; '' when they stay here."""
    given = os.environ.get
    if name == "wandb":
        here = given("WANDB_MODE", "online") in ("offline", "disabled", "dryrun")
        return "" if here else _host(given("WANDB_BASE_URL", "https://api.wandb.ai"))
    if name == "mlflow":
        return _host(given("MLFLOW_TRACKING_URI", ""))
    return f"huggingface.co ({given('TRACKIO_SPACE_ID')})" if given("TRACKIO_SPACE_ID") else ""


def _announce(names: list[str], folder: Path) -> None:
    """Say, before it happens, which figures leave this machine and where to."""
    for name in names:
        if where := leaving(name):
            what = "the settings of the run without its files, and the figures of each step; no text of any example"
            events.append(folder, "leaves", tracker=name, to=where, what=what)


def _opened(name: str, spec: TrainSpec, folder: Path) -> Tracker:
    try:
        return KNOWN[name](spec, folder)
    except Exception as error:  # another's package: whatever it says is passed on
        raise Problem(
            f"The tracker {name} cannot be opened.",
            f"It says: {(str(error) or type(error).__name__).splitlines()[0]}",
            "Mend that, or leave the tracker out.",
        ) from error


def _host(address: str) -> str:
    host = urlparse(address).hostname or ""
    return "" if host in ("", "localhost", "127.0.0.1", "::1") else host


def _is_figure(key: str, value: Any) -> bool:
    return key not in ("step", "steps") and isinstance(value, int | float)


def _settings(spec: TrainSpec) -> dict[str, Any]:
    return {key: value for key, value in vars(spec).items() if key not in UNSENT}


class _Wandb:
    def __init__(self, spec: TrainSpec, folder: Path) -> None:
        wandb: Any = importlib.import_module("wandb")
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=folder.name,  # a resumed run goes on in the same record
            name=folder.name,
            resume="allow",
            dir=str(folder),
            config=_settings(spec),
            # what a run prints may hold texts, and the code and the machine are nobody's business
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                disable_job_creation=True,
                x_disable_stats=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                x_save_requirements=False,
            ),
        )

    def log(self, figures: dict[str, float], step: int) -> None:
        self.run.log(figures, step=step)

    def end(self) -> None:
        self.run.finish()


class _Mlflow:
    def __init__(self, spec: TrainSpec, folder: Path) -> None:
        self.mlflow: Any = importlib.import_module("mlflow")
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            self.mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        self.mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT))
        self.mlflow.start_run(run_name=folder.name)
        self.mlflow.log_params(_settings(spec))

    def log(self, figures: dict[str, float], step: int) -> None:
        self.mlflow.log_metrics(figures, step=step, synchronous=False)

    def end(self) -> None:
        self.mlflow.flush_async_logging()
        self.mlflow.end_run()


class _Trackio:
    def __init__(self, spec: TrainSpec, folder: Path) -> None:
        os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))
        trackio: Any = importlib.import_module("trackio")
        self.run = trackio.init(
            project=PROJECT,
            name=folder.name,
            resume="allow",
            config=_settings(spec),
            space_id=os.environ.get("TRACKIO_SPACE_ID"),
            embed=False,
        )

    def log(self, figures: dict[str, float], step: int) -> None:
        self.run.log(figures, step=step)

    def end(self) -> None:
        self.run.finish()


KNOWN: dict[str, Callable[[TrainSpec, Path], Tracker]] = {"wandb": _Wandb, "mlflow": _Mlflow, "trackio": _Trackio}
