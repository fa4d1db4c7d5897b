"""Several workers learn one run as one would."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.torch import load_file

from engine import jobs, specs
from engine.training import train
from engine.training.settings import TrainSpec
from engine.training.together import ALONE, Team
from studio.folders import CODE
from tests.patience import LONG
from tests.test_train import recipe, told, wait_for_step

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 16 bits the order in which numbers are added shows; here nothing but that order differs."""
    monkeypatch.setenv("ATELIER_PRECISION", "float32")


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    return recipe(base, tmp_path)


def ran(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    folder.mkdir()
    specs.write(folder, spec)
    return train.run(folder)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_two_workers_equal_one(spec: TrainSpec, tmp_path: Path, tuning: str) -> None:
    spec = replace(spec, tuning=tuning, learning_rate=1e-3)
    one = ran(tmp_path / "one", spec)
    two = ran(tmp_path / "two", replace(spec, workers=2))
    # 36 rows in batches of 8: the last step has 4, and with 5 validation rows one worker has none of these
    for name in ("step", "validation"):
        alone, together = ([event["loss"] for event in told(tmp_path / way, name)] for way in ("one", "two"))
        assert together == pytest.approx(alone, abs=1e-4)
    assert two["validation_loss"] == pytest.approx(one["validation_loss"], abs=1e-4)
    assert len(told(tmp_path / "two", "plan")) == 1, "one worker speaks for both"
    assert not list((tmp_path / "two").glob(".meeting*"))


def test_a_worker_without_a_row_in_a_step_adds_nothing(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(spec, batch_size=1, steps=6, epochs=1, validation="")
    one, two = ran(tmp_path / "one", spec), ran(tmp_path / "two", replace(spec, workers=2))
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)


def test_a_worker_that_dies_ends_the_run_with_a_sentence_and_it_goes_on_when_resumed(
    spec: TrainSpec, tmp_path: Path
) -> None:
    spec = replace(spec, workers=2, epochs=16, evaluate_every=100, learning_rate=1e-3)
    straight = ran(tmp_path / "straight", replace(spec, workers=1))
    job = jobs.submit(tmp_path / "jobs", "train", spec, by="test")
    jobs.start(job)
    wait_for_step(job, 12)
    first = psutil.Process(json.loads((job.folder / "process.json").read_text())["pid"])
    (other,) = first.children()
    os.kill(other.pid, signal.SIGKILL)
    first.wait(LONG)
    assert job.state == jobs.FAILED and "Worker 2 of 2 ended in the middle of the run" in jobs.why(job.folder)
    result = train.run(job.folder)
    assert told(job.folder, "resumed")[0]["step"] >= 12
    assert result["loss"] == pytest.approx(straight["loss"], abs=1e-3)


def test_the_others_end_with_the_first_worker_and_a_stop_leaves_a_checkpoint(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(spec, workers=2, epochs=400, evaluate_every=1000, checkpoint_every=10_000)
    for way in (signal.SIGTERM, signal.SIGKILL):
        job = jobs.submit(tmp_path / way.name, "train", spec, by="test")
        jobs.start(job)
        wait_for_step(job, 5)
        first = psutil.Process(json.loads((job.folder / "process.json").read_text())["pid"])
        others = first.children()
        if way == signal.SIGTERM:
            jobs.stop(job, grace=30)
            assert told(job.folder, "checkpoint")[-1]["step"] == told(job.folder, "step")[-1]["step"]
        else:
            os.kill(first.pid, way)
        assert psutil.wait_procs([first, *others], timeout=LONG)[1] == []


def test_workers_that_somebody_else_started_learn_the_same(spec: TrainSpec, tmp_path: Path) -> None:
    """As torchrun or a cluster does: each finds out from its environment who it is."""
    alone = ran(tmp_path / "alone", replace(spec, learning_rate=1e-3))
    folder = tmp_path / "run"
    folder.mkdir()
    specs.write(folder, replace(spec, workers=2, learning_rate=1e-3))
    program = f"from pathlib import Path; from engine.training import train; train.run(Path({str(folder)!r}))"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    workers = [
        subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **meeting, "RANK": rank}, cwd=CODE)
        for rank in ("0", "1")
    ]
    assert [worker.wait(LONG) for worker in workers] == [0, 0]
    result = json.loads((folder / "result.json").read_text())
    assert result["loss"] == pytest.approx(alone["loss"], abs=1e-4)
    assert load_file(Path(result["adapter"]) / "adapter_model.safetensors")


def test_a_share_is_everything_for_one_and_nothing_is_shared_twice() -> None:
    rows = list(range(7))
    assert ALONE.share(rows) == rows
    assert sorted(Team(0, 2).share(rows) + Team(1, 2).share(rows)) == rows
