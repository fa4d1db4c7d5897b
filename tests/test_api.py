"""The calls at /v1: what they take, what they refuse and in which words. Its clients' scripts: test_sdks."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from engine import events, jobs, processes, specs
from engine.api import alone, app, catalogue, keys, page, shapes, stored
from engine.api.catalogue import Known
from engine.api.desk import Desk, Limits
from engine.api.routing import Call
from engine.checking.cost import Rate
from engine.problems import Problem
from engine.serving import servers
from engine.serving.asking.calls import Endpoint
from engine.training.settings import TrainSpec
from tests import judged, speaking, tiny

ROWS = [tiny.conversation(f"Where is cup {n}?", f"Cup {n} is on its way!") for n in range(6)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


class Client:
    """Asks as somebody with a key would; refusals are checked for Mistral's shape wherever they are read."""

    def __init__(self, home: Path, base: Path, **options: Any) -> None:
        self.home, self.id = home, ""
        catalogue.set_aliases(home, {"tiny": str(base), "open-mistral-7b": "starter"})
        self.http = TestClient(app.alone(home, **options), raise_server_exceptions=False)
        self.key, self.secret = keys.make(home, "tests", ["admin"], "tests")

    def ask(self, method: str, path: str, key: str = "", **more: Any) -> Any:
        headers = {"authorization": f"Bearer {key or self.secret}", **more.pop("headers", {})}
        return self.http.request(method, f"/v1/{path}", headers=headers, **more)

    def got(self, method: str, path: str, **more: Any) -> Any:
        response = self.ask(method, path, **more)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, status: int, method: str, path: str, **more: Any) -> str:
        return said(self.ask(method, path, **more), status)

    def upload(self, text: str | bytes = LINES, name: str = "rows.jsonl", **form: str) -> str:
        return str(self.got("POST", "files", files={"file": (name, text)}, data=form)["id"])

    def order(self, file: str, **more: Any) -> dict[str, Any]:
        return {"model": "tiny", "training_files": [file], "hyperparameters": {"training_steps": 2}, **more}

    def made(self, **more: Any) -> dict[str, Any]:
        """A job whose model is there, as the trainer leaves it, without training."""
        job = self.got("POST", "fine_tuning/jobs", json=self.order(self.upload(), **more))
        end(self.home / "jobs" / job["id"])
        return dict(self.got("GET", f"fine_tuning/jobs/{job['id']}"))


def said(response: Any, status: int) -> str:
    """The sentence of a refusal."""
    found = response.json()
    assert response.status_code == found["code"] == status, response.text
    assert found["object"] == "error" and found["type"] and "param" in found
    assert "Traceback" not in response.text
    return str(found["message"])


def end(folder: Path, state: str = jobs.DONE, **more: Any) -> None:
    """Write what a job writes."""
    events.append(folder, "start")
    for step in (1, 2):
        events.append(folder, "step", step=step, steps=2, loss=3.0 - step, tokens=100 * step)
    events.append(folder, "validation", step=2, loss=1.5, n=2, tokens=10)
    noted = folder / processes.FILE
    noted.write_text(json.dumps(judged.GONE))
    adapter = folder / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "adapter_config.json").write_text("{}")
    os.utime(noted, (0, 0))
    result = {"tokens": 200, "seconds": 2.0, "adapter": str(adapter)} if state == jobs.DONE else {}
    events.append(folder, "end", state=state, **result, **more)


@pytest.fixture
def client(tmp_path: Path, base: Path) -> Client:
    return Client(tmp_path / "home", base)


# Keys


def test_no_key_a_wrong_key_and_a_revoked_key_are_refused_with_401(client: Client) -> None:
    assert "Bearer" in said(client.http.get("/v1/files"), 401)
    assert "unknown" in client.refused(401, "GET", "files", key="atl-nobody")
    keys.revoke(client.home, client.key.id)
    assert "revoked" in client.refused(401, "GET", "files")


def test_a_key_may_do_what_its_scopes_say_and_no_more(client: Client) -> None:
    _, reader = keys.make(client.home, "reader", ["read"], "tests")
    assert client.ask("GET", "files", key=reader).status_code == 200
    for method, path in (("POST", "files"), ("POST", "fine_tuning/jobs"), ("POST", "chat/completions")):
        assert "it has the scopes read" in client.refused(403, method, path, key=reader)
    id = client.upload()
    assert "files" in client.refused(403, "GET", f"files/{id}/content", key=reader)
    assert "files" in client.refused(403, "DELETE", f"files/{id}", key=reader)


def test_a_secret_is_kept_nowhere_and_its_file_is_for_the_owner_alone(client: Client) -> None:
    kept = client.home / keys.FILE
    assert client.secret not in kept.read_text() and kept.stat().st_mode & 0o777 == 0o600
    client.got("GET", "models")
    [key] = keys.listed(client.home)
    assert key.last_used is not None and key.made_by == "tests"
    assert all(client.secret.encode() not in path.read_bytes() for path in client.home.rglob("*") if path.is_file())


def test_a_key_of_the_environment_opens_everything_and_a_short_one_is_named(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.VARIABLE, "as long as a key should be")
    client.got("GET", "files", key="as long as a key should be")
    monkeypatch.setenv(keys.VARIABLE, "short")
    assert "at least 16" in client.refused(422, "GET", "files")


def test_the_first_start_makes_a_key_and_none_listens_beyond_this_machine_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    with pytest.raises(Problem, match="has no key yet"):
        alone.first_key(tmp_path, "0.0.0.0")
    secret = alone.first_key(tmp_path, "127.0.0.1")
    found = keys.found(tmp_path, secret)
    assert found is not None and found.scopes == ("admin",)
    assert alone.first_key(tmp_path, "127.0.0.1") == alone.first_key(tmp_path, "0.0.0.0") == ""


def test_an_alias_that_would_mean_nothing_is_named_and_a_folder_is_kept_by_its_full_path(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem, match="no model here"):
        alone.set_aliases(tmp_path, {"open-mistral-7b": "nobody"})
    monkeypatch.chdir(base.parent)
    alone.set_aliases(tmp_path, {"open-mistral-7b": base.name, "small": "starter"})
    assert catalogue.read_aliases(tmp_path) == {"open-mistral-7b": str(base.resolve()), "small": "starter"}
    alone.set_aliases(tmp_path, {"small": ""})
    assert list(catalogue.read_aliases(tmp_path)) == ["open-mistral-7b"]


# Files


def test_a_file_comes_back_as_it_went(client: Client) -> None:
    id = client.upload(LINES, "tone.jsonl", purpose="fine-tune")
    card = client.got("GET", f"files/{id}")
    assert (card["filename"], card["num_lines"], card["bytes"]) == ("tone.jsonl", 6, len(LINES.encode()))
    assert client.ask("GET", f"files/{id}/content").text == LINES
    address = client.got("GET", f"files/{id}/url?expiry=1")["url"]
    assert client.http.get(address).text == LINES
    assert "not signed" in said(client.http.get(address + "0"), 401)
    assert client.got("DELETE", f"files/{id}") == {"id": id, "object": "file", "deleted": True}
    assert "There is no file" in client.refused(404, "GET", f"files/{id}")
    assert not list((client.home / "api" / "files").iterdir())


def test_files_are_listed_by_page_name_and_purpose(client: Client) -> None:
    for n in range(3):
        client.upload(name=f"cups-{n}.jsonl")
    client.upload(name="other.jsonl", purpose="batch")
    assert client.got("GET", "files")["total"] == 4
    assert len(client.got("GET", "files?page=1&page_size=3")["data"]) == 1
    assert client.got("GET", "files?search=CUPS")["total"] == 3
    assert [one["filename"] for one in client.got("GET", "files?purpose=batch")["data"]] == ["other.jsonl"]
    assert client.got("GET", "files?include_total=false")["total"] is None
    assert "page_size" in client.refused(422, "GET", "files?page_size=0")
    assert "no parameter colour" in client.refused(422, "GET", "files?colour=red")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\x.jsonl", "x.jsonl"),
        ("/root/.ssh/id", "id"),
        ("a\nb\x1b[2J.jsonl", "ab[2J.jsonl"),
        ("..", "file.jsonl"),
    ],
)
def test_a_name_that_leads_elsewhere_becomes_a_plain_name(given: str, kept: str, client: Client) -> None:
    from engine.api.uploading import plain_name

    assert plain_name(given) == kept
    id = client.upload(name=given.replace("\n", "").replace("\x1b", "")) if "\n" not in given else client.upload()
    assert {path.name for path in (client.home / "api" / "files" / id).iterdir()} == {stored.BYTES, stored.KNOWN}


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.jsonl", b"0" * 5_000_000)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (bomb(), "zip archive"),
        (pickle.dumps({"messages": []}), "pickle"),
        (b"\x1f\x8b" + b"0" * 100, "gzip"),
        (b'{"messages": []}\x00\x00', "not a text file"),
        (b"question,answer\nWhy?,So.\n", "is not JSONL"),
        (b"[1, 2]\n", "no JSON object"),
        (b"\n \n", "blank"),
        (b"", "empty"),
        ('{"messages": []}'.encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_jsonl_is_refused_by_its_content(content: bytes, word: str, client: Client) -> None:
    message = client.refused(422, "POST", "files", files={"file": ("rows.jsonl", content)})
    assert word in message
    assert not list((client.home / "api" / "files").iterdir())


def test_a_file_above_the_limit_is_refused_before_it_is_read_or_while_it_comes(tmp_path: Path, base: Path) -> None:
    client = Client(tmp_path, base, limits=Limits(upload_bytes=100_000))
    told = {"content-length": str(3 * 2**30), "content-type": "multipart/form-data; boundary=x"}
    assert "larger than 0 MB" in client.refused(413, "POST", "files", headers=told, content=b"")

    def too_much() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
        for _ in range(20):
            yield b"0" * 65_536

    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert "larger" in client.refused(413, "POST", "files", headers=kind, content=too_much())
    assert not (client.home / "api" / "files").exists()


def test_a_form_that_makes_no_sense_is_refused_in_words(client: Client) -> None:
    assert "multipart" in client.refused(422, "POST", "files", json={"file": "x"})
    assert "no file" in client.refused(422, "POST", "files", files={"other": ("a", LINES)})
    assert "of no use" in client.refused(422, "POST", "files", files={"file": ("a", LINES)}, data={"purpose": "ocr"})


def test_a_check_names_the_first_bad_rows(client: Client) -> None:
    id = client.upload(LINES + '{"messages": [{"role": "user", "content": "?"}]}\nnot json\n')
    found = client.got("GET", f"atelier/files/{id}/check")
    assert (found["valid"], found["rejected"]) == (6, 2)
    assert [one["line"] for one in found["first_problems"]] == [7, 8]


# Jobs


def test_a_dry_run_counts_and_starts_nothing(tmp_path: Path, base: Path) -> None:
    client = Client(tmp_path, base, rate=Rate(per_hour=3600.0, currency="EUR"))
    file = client.upload()
    first = client.got("POST", "fine_tuning/jobs?dry_run=true", json=client.order(file))
    assert first["object"] == "job.metadata" and first["cost"] is not None
    assert first["training_steps"] == 2 and first["train_tokens"] == 2 * first["data_tokens"]
    assert client.got("GET", "fine_tuning/jobs")["total"] == 0 and not list(client.home.glob("api/jobs/*"))
    client.made()  # 200 tokens in 2 seconds
    later = client.got("POST", "fine_tuning/jobs?dry_run=true", json=client.order(file))
    assert later["expected_duration_seconds"] == max(1, round(later["train_tokens"] / 100))
    assert later["cost"] == pytest.approx(later["train_tokens"] / 100) and later["cost_currency"] == "EUR"
    assert "measured on an earlier run" in later["details"] and "a guess" in first["details"]


def test_a_job_gets_the_settings_that_were_asked_for(client: Client, base: Path) -> None:
    order = client.order(
        client.upload(),
        validation_files=[client.upload(LINES.replace("cup", "pot"))],
        suffix="my-tone",
        hyperparameters={
            "epochs": 2,
            "learning_rate": 0.01,
            "weight_decay": 0.1,
            "warmup_fraction": 0.2,
            "seq_len": 128,
        },
        atelier={"rank": 4, "seed": 7, "patience": 0},
    )
    job = client.got("POST", "fine_tuning/jobs", json=order)
    assert job["status"] == "QUEUED" and job["fine_tuned_model"] is None and job["suffix"] == "my-tone"
    assert job["hyperparameters"]["epochs"] == 2 and job["hyperparameters"]["training_steps"] == 2
    spec = specs.read(client.home / "jobs" / job["id"], TrainSpec)
    assert (spec.base, spec.epochs, spec.learning_rate, spec.weight_decay) == (str(base), 2, 0.01, 0.1)
    assert (spec.warmup, spec.max_tokens, spec.rank, spec.seed, spec.patience) == (0.2, 128, 4, 7, 0)
    assert Path(spec.train).read_text() == LINES and Path(spec.validation).read_text() != LINES
    assert job["atelier"]["settings"]["rank"] == 4 and "base" not in job["atelier"]["settings"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "nobody"}, "--alias nobody=starter"),
        ({"model": ""}, "names no model"),
        ({"training_files": []}, "no training_files"),
        ({"training_files": ["nothing"]}, "no file nothing"),
        ({"training_files": [{"file_id": "x", "weigth": 2}]}, "training_files holds"),
        ({"hyperparameters": {"training_steps": 0}}, "from 1 to"),
        ({"hyperparameters": {"training_steps": 2.5}}, "whole number"),
        ({"hyperparameters": {"training_steps": 2, "epochs": 1}}, "not both"),
        ({"hyperparameters": {"learning_rate": "fast"}}, "must be a number"),
        ({"hyperparameters": {"lora_rank": 4}}, 'object "atelier"'),
        ({"hyperparameters": {"fim_ratio": 0.9}}, "fim_ratio"),
        ({"atelier": {"rnak": 4}}, "no setting rnak"),
        ({"atelier": {"rank": 0}}, "at least 1"),
        ({"atelier": {"base": "/etc"}}, "no setting base"),
        ({"atelier": {"steps": 3}}, "say it once"),
        ({"atelier": {"method": "magic"}}, "magic"),
        ({"suffix": "no spaces please"}, "suffix"),
        ({"suffix": "../../up"}, "suffix"),
        ({"job_type": "classifier"}, "assistant's answer"),
        ({"repositories": [{"type": "github"}]}, "upload files"),
        ({"integrations": [{"type": "mlflow"}]}, "only integration"),
        ({"invalid_sample_skip_percentage": 101}, "from 0 to 100"),
        ({"auto_start": "yes"}, "true or false"),
        ({"colour": "red"}, "no field colour"),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused_by_field(
    change: dict[str, Any], words: str, client: Client
) -> None:
    response = client.ask("POST", "fine_tuning/jobs", json={**client.order(client.upload()), **change})
    assert words in said(response, response.status_code) and response.status_code in (404, 422)
    assert client.got("GET", "fine_tuning/jobs")["total"] == 0 and not (client.home / "jobs").exists()


def test_bad_rows_are_named_and_left_out_only_as_far_as_was_allowed(client: Client) -> None:
    bad = LINES + "not json\n" + json.dumps(tiny.conversation("?", "long " * 600)) + "\n"
    file = client.upload(bad)
    order = client.order(file)
    message = client.refused(422, "POST", "fine_tuning/jobs", json=order)
    assert "2 of 8 rows" in message and "rows.jsonl line 7" in message and "line 8" in message
    job = client.got("POST", "fine_tuning/jobs", json={**order, "invalid_sample_skip_percentage": 25})
    assert job["atelier"]["rows_left_out"] == 2
    assert (client.home / "api" / "jobs" / job["id"] / "train.jsonl").read_text() == LINES


def test_weights_are_shares_and_no_row_is_lost(client: Client) -> None:
    few = client.upload("".join(LINES.splitlines(keepends=True)[:2]))
    many = client.upload(LINES.replace("cup", "pot"))
    files = [{"file_id": few, "weight": 1}, {"file_id": many, "weight": 1}]
    plain = client.got("POST", "fine_tuning/jobs", json=client.order(few, training_files=files))
    told = {"file_id": few, "weight": 3}, {"file_id": many, "weight": 2}
    weighed = client.got("POST", "fine_tuning/jobs", json=client.order(few, training_files=list(told)))
    rows = [(client.home / "api" / "jobs" / job["id"] / "train.jsonl").read_text() for job in (plain, weighed)]
    assert (rows[0].count("cup"), rows[0].count("pot")) == (2, 6)
    assert (rows[1].count("cup"), rows[1].count("pot")) == (9, 6)
    far = [{"file_id": few, "weight": 900}, {"file_id": many, "weight": 1}]
    assert "repeated" in client.refused(422, "POST", "fine_tuning/jobs", json=client.order(few, training_files=far))


def test_what_is_learned_is_not_what_it_is_measured_on(client: Client) -> None:
    file = client.upload()
    order = client.order(file, validation_files=[file])
    assert "measured on what it learned" in client.refused(422, "POST", "fine_tuning/jobs", json=order)


def test_a_job_that_does_not_start_by_itself_waits_to_be_started(client: Client) -> None:
    job = client.got("POST", "fine_tuning/jobs", json=client.order(client.upload(), auto_start=False))
    path = f"fine_tuning/jobs/{job['id']}"
    assert job["status"] == "VALIDATED" and not (client.home / "jobs").exists()
    old = {"user-agent": "mistral-client-python/0.4.2"}  # whose types know no such state
    assert client.got("GET", path, headers=old)["status"] == "QUEUED"
    assert client.got("POST", f"{path}/start")["status"] == "QUEUED"
    assert "only one that is VALIDATED" in client.refused(409, "POST", f"{path}/start")
    assert client.got("POST", f"{path}/cancel")["status"] == "CANCELLED"
    assert "nothing to cancel" in client.refused(409, "POST", f"{path}/cancel")


def test_a_finished_job_tells_its_events_checkpoints_and_model(client: Client) -> None:
    job = client.made(suffix="tone")
    assert job["status"] == "SUCCESS" and job["fine_tuned_model"].startswith("ft:tiny:tone:")
    assert [event["data"]["status"] for event in job["events"]] == ["SUCCESS", "RUNNING", "STARTED", "QUEUED"]
    [checkpoint] = job["checkpoints"]
    metrics = {"train_loss": 1.0, "valid_loss": 1.5, "valid_mean_token_accuracy": None}
    assert checkpoint["step_number"] == 2 and checkpoint["metrics"] == metrics
    assert job["trained_tokens"] == 200
    streamed = client.ask("GET", f"fine_tuning/jobs/{job['id']}/events?stream=true").text
    told = [line.removeprefix("data: ") for line in streamed.splitlines() if line]
    assert [json.loads(line) for line in told[:-1]] == job["events"][::-1] and told[-1] == "[DONE]"


def test_a_failed_job_says_why(client: Client) -> None:
    job = client.got("POST", "fine_tuning/jobs", json=client.order(client.upload()))
    end(client.home / "jobs" / job["id"], jobs.FAILED, why="The learning rate is most likely too high.")
    found = client.got("GET", f"fine_tuning/jobs/{job['id']}")
    assert found["status"] == "FAILED" and found["fine_tuned_model"] is None
    assert found["events"][0]["data"]["error"] == "The learning rate is most likely too high."


def test_jobs_are_listed_by_page_and_by_every_filter(client: Client) -> None:
    made = client.made(suffix="one")
    client.got("POST", "fine_tuning/jobs", json=client.order(client.upload(), suffix="two"))
    _, other = keys.make(client.home, "other", ["admin"], "tests")

    def total(query: str, key: str = "") -> int:
        return int(client.got("GET", f"fine_tuning/jobs?{query}", key=key)["total"])

    assert total("") == 2 and total("page=1&page_size=1") == 2
    assert len(client.got("GET", "fine_tuning/jobs?page=1&page_size=1")["data"]) == 1
    assert (total("suffix=one"), total("status=SUCCESS"), total("status=QUEUED")) == (1, 1, 1)
    assert (total("model=tiny"), total("model=starter"), total("wandb_project=tone")) == (2, 0, 0)
    assert (total("created_by_me=true"), total("created_by_me=true", other)) == (2, 0)
    assert (total("created_after=2026-01-01T00:00:00%2B00:00"), total("created_before=2026-01-01")) == (2, 0)
    assert total("created_after=2099-01-01T00:00:00Z") == 0
    assert "date and time" in client.refused(422, "GET", "fine_tuning/jobs?created_after=yesterday")
    assert made["id"] in [job["id"] for job in client.got("GET", "fine_tuning/jobs")["data"]]


def test_the_queue_takes_no_more_than_its_limit(tmp_path: Path, base: Path) -> None:
    client = Client(tmp_path, base, limits=Limits(jobs_waiting=1))
    order = client.order(client.upload())
    client.got("POST", "fine_tuning/jobs", json=order)
    response = client.ask("POST", "fine_tuning/jobs", json=order)
    assert "Try again later" in said(response, 429) and response.headers["retry-after"] == "60"


def test_a_key_of_another_service_is_not_taken(client: Client) -> None:
    integration = {"type": "wandb", "project": "tone", "api_key": "0" * 40}
    order = client.order(client.upload(), integrations=[integration])
    message = client.refused(422, "POST", "fine_tuning/jobs", json=order)
    assert "wandb" in message.lower() and "0" * 40 not in message


# Models


def test_a_model_is_named_archived_and_deleted_and_a_restart_forgets_nothing(client: Client, base: Path) -> None:
    name = client.made()["fine_tuned_model"]
    changed = client.got("PATCH", f"fine_tuning/models/{name}", json={"name": "Tone", "description": "Ours"})
    assert (changed["name"], changed["description"], changed["model_type"]) == ("Tone", "Ours", "completion")
    assert client.got("POST", f"fine_tuning/models/{name}/archive")["archived"] is True
    again = Client(client.home, base)
    card = again.got("GET", f"models/{name}")
    assert (card["name"], card["archived"], card["type"], card["root"]) == ("Tone", True, "fine-tuned", "tiny")
    question = {"model": name, "messages": [{"role": "user", "content": "Hm?"}]}
    assert "archived" in again.refused(409, "POST", "chat/completions", json=question)
    assert again.got("DELETE", f"fine_tuning/models/{name}/archive")["archived"] is False
    assert again.got("DELETE", f"models/{name}")["deleted"] is True
    assert "was deleted" in again.refused(404, "POST", "chat/completions", json=question)
    assert not list(client.home.glob("jobs/*/adapter")) and again.got("GET", "fine_tuning/jobs")["total"] == 1


def test_an_unfinished_model_says_that_it_is_not_ready(client: Client) -> None:
    job = client.got("POST", "fine_tuning/jobs", json=client.order(client.upload()))
    name = job["atelier"]["model"]
    question = {"model": name, "messages": [{"role": "user", "content": "Hm?"}]}
    assert "not ready" in client.refused(409, "POST", "chat/completions", json=question)
    assert "cancel it before" in client.refused(409, "DELETE", f"models/{name}")
    assert name not in [one["id"] for one in client.got("GET", "models")["data"]]


def test_a_base_is_not_deleted_and_an_alias_stands_in_the_list(client: Client) -> None:
    assert "not made by a job" in client.refused(403, "DELETE", "models/starter")
    listed = {one["id"]: one for one in client.got("GET", "models")["data"]}
    assert listed["open-mistral-7b"]["aliases"] == ["starter"] and listed["tiny"]["max_context_length"] == 512
    assert client.got("GET", "models/open-mistral-7b")["id"] == "open-mistral-7b"


def test_models_of_a_studio_in_the_same_process_can_be_asked_for(tmp_path: Path, base: Path) -> None:
    class Studio:
        def models(self) -> list[Known]:
            return [Known("tone-1", str(base), tmp_path, "tiny", "run-1"), Known("shelf", str(base), archived=True)]

    client = Client(tmp_path, base, more=Studio())
    assert client.got("GET", "models/tone-1")["job"] == "run-1"
    assert "not made by a job of this API" in client.refused(403, "DELETE", "models/tone-1")
    question = {"model": "shelf", "messages": [{"role": "user", "content": "Hm?"}]}
    assert "archived" in client.refused(409, "POST", "chat/completions", json=question)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", '{"auto_map": {"AutoModel": "evil.Model"}}', "code of its own"),
        ("pytorch_model.bin", "", "pickled"),
    ],
)
def test_a_model_that_would_run_code_is_refused(
    name: str, content: str, words: str, tmp_path: Path, base: Path
) -> None:
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / name).write_text(content)
    client = Client(tmp_path / "home", base)
    catalogue.set_aliases(client.home, {"evil": str(folder)})
    question = {"model": "evil", "messages": [{"role": "user", "content": "Hm?"}]}
    assert words in client.refused(422, "POST", "chat/completions", json=question)
    order = client.order(client.upload(), model="evil")
    assert words in client.refused(422, "POST", "fine_tuning/jobs", json=order)


# Chat and embeddings


class Dies(BaseHTTPRequestHandler):
    """A server that dies while its answer is on the way."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b'{"model": "tiny", "choices": [')

    def log_message(self, *_: Any) -> None:
        """Nothing: tests read assertions, not access logs."""


def test_an_answer_that_breaks_off_is_told_and_may_be_asked_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = {"model": "tiny", "messages": [{"role": "user", "content": "Hm?"}]}
    with speaking.served(Dies) as url:
        monkeypatch.setattr(Desk, "server", lambda desk, model: (Endpoint(url), "tiny"))
        assert "went away" in client.refused(502, "POST", "chat/completions", json=question)


@contextmanager
def ended(folder: Path) -> Iterator[None]:
    """Whatever servers are started meanwhile are ended."""
    try:
        yield
    finally:
        for server in servers.listed(folder):
            servers.stop(server)


@pytest.mark.slow
def test_a_chat_answers_under_the_name_that_was_asked_whole_and_in_pieces(tmp_path: Path, base: Path) -> None:
    client = Client(tmp_path / "home", base)
    question = {"model": "tiny", "messages": [{"role": "user", "content": "Hm?"}], "max_tokens": 5, "temperature": 0}
    with client.http, ended(client.home / "servers"):  # one event loop for all of its questions
        whole = client.got("POST", "chat/completions", json=question)
        assert whole["model"] == "tiny" and whole["usage"]["completion_tokens"] <= 5
        streamed = client.ask("POST", "chat/completions", json={**question, "stream": True})
        lines = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line]
        pieces = [json.loads(line) for line in lines[:-1]]
        assert streamed.headers["content-type"].startswith("text/event-stream") and lines[-1] == "[DONE]"
        assert {piece["model"] for piece in pieces} == {"tiny"}
        text = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)
        assert text == whole["choices"][0]["message"]["content"]
        odd = {**question, "tools": [{"type": "function", "function": {"name": "look"}}]}
        assert "tools" in client.refused(400, "POST", "chat/completions", json=odd)
        assert "messages" in client.refused(400, "POST", "chat/completions", json={"model": "tiny", "messages": []})


def test_texts_that_share_words_are_near_and_an_unknown_embedding_model_is_refused(client: Client) -> None:
    texts = ["Where is my copper kettle?", "where is the copper kettle", "Thank you so much!"]
    found = client.got("POST", "embeddings", json={"model": "atelier-embed", "input": texts})
    one, two, three = (vector["embedding"] for vector in found["data"])

    def near(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert near(one, two) > 0.6 > 0.2 > near(one, three) and near(one, one) == pytest.approx(1, abs=1e-3)
    message = client.refused(404, "POST", "embeddings", json={"model": "mistral-embed", "input": "x"})
    assert "--alias mistral-embed=atelier-embed" in message


# What a studio elsewhere needs


def test_raw_events_go_on_from_a_byte_and_the_log_is_read(client: Client) -> None:
    id = client.made()["id"]
    whole = client.got("GET", f"atelier/jobs/{id}/events")
    assert [event["kind"] for event in whole["data"]] == ["start", "step", "step", "validation", "end"]
    assert whole["state"] == "done" and whole["offset"] == (client.home / "jobs" / id / events.FILE).stat().st_size
    assert client.got("GET", f"atelier/jobs/{id}/events?offset={whole['offset']}")["data"] == []
    (client.home / "jobs" / id / "log.txt").write_text("one\ntwo\n")
    assert client.ask("GET", f"atelier/jobs/{id}/log?lines=1").text == "two"


def test_a_waiting_job_is_paused_and_resumed(client: Client) -> None:
    id = client.got("POST", "fine_tuning/jobs", json=client.order(client.upload()))["id"]
    paused = client.got("POST", f"atelier/jobs/{id}/pause")
    assert (paused["status"], paused["atelier"]["state"]) == ("QUEUED", "paused")
    assert "nothing to pause" in client.refused(409, "POST", f"atelier/jobs/{id}/pause")
    assert client.got("POST", f"atelier/jobs/{id}/resume")["atelier"]["state"] == "queued"


def test_the_files_of_a_model_come_as_a_tar_archive(client: Client) -> None:
    name = client.made()["fine_tuned_model"]
    packed = client.ask("GET", f"atelier/models/{name}/files").content
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["adapter_config.json", "adapter_model.safetensors"]
        member = archive.extractfile("adapter_model.safetensors")
        assert member is not None and member.read() == b"weights"


# Every call


def test_an_unknown_path_a_wrong_method_and_a_broken_body_answer_in_the_same_shape(client: Client) -> None:
    assert "/v1/docs" in client.refused(404, "GET", "audio/speech")
    assert "other methods" in client.refused(405, "PUT", "files")
    assert "no JSON" in client.refused(400, "POST", "fine_tuning/jobs", content=b"{")
    assert "NaN" in client.refused(400, "POST", "fine_tuning/jobs", content=b'{"model": NaN}')
    assert "JSON object" in client.refused(422, "POST", "fine_tuning/jobs", content=b"[]")
    assert "There is no job" in client.refused(404, "GET", "fine_tuning/jobs/nobody")


Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [*shapes.ORDER["properties"], *shapes.CHANGE["properties"], "messages", "input", "stream"]


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, base: Path) -> tuple[Client, str, str]:
    """One client for many bodies, with a file and a finished model."""
    client = Client(tmp_path_factory.mktemp("steady"), base)
    return client, client.upload(), client.made()["fine_tuned_model"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    call=st.sampled_from([call for call in app.CALLS if call.takes is not None]),
    odd=st.dictionaries(st.sampled_from(FIELDS), Json, max_size=4),
    whole=st.booleans(),
)
def test_no_body_makes_it_stumble(
    steady: tuple[Client, str, str], call: Call, odd: dict[str, Any], whole: bool
) -> None:
    client, file, model = steady
    body = {**client.order(file), "messages": [], **odd} if whole else {"model": "nobody", **odd}
    if call.scope == "chat":
        body["model"] = "nobody"  # whoever answers has tests of its own
    response = client.ask(call.method, call.path[1:].replace("{model_id}", model), json=body)
    if response.status_code != 200:
        said(response, response.status_code)
        assert response.status_code < 500


def test_a_bug_answers_without_its_traceback(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    (client.home / "api" / "jobs" / "odd").mkdir(parents=True)
    (client.home / "api" / "jobs" / "odd" / "order.json").write_text("{")
    message = client.refused(500, "GET", "fine_tuning/jobs")
    assert "JSONDecodeError" in message and str(client.home) not in message


def test_the_description_is_openapi_and_tells_every_call(client: Client) -> None:
    found = client.http.get("/v1/openapi.json").json()
    assert found["openapi"] == "3.1.0" and len({*_operations(found)}) == len(app.CALLS)
    for call in app.CALLS:
        assert call.says and found["paths"][call.path][call.method.lower()]["summary"] == call.says
        for schema in (call.takes, call.gives):
            jsonschema.Draft202012Validator.check_schema(schema or {})
    shown = client.http.get("/v1/docs").text
    assert "<script" not in shown and "http://" not in shown.replace("http://127", "") and "https://" not in shown
    assert all(f"/v1{call.path}" in shown for call in app.CALLS)


def _operations(found: dict[str, Any]) -> Iterator[str]:
    for methods in found["paths"].values():
        for operation in methods.values():
            yield operation["operationId"]


def test_answers_are_as_the_description_says(client: Client) -> None:
    job = client.made()
    paths = page.describe(app.CALLS)["paths"]
    for path, asked in {
        "/files": "files",
        "/fine_tuning/jobs": "fine_tuning/jobs",
        "/fine_tuning/jobs/{job_id}": f"fine_tuning/jobs/{job['id']}",
        "/fine_tuning/jobs/{job_id}/events": f"fine_tuning/jobs/{job['id']}/events",
        "/models": "models",
        "/models/{model_id}": f"models/{job['fine_tuned_model']}",
    }.items():
        schema = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(client.got("GET", asked), schema)
    order = paths["/fine_tuning/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(client.order("id", atelier={"rank": 4}), order)
