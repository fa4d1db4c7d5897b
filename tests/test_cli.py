"""The command line: one clear sentence for a person, JSON for a script, an exit status for both."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.problems import Problem
from studio import cli
from studio.folders import SAMPLE

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
