"""Who has the GPU, and who makes way. The GPU is pretended by a tool that lists one; runs and servers are processes."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import events, jobs, processes, queue
from engine.problems import Problem
from engine.queue import REFUSE, STOP, Rules
from engine.serving import health, holding, servers
from engine.serving.health import Health
from engine.serving.servers import Server
from engine.serving.settings import ServeSpec
from tests.conftest import Full, look, words
from tests.patience import LONG, until, waited
from tests.test_jobs import Sleep

TOOL = """#!/bin/sh
echo "Pretend H100, 81559, 81000"
"""
PROGRAM = """#!/bin/sh
# stands where an environment's Python with vLLM would: it is called as vLLM is, and answers what a watcher asks
while [ "$1" != "--port" ]; do shift; done
exec {python} -m tests.answering "{folder}" "$2"
"""


@pytest.fixture
def gpu(tmp_path, monkeypatch) -> None:
    """A machine on which `nvidia-smi` lists a GPU."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(TOOL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def place(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "place"
    (folder / "jobs").mkdir(parents=True)
    (folder / "servers").mkdir()
    yield folder
    for job in jobs.listed(folder / "jobs"):
        jobs.stop(job, grace=1.0)
    for server in servers.every(folder / "servers"):
        servers.stop(server)


@pytest.fixture
def base(tmp_path) -> Path:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    return tmp_path / "tiny"


@pytest.fixture
def program(tmp_path, base) -> Path:
    import sys

    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps({"model": str(base)}))
    script = tmp_path / "python"
    script.write_text(PROGRAM.format(python=sys.executable, folder=folder))
    script.chmod(0o755)
    return script


def served(place: Path, base: Path, program: Path, **more: object) -> Server:
    spec = {"idle_minutes": 30.0, **more}
    server = servers.begin(place / "servers", ServeSpec(model=str(base), program=str(program), **spec))
    servers.ready(server)
    return server


def learning(place: Path, monkeypatch) -> jobs.Job:
    """A run that learns, as far as anybody can tell: a job of its kind that sleeps."""
    from engine import job as work

    monkeypatch.setitem(work.KINDS, "train", "tests.sleeping")
    return jobs.submit(place / "jobs", "train", Sleep(600), "ada")


def rule(place: Path, **rules: str) -> None:
    queue.rule(place / "jobs", Rules(**rules))


def quiet(server: Server, monkeypatch) -> None:
    """As if nobody had asked for long."""
    found = health.found

    def long_ago(folder: Path) -> Health:
        return replace(found(folder), asked_at=time.time() - holding.QUIET - 1)

    monkeypatch.setattr(health, "found", long_ago)


def test_without_a_gpu_nobody_holds_anything(place, base, program, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    served(place, base, program)
    assert holding.said(place) == "" and holding.servers(place) == []
    assert holding.stands_in_the_way(place, "train") == "" and holding.clear(place, "train")


def test_who_has_the_gpu_is_said_in_a_sentence(place, base, program, gpu):
    assert holding.said(place) == "Nobody uses the Pretend H100 now."
    served(place, base, program)
    assert holding.said(place) == "The server of tiny has the Pretend H100."
    small = servers.begin(place / "servers", ServeSpec(model=str(base), module="tests.answering", port=9))
    assert [one.folder for one in holding.servers(place)] != [small.folder]  # ours answer on the processor


def test_a_run_waits_for_a_server_that_is_asked_says_so_and_lets_others_past(place, base, program, gpu, monkeypatch):
    server = served(place, base, program)
    run = learning(place, monkeypatch)
    assert jobs.tick(place / "jobs") is None
    said = jobs.waits_for(run)
    assert said.startswith(
        "Waits for the GPU, which the server of tiny has: it makes way when nobody has asked it for 5"
    )
    other = jobs.submit(place / "jobs", "tests.sleeping", Sleep(1), "ada")
    assert jobs.tick(place / "jobs") == other and waited(other) == jobs.DONE
    quiet(server, monkeypatch)
    assert jobs.tick(place / "jobs") == run
    assert not server.alive and server.ended == "A run needs the GPU."
    assert holding.said(place) == f"The run {run.id} has the Pretend H100."


def test_a_server_that_is_to_last_makes_way_for_nobody_until_it_is_stopped(place, base, program, gpu, monkeypatch):
    server = served(place, base, program, idle_minutes=0.0)
    quiet(server, monkeypatch)
    run = learning(place, monkeypatch)
    assert jobs.tick(place / "jobs") is None and "until somebody stops it" in jobs.waits_for(run)
    servers.stop(server)
    assert jobs.tick(place / "jobs") == run


def test_by_the_rule_the_server_is_stopped_or_the_run_refused(place, base, program, gpu, monkeypatch):
    server = served(place, base, program)
    rule(place, server_has_gpu=REFUSE)
    with pytest.raises(Problem, match="The GPU is in use: the server of tiny has it"):
        learning(place, monkeypatch)
    assert jobs.listed(place / "jobs") == []
    rule(place, server_has_gpu=STOP)
    run = learning(place, monkeypatch)
    assert jobs.tick(place / "jobs") == run and server.ended == "A run needs the GPU."
    with pytest.raises(Problem, match="no rule 'sometimes'"):
        rule(place, server_has_gpu="sometimes")


def test_a_server_waits_for_a_run_is_refused_or_has_it_paused(place, base, program, gpu, monkeypatch):
    run = learning(place, monkeypatch)
    assert jobs.tick(place / "jobs") == run
    until(lambda: events.last(run.folder, "start"))
    began = time.monotonic()
    wanted = ServeSpec(model=str(base), program=str(program))
    with pytest.raises(Problem, match=f"the run {run.id} has it, and tiny needs it"):
        servers.begin(place / "servers", wanted, patience=1.5)
    assert time.monotonic() - began >= 1.5
    rule(place, run_has_gpu=REFUSE)
    began = time.monotonic()
    with pytest.raises(Problem, match="The GPU is in use"):
        servers.begin(place / "servers", wanted, patience=LONG)
    assert time.monotonic() - began < LONG  # it did not wait
    rule(place, run_has_gpu=STOP)
    server = servers.begin(place / "servers", wanted)
    servers.ready(server)
    assert run.state == jobs.PAUSED and processes.find(run.folder) is None


def test_two_servers_share_a_gpu_only_if_both_fit(place, base, program, gpu, tmp_path, monkeypatch):
    first = served(place, base, program, share=0.5)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text("{}")
    with pytest.raises(Problem, match="no room for other: the server of tiny takes 50% of its memory"):
        servers.begin(place / "servers", ServeSpec(model=str(other), program=str(program), share=0.6))
    second = served(place, other, program, share=0.5)
    said = holding.said(place)
    assert said.endswith(" have the Pretend H100.") and "he server of tiny" in said and "he server of other" in said
    quiet(first, monkeypatch)
    third = tmp_path / "third"
    third.mkdir()
    (third / "config.json").write_text("{}")
    servers.ready(servers.begin(place / "servers", ServeSpec(model=str(third), program=str(program), share=0.5)), 30)
    assert [one.alive for one in (first, second)].count(False) == 1


def test_the_pages_say_who_has_the_gpu_and_keep_the_rule(full: Full, app, program, base, gpu):
    full_home = full.store.home
    server = servers.begin(full_home.servers, ServeSpec(model=str(base), program=str(program)))
    servers.ready(server)
    try:
        assert "has the Pretend H100" in words(look(app, "serving"))
        app.radio(key="gpu-run").set_value(STOP)
        app.button(key="gpu-save").click().run()
        assert queue.rules(full_home.jobs).server_has_gpu == STOP
        queue.rule(full_home.jobs, Rules())
        page = look(app, "runs", snapshot=full.snapshot)
        assert not page.exception and "Waits for the GPU, which the server of" in words(page)
    finally:
        servers.stop(server)
