"""Figures go where a team keeps them, and nowhere without a word."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import events, specs
from engine.problems import Problem
from engine.training import trackers, train
from engine.training.settings import TrainSpec
from tests import tiny

KEYS = ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "MLFLOW_TRACKING_URI", "TRACKIO_SPACE_ID", "TRACKIO_DIR")
# a package of this name as somebody may have installed it: it writes down what it is told
WANDB = """
import json, pathlib
class Settings:
    def __init__(self, **_): pass
class Run:
    def __init__(self, dir, config, **_): self.file = pathlib.Path(dir) / "told.jsonl"; self._write(config)
    def _write(self, told): self.file.open("a").write(json.dumps(told) + "\\n")
    def log(self, figures, step):
        if step == {fails}: raise ConnectionError("the network is down")
        self._write({{"step": step, **figures}})
    def finish(self): self._write("finished")
def init(**given): return Run(**given)
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    rows = [tiny.conversation(f"Where is {n}?", "It left.") for n in range(8)]
    train_file, watched = (
        tiny.jsonl(tmp_path / "train.jsonl", rows),
        tiny.jsonl(tmp_path / "validation.jsonl", rows[:2]),
    )
    return TrainSpec(base=str(base), train=str(train_file), validation=str(watched), steps=4, evaluate_every=2)


def ran(folder: Path, spec: TrainSpec) -> list[dict[str, Any]]:
    folder.mkdir()
    specs.write(folder, spec)
    train.run(folder)
    return events.read(folder)[0]


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, fails: int = -1) -> None:
    folder.mkdir()
    (folder / "wandb.py").write_text(WANDB.format(fails=fails))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "wandb", raising=False)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", [name for name in trackers.KNOWN if importlib.util.find_spec(name) is None])
def test_a_tracker_that_is_not_installed_is_a_problem_before_anything_starts(
    spec: TrainSpec, tmp_path: Path, name: str
) -> None:
    with pytest.raises(Problem, match=f"{name} is not installed. Run pip install {name}"):
        ran(tmp_path / "run", replace(spec, trackers=name))
    assert events.read(tmp_path / "run")[0] == []


def test_an_unknown_tracker_is_a_problem(spec: TrainSpec) -> None:
    with pytest.raises(Problem, match=r"no tracker called 'weights'. Use some of wandb, mlflow, trackio"):
        trackers.named("weights")


def test_figures_of_steps_and_looks_are_mirrored_and_no_file_is_named(
    spec: TrainSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, tmp_path / "packages")
    monkeypatch.setenv("WANDB_MODE", "offline")
    found = ran(tmp_path / "run", replace(spec, trackers=" wandb, "))
    settings, *told, end = lines(tmp_path / "run" / "told.jsonl")
    assert settings["rank"] == 16 and not {"base", "train", "validation"} & settings.keys()
    steps = [event for event in found if event["kind"] == "step"]
    assert [row["train/loss"] for row in told if "train/loss" in row] == [event["loss"] for event in steps]
    assert [row["step"] for row in told if "validation/loss" in row] == [0, 2, 4]
    assert all(isinstance(value, int | float) for row in told for value in row.values()) and end == "finished"
    assert not [event for event in found if event["kind"] == "leaves"], "offline, they stay here"


def test_figures_that_leave_the_machine_are_announced_first(
    spec: TrainSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, tmp_path / "packages")
    with pytest.raises(Problem, match=r"wandb has no key\. Set WANDB_API_KEY"):
        trackers.named("wandb")
    monkeypatch.setenv("WANDB_API_KEY", "secret-of-ada")
    found = ran(tmp_path / "run", replace(spec, trackers="wandb"))
    kinds = [event["kind"] for event in found]
    assert kinds.index("leaves") < kinds.index("step")
    (leaves,) = (event for event in found if event["kind"] == "leaves")
    assert (leaves["tracker"], leaves["to"]) == ("wandb", "api.wandb.ai")
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"secret-of-ada" not in written


def test_a_tracker_that_fails_ends_its_mirror_and_not_the_run(
    spec: TrainSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, tmp_path / "packages", fails=2)
    monkeypatch.setenv("WANDB_MODE", "offline")
    found = ran(tmp_path / "run", replace(spec, trackers="wandb"))
    assert [event["step"] for event in found if event["kind"] == "step"] == [1, 2, 3, 4]
    why = [event["why"] for event in found if event["kind"] == "warning" and "wandb" in event["why"]]
    assert len(why) == 1 and "the network is down. The run goes on" in why[0]


def test_where_figures_go_is_read_off_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [trackers.leaving(name) for name in trackers.KNOWN] == ["api.wandb.ai", "", ""]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert trackers.leaving("mlflow") == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org/x")
    monkeypatch.setenv("TRACKIO_SPACE_ID", "team/figures")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert trackers.leaving("mlflow") == "mlflow.example.org"
    assert trackers.leaving("trackio") == "huggingface.co (team/figures)" and trackers.leaving("wandb") == ""
