"""Evaluations as real jobs against a real server; their parts where a server would only be in the way."""

import json
import math
import signal
from dataclasses import asdict
from pathlib import Path

import pytest

from engine import events, jobs, processes
from engine.problems import Problem
from engine.reading import retrieval
from engine.reading.chunks import of_markdown
from engine.reading.grounding import grounded
from engine.scoring import candidates, evaluate
from engine.scoring.candidates import Candidate
from engine.scoring.evaluate import EvaluateSpec
from engine.serving import servers
from engine.serving.asking import client
from engine.serving.asking.client import Decoding
from tests import adapters, tiny
from tests.patience import LONG, until, waited
from tests.test_client import foreign, whole

SHORT = Decoding(max_tokens=8)
LIBRARY = "# Copper kettle\n\nThe copper kettle has a warranty of 24 months.\n\nIt holds 1.5 litres.\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    adapters.lively(folder / "kettle")
    adapters.adapter(folder / "kettle", folder / "playful")
    retrieval.build(folder / "library", of_markdown("kettle.md", LIBRARY))
    yield folder
    for server in servers.listed(folder / "servers"):
        servers.stop(server)


def arms(place: Path, decoding: Decoding = SHORT) -> list[Candidate]:
    base = {"model": "kettle", "base": str(place / "kettle"), "decoding": decoding}
    library = {"library": str(place / "library"), "passages": 1}
    return [
        Candidate("prompt", system="Be playful.", **base),
        Candidate("rag", **base, **library),
        Candidate("tuned", adapter=str(place / "playful"), **base),
        Candidate("tuned-rag", adapter=str(place / "playful"), **base, **library),
    ]


def questions(path: Path, count: int) -> Path:
    texts = tiny.SENTENCES * (count // len(tiny.SENTENCES) + 1)
    return tiny.jsonl(
        path,
        [
            {
                "id": f"q{n}",
                "messages": [{"role": "user", "content": texts[n]}],
                "answer": "24 months",
                "label": "a / b",
            }
            for n in range(count)
        ],
    )


def spec(place: Path, items: Path, chosen: list[Candidate], **more: object) -> EvaluateSpec:
    settings = {"metrics": ["facts", "tone"], "servers": str(place / "servers"), "concurrency": 8, **more}
    return EvaluateSpec([asdict(one) for one in chosen], str(items), **settings)


def submitted(folder: Path, what: EvaluateSpec) -> jobs.Job:
    return jobs.submit(folder / "jobs", "evaluate", what, by="ada")


def test_every_candidate_answers_every_item_once_with_what_it_read_and_its_scores(place, tmp_path):
    job = submitted(tmp_path, spec(place, questions(tmp_path / "items.jsonl", 5), arms(place)))
    assert waited(job) == jobs.DONE, jobs.log(job.folder)
    end, told = events.last(job.folder, "end"), events.last(job.folder, "progress")
    assert (end["answered"], end["failed"]) == (20, 0)
    assert (told["done"], told["of"], told["seconds_left"]) == (20, 20, 0)
    found = evaluate.responses(job.folder)
    assert {(one["item"], one["candidate"]) for one in found} == {
        (f"q{n}", name) for n in range(5) for name in ("prompt", "rag", "tuned", "tuned-rag")
    }
    tuned = candidates.adapter_name(place / "playful")
    for one in found:
        assert one["model"] == (tuned if "tuned" in one["candidate"] else "kettle")
        assert one["tokens_out"] == 8 and one["tokens_in"] > 0 and one["seconds"] > 0 and one["error"] is None
        assert one["scores"]["facts"]["value"] in (0, 1)
        assert one["scores"]["tone"] == {"value": None, "why": "There is no style guide with markers of the voice."}
    [rag] = [one for one in found if (one["item"], one["candidate"]) == ("q3", "rag")]  # about the warranty
    assert [(hit["source"], hit["text"]) for hit in rag["passages"]] == [
        ("kettle.md", "The copper kettle has a warranty of 24 months.")
    ]
    assert rag["passages"][0]["score"] > 0


def test_a_killed_evaluation_goes_on_without_asking_again_what_stands(place, tmp_path):
    chosen = arms(place, Decoding(max_tokens=60))[:1]
    job = submitted(tmp_path, spec(place, questions(tmp_path / "items.jsonl", 60), chosen, concurrency=2))
    jobs.tick(tmp_path / "jobs")
    file = job.folder / evaluate.FILE
    until(lambda: (file.read_bytes() if file.exists() else b"").count(b"\n") >= 5, alive=lambda: job.live)
    process = processes.find(job.folder)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(LONG)
    assert job.state == jobs.FAILED
    before = file.read_bytes()
    before = before[: before.rfind(b"\n") + 1]
    file.write_bytes(before + b'{"item": "q59", "cand')  # as if killed in the middle of a line
    jobs.resume(job)
    assert waited(job) == jobs.DONE
    assert file.read_bytes().startswith(before)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(line["item"] for line in lines) == sorted(f"q{n}" for n in range(60))
    assert events.last(job.folder, "end")["answered"] == 60


def test_a_server_that_is_killed_meanwhile_is_replaced_and_no_answer_fails(place, tmp_path):
    chosen = arms(place, Decoding(max_tokens=60))[2:3]
    job = submitted(tmp_path, spec(place, questions(tmp_path / "items.jsonl", 40), chosen, concurrency=2))
    jobs.tick(tmp_path / "jobs")
    file = job.folder / evaluate.FILE
    until(file.exists, alive=lambda: job.live)
    [server] = servers.listed(place / "servers")
    process = processes.find(server.folder)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(LONG)
    assert waited(job) == jobs.DONE
    assert events.last(job.folder, "end")["failed"] == 0


def test_a_failed_call_is_kept_with_its_error_and_without_a_score(tmp_path):
    items = questions(tmp_path / "items.jsonl", 3)
    with foreign((200, {}, whole(text="24 months")), (404, {}, {"message": "Lost."}), (200, {}, whole("small"))) as (
        endpoint,
        _,
    ):
        hosted = Candidate("hosted", "large", endpoint=endpoint.url)
        job = submitted(tmp_path, spec(tmp_path, items, [hosted], metrics=["facts"], concurrency=1))
        assert waited(job) == jobs.DONE
    right, lost, swapped = evaluate.responses(job.folder)
    assert (right["scores"]["facts"]["value"], right["error"]) == (1.0, None)
    assert lost["scores"] == {} and "Lost." in lost["error"]
    assert swapped["scores"] == {} and swapped["error"].startswith("Asked large, but small answered.")
    assert events.last(job.folder, "end")["failed"] == 2
    with foreign((200, {}, whole()), (200, {}, whole())) as (endpoint, asked):
        again = tmp_path / "again"
        again.mkdir()
        retried = spec(tmp_path, items, [Candidate("hosted", "large", endpoint=endpoint.url)], metrics=["facts"])
        evaluate.specs.write(again, retried)
        (again / evaluate.FILE).write_bytes((job.folder / evaluate.FILE).read_bytes())
        assert evaluate.run(again) == {"answered": 3, "failed": 0}
    assert len(asked) == 2 and len(evaluate.responses(again)) == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metrics": ["charm"]}, "no metric called charm"),
        ({"servers": ""}, "no folder for servers"),
        ({"repeats": 0}, "repeats is 0. It must be at least 1"),
        ({"concurrency": 0}, "concurrency is 0. It must be at least 1"),
        ({"budget": -1.0}, "budget is -1. It must be at least 0"),
        ({"budget": math.nan}, "budget is nan. It must be at least 0"),
        ({"candidates": []}, "no candidate to evaluate"),
        ({"candidates": [asdict(Candidate("a", "m", endpoint="http://127.0.0.1:9"))] * 2}, "a is there twice"),
        ({"candidates": [{"name": "a", "model": "m", "charm": 1}]}, "no setting called charm"),
        ({"candidates": [asdict(Candidate("a", "m", base="/nowhere"))]}, "There is no model in /nowhere"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused_before_anything_is_asked(tmp_path, change, sentence):
    items = questions(tmp_path / "items.jsonl", 2)
    good = asdict(spec(tmp_path, items, [Candidate("a", "m", base=str(tmp_path))]))
    evaluate.specs.write(tmp_path, EvaluateSpec(**{**good, **change}))
    with pytest.raises(Problem, match=sentence):
        evaluate.run(tmp_path)
    assert not (tmp_path / evaluate.FILE).exists()


def test_a_candidate_puts_its_system_prompt_and_its_passages_where_they_belong(place):
    talk = [
        {"role": "system", "content": "Be dry."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day"},
        {"role": "user", "content": "How long is the warranty?"},
    ]
    plain = Candidate("plain", "m", endpoint="http://127.0.0.1:9")
    assert candidates.messages(plain, talk) == (talk, [])
    told = Candidate("told", "m", system="Be playful.", library=str(place / "library"), passages=1)
    messages, [hit] = candidates.messages(told, talk)
    assert messages == [
        {"role": "system", "content": "Be playful."},
        *talk[1:3],
        {"role": "user", "content": grounded("How long is the warranty?", [hit.text])},
    ]
    with pytest.raises(Problem, match="must end with a question"):
        candidates.messages(plain, talk[:3])


def test_an_adapter_trained_anew_has_a_new_name(place, tmp_path):
    first = candidates.adapter_name(place / "playful")
    other = adapters.adapter(place / "kettle", tmp_path / "playful", seed=1)
    assert first.startswith("playful-") and first != candidates.adapter_name(other)


def test_a_hosted_candidate_takes_its_key_from_the_environment_alone(monkeypatch):
    monkeypatch.setenv("SOME_KEY", "secret-key")
    hosted = Candidate("hosted", "large", endpoint="https://api.mistral.ai", key_from="SOME_KEY")
    endpoint, name = candidates.located(hosted, Path("/nowhere"))
    assert (endpoint, name) == (client.Endpoint("https://api.mistral.ai", "secret-key"), "large")
    assert candidates.parse(asdict(hosted)) == hosted and "secret-key" not in json.dumps(asdict(hosted))
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(Problem, match=r"has no SOME_KEY, which holds the key of api\.mistral\.ai"):
        candidates.located(hosted, Path("/nowhere"))
