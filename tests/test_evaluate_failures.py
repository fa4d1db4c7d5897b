"""An evaluation whose server fails: nothing is lost, nothing is counted wrong, nothing twice."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine import events, jobs, processes, specs
from engine.problems import Problem
from engine.scoring import asked, evaluate, lines
from engine.scoring.asked import Family, Given
from engine.scoring.candidates import Candidate
from engine.scoring.evaluate import EvaluateSpec
from engine.scoring.score import Score
from engine.serving.asking import calls, kept
from engine.serving.asking.client import Decoding, Question
from tests import tiny
from tests.patience import LONG, until, waited
from tests.test_client import foreign, whole

FAST = {"timeout": 0.25, "patience": 20.0, "pause": 0.01, "tries": 3, "concurrency": 32}


@contextmanager
def failing(share: float, seed: str = "1", delay: float = 0.0, port: int = 0) -> Iterator[str]:
    """The URL of a server in a process of its own that fails so often."""
    command = [sys.executable, "-m", "tests.failing", str(port), seed, str(share), str(delay)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def items(path: Path, n: int, never: Sequence[str] = ()) -> Path:
    """Questions of which every third is answered wrong, and one for each kind that never succeeds."""
    texts = [f"Is it {'no' if number % 3 == 0 else 'yes'}? {number}" for number in range(n)]
    texts += [f"never:{kind}: is it yes?" for kind in never]
    return tiny.jsonl(
        path,
        [
            {"id": f"q{number}", "messages": [{"role": "user", "content": text}], "answer": "yes"}
            for number, text in enumerate(texts)
        ],
    )


def hosted(url: str, name: str = "fast", **more: Any) -> Candidate:
    return Candidate(name, "fast", endpoint=url, **more)


def spec(chosen: Sequence[Candidate], asking: Path, **more: Any) -> EvaluateSpec:
    return EvaluateSpec([asdict(one) for one in chosen], str(asking), **{"metrics": ["facts"], **FAST, **more})


def done(folder: Path, what: EvaluateSpec) -> dict[str, int]:
    folder.mkdir(exist_ok=True)
    specs.write(folder, what)
    return evaluate.run(folder)


def mean(found: Sequence[lines.Line]) -> float:
    values = [one["scores"]["facts"]["value"] for one in found if one["scores"]]
    return sum(values) / len(values)


def answered(url: str) -> Counter[str]:
    return Counter(httpx.get(f"{url}/answered").json())


@pytest.mark.slow
def test_of_10_000_answers_a_fifth_of_whose_calls_fail_none_is_lost_none_counted_wrong_and_none_twice(tmp_path):
    never = ("timeout", "429", "500", "broken", "cut", "refused")
    asking = items(tmp_path / "items.jsonl", 10_000, never)
    with failing(0.2) as url:
        what = spec([hosted(url)], asking, patience=1.5, tries=5)
        job = jobs.submit(tmp_path / "jobs", "evaluate", what, by="ada")
        jobs.tick(tmp_path / "jobs")
        _killed_after(job, 3000)
        jobs.resume(job)
        assert waited(job) == jobs.DONE, jobs.log(job.folder)
        heard = answered(url)
    end = events.last(job.folder, "end")
    assert end is not None and (end["answered"], end["failed"]) == (10_000, 6)
    found = evaluate.responses(job.folder)
    assert len(found) == 10_006
    assert mean(found) == 0.6666  # every third is answered wrong, beginning with the first: as without failures
    failed = {one["code"]: one for one in found if one["error"]}
    assert failed.keys() == {
        calls.TIMED_OUT, calls.RATE_LIMIT, calls.SERVER_ERROR, calls.BROKEN, calls.CUT, calls.REFUSED
    }  # fmt: skip
    assert all(one["scores"] == {} and one["error"] for one in failed.values())
    assert "Out of memory." in failed[calls.SERVER_ERROR]["error"]
    stood = Counter(lines.key(one) for one in lines.every(job.folder) if not one["error"])
    assert len(stood) == 10_000 and set(stood.values()) == {1}  # no answer twice
    again = [question for question, times in heard.items() if times > 1]
    assert len(again) <= 2 * FAST["concurrency"]  # only what was under way when it was killed


def _killed_after(job: jobs.Job, n: int) -> None:
    file = job.folder / evaluate.FILE
    until(lambda: (file.read_bytes() if file.exists() else b"").count(b"\n") >= n, alive=lambda: job.live)
    process = processes.find(job.folder)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(LONG)
    assert job.state == jobs.FAILED


def test_a_server_that_is_away_for_a_while_is_waited_for(tmp_path):
    asking = items(tmp_path / "items.jsonl", 300)
    with failing(0.0, delay=0.02) as url:
        job = jobs.submit(tmp_path / "jobs", "evaluate", spec([hosted(url)], asking, concurrency=4), by="ada")
        jobs.tick(tmp_path / "jobs")
        until((job.folder / evaluate.FILE).exists, alive=lambda: job.live)
    time.sleep(1.0)
    assert job.live
    with failing(0.0, port=int(url.rpartition(":")[2])):
        assert waited(job) == jobs.DONE
    assert events.last(job.folder, "end")["failed"] == 0


def test_a_server_that_stays_away_is_not_waited_for_by_every_question_anew(tmp_path):
    with failing(0.0) as url:
        pass
    began = time.monotonic()
    what = spec([hosted(url)], items(tmp_path / "items.jsonl", 200), patience=5.0, concurrency=1)
    with pytest.raises(Problem, match="Not one of 200 questions was answered"):
        done(tmp_path / "job", what)
    assert time.monotonic() - began < LONG  # 200 times five seconds would be more
    assert {one["code"] for one in evaluate.responses(tmp_path / "job")} == {calls.UNREACHABLE}


def test_one_that_asks_to_be_left_alone_for_long_is_left_alone_and_the_questions_stay_open(tmp_path):
    quota = (429, {"retry-after": "3600"}, {"message": "The quota of this day is used up."})
    answer = (200, {}, whole("small", "yes"))
    with foreign(quota, answer, answer) as (endpoint, asked):
        chosen = [hosted(endpoint.url), Candidate("other", "small", endpoint=endpoint.url)]
        what = spec(chosen, items(tmp_path / "items.jsonl", 2), patience=0.5, concurrency=1, timeout=LONG)
        assert done(tmp_path / "job", what) == {"answered": 2, "failed": 2}
    assert [body["model"] for _, _, body in asked] == ["fast", "small", "small"], "another model has its own quota"
    open = [one for one in evaluate.responses(tmp_path / "job") if one["error"]]
    assert {(one["candidate"], one["code"]) for one in open} == {("fast", calls.RATE_LIMIT)}
    assert all("quota of this day is used up. Wait 3,600 seconds" in one["error"] for one in open)


def test_while_nobody_answers_it_is_told_where_and_for_how_long(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "SILENT", 0.1)
    nowhere = hosted("http://127.0.0.1:9")
    folder = tmp_path / "job"
    with pytest.raises(Problem, match="cannot be reached"):
        done(folder, spec([nowhere], items(tmp_path / "items.jsonl", 3), patience=1.0, pause=0.2))
    told = [event for event in events.read(folder)[0] if event["kind"] == "progress"]
    assert told[0]["done"] == 0 and list(told[0]["away"]) == ["http://127.0.0.1:9"]


def test_the_same_request_is_not_paid_twice_across_evaluations_unless_it_is_wished(tmp_path):
    asking, store = items(tmp_path / "items.jsonl", 20), tmp_path / "kept.sqlite"
    with failing(0.0) as url:
        first = spec([hosted(url)], asking, kept=str(store))
        done(tmp_path / "first", first)
        done(tmp_path / "second", spec([hosted(url, "other name")], asking, kept=str(store)))
        assert set(answered(url).values()) == {1}
        done(tmp_path / "third", spec([hosted(url)], asking))  # switched off
        assert set(answered(url).values()) == {2}
        warm = Decoding(temperature=0.7, seed=3)
        done(tmp_path / "warm", spec([hosted(url, decoding=warm)], asking, kept=str(store), repeats=2))
        assert set(answered(url).values()) == {4}  # each repeat draws its own
        done(tmp_path / "warm-again", spec([hosted(url, decoding=warm)], asking, kept=str(store), repeats=2))
        assert set(answered(url).values()) == {4}
        done(tmp_path / "reseeded", spec([hosted(url, decoding=Decoding(0.7, seed=9))], asking, kept=str(store)))
        assert set(answered(url).values()) == {5}
    then, now = evaluate.responses(tmp_path / "first"), evaluate.responses(tmp_path / "second")
    assert not any(one["kept"] for one in then) and all(one["kept"] for one in now)
    took = [(one["item"], one["seconds"], one["tokens_in"], one["text"]) for one in then]
    assert sorted((one["item"], one["seconds"], one["tokens_in"], one["text"]) for one in now) == sorted(took)
    drawn = evaluate.responses(tmp_path / "warm")
    assert Counter((one["candidate"], one["repeat"]) for one in drawn) == {("fast", 0): 20, ("fast", 1): 20}
    size = kept.size(store)
    assert size.answers == 20 + 40 + 20 and size.bytes > 0
    assert kept.clear(store, "another") == 0 and kept.clear(store) == 80 and kept.size(store).answers == 0


def test_two_jobs_may_keep_answers_in_one_file_at_once(tmp_path):
    with failing(0.0, delay=0.005) as url:
        for name in ("one", "two"):
            asking = items(tmp_path / f"{name}.jsonl", 200)
            what = spec([hosted(url, decoding=Decoding(max_tokens=len(name)))], asking, kept=str(tmp_path / "kept"))
            jobs.submit(tmp_path / "jobs", "evaluate", what, by="ada", id=name)
        for name in ("one", "two"):
            assert waited(jobs.get(tmp_path / "jobs", name)) == jobs.DONE
    assert kept.size(tmp_path / "kept").answers == 200  # the two decodings have the same length of name


def test_a_file_that_is_no_store_of_answers_is_a_problem_with_a_way_out(tmp_path):
    (tmp_path / "kept").write_text("something else entirely, and long enough to be taken for a page" * 99)
    with pytest.raises(Problem, match="Delete that file"):
        kept.Kept(tmp_path / "kept")


async def _rate(given: Given) -> dict[str, Score]:
    assert given.judge is not None
    asked = Question([{"role": "user", "content": f"Was {given.answer['text']} right? yes"}])
    said = await given.asker.ask(given.judge, asked)
    return {"approved": Score(float(said.text == "yes"), f"The judge says {said.text}.", {"by": given.judge.name})}


def test_a_score_that_asks_a_judge_is_asked_again_when_it_failed_and_the_answer_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(asked, "FAMILIES", (Family({"approved": "The judge approves."}, asked.JUDGE, _rate),))
    asking = items(tmp_path / "items.jsonl", 5)
    with failing(0.0) as url:
        with failing(1.0) as broken:
            judge = asdict(hosted(broken, "judge"))
            judged = spec([hosted(url)], asking, metrics=["facts", "approved"], judge=judge, patience=0.3, tries=1)
            assert done(tmp_path / "job", judged) == {"answered": 5, "failed": 0}
        for one in evaluate.responses(tmp_path / "job"):
            assert one["scores"]["approved"]["value"] is None and one["scores"]["approved"]["code"]
            assert one["scores"]["facts"]["value"] is not None
        judge = asdict(hosted(url, "judge"))
        done(tmp_path / "job", spec([hosted(url)], asking, metrics=["facts", "approved"], judge=judge))
        assert answered(url)["Is it yes? 1"] == 1
    for one in evaluate.responses(tmp_path / "job"):
        assert one["scores"]["approved"] == {"value": 1.0, "why": "The judge says yes.", "detail": {"by": "judge"}}
        assert one["asking"]["judge"]["calls"] == 1 and one["scores"]["facts"]["value"] is not None
    with pytest.raises(Problem, match="approved needs a judge"):
        done(tmp_path / "job", spec([hosted(url)], asking, metrics=["approved"]))


def test_a_budget_ends_the_job_before_it_is_exceeded_and_every_candidate_has_the_same_items(tmp_path):
    asking = items(tmp_path / "items.jsonl", 50)
    with failing(0.0, delay=0.005) as url:
        two = [hosted(url, name, decoding=Decoding(max_tokens=5)) for name in ("one", "two")]
        rates = {name: {"read": 0.0, "written": 1e6} for name in ("one", "two")}  # a euro a token
        what = spec(two, asking, rates=rates, budget=40.0, concurrency=2)
        with pytest.raises(Problem, match="The budget of 40 euros has no room for another question: 3"):
            done(tmp_path / "job", what)
        with pytest.raises(Problem, match="budget"):
            evaluate.run(tmp_path / "job")  # what was spent before still counts
        with pytest.raises(Problem, match="Nobody knows what fast costs"):
            done(tmp_path / "other", spec(two, asking, budget=1.0))
    found = evaluate.responses(tmp_path / "job")
    assert 30 <= sum(one["paid"] for one in found) <= 40 and all(one["cost"] == 1.0 for one in found)
    counts = Counter(one["candidate"] for one in found)
    assert abs(counts["one"] - counts["two"]) <= 2
    told = events.last(tmp_path / "job", "progress")
    assert told is not None and (told["done"], told["of"]) == (len(found), 100)  # not what nobody was asked


def test_calls_that_failed_count_against_the_budget_also_when_the_job_goes_on(tmp_path):
    asking = items(tmp_path / "items.jsonl", 100)
    rates = {"fast": {"read": 0.0, "written": 1e6}}  # a euro a token, and five tokens at the most
    with failing(0.5) as url:
        one = hosted(url, decoding=Decoding(max_tokens=5))
        what = spec([one], asking, rates=rates, budget=60.0, concurrency=2)
        for _ in range(2):
            with pytest.raises(Problem, match=r"are spent, and up to \d+ by calls of which nobody told"):
                done(tmp_path / "job", what)
    found = lines.every(tmp_path / "job")
    spent, unsure = (sum(line[name] for line in found) for name in ("paid", "unsure"))
    assert unsure >= 5 and unsure % 5 == 0 and 55 < spent + unsure <= 60
    assert spent == sum(not line["error"] for line in found)  # one token each
    told = events.last(tmp_path / "job", "progress")
    assert told is not None and (told["euros"], told["unsure"]) == (spent, unsure)


def test_a_streamed_answer_tells_when_its_first_word_came(tmp_path):
    from tests import speaking

    with speaking.endpoint("yes it is") as url:
        done(tmp_path / "job", spec([hosted(url)], items(tmp_path / "items.jsonl", 4), stream=True))
    for one in evaluate.responses(tmp_path / "job"):
        assert one["text"] == "yes it is " and 0 < one["first_token_seconds"] <= one["seconds"]
        assert one["finish"] == "stop" and one["tokens_out"] == 3


def test_tools_and_a_schema_go_with_the_question_and_a_called_tool_comes_back(tmp_path):
    tool = {"type": "function", "function": {"name": "track", "parameters": {"type": "object", "properties": {}}}}
    called = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [called]}}
    said = {"model": "fast", "choices": [choice | {"finish_reason": "tool_calls"}]}
    shape = {"type": "object", "properties": {"a": {"type": "string"}}}
    asking = tiny.jsonl(
        tmp_path / "items.jsonl",
        [{"id": "q", "messages": [{"role": "user", "content": "Where is it?"}], "tools": [tool], "answer": "x"}],
    )
    with foreign((200, {}, said)) as (endpoint, heard):
        done(tmp_path / "job", spec([hosted(endpoint.url, decoding=Decoding(schema=shape))], asking))
    [(_, _, body)] = heard
    assert body["tools"] == [tool]
    assert body["response_format"]["json_schema"]["schema"] == shape
    [line] = evaluate.responses(tmp_path / "job")
    assert line["calls"] == [called] and line["finish"] == "tool_calls" and line["text"] == ""


def test_lines_of_earlier_versions_are_read_as_they_were_meant(tmp_path):
    with failing(0.0) as url:
        what = spec([hosted(url)], items(tmp_path / "items.jsonl", 3))
        folder = tmp_path / "job"
        folder.mkdir()
        old = {"item": "q1", "candidate": "fast", "text": "yes", "model": "fast", "passages": [], "tokens_in": 1}
        old |= {"tokens_out": 1, "seconds": 0.1, "first_token_seconds": None, "scores": {}, "error": None}
        (folder / lines.FILE).write_text(json.dumps(old) + "\n")
        assert done(folder, what) == {"answered": 3, "failed": 0}
        assert answered(url).total() == 2
