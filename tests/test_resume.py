"""A run may be killed at any moment, as often as it likes: it ends where an undisturbed one ends."""

import json
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from engine import events, specs
from engine.problems import Problem
from engine.training import checkpoint, leaving, train
from engine.training.checkpoint import Checkpoint
from engine.training.settings import TrainSpec
from tests.patience import LONG
from tests.test_train import recipe, told

pytestmark = pytest.mark.slow
KILLS = 20


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    return recipe(base, tmp_path, epochs=3.0, steps=330, dropout=0.1, evaluate_every=7, checkpoint_every=5, patience=0)


def learn(folder: Path) -> None:
    torch.set_num_threads(1)
    train.run(folder)


def started(folder: Path) -> BaseProcess:
    """A process of its own that learns the run in a folder; what it imports is there already, so that it is quick."""
    kind = multiprocessing.get_context("forkserver")
    kind.set_forkserver_preload(["tests.test_resume"])
    process = kind.Process(target=learn, args=(folder,))
    process.start()
    return process


def made(folder: Path, spec: TrainSpec) -> Path:
    folder.mkdir()
    specs.write(folder, spec)
    return folder


def killed(process: BaseProcess, when: Callable[[], bool]) -> None:
    while not when():
        assert process.is_alive(), "it ended before it could be killed"
        time.sleep(0.0005)
    process.kill()
    process.join()


def lines(folder: Path) -> int:
    path = folder / events.FILE
    return path.read_bytes().count(b"\n") if path.exists() else 0


def losses(folder: Path) -> dict[int, float]:
    """The last that was told of each step."""
    return {event["step"]: event["loss"] for event in told(folder, "step")}


def test_a_run_killed_at_twenty_moments_ends_as_if_nothing_had_happened(spec: TrainSpec, tmp_path: Path) -> None:
    straight, broken = made(tmp_path / "straight", spec), made(tmp_path / "broken", spec)
    undisturbed = started(straight)
    chance = random.Random(7)
    saving = broken / checkpoint.DRAFT
    for n in range(KILLS):
        process, before = started(broken), lines(broken)
        far, late = chance.randint(1, 22), chance.random() / 50

        def far_enough(before: int = before, far: int = far) -> bool:
            return lines(broken) >= before + far

        # every fourth dies while it writes a checkpoint
        killed(process, saving.exists if n % 4 == 3 else far_enough)
        time.sleep(late)
    last = started(broken)
    for process in (last, undisturbed):
        process.join(LONG)
        assert process.exitcode == 0
    assert len(told(broken, "resumed")) >= KILLS / 2
    one, other = (json.loads((folder / leaving.RESULT).read_text()) for folder in (straight, broken))
    assert losses(broken) == losses(straight), "every step is the same to the last digit"
    for name in ("steps", "loss", "validation_loss", "best_step", "tokens"):
        assert one[name] == other[name]


def test_what_a_run_keeps_on_disk_does_not_grow(spec: TrainSpec, tmp_path: Path) -> None:
    folder = made(tmp_path / "run", replace(spec, steps=60))
    found: list[int] = []
    process = started(folder)
    while process.is_alive():
        found.append(len(list(folder.glob("*.safetensors"))) + len(list(folder.glob("*checkpoint*"))))
        time.sleep(0.001)
    assert process.exitcode == 0 and told(folder, "checkpoint")
    assert max(found) <= 6, "the checkpoint and its successor, the best of each, and one that is being written"
    assert not list(folder.glob("*best*")) and not list(folder.glob("*checkpoint*"))


def test_a_disk_that_takes_no_more_is_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    small, large = ({"w": torch.ones(n)} for n in (10, 2_000_000))
    checkpoint.save(tmp_path, Checkpoint(small, {"step": 1}))
    checkpoint.keep_best(tmp_path, 1, small)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(Problem, match=r"could not be saved.*[kMG]B are free.*Make room there and resume"):
            checkpoint.save(tmp_path, Checkpoint(large, {"step": 2}))
        with pytest.raises(Problem, match="could not be saved"):
            checkpoint.save(tmp_path, Checkpoint(small, {"step": 2, "optimizer": large}))
        with pytest.raises(Problem, match="could not be saved"):
            checkpoint.keep_best(tmp_path, 2, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    found = checkpoint.find(tmp_path)
    assert found is not None and found.state == {"step": 1}
    assert torch.equal(checkpoint.best(tmp_path, 1)["w"], small["w"])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["best-1.safetensors", "checkpoint"], "what was half written is gone, and its room is free"
