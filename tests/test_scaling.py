"""The queue and a training run on a real Ray cluster of two nodes."""

import json
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from engine import events, jobs
from engine.problems import Problem
from engine.scaling import cluster
from engine.scaling.cluster import Cluster
from engine.training.settings import TrainSpec
from studio.folders import CODE
from tests.patience import LONG, waited

pytestmark = pytest.mark.slow


def network() -> list[str]:
    """The words before a command that give it a network of its own, where this machine allows that."""
    own = ["unshare", "--map-root-user", "--net"]
    allowed = shutil.which("unshare") and subprocess.run([*own, "true"], capture_output=True).returncode == 0
    return own if allowed else []


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> dict[str, Any]:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Where is order {n}?"},
                {"role": "assistant", "content": f"Order {n} left our workshop."},
            ]
        }
        for n in range(24)
    ]
    path = tmp_path_factory.mktemp("rows") / "train.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return {"base": str(CODE / "starter"), "train": str(path), "epochs": 2.0, "batch_size": 8, "rank": 4}


@pytest.fixture(scope="module")
def told(spec) -> dict[str, Any]:
    """What became of each job on the cluster."""
    with tempfile.TemporaryDirectory(prefix="ray") as home:  # a socket's path is short, and pytest's own are long
        command = [*network(), sys.executable, "-m", "tests.two_nodes", home, json.dumps(spec)]
        done = subprocess.run(command, cwd=CODE, capture_output=True, text=True, timeout=2 * LONG)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_cluster_runs_as_many_jobs_at_once_as_it_has_slots(told):
    assert told["at_once"] == ["running", "running", "queued"]
    assert told["ended"] == ["done", "done"]
    assert "sleeping from step 0" in told["log"]


def test_a_job_on_a_cluster_is_stopped_and_goes_on_from_where_it_was(told):
    assert told["stopped"] == "stopped"
    assert told["resumed"] == ["done", 60]


def test_a_job_that_fails_or_dies_on_its_node_is_told_as_on_one_machine(told):
    assert told["failed"] == ["failed", "The bed is broken. Mend it."]
    assert told["killed"] == "failed"


def test_a_run_over_two_nodes_learns_what_one_process_learns(told, spec, tmp_path):
    alone = jobs.submit(tmp_path, "train", TrainSpec(**spec), "ada")
    assert waited(alone) == jobs.DONE, jobs.why(alone.folder)
    losses = [event["loss"] for event in events.read(alone.folder)[0] if event["kind"] == "step"]
    assert told["spread"]["state"] == "done", told["spread"]["why"]
    # of one base, two machines' halves of a step are rounded apart: in bf16 each product is
    assert told["spread"]["losses"] == pytest.approx(losses, abs=2e-3)


def test_a_run_that_no_cluster_could_place_says_so_instead_of_waiting(told):
    state, why = told["spread"]["many"]
    assert state == "failed"
    assert why.startswith("The run wants 3 workers, and the cluster has 2 CPUs.")


def test_while_the_cluster_is_away_a_job_waits_and_says_why_and_what_is_done_stays_done(told):
    state, why = told["unreachable"]
    assert state == "queued"
    assert "does not answer" in why and "atelier cluster --off" in why


def test_a_cluster_that_does_not_answer_is_not_taken_into_use(tmp_path):
    with pytest.raises(Problem, match="does not answer"):
        cluster.use(tmp_path, Cluster("http://127.0.0.1:9"))
    assert cluster.read(tmp_path) is None
