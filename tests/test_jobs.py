"""Jobs, with real processes: nothing is lost, whoever dies."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine import events, jobs, processes
from engine.problems import Problem
from tests.patience import until, waited
from tests.sleeping import Sleep

KIND = "tests.sleeping"


def sleeping(jobs_folder: Path, steps: int = 1, fail: bool = False, gate: Path | str = "") -> jobs.Job:
    return jobs.submit(jobs_folder, KIND, Sleep(steps, fail, str(gate)), by="ada")


@pytest.fixture
def gate(tmp_path_factory) -> Path:
    """A file that is not there yet; a job that has begun waits for it."""
    return Path(tmp_path_factory.mktemp("gate") / "open")


def begun(job: jobs.Job) -> bool:
    return events.last(job.folder, "progress") is not None


def kill(job: jobs.Job) -> None:
    process = processes.find(job.folder)
    assert process is not None
    os.killpg(process.pid, signal.SIGKILL)
    until(lambda: processes.find(job.folder) is None)


def test_the_newest_event_is_found_however_long_the_file_and_whatever_is_being_written(tmp_path):
    events.append(tmp_path, "first", text="x" * 200_000)
    for n in range(3000):
        events.append(tmp_path, "step", step=n, why='not the "end" yet')
    assert events.last(tmp_path, "step")["step"] == 2999
    assert len(events.last(tmp_path, "first")["text"]) == 200_000
    with (tmp_path / events.FILE).open("a") as file:
        file.write('{"at": 1, "kind": "end"')  # a line still being written
    assert events.last(tmp_path, "end") is None and events.last(tmp_path, "step")["step"] == 2999
    assert events.last(tmp_path / "nowhere", "end") is None


@pytest.mark.parametrize(
    "given, found", [({}, "1000"), ({"GOMP_SPINCOUNT": "0"}, "0"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)]
)
def test_a_jobs_threads_wait_a_moment_before_they_sleep_unless_somebody_says_otherwise(
    tmp_path, monkeypatch, given, found
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    job = sleeping(tmp_path, steps=1000)
    jobs.start(job)
    until(lambda: begun(job))  # a process that is just being made has no environment yet
    process = processes.find(job.folder)
    assert process is not None and process.environ().get("GOMP_SPINCOUNT") == found
    kill(job)


def test_a_job_waits_in_the_queue_runs_and_leaves_its_result(tmp_path, gate):
    job = sleeping(tmp_path, steps=2, gate=gate)
    assert job.state == jobs.QUEUED and job.by == "ada"
    assert jobs.tick(tmp_path) == job
    assert job.state == jobs.RUNNING
    gate.touch()
    assert waited(job) == jobs.DONE
    assert events.last(job.folder, "end")["steps"] == 2
    assert "sleeping from step 0" in jobs.log(job.folder)


def test_jobs_run_one_at_a_time_in_the_order_they_were_submitted(tmp_path, gate):
    first, second = sleeping(tmp_path, steps=3, gate=gate), sleeping(tmp_path)
    jobs.tick(tmp_path)
    assert jobs.tick(tmp_path) is None
    assert (first.state, second.state) == (jobs.RUNNING, jobs.QUEUED)
    gate.touch()
    assert waited(second) == jobs.DONE
    assert events.last(first.folder, "end")["at"] < events.last(second.folder, "start")["at"]


def test_a_problem_in_a_job_is_its_reason(tmp_path):
    job = sleeping(tmp_path, fail=True)
    assert waited(job) == jobs.FAILED
    assert jobs.why(job.folder) == "The bed is broken. Mend it."


def test_an_unknown_kind_fails_and_says_so(tmp_path):
    job = jobs.submit(tmp_path, "dreaming", Sleep(), by="ada")
    assert waited(job) == jobs.FAILED
    assert "dreaming" in jobs.why(job.folder)


def test_a_killed_job_is_failed_with_the_last_lines_of_its_log_and_resumes_where_it_was(tmp_path, gate):
    job = sleeping(tmp_path, steps=8, gate=gate)
    jobs.tick(tmp_path)
    until(lambda: begun(job))
    kill(job)
    assert job.state == jobs.FAILED
    assert jobs.why(job.folder).endswith("sleeping from step 0")
    done = events.last(job.folder, "progress")["done"]
    jobs.resume(job)
    gate.touch()
    assert waited(job) == jobs.DONE
    assert f"sleeping from step {done}" in jobs.log(job.folder)
    steps = [event["done"] for event in events.read(job.folder)[0] if event["kind"] == "progress"]
    assert steps == list(range(1, 9))


def test_a_stopped_job_can_be_resumed_and_a_kill_after_that_is_a_failure_not_the_old_stop(tmp_path):
    job = sleeping(tmp_path, steps=1000)
    jobs.tick(tmp_path)
    until(lambda: begun(job))
    jobs.stop(job)
    assert job.state == jobs.STOPPED
    jobs.resume(job)
    assert job.state == jobs.QUEUED
    before = events.last(job.folder, "progress")["done"]
    jobs.tick(tmp_path)
    until(lambda: events.last(job.folder, "progress")["done"] > before)
    kill(job)
    assert job.state == jobs.FAILED


def test_a_job_stopped_in_the_queue_never_starts(tmp_path):
    job = sleeping(tmp_path)
    jobs.stop(job)
    assert jobs.tick(tmp_path) is None
    assert job.state == jobs.STOPPED


def test_what_is_done_or_live_is_not_resumed(tmp_path):
    job = sleeping(tmp_path)
    with pytest.raises(Problem, match="queued already"):
        jobs.resume(job)
    waited(job)
    with pytest.raises(Problem, match="is done"):
        jobs.resume(job)


def test_a_job_that_ends_before_whoever_started_it_could_note_it_has_ended_well(tmp_path, monkeypatch):
    remember = processes.remember

    def late(folder: Path, pid: int, **more: float) -> psutil.Process:
        until(lambda: events.last(folder, "end"))
        return remember(folder, pid, **more)

    monkeypatch.setattr(processes, "remember", late)
    assert waited(sleeping(tmp_path)) == jobs.DONE


def test_processes_that_tick_at_the_same_moment_start_a_job_once(tmp_path):
    job = sleeping(tmp_path, steps=6)
    program = (
        "import sys; from pathlib import Path; from engine import jobs\n"
        "print('ready', flush=True); sys.stdin.readline(); jobs.tick(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    tickers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [ticker.stdout.readline() for ticker in tickers] == ["ready\n"] * 3
    for ticker in tickers:
        ticker.stdin.close()
    assert [ticker.wait() for ticker in tickers] == [0, 0, 0]
    assert waited(job) == jobs.DONE
    kinds = [event["kind"] for event in events.read(job.folder)[0]]
    assert kinds.count("start") == 1


def test_jobs_outlive_the_process_that_submitted_and_started_them(tmp_path, gate):
    program = (
        "import sys, time; from pathlib import Path; from engine import jobs\n"
        "from tests.test_jobs import sleeping, begun, until\n"
        "folder = Path(sys.argv[1]); first = sleeping(folder, steps=10, gate=sys.argv[2]); sleeping(folder)\n"
        "jobs.tick(folder); until(lambda: begun(first)); print('begun', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(gate)]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None and starter.stdout.readline() == "begun\n"
    starter.kill()
    starter.wait()
    first, second = jobs.listed(tmp_path)
    assert (first.state, second.state) == (jobs.RUNNING, jobs.QUEUED)
    gate.touch()
    assert waited(second) == jobs.DONE
    assert first.state == jobs.DONE


def test_a_pid_that_came_back_as_somebody_else_is_not_the_job(tmp_path):
    processes.remember(tmp_path, os.getpid())
    assert processes.find(tmp_path) is not None
    noted = tmp_path / processes.FILE
    noted.write_text(noted.read_text().replace('"started": ', '"started": 1'))
    assert processes.find(tmp_path) is None


def test_what_is_done_stays_done_in_a_copy_of_the_home(tmp_path):
    """A backup that is brought back has new file times."""
    done, stopped = sleeping(tmp_path / "home"), sleeping(tmp_path / "home", steps=1000)
    assert waited(done) == jobs.DONE
    jobs.tick(tmp_path / "home")
    until(lambda: begun(stopped))
    jobs.stop(stopped)
    time.sleep(0.1)
    shutil.copytree(tmp_path / "home", tmp_path / "copy", copy_function=shutil.copyfile)
    states = [job.state for job in jobs.listed(tmp_path / "copy")]
    assert states == [jobs.DONE, jobs.STOPPED]
