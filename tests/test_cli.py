"""The command line: one clear sentence for a person, JSON for a script, an exit status for both."""

import json
import os
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from engine import jobs
from engine.problems import Problem
from studio import cli, progress, running
from studio.building import serving
from studio.folders import SAMPLE, Home
from tests.patience import waited
from tests.sleeping import Sleep

GOOD = {"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "Here."}]}


def atelier(*arguments: str | Path) -> tuple[int, str]:
    found = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.jsonl"
    path.write_text(json.dumps(GOOD) + "\n{broken\n")
    return path


def test_check_counts_rows_and_exits_by_what_it_found(mixed, tmp_path):
    status, said = atelier("check", mixed, "--json")
    found = json.loads(said)
    assert status == 1
    assert (found["rows"], found["valid"], found["rejected"]) == (2, 1, 1)
    assert found["problems"][0]["line"] == 2 and found["problems"][0]["code"] == "broken-json"
    assert atelier("check", SAMPLE / "tone" / "test.jsonl")[0] == 0
    assert atelier("check", tmp_path / "missing.jsonl")[0] == 2


def test_import_and_freeze_say_what_they_did(mixed, tmp_path):
    home = tmp_path / "home"
    status, said = atelier("import", mixed, "--dataset", "cups", "--home", home)
    assert status == 0
    assert "Line 2: It is not JSON" in said and "1 added to cups, 0 known, 1 rejected." in said
    status, said = atelier("import", mixed, "--dataset", "cups", "--home", home, "--split", "train", "--json")
    assert json.loads(said)["known"] == 1


def test_doctor_says_what_is_here(tmp_path):
    status, said = atelier("doctor", "--home", tmp_path, "--json")
    found = json.loads(said)
    assert status == 0 and found["duckdb"].startswith("2.") and found["studio"] == "not running"
    assert found["home"] == str(tmp_path)


def test_doctor_says_what_stands_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(serving, "vllm", lambda: "")
    found = json.loads(atelier("doctor", "--home", tmp_path / "taken" / "home", "--json")[1])
    assert found["home"].endswith("which cannot be written to: choose another")
    assert found["GPU"].startswith("none") and "make serving" in found["vLLM"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["/nowhere/at-all"], "There is no file or folder /nowhere/at-all."),
        ([str(SAMPLE / "README.md"), "--words", "-5"], "A chunk cannot have -5 words."),
    ],
)
def test_a_typing_error_makes_no_library(tmp_path, typed, sentence):
    with pytest.raises(Problem, match=sentence):
        atelier("read", "handbook", *typed, "--home", tmp_path)
    for command in (["recall", "handbook"], ["search", "handbook", "Who pays?"]):
        with pytest.raises(Problem, match="There is no library handbook"):
            atelier(*command, "--home", tmp_path)


def test_no_passages_cannot_be_searched_for(tmp_path):
    status, said = atelier("search", "handbook", "Who pays?", "-k", "0", "--home", tmp_path)
    assert status == 2 and "greater than or equal to 1" in said


def test_a_problem_is_a_sentence_and_no_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["atelier", "freeze", "nothing", "--home", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "nothing has no approved example to train on." in capsys.readouterr().err


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_that_cannot_be_is_said_in_a_sentence(tmp_path, below):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Problem, match="cannot be the home folder"):
        atelier("servers", "--home", tmp_path / "file" / below)
    with pytest.raises(Problem, match="cannot be the home folder"):
        atelier("engine", "--port", "0", "--home", tmp_path / "file" / below)


def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path):
    (tmp_path / "studio.duckdb").write_text("no database")
    with pytest.raises(Problem, match="not a valid DuckDB database"):
        atelier("servers", "--home", tmp_path)


@pytest.mark.parametrize("command", ["studio", "engine"])
def test_a_port_that_is_taken_is_a_sentence_and_nothing_is_said_to_be_open(tmp_path, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = [sys.executable, "-m", "studio", command, "--home", str(tmp_path / "home")]
        port = str(taken.getsockname()[1])
        found = subprocess.run([*asked, "--port", port], capture_output=True, text=True, check=False)
    assert found.returncode == 1 and found.stdout == ""
    sentence = f"Nothing can listen at 127.0.0.1, port {port}. Address already in use. Choose another --port."
    assert sentence in " ".join(found.stderr.split())
    assert "leaked" not in found.stderr and "Traceback" not in found.stderr


def test_a_studio_that_does_not_answer_is_said_in_a_sentence(tmp_path):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens
        running.announce(Home(tmp_path), f"http://127.0.0.1:{bound.getsockname()[1]}", "key")
        with pytest.raises(Problem, match="has this home open and does not answer"):
            atelier("servers", "--home", tmp_path)
    assert os.stat(Home(tmp_path).running).st_mode & 0o077 == 0


def test_a_running_studio_is_asked_past_any_proxy(tmp_path, monkeypatch):
    class Studio(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.dumps({"what": "Here I am.", "why": "", "do": ""}).encode()
            self.send_response(422)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    with socket.socket() as proxy, ThreadingHTTPServer(("127.0.0.1", 0), Studio) as studio:
        proxy.bind(("127.0.0.1", 0))  # and nobody listens
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        Thread(target=studio.serve_forever, daemon=True).start()
        running.announce(Home(tmp_path), f"http://127.0.0.1:{studio.server_port}", "key")
        with pytest.raises(Problem, match="Here I am"):
            atelier("servers", "--home", tmp_path)
        studio.shutdown()


def test_who_looks_away_from_a_job_is_told_that_it_goes_on(tmp_path, capsys, monkeypatch):
    job = jobs.submit(tmp_path / "jobs", "tests.sleeping", Sleep(2, gate=str(tmp_path / "gate")), by="ada")
    tick = jobs.tick

    def interrupted(folder: Path) -> None:
        tick(folder)
        if job.state == jobs.RUNNING:  # and it waits for its gate, so it cannot have ended
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "tick", interrupted)
    with pytest.raises(KeyboardInterrupt), progress.bars() as bars:
        progress.watch(job, "sleep", bars)
    assert job.state == jobs.RUNNING and "sleep goes on by itself" in capsys.readouterr().err
    monkeypatch.undo()
    (tmp_path / "gate").touch()
    assert waited(job) == jobs.DONE
