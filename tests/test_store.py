"""The store: nothing changes without an Event, and one process owns it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.problems import Problem
from studio import audit
from studio.data import datasets
from studio.folders import Home
from studio.schema import MIGRATIONS
from studio.store import Store
from tests.patience import until


@pytest.fixture
def own(tmp_path: Path):
    store = Store(Home(tmp_path / "home"))
    yield store
    store.close()


def add_dataset(store: Store, name: str) -> None:
    with store.write("ada", "dataset.import", name) as cursor:
        cursor.execute("insert into dataset values (?, '', 'ada', now()::timestamp)", [name])


def test_a_change_leaves_an_event_with_who_and_what(own):
    add_dataset(own, "tone")
    event = audit.listed(own)[0]
    assert (event.made_by, event.verb, event.subject) == ("ada", "dataset.import", "tone")


def test_a_change_that_fails_leaves_neither_itself_nor_an_event(own):
    with pytest.raises(ZeroDivisionError), own.write("ada", "dataset.import", "tone") as cursor:
        cursor.execute("insert into dataset values ('tone', '', 'ada', now()::timestamp)")
        raise ZeroDivisionError
    assert datasets.listed(own) == [] and audit.listed(own) == []


def test_nobody_cannot_change_anything(own):
    with pytest.raises(AssertionError), own.write("", "dataset.import", "tone"):
        pass


def test_many_threads_read_and_write_without_mixing_up(own):
    wrong: list[object] = []

    def work(n: int) -> None:
        for i in range(10):
            add_dataset(own, f"d{n}-{i}")
            found = own.rows("select ? as n", [n])
            if found != [{"n": n}]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(datasets.listed(own)) == 80 and len(audit.listed(own, 1000)) == 80


def test_a_second_process_is_told_that_the_folder_is_in_use(own):
    code = (
        "import sys; from pathlib import Path; from studio.folders import Home; from studio.store import Store\n"
        "from engine.problems import Problem\n"
        "try: Store(Home(Path(sys.argv[1])))\n"
        "except Problem as problem: print(problem)"
    )
    found = subprocess.run([sys.executable, "-c", code, str(own.home.root)], capture_output=True, text=True, check=True)
    assert "Another studio is using" in found.stdout


def test_migrations_are_applied_once(tmp_path):
    home = Home(tmp_path)
    first = Store(home)
    add_dataset(first, "tone")
    first.close()
    again = Store(home)
    assert [dataset.name for dataset in datasets.listed(again)] == ["tone"]
    assert [row["name"] for row in again.rows("select name from migration order by name")] == list(MIGRATIONS)
    again.close()


def test_a_problem_prints_as_its_sentences():
    problem = Problem("There is no run r9.", do="Choose one from the list.")
    assert str(problem) == "There is no run r9. Choose one from the list."


def held(home: Home, word: str) -> bool:
    return word.encode() in home.database.read_bytes()


def deleted(store: Store, word: str) -> None:
    add_dataset(store, word)
    with store.jot() as cursor:
        cursor.execute("delete from dataset")
        cursor.execute("delete from event")


def test_what_is_deleted_for_good_is_written_over_as_soon_as_nobody_reads(own):
    deleted(own, "zebraquark")
    with own.read() as cursor:
        cursor.begin()
        cursor.execute("select * from dataset").fetchall()
        scrubbing = threading.Thread(target=own.scrub, args=("dataset", "event"))
        scrubbing.start()
        until(own.home.traces.exists)
        assert own.rows("select * from dataset") == []  # others read and write meanwhile
        add_dataset(own, "tone")
    scrubbing.join()
    assert not own.home.traces.exists() and not held(own.home, "zebraquark")


def test_where_somebody_reads_all_the_while_it_is_written_over_when_the_store_is_opened_next(own, monkeypatch):
    monkeypatch.setattr("studio.store.QUIET", 0.0)
    deleted(own, "zebraquark")
    with own.read() as cursor:
        cursor.begin()
        cursor.execute("select * from dataset").fetchall()
        own.scrub("dataset", "event")
    assert own.home.traces.exists()
    own.close()
    again = Store(own.home)
    assert not own.home.traces.exists() and not held(own.home, "zebraquark")
    again.close()


def test_a_studio_that_was_killed_while_it_wrote_over_what_was_deleted_can_do_so_again(own):
    with own.jot() as cursor:
        cursor.execute("create table filler (bytes blob)")
        cursor.execute("create view told as select 'half of it'")
    own.scrub("dataset")
    assert own.rows("select 1 from duckdb_tables() where table_name = 'filler'") == []
    assert own.rows("select 1 from duckdb_views() where view_name = 'told'") == []
