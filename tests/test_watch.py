"""Servers and who watches them, as real processes: killed, hung, idle, restarted; only what they answer is made up."""

import json
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine import events, processes
from engine.problems import Problem
from engine.serving import adapters, health, scratch, servers
from engine.serving.asking import client
from engine.serving.health import Figures, Pulse
from engine.serving.servers import CHILD, Server
from engine.serving.settings import ServeSpec
from engine.serving.watch import Watch
from tests.patience import until


@pytest.fixture
def base(tmp_path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    return tmp_path / "base"


@pytest.fixture
def place(tmp_path) -> Iterator[Path]:
    yield tmp_path / "servers"
    for server in servers.every(tmp_path / "servers"):
        servers.stop(server)


def begun(place: Path, base: Path, **more: object) -> Server:
    spec = {"idle_minutes": 30.0, "pause": 0.01, **more}
    server = servers.begin(place, ServeSpec(model=str(base), module="tests.answering", **spec))
    servers.ready(server)
    return server


def killed(server: Server, file: str = CHILD, sent: int = signal.SIGKILL) -> int:
    process = processes.find(server.folder, file)
    assert process is not None
    process.send_signal(sent)
    if sent == signal.SIGKILL:
        until(lambda: processes.find(server.folder, file) != process)
    return process.pid


def told(server: Server) -> list[str]:
    return [event["kind"] for event in events.read(server.folder)[0]]


def test_a_killed_server_is_back_at_its_address_and_knows_the_adapters_whose_weights_are_as_they_were(
    place, base, tmp_path
):
    server = begun(place, base)
    for name in ("sound", "changed", "gone"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / adapters.WEIGHTS).write_text(name)
    adapters.keep(server.folder, {name: str(tmp_path / name) for name in ("sound", "changed", "gone")})
    until(lambda: set(server.health.adapters) == {"sound", "changed", "gone"})
    (tmp_path / "changed" / adapters.WEIGHTS).write_text("other weights")
    (tmp_path / "gone" / adapters.WEIGHTS).unlink()
    before = server.endpoint
    killed(server)
    assert servers.ready(server) == before
    until(lambda: told(server)[-1] == "up")
    assert told(server) == ["started", "up", "died", "dropped", "dropped", "started", "up"]
    lost = [event for event in events.read(server.folder)[0] if event["kind"] == "dropped"]
    assert [(one["adapter"], one["why"]) for one in lost] == [
        ("changed", "Its weights have changed since."),
        ("gone", "Its folder is gone."),
    ]
    until(lambda: server.health.state == health.UP)
    assert server.health.restarts == 1 and list(server.health.adapters) == ["sound"]


def weights(folder: Path) -> Path:
    folder.mkdir()
    (folder / adapters.WEIGHTS).write_text(folder.name)
    return folder


def names(server: Server) -> set[str]:
    return {*client.models(server.endpoint)} - {"base"}


def test_a_server_that_is_killed_right_after_an_adapter_was_loaded_comes_back_with_it(place, base, tmp_path):
    server = begun(place, base)
    for name in ("first", "second"):
        servers.load(place, server.endpoint, name, weights(tmp_path / name))
    servers.unload(place, server.endpoint, "first")
    killed(server)
    servers.ready(server)
    assert names(server) == {"second"} == {*adapters.kept(server.folder)}


def test_what_others_load_and_unload_is_noted_at_the_next_look_and_nothing_else_is_struck(place, base, tmp_path):
    server = begun(place, base)
    client.load_adapter(server.endpoint, "theirs", weights(tmp_path / "theirs"))
    until(lambda: {*server.health.adapters} == {"theirs"})
    adapters.keep(server.folder, {"under-way": str(weights(tmp_path / "under-way"))})  # not named by the server yet
    client.unload_adapter(server.endpoint, "theirs")
    until(lambda: {*server.health.adapters} == {"under-way"})


def test_an_address_elsewhere_is_told_of_an_adapter_and_nothing_is_noted_here(place, base, tmp_path):
    here, there = begun(place, base), begun(tmp_path / "elsewhere", base)
    try:
        servers.load(place, there.endpoint, "mine", weights(tmp_path / "mine"))
        assert names(there) == {"mine"} and not adapters.kept(here.folder)
    finally:
        servers.stop(there)


PROGRAM = """#!{python}
import os, runpy, sys, tempfile, pathlib
(pathlib.Path(tempfile.gettempdir()) / "socket").touch()
sys.argv = ["answering", "{folder}", sys.argv[sys.argv.index("--port") + 1]]
sys.path.insert(0, {root!r})
runpy.run_module("tests.answering", run_name="__main__")
"""


def test_what_a_vllm_leaves_lying_goes_with_each_of_its_lives(place, base, tmp_path):
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps({"model": str(base)}))
    program = tmp_path / "python"
    root = str(Path(__file__).parents[1])
    program.write_text(PROGRAM.format(python=sys.executable, folder=folder, root=root))
    program.chmod(0o755)
    server = servers.begin(place, ServeSpec(model=str(base), program=str(program), pause=0.01))
    servers.ready(server)
    first = (server.folder / scratch.LINK).readlink()
    assert (first / "socket").exists() and len(f"{first}/{uuid.uuid4()}") < 100
    killed(server)
    until(lambda: told(server)[-1] == "up" and len(told(server)) > 2)
    second = (server.folder / scratch.LINK).readlink()
    assert not first.exists() and (second / "socket").exists()
    killed(server, processes.FILE)  # nobody watches it: whoever stops it cleans up
    servers.stop(server)
    assert not second.exists()


def test_the_servers_of_a_benchmark_that_is_killed_end_with_it(place, base):
    code = """
import sys, time
from pathlib import Path
from benchmarks.ending import ending
from engine.serving import servers
from engine.serving.settings import ServeSpec
from engine.serving.watch import Watch
with ending(Path(sys.argv[1])) as running:
    servers.ready(servers.begin(running, ServeSpec(sys.argv[2], module="tests.answering")), 30)
    print("up", flush=True)
    time.sleep(600)
"""
    command = [sys.executable, "-c", code, str(place), str(base)]
    benchmark = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    assert benchmark.stdout is not None and benchmark.stdout.readline() == "up\n"
    [server] = servers.listed(place)
    benchmark.kill()
    benchmark.communicate()
    until(lambda: server.ended)
    assert server.ended == "stopped" and processes.find(server.folder, CHILD) is None


def test_a_killed_watcher_is_replaced_and_its_server_goes_on_answering(place, base):
    server = begun(place, base)
    child = processes.find(server.folder, CHILD)
    killed(server, processes.FILE)
    assert httpx.get(f"{server.endpoint.url}/health").is_success and not server.alive
    assert servers.keep(place) == [server]
    until(lambda: "adopted" in told(server))
    assert servers.keep(place) == [] and processes.find(server.folder, CHILD) == child
    killed(server)  # the new one watches it as the old one did
    until(lambda: told(server)[-1] == "up")


def test_when_both_are_killed_whoever_needs_the_server_next_has_it_back_at_its_address(place, base):
    server = begun(place, base)
    before = server.endpoint
    killed(server, processes.FILE)
    killed(server)
    again = servers.begin(place, ServeSpec(model=str(base), module="tests.answering"))
    assert again.id == server.id and servers.ready(again, 30) == before


def test_a_server_that_hangs_is_started_anew(place, base):
    server = begun(place, base, patience=1.0)
    child = killed(server, CHILD, signal.SIGSTOP)
    until(lambda: told(server)[-1] == "up" and len(told(server)) > 2)
    assert told(server) == ["started", "up", "killed", "died", "started", "up"]
    assert processes.find(server.folder, CHILD).pid != child


def test_one_that_dies_again_and_again_stays_down_and_says_so(place, base):
    server = begun(place, base)
    (base / "config.json").unlink()
    killed(server)
    until(lambda: not server.alive)
    assert server.ended == "It died 5 times in ten minutes."
    assert servers.keep(place) == []


def test_one_that_never_answers_is_given_up_at_once(place, base):
    server = servers.begin(place, ServeSpec(model=str(base), module="tests.nobody"))
    with pytest.raises(Problem, match=r"ended before it answered(.|\n)*No module named 'tests\.nobody'"):
        servers.ready(server)
    assert server.ended == "It never answered."


def test_a_server_that_is_asked_lives_on_and_an_idle_one_ends(place, base):
    server = begun(place, base, idle_minutes=5 / 60)
    for _ in range(25):
        httpx.post(f"{server.endpoint.url}/v1/chat/completions")
        time.sleep(0.25)
    assert server.alive and server.health.per_second
    until(lambda: not server.alive)
    assert server.ended == "idle" and "nobody asked" in processes.log(server.folder)
    assert processes.find(server.folder, CHILD) is None


def test_a_server_is_stopped_whole_and_stays_stopped(place, base):
    server = begun(place, base)
    servers.stop(server)
    assert (server.alive, server.ended, processes.find(server.folder, CHILD)) == (False, "stopped", None)
    assert servers.keep(place) == []
    orphan = begun(place, base)
    assert orphan.id != server.id
    killed(orphan, processes.FILE)
    servers.stop(orphan)
    assert processes.find(orphan.folder, CHILD) is None and orphan.ended == "stopped"
    with pytest.raises(Problem, match="has ended"):
        servers.restart(orphan)


def test_a_server_is_restarted_on_request_and_that_is_no_death(place, base):
    server = begun(place, base, port=_free())
    for _ in range(6):
        child = processes.find(server.folder, CHILD)
        servers.restart(server)
        until(lambda was=child: processes.find(server.folder, CHILD) not in (was, None))
        servers.ready(server)
    assert server.alive and "died" not in told(server)
    assert server.endpoint.url.endswith(str(server.spec.port))


def test_a_server_that_is_started_anew_counts_its_time_from_then(place, base):
    server = begun(place, base)
    killed(server, processes.FILE)  # another one watches it from here on
    watch = Watch(server.folder)
    watch.began_at = 1.0
    killed(server)
    (server.folder / servers.RESTART).touch()
    try:
        assert watch.again()
        found = server.health
        assert (found.state, found.restarts) == (health.STARTING, 1) and found.since > 1.0
    finally:
        watch.end()
        watch.reaped()


def test_a_restart_that_was_wished_for_while_nothing_ran_hides_no_later_death(place, base):
    server = begun(place, base)
    killed(server, processes.FILE)
    killed(server)
    (server.folder / servers.RESTART).touch()
    assert [one.id for one in servers.keep(place)] == [server.id]
    until(lambda: told(server) == ["started", "up", "started", "up"])
    killed(server)
    until(lambda: told(server)[4:] == ["died", "started", "up"])


def test_a_server_whose_folder_is_taken_away_ends(place, base, tmp_path):
    server = begun(place, base)
    watcher, child = processes.find(server.folder), processes.find(server.folder, CHILD)
    server.folder.rename(tmp_path / "taken")
    until(lambda: not watcher.is_running() or watcher.status() == "zombie")
    until(lambda: not child.is_running() or child.status() == "zombie")


def test_somebody_s_own_server_is_used_and_one_on_another_port_is_another(place, base):
    mine = begun(place, base, idle_minutes=0.0, port=_free())
    spec = ServeSpec(model=str(base), module="tests.answering")
    assert servers.begin(place, spec).id == mine.id
    (base / "model.safetensors").write_text("trained anew")
    assert servers.begin(place, spec).id != mine.id


def test_figures_are_read_from_vllm_s_own_page():
    text = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="starter"} 2.0
vllm:num_requests_waiting{engine="0",model_name="starter"} 1.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="starter",reason="capacity"} 9.0
vllm:prompt_tokens_total{engine="0",model_name="starter"} 1234.0
vllm:generation_tokens_total{engine="0",model_name="starter"} 1.5e+06
vllm:generation_tokens_created{engine="0",model_name="starter"} 1.7952747e+09
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="starter"} 0.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="starter"} 4.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="starter"} 0.5
"""
    found = health.figures(text)
    assert found == Figures(2, 1, 1234, 1_500_000, 0.5, 4)
    assert health.figures(health.page(found)) == found
    assert health.figures("") == Figures()


def test_tokens_per_second_are_those_of_the_seconds_in_which_something_was_asked():
    """By hand: 100 tokens written in 2 of 10 seconds, the rest idle: 50 a second; 0.6 s to the first token of 3."""
    pulse = Pulse()
    assert pulse.per_second is None and pulse.first_token is None
    assert not pulse.take(0.0, Figures())
    assert pulse.take(1.0, Figures(running=3, read=30, written=40, first_seconds=0.6, firsts=3))
    assert pulse.take(2.0, Figures(running=1, read=30, written=100, first_seconds=0.6, firsts=3))
    for second in range(3, 10):
        assert not pulse.take(float(second), Figures(read=30, written=100, first_seconds=0.6, firsts=3))
    assert pulse.per_second == pytest.approx(50) and pulse.first_token == pytest.approx(0.2)
    assert not pulse.take(70.0, Figures(read=30, written=100, first_seconds=0.6, firsts=3))
    assert pulse.per_second is None and pulse.first_token is None
    assert not pulse.take(71.0, Figures())  # started anew: it counts from nothing
    assert pulse.take(72.0, Figures(read=5, written=7)) and pulse.per_second == pytest.approx(7)


def test_what_a_folder_says_of_its_health_is_whole(tmp_path):
    assert health.found(tmp_path).state == health.STARTING
    health.leave(tmp_path, health.Health(health.UP, at=time.time(), adapters={"tone": "/models/tone"}))
    assert health.found(tmp_path).fresh and health.found(tmp_path).adapters == {"tone": "/models/tone"}
    assert json.loads((tmp_path / health.FILE).read_text())["state"] == "up"


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
