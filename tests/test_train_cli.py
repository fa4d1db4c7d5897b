"""Training from the command line: said before it starts, asked where personal data is, queued, paused, resumed."""

import json

import pytest
from typer.testing import CliRunner

from engine import jobs
from engine.problems import Problem
from studio import cli
from studio.building import models
from studio.folders import SAMPLE, Home
from studio.store import Store


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def snapshot(home, tmp_path) -> str:
    """Forty rows of the sample's tone, frozen."""
    return frozen(home, tmp_path, (SAMPLE / "tone" / "train.jsonl").read_text().splitlines()[:40])


def frozen(home, tmp_path, rows, *more) -> str:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(rows) + "\n")
    said("import", file, "--dataset", "tone", "--home", home, *more)
    return str(json.loads(said("freeze", "tone", "--home", home, "--json"))["snapshot"])


def said(*words: object) -> str:
    """What a command prints to people who read results; Problems are raised as they are."""
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def waiting(home) -> list[dict[str, str]]:
    return json.loads(said("queue", "--home", home, "--json"))["jobs"]


def test_a_dry_run_says_what_it_would_take_and_starts_nothing(home, snapshot):
    text = said("train", snapshot[:6], "--name", "voice", "--dry-run", "--home", home)
    for word in ("steps", "memory", "time", "cost", "disk", "Personal data: none found", "It can work as it stands."):
        assert word in text
    found = json.loads(
        said("train", snapshot, "--name", "v", "--set", "rank=4,8", "--seeds", 2, "--dry-run", "--json", "--home", home)
    )
    assert (found["runs"], found["ready"], len(found["preflights"])) == (4, True, 2)
    assert found["preflights"][1]["spec"]["rank"] == 8
    assert waiting(home) == []


def test_a_dry_run_that_could_not_start_says_why_and_ends_with_one(home, snapshot):
    words = ["train", snapshot, "--name", "v", "--set", "max_tokens=8", "--dry-run", "--home", str(home)]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 1 and "cannot work:" in result.stdout
    with pytest.raises(Problem):
        said(*[word for word in words if word != "--dry-run"])
    assert waiting(home) == []


def test_data_with_personal_findings_is_not_learned_from_before_somebody_says_so(home, tmp_path):
    row = {"messages": [{"role": "user", "content": "My IBAN is DE89 3704 0044 0532 0130 00."}]}
    row["messages"].append({"role": "assistant", "content": "Thank you, Jane!"})
    id = frozen(
        home,
        tmp_path,
        [json.dumps(row), *(SAMPLE / "tone" / "train.jsonl").read_text().splitlines()[:30]],
        "--split",
        "train",
    )
    ordered = ["train", id, "--name", "voice", "--tonight", "--home", home]
    with pytest.raises(Problem, match="Nobody was asked"):
        said(*ordered)
    assert waiting(home) == []
    said(*ordered, "--yes")
    assert [job["name"] for job in waiting(home)] == ["voice"]


def test_the_queue_is_read_reordered_and_paused_and_runs_are_paused_and_stopped_by_name(home, snapshot):
    for name in ("one", "two"):
        said("train", snapshot, "--name", name, "--no-wait", "--home", home)
    said("queue", "--first", "two", "--pause", "--night", "21:00-05:30", "--home", home)
    found = json.loads(said("queue", "--home", home, "--json"))
    assert [job["name"] for job in found["jobs"]] == ["two", "one"]
    assert (found["paused"], found["night_from"], found["night_until"]) == (True, "21:00", "05:30")
    assert all("paused" in job["says"] for job in found["jobs"])
    assert json.loads(said("pause", "two", "--home", home, "--json"))["state"] == jobs.PAUSED
    assert [job["name"] for job in waiting(home)] == ["one"]
    assert "stopped" in said("stop", "one", "--home", home)
    assert json.loads(said("resume", "two", "--no-wait", "--home", home, "--json"))["state"] == jobs.QUEUED
    with pytest.raises(Problem, match="There is no run nowhere"):
        said("pause", "nowhere", "--home", home)


@pytest.mark.slow
def test_a_sweep_is_trained_and_its_outcome_said(home, snapshot, base):
    store = Store(Home(home))
    models.add(store, "tiny", models.BASE, str(base), "ada")
    store.close()
    ordered = ["train", snapshot, "--name", "seeds", "--base", "tiny", "--seeds", 2, "--set", "epochs=1"]
    text = said(*ordered, "--home", home)
    assert "seeds is ready" in text and "Over 2 seeds the validation loss is" in " ".join(text.split())
