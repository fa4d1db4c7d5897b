"""A run that trains elsewhere: on a real engine of its own home, and in a cloud that answers as Mistral's does."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine import events, jobs, processes
from engine.jobs import Job
from engine.remote import far, mirror
from engine.remote.mirror import RemoteSpec
from engine.serving.asking import client
from engine.serving.asking.calls import Endpoint
from engine.serving.asking.client import Question
from engine.training.settings import TrainSpec
from tests.patience import LONG, until, waited
from tests.speaking import served

KEY, VARIABLE = "a-key-that-only-this-test-has", "ATELIER_TEST_ENGINE_KEY"


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Iterator[str]:
    """The URL of `atelier engine`, which knows the starter as `small`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("far")
    command = [sys.executable, "-m", "studio", "engine", "--home", str(home), "--port", str(port)]
    running = subprocess.Popen(
        [*command, "--alias", "small=starter"], env={**os.environ, "ATELIER_API_KEY": KEY}, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(url))
        yield url
    finally:
        for job in jobs.listed(home / "jobs"):
            jobs.stop(job)
        running.terminate()
        running.wait(LONG)
        for server in (home / "servers").glob("*"):
            processes.end(server)


@pytest.fixture(autouse=True)
def key(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def rows(tmp_path) -> tuple[Path, Path]:
    """Files to learn from and to watch."""
    made = []
    for name, numbers in (("train", range(48)), ("validation", range(48, 56))):
        path = tmp_path / f"{name}.jsonl"
        kept = {"tags": ["orders"], "group": "ada@acme.org"}  # a snapshot's rows know more than a run learns from
        path.write_text("".join(json.dumps({"id": str(n), **conversation(n), **kept}) + "\n" for n in numbers))
        made.append(path)
    return made[0], made[1]


def conversation(n: int) -> dict[str, Any]:
    said = f"Order {n} left our workshop."
    return {"messages": [{"role": "user", "content": f"Where is order {n}?"}, {"role": "assistant", "content": said}]}


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/health").is_success
    except httpx.HTTPError:
        return False


def sent(folder: Path, url: str, rows: tuple[Path, Path], kind: str = far.ATELIER, **settings: Any) -> Job:
    run = TrainSpec(base="small", train=str(rows[0]), validation=str(rows[1]), **{"batch_size": 8, **settings})
    return jobs.submit(folder / "jobs", "remote", RemoteSpec(url, kind, asdict(run), VARIABLE, "orders"), "ada")


def told(job: Job, kind: str) -> list[dict[str, Any]]:
    return [event for event in events.read(job.folder)[0] if event["kind"] == kind]


@pytest.mark.slow
def test_a_run_trains_on_another_engine_and_tells_of_itself_as_if_it_were_here(engine, rows, tmp_path):
    job = sent(tmp_path, engine, rows, epochs=2.0, evaluate_every=6, rank=4)
    assert waited(job) == jobs.DONE, jobs.why(job.folder)
    assert [event["step"] for event in told(job, "step")] == list(range(1, 13))
    assert told(job, "validation")[-1]["n"] == 8 and told(job, "first_batch") and told(job, "plan")
    assert [event["what"].split(",")[0] for event in told(job, "leaves")] == ["the train rows", "the validation rows"]
    end = told(job, "end")[-1]
    assert end["model"].startswith("ft:small:orders:") and end["validation_loss"] < 1
    assert len(told(job, "end")) == 1, "its own, not also that of the other machine"
    asked = Question([{"role": "user", "content": "Where is order 7?"}])
    assert client.chat(Endpoint(engine, KEY), end["model"], asked).text.strip() == "Order 7 left our workshop."
    assert not any(KEY in path.read_text(errors="replace") for path in job.folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_killed_it_goes_on_listening_to_the_same_run_and_stopped_it_cancels_it(engine, rows, tmp_path):
    job = sent(tmp_path, engine, rows, epochs=400.0)
    jobs.tick(job.folder.parent)
    until(lambda: told(job, "step"))
    process = processes.find(job.folder)
    assert process is not None
    os.killpg(process.pid, signal.SIGKILL)
    until(lambda: not job.live)
    there = json.loads((job.folder / mirror.FILE).read_text())["job"]
    heard = len(told(job, "step"))
    jobs.resume(job)
    jobs.tick(job.folder.parent)
    until(lambda: len(told(job, "step")) > heard)
    assert json.loads((job.folder / mirror.FILE).read_text())["job"] == there
    jobs.stop(job)
    assert job.state == jobs.STOPPED
    until(lambda: far.job(Endpoint(engine, KEY), there)["status"] == "CANCELLED")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "row"),
    [
        ({"tuning": "full", "learning_rate": 1e-4}, {}),
        ({"method": "dpo"}, {"rejected": [{"role": "assistant", "content": "I don't know."}]}),
        ({"method": "cpt"}, {"text": "The copper kettle has a warranty of 24 months. " * 3}),
        ({"method": "grpo", "group": 2, "answer_tokens": 8, "rewards": [{"kind": "length", "most": 20}]}, {}),
    ],
    ids=["full", "dpo", "cpt", "grpo"],
)
def test_what_only_an_engine_of_ours_knows_travels_with_the_order(engine, tmp_path, settings, row):
    made = []
    for name, numbers in (("train", range(12)), ("validation", range(12, 16))):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"id": str(n), **conversation(n), **row}) + "\n" for n in numbers))
        made.append(path)
    job = sent(tmp_path, engine, (made[0], made[1]), steps=2, **settings)
    assert waited(job) == jobs.DONE, jobs.why(job.folder)
    plan, step = told(job, "plan")[-1], told(job, "step")[-1]
    assert step["steps"] == step["step"] == 2
    assert (plan["trained_parameters"] == plan["parameters"]) == (settings.get("tuning") == "full")


def test_what_the_engine_refuses_is_said_with_its_own_sentence(engine, rows, tmp_path):
    rows[0].write_text('{"messages": []}\n')
    job = sent(tmp_path, engine, rows)
    assert waited(job) == jobs.FAILED
    assert "line 1" in jobs.why(job.folder)


def test_without_its_key_nothing_is_sent(rows, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    job = sent(tmp_path, "http://127.0.0.1:9", rows)
    assert waited(job) == jobs.FAILED
    assert VARIABLE in jobs.why(job.folder) and not told(job, "leaves")


class Cloud(BaseHTTPRequestHandler):
    """Answers as Mistral's cloud does, with a `status` for an account that has no training any more."""

    status = 200
    looks = 0
    orders: list[dict[str, Any]] = []  # noqa: RUF012 (one cloud at a time)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/files":
            assert b"ada@acme.org" not in body, "what is not learned from stays at home"
            self._send(200, {"id": f"file-{body.count(b'Where')}"})
        elif self.status != 200:
            self._send(self.status, {"object": "error", "message": "Fine-tuning is no longer available.", "code": None})
        else:
            self.orders.append(json.loads(body))
            self._send(200, {"id": "job-1", "status": "QUEUED"})

    def do_GET(self) -> None:
        type(self).looks += 1
        over = self.looks > 1
        marks = [
            {"metrics": {"train_loss": 1.0 / n, "valid_loss": 1.5 / n}, "step_number": 10 * n, "created_at": n}
            for n in range(3 if over else 1, 0, -1)  # newest first
        ]
        status = "SUCCESS" if over else "RUNNING"
        self._send(200, {"id": "job-1", "status": status, "checkpoints": marks, "fine_tuned_model": "ft:x:1"})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests read assertions, not access logs."""


def test_mistrals_cloud_gets_its_own_words_and_its_checkpoints_become_figures(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(Cloud, "orders", [])
    monkeypatch.setattr(Cloud, "looks", 0)
    with served(Cloud) as url:
        job = sent(tmp_path, url, rows, far.MISTRAL, steps=30, learning_rate=1e-4)
        assert waited(job) == jobs.DONE, jobs.why(job.folder)
    order = Cloud.orders[0]
    assert order["model"] == "small" and order["suffix"] == "orders" and "atelier" not in order
    assert order["training_files"] == [{"file_id": "file-48", "weight": 1}] and order["validation_files"] == ["file-8"]
    assert order["hyperparameters"]["training_steps"] == 30 and "epochs" not in order["hyperparameters"]
    assert [(event["step"], event["loss"]) for event in told(job, "step")] == [(10, 1.0), (20, 0.5), (30, 1 / 3)]
    assert [event["loss"] for event in told(job, "validation")] == [1.5, 0.75, 0.5]
    assert told(job, "end")[-1]["model"] == "ft:x:1"


@pytest.mark.parametrize("status", [410, 404])
def test_a_cloud_without_the_api_is_explained_and_another_way_is_named(rows, tmp_path, monkeypatch, status):
    monkeypatch.setattr(Cloud, "status", status)
    with served(Cloud) as url:
        job = sent(tmp_path, url, rows, far.MISTRAL)
        assert waited(job) == jobs.FAILED
    why = jobs.why(job.folder)
    assert ("retired its fine-tuning API" in why and "on this machine" in why) if status == 410 else "404" in why


def test_mistrals_cloud_is_not_asked_for_what_it_cannot_do(rows, tmp_path):
    with served(Cloud) as url:
        job = sent(tmp_path, url, rows, far.MISTRAL, method="dpo")
        assert waited(job) == jobs.FAILED
    assert "does not train by dpo" in jobs.why(job.folder) and not told(job, "leaves")
