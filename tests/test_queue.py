"""The queue, with real processes: who goes next, what waits for its time, and what gives up its place."""

import time
from dataclasses import dataclass
from datetime import datetime

import pytest

from engine import events, jobs, queue
from engine.problems import Problem
from engine.queue import HIGH, LOW, Place, Rules
from tests.patience import until, waited
from tests.sleeping import Sleep
from tests.test_jobs import KIND, begun, sleeping


@dataclass(frozen=True)
class Waiting:
    """Three jobs in a queue where nothing runs."""

    first: jobs.Job
    second: jobs.Job
    third: jobs.Job


@pytest.fixture
def three(tmp_path) -> Waiting:
    return Waiting(*(sleeping(tmp_path) for _ in range(3)))


def line(jobs_folder) -> list[str]:
    return [job.id for job in jobs.waiting(jobs_folder)]


def at(hour: int, minute: int = 0, day: int = 21) -> float:
    return datetime(2026, 11, day, hour, minute).timestamp()


def test_a_job_of_high_priority_starts_before_those_that_were_there_and_one_of_low_after_all(tmp_path, three):
    low = jobs.submit(tmp_path, KIND, Sleep(), "ada", place=Place(LOW))
    urgent = jobs.submit(tmp_path, KIND, Sleep(), "ada", place=Place(HIGH))
    last = sleeping(tmp_path)
    assert line(tmp_path) == [urgent.id, three.first.id, three.second.id, three.third.id, last.id, low.id]
    assert jobs.tick(tmp_path) == urgent
    assert waited(urgent) == jobs.DONE


def test_a_job_is_moved_in_the_queue_and_who_comes_later_still_comes_last(tmp_path, three):
    jobs.move(three.third, 0)
    assert line(tmp_path) == [three.third.id, three.first.id, three.second.id]
    jobs.move(three.first, 2)
    late = sleeping(tmp_path)
    assert line(tmp_path) == [three.third.id, three.second.id, three.first.id, late.id]


def test_a_job_that_is_moved_past_one_of_another_priority_takes_that_one(tmp_path, three):
    urgent = jobs.submit(tmp_path, KIND, Sleep(), "ada", place=Place(HIGH))
    jobs.move(three.second, 0)
    assert line(tmp_path)[:2] == [three.second.id, urgent.id]
    assert three.second.place.priority == HIGH
    jobs.move(three.second, 3)
    assert line(tmp_path)[-1] == three.second.id and three.second.place.priority == queue.NORMAL


def test_what_runs_is_not_moved(tmp_path):
    job = sleeping(tmp_path, steps=1000)
    jobs.tick(tmp_path)
    with pytest.raises(Problem, match="does not wait"):
        jobs.move(job, 0)
    jobs.stop(job)


def test_a_paused_job_saves_gives_up_its_place_and_goes_on_where_it_was(tmp_path):
    gate = tmp_path / "gate"
    first, second = sleeping(tmp_path, steps=40, gate=gate), sleeping(tmp_path)
    jobs.tick(tmp_path)
    until(lambda: begun(first))
    jobs.pause(first)
    assert first.state == jobs.PAUSED and not first.live
    done = events.last(first.folder, "progress")["done"]
    assert jobs.tick(tmp_path) == second
    assert waited(second) == jobs.DONE
    assert jobs.tick(tmp_path) is None and first.state == jobs.PAUSED
    jobs.resume(first)
    gate.touch()
    assert waited(first) == jobs.DONE
    assert f"sleeping from step {done}" in jobs.log(first.folder)


def test_a_job_paused_in_the_queue_lets_others_past_until_it_is_resumed_or_stopped(tmp_path, three):
    jobs.pause(three.first)
    assert three.first.state == jobs.PAUSED
    assert line(tmp_path) == [three.second.id, three.third.id]
    jobs.resume(three.first)
    assert line(tmp_path)[0] == three.first.id
    jobs.pause(three.first)
    jobs.stop(three.first)
    assert three.first.state == jobs.STOPPED


def test_what_has_ended_is_not_paused(tmp_path):
    job = sleeping(tmp_path)
    waited(job)
    with pytest.raises(Problem, match="nothing to pause"):
        jobs.pause(job)


def test_a_paused_queue_starts_nothing_but_looks_at_data(tmp_path, three, monkeypatch):
    monkeypatch.setattr(jobs, "LIGHT", ("tests.napping",))
    queue.rule(tmp_path, Rules(paused=True))
    assert jobs.tick(tmp_path) is None
    assert "queue is paused" in jobs.waits_for(three.first)
    light = jobs.submit(tmp_path, "tests.napping", Sleep(), by="ada")
    assert jobs.tick(tmp_path) == light
    queue.rule(tmp_path, Rules(paused=False))
    assert jobs.tick(tmp_path) == three.first
    assert waited(three.first) == jobs.DONE


def test_a_job_waits_for_its_time_says_so_and_lets_others_past(tmp_path):
    later = jobs.submit(tmp_path, KIND, Sleep(), "ada", place=Place(HIGH, not_before=time.time() + 7200))
    other = sleeping(tmp_path)
    assert jobs.waits_for(later).startswith("Starts ") and " at " in jobs.waits_for(later)
    assert jobs.tick(tmp_path) == other
    assert waited(other) == jobs.DONE
    assert jobs.tick(tmp_path) is None
    queue.put(later.folder, Place(not_before=time.time() - 1))
    assert jobs.tick(tmp_path) == later
    assert waited(later) == jobs.DONE


def test_a_job_for_the_night_starts_in_the_night_hours_alone(tmp_path):
    now = datetime.now().hour
    job = jobs.submit(tmp_path, KIND, Sleep(), "ada", place=Place(night=True))
    queue.rule(tmp_path, Rules(night_from=f"{(now + 2) % 24:02}:00", night_until=f"{(now + 3) % 24:02}:00"))
    assert jobs.tick(tmp_path) is None
    assert f"at {(now + 2) % 24:02}:00, in the night hours" in jobs.waits_for(job)
    queue.rule(tmp_path, Rules(night_from=f"{(now - 1) % 24:02}:00", night_until=f"{(now + 3) % 24:02}:00"))
    assert jobs.tick(tmp_path) == job
    assert waited(job) == jobs.DONE


@pytest.mark.parametrize(
    ("rules", "moment", "night"),
    [
        (Rules(), at(19, 59), False),
        (Rules(), at(20), True),
        (Rules(), at(5, 59), True),
        (Rules(), at(6), False),
        (Rules(night_from="01:00", night_until="05:00"), at(23), False),
        (Rules(night_from="01:00", night_until="05:00"), at(1, 30), True),
    ],
)
def test_the_night_goes_over_midnight(rules, moment, night):
    assert rules.is_night(moment) is night


@pytest.mark.parametrize(
    ("place", "now", "begins"),
    [
        (Place(), at(12), at(12)),
        (Place(night=True), at(12), at(20)),
        (Place(night=True), at(23), at(23)),
        (Place(not_before=at(14)), at(12), at(14)),
        (Place(not_before=at(8, day=22), night=True), at(12), at(20, day=22)),
    ],
)
def test_when_a_job_may_start(place, now, begins):
    assert queue.begins(place, Rules(), now) == begins


def test_a_moment_is_said_and_read_in_local_time():
    now = at(12)
    assert queue.said(at(20), now) == "at 20:00"
    assert queue.said(at(6, 30, day=22), now) == "tomorrow at 06:30"
    assert queue.said(at(20, day=24), now) == "on 24 Nov at 20:00"
    assert queue.moment("20:00", now) == at(20)
    assert queue.moment("08:15", now) == at(8, 15, day=22)
    assert queue.moment("2026-11-23 20:00", now) == at(20, day=23)
    for wrong in ("8 pm", "25:00", "2026-13-01 20:00"):
        with pytest.raises(Problem, match=r"no time of day|no date and time"):
            queue.moment(wrong, now)


def test_an_unknown_priority_and_a_night_without_length_are_told():
    with pytest.raises(Problem, match="no priority 'urgent'"):
        Place("urgent")
    with pytest.raises(Problem, match="begin when it ends"):
        Rules(night_from="20:00", night_until="20:00")


def test_a_job_that_starts_while_it_is_asked_what_it_waits_for_does_not_wait_for_itself(tmp_path, monkeypatch):
    job, waiting = sleeping(tmp_path, steps=1000), jobs.waiting

    def meanwhile(*of: object) -> list[jobs.Job]:
        line = waiting(*of)
        jobs.start(job)
        return line

    monkeypatch.setattr(jobs, "waiting", meanwhile)
    assert jobs.waits_for(job) == "Starts in a moment." and job.state == jobs.RUNNING
    jobs.stop(job)


def test_a_queued_job_says_how_many_go_before_it(tmp_path, three):
    assert jobs.waits_for(three.first) == "Starts in a moment."
    assert jobs.waits_for(three.third) == "Waits for its turn: 2 before it in the queue."
    running = jobs.submit(tmp_path, KIND, Sleep(1000), "ada", place=Place(HIGH))
    jobs.tick(tmp_path)
    assert jobs.waits_for(three.first) == "Starts next, when what runs now has ended."
    assert jobs.waits_for(running) == ""
    jobs.stop(running)
