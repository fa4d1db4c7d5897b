"""Killing the studio, or the job, loses nothing: the folder is the contract."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from engine import events, jobs
from engine.api import keys
from engine.serving import servers
from studio import commands, running
from studio.building import models, runs
from studio.data import datasets
from studio.folders import Home
from studio.freezing import snapshots
from studio.store import Store
from tests import tiny
from tests.patience import LONG, until, waited

pytestmark = pytest.mark.slow
WHOLE = {"epochs": 40.0, "batch_size": 4, "checkpoint_every": 10, "evaluate_every": 20, "rank": 4}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a tiny base model and a frozen dataset of 60 short examples."""
    place = Home(tmp_path / "home")
    store = Store(place)
    models.add(store, "tiny", models.BASE, str(tiny.base(tmp_path / "tiny")), "ada")
    rows = [
        {"messages": [{"role": "user", "content": f"Where is cup {n}?"}, {"role": "assistant", "content": "Here."}]}
        for n in range(60)
    ]
    path = tmp_path / "cups.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, path, "cups", "ada")
    snapshots.freeze(store, "cups", "ada")
    store.close()
    return place


@pytest.fixture
def open_studio(home: Home) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start the studio as a person would; whatever still runs at the end is ended."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "studio", "studio", "--home", str(home.root), "--port", str(port)]
        studio = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(studio)
        until(lambda: healthy(port))
        return studio

    yield start
    for studio in started:
        studio.kill()
        studio.wait()
    for job in jobs.listed(home.jobs):
        jobs.stop(job, grace=1)
    for server in servers.listed(home.servers):  # a run that is done is checked against one
        servers.stop(server)


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v1/health", timeout=LONG).json()["status"] == "ok"
    except httpx.TransportError:
        return False


def launch(home: Home) -> Path:
    """Launch a run through the running studio, as the command line does; its folder."""
    frozen = commands.run(home, "freeze", dataset="cups", by="ada")["snapshot"]
    found = commands.run(home, "train", name="cups", base="tiny", snapshot=frozen, by="ada", settings=WHOLE)
    folder = Path(found["folder"])
    until(lambda: events.last(folder, "checkpoint"))
    return folder


def test_training_goes_on_when_the_studio_is_killed_and_the_next_one_shows_it_complete(home, open_studio):
    studio = open_studio()
    folder = launch(home)
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    assert jobs.state(folder) == jobs.RUNNING
    assert running.find(home) is None, "a killed studio is not taken for a running one"

    open_studio()
    until(lambda: jobs.state(folder) == jobs.DONE)
    found = commands.run(home, "runs")["runs"]
    assert [(run["name"], run["state"]) for run in found] == [("cups", jobs.DONE)]
    steps = [event["step"] for event in events.read(folder)[0] if event["kind"] == "step"]
    assert steps == list(range(1, len(steps) + 1)), "no step was lost or done twice"


def test_a_killed_training_is_failed_with_its_last_words_and_goes_on_from_its_checkpoint(home, open_studio):
    open_studio()
    folder = launch(home)
    pid = json.loads((folder / "process.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    until(lambda: jobs.state(folder) == jobs.FAILED)
    assert "ended without a word" in jobs.why(folder)

    kept = events.last(folder, "checkpoint")["step"]
    commands.run(home, "resume", run=folder.name, by="ada")
    until(lambda: jobs.state(folder) == jobs.DONE)
    told = events.read(folder)[0]
    after = told[[event["kind"] for event in told].index("resumed") :]
    steps = [event["step"] for event in after if event["kind"] == "step"]
    assert steps == list(range(kept + 1, told[-1]["steps"] + 1))


def test_what_waits_in_the_queue_survives_the_studio(home, open_studio):
    studio = open_studio()
    folder = launch(home)
    frozen = commands.run(home, "freeze", dataset="cups", by="ada")["snapshot"]
    settings = {**WHOLE, "epochs": 1.0}
    second = commands.run(home, "train", name="next", base="tiny", snapshot=frozen, by="ada", settings=settings)
    assert jobs.state(Path(second["folder"])) == jobs.QUEUED
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    open_studio()
    until(lambda: jobs.state(Path(second["folder"])) == jobs.DONE)
    assert jobs.state(folder) == jobs.DONE


def test_the_command_line_opens_the_home_itself_when_no_studio_runs(home):
    assert commands.run(home, "runs") == {"runs": []}
    assert not home.running.exists()


def test_a_command_with_the_wrong_key_is_refused(home, open_studio):
    open_studio()
    url = running.find(home)["url"]
    assert httpx.post(f"{url}/commands/runs", json={}, headers={"authorization": "Bearer guess"}).status_code == 401
    assert (home.running.stat().st_mode & 0o777) == 0o600


def test_an_unknown_route_of_the_api_answers_in_the_protocols_error_shape(home, open_studio):
    open_studio()
    url = running.find(home)["url"] + "/v1"
    answer = httpx.get(f"{url}/audio/speech")
    assert answer.status_code == 404
    assert answer.json()["object"] == "error" and "/v1/health" in answer.json()["message"]


def test_the_api_in_the_studios_process_knows_the_studios_models(home, open_studio):
    open_studio()
    url = running.find(home)["url"] + "/v1"
    assert httpx.get(f"{url}/models").status_code == 401
    _, secret = keys.make(home.root, "tests", ["read"], "ada")
    models_there = httpx.get(f"{url}/models", headers={"authorization": f"Bearer {secret}"}).json()["data"]
    assert "tiny" in [model["id"] for model in models_there]


def test_a_finished_run_becomes_a_model(home):
    store = Store(home)
    frozen = snapshots.freeze(store, "cups", "ada").id
    run = runs.launch(store, "cups", "tiny", frozen, "ada", {**WHOLE, "epochs": 1.0})
    assert waited(run.job) == jobs.DONE
    runs.catch_up(store)
    made = models.get(store, "cups")
    assert (made.kind, made.base, made.run) == (models.ADAPTER, "tiny", run.id)
    assert (Path(made.path) / "adapter_model.safetensors").exists()
    store.close()
