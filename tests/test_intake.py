"""Intake: all of a file or nothing, whoever stops it; where every row came from; and nothing twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.data import columns
from engine.data.mapping import Mapping
from engine.problems import Problem
from studio import audit
from studio.data import datasets, examples, intake, rejects
from studio.data.intake import Intake
from studio.folders import CODE, Home
from studio.store import Store
from tests.conftest import conversation
from tests.patience import until

LARGE = 12_000  # rows: enough for processes of their own


@pytest.fixture
def own(tmp_path: Path):
    store = Store(Home(tmp_path / "home"))
    yield store
    store.close()


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    rows = [conversation(f"Cup {n}?", f"It is cup {n}. " * 20) for n in range(LARGE)]
    return write(tmp_path_factory.mktemp("large") / "large.jsonl", *rows, "{", rows[0])


def ended(store: Store, id: str) -> Intake:
    until(lambda: intake.get(store, id).state != intake.RUNNING)
    return intake.get(store, id)


def count(store: Store) -> int:
    row = store.row("select count(*) as n from example")
    return int(row["n"]) if row else 0


def test_a_large_file_tells_how_far_it_is_and_what_became_of_every_row(own, large):
    begun = intake.start(own, large, "cups", "ada")
    assert begun.state == intake.RUNNING and intake.running(own, "cups")[0].id == begun.id
    done = ended(own, begun.id)
    assert (done.state, done.added, done.known, done.rejected) == (intake.DONE, LARGE, 1, 1)
    assert done.share == 1 and done.rows == LARGE + 2 and intake.running(own) == []
    assert [one.line for one in rejects.waiting(own, "cups")] == [LARGE + 1]
    first, last = (examples.find(own, "cups", offset=at, limit=1).examples[0] for at in (0, LARGE - 1))
    assert (first.prompt, first.line) == ("Cup 0?", 1) and (last.prompt, last.line) == (f"Cup {LARGE - 1}?", LARGE)
    assert audit.listed(own)[0].verb == "dataset.import" and audit.listed(own)[0].made_by == "ada"


def test_one_that_is_cancelled_leaves_nothing_and_can_be_done_again(own, large):
    begun = intake.start(own, large, "cups", "ada")
    intake.cancel(own, begun.id)
    stopped = ended(own, begun.id)
    assert (stopped.state, stopped.added) == (intake.CANCELLED, 0)
    assert count(own) == 0 and datasets.listed(own) == [] and audit.listed(own) == []
    assert list(own.home.intake.glob("*")) == []
    assert ended(own, intake.start(own, large, "cups", "ada").id).added == LARGE


def test_a_failure_on_the_way_is_told_and_leaves_nothing(own, tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 no workbook")
    begun = intake.start(own, path, "cups", "ada", mapping=Mapping({"a": columns.USER}))
    failed = ended(own, begun.id)
    assert failed.state == intake.FAILED and failed.problem is not None and "a.xlsx" in str(failed.problem)
    assert datasets.listed(own) == []


@pytest.mark.parametrize("step", [intake.READING, intake.SAVING])
def test_a_studio_killed_while_importing_opens_clean_and_imports_again(tmp_path, large, step):
    home = Home(tmp_path / "home")
    program = (
        "import sys, time; from pathlib import Path\n"
        "from studio.data import intake; from studio.folders import Home; from studio.store import Store\n"
        "store = Store(Home(Path(sys.argv[1])))\n"
        "intake.SLICE = 1\n"
        "begun = intake.start(store, Path(sys.argv[2]), 'cups', 'ada')\n"
        "while True:\n"
        "    one = intake.get(store, begun.id); print(one.step, one.done, one.added, flush=True); time.sleep(0.002)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(home.root), str(large)], stdout=subprocess.PIPE, text=True, cwd=CODE
    )
    assert child.stdout is not None
    for line in child.stdout:
        reached, _, added = line.split()
        if reached == step and (step == intake.READING or int(added)):
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    store = Store(home)
    assert count(store) == 0 and audit.listed(store) == []
    done = datasets.bring_in(store, large, "cups", "ada")
    assert (done.added, done.known, done.rejected) == (LARGE, 1, 1)
    assert list(home.intake.glob("*")) == []
    store.close()


def test_the_same_row_in_another_file_is_known(own, tmp_path):
    one, two = conversation("One?", "1"), conversation("Two?", "2")
    datasets.bring_in(own, write(tmp_path / "a.jsonl", one), "cups", "ada")
    done = datasets.bring_in(own, write(tmp_path / "b.jsonl", two, one, two), "cups", "ada")
    assert (done.added, done.known) == (1, 2)
    assert str(done) == "1 added to cups, 2 were here already, 0 rejected"


def test_what_an_entry_said_first_and_says_now_are_both_known(own, tmp_path):
    path = write(tmp_path / "a.jsonl", conversation("One?", "1"))
    datasets.bring_in(own, path, "cups", "ada")
    seen = examples.find(own, "cups").examples[0]
    new = conversation("One?", "One, dear.")["messages"]
    examples.edit(own, seen, "bo", messages=new)
    assert datasets.bring_in(own, path, "cups", "ada").known == 1
    assert datasets.bring_in(own, write(tmp_path / "b.jsonl", {"messages": new}), "cups", "ada").known == 1


def test_two_files_of_one_name_lose_no_reject(own, tmp_path):
    (tmp_path / "sub").mkdir()
    first, second = write(tmp_path / "a.jsonl", "{"), write(tmp_path / "sub" / "a.jsonl", '{"messages": 7}')
    for path in (first, second, second):
        datasets.bring_in(own, path, "cups", "ada")
    assert [(one.source, one.line) for one in rejects.waiting(own, "cups")] == [("a.jsonl", 1), ("a.jsonl", 1)]


def test_a_table_comes_in_by_its_mapping_and_a_worse_answer_stays_with_its_example(own, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("said,answered,not as good\nWhere?,Here.,Dunno.\nWhen?,Now.,Later.\n")
    fields = {"said": columns.USER, "answered": columns.ASSISTANT, "not as good": columns.REJECTED}
    done = datasets.bring_in(own, path, "cups", "ada", mapping=Mapping(fields, header=True))
    found = examples.find(own, "cups").examples
    assert done.added == 2 and [one.prompt for one in found] == ["Where?", "When?"]
    assert [one.worse[-1]["content"] for one in found if one.worse] == ["Dunno.", "Later."]
    edited = examples.edit(own, found[0], "bo", tags=["place"])
    assert edited.worse == found[0].worse


def test_a_member_who_writes_while_a_file_comes_in_has_a_place_of_their_own(own, large):
    begun = intake.start(own, large, "cups", "ada")
    said = conversation("Mine?", "Mine.")["messages"]
    mine = examples.write(own, "cups", said, "bo")
    ended(own, begun.id)
    places = own.rows("select count(distinct place) as places, count(distinct seq) as seqs, count(*) as n from example")
    assert places == [{"places": LARGE + 1, "seqs": LARGE + 1, "n": LARGE + 1}]
    assert examples.get(own, "cups", mine.entry).answer == "Mine."


def test_what_is_asked_wrongly_is_told_before_anything_starts(own, tmp_path):
    path = write(tmp_path / "a.jsonl", conversation("One?", "1"))
    with pytest.raises(Problem, match="no name"):
        intake.start(own, path, " ", "ada")
    with pytest.raises(Problem, match="There is no status 'done'"):
        intake.start(own, path, "cups", "ada", status="done")
    with pytest.raises(Problem, match=r"There is no file b\.jsonl"):
        intake.start(own, tmp_path / "b.jsonl", "cups", "ada")
    with pytest.raises(Problem, match="There is no import"):
        intake.get(own, "intake-9")
    assert intake.listed(own) == []
