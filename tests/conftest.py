"""What the tests of the studio share: an empty home, a store, a small project with everything in it, and the pages."""

import json
import os
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine import events, jobs, processes, waking
from studio import members
from studio.building import models, runs
from studio.data import datasets
from studio.folders import CODE, Home
from studio.freezing import snapshots
from studio.judging import pairs
from studio.store import Store, close_all, opened
from tests import judged, tiny
from tests.patience import LONG

ENTRY = CODE / "studio" / "ui" / "app.py"
PAGES = CODE / "pages"
PROGRAM = sys.modules["__main__"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Each process collects all files, which loads nearly all there is."""
    with waking.modules():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: what begins last should be short, or one process waits for another."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def program() -> None:
    """A page that is run by AppTest takes the place of the program; a process that a test starts would run it too."""
    sys.modules["__main__"] = PROGRAM


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home, which is also the one that pages open."""
    monkeypatch.setenv("ATELIER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOGNAME", "ada")
    yield Home.default()
    close_all()


@pytest.fixture
def store(home: Home) -> Store:
    return opened(home)


@dataclass(frozen=True)
class Full:
    """A small project: 24 examples and one reject, a snapshot, a run that has ended, a judged evaluation."""

    store: Store
    dataset: str
    entry: str
    snapshot: str
    run: str
    evaluation: str
    pair: str


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model that can be loaded, made once."""
    return tiny.base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def full(store: Store, tmp_path: Path, base: Path) -> Full:
    members.welcome(store, "ada", "designer", "ada")
    rows = [conversation(f"Where is cup {n}?", f"Cup {n} is on its way!", tags=["cups"]) for n in range(24)]
    file = tmp_path / "tone.jsonl"
    file.write_text(
        "".join(json.dumps(row) + "\n" for row in rows) + '{"messages": [{"role": "user", "content": "?"}]}\n'
    )
    datasets.bring_in(store, file, "tone", "ada")
    snapshot = snapshots.freeze(store, "tone", "ada")
    models.add(store, "tiny", models.BASE, str(base), "ada")
    run = ended_run(store, snapshot.id)
    plain, tuned = judged.two(store)
    asked = judged.items(4)
    answers = [
        judged.answer(candidate, item["id"], f"{candidate.name} says {item['id']}", scores=judged.right(value))
        for candidate, value in ((plain, 0.0), (tuned, 1.0))
        for item in asked
    ]
    evaluation = judged.evaluation(store, asked, answers)
    pairs.deal(store, evaluation.id, plain.id, tuned.id, "ada")
    pair = store.row("select id from pair limit 1")
    assert pair is not None
    entry = store.row("select entry from example where line = 1")
    assert entry is not None
    return Full(store, "tone", entry["entry"], snapshot.id, run.id, evaluation.id, pair["id"])


def conversation(question: str, answer: str, **more: object) -> dict[str, object]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def ended_run(store: Store, snapshot: str, name: str = "tone-1", state: str = jobs.DONE, **end: object) -> runs.Run:
    """A run whose folder is as a training job leaves it."""
    run = runs.launch(store, name, "tiny", snapshot, "ada")
    folder = run.job.folder
    noted = folder / processes.FILE
    noted.write_text(json.dumps(judged.GONE))
    os.utime(noted, (0, 0))  # its last word comes after it, however fast this is
    (folder / "log.txt").write_text("Reading 20 examples\n")
    tell(folder, 6)
    events.append(folder, "end", state=state, **end)
    runs.catch_up(store)
    return runs.get(store, run.id)


def tell(folder: Path, upto: int, steps: int = 6) -> None:
    """The events of a training run up to a step, its loss falling by .1 a step from 2.0."""
    events.append(folder, "plan", examples=20, tokens=900, trained_tokens=300, steps=steps, epochs=3.0)
    events.append(
        folder, "first_batch", rows=[{"tokens": ["Where", " is", " it", "?", " Here"], "trained": [0, 0, 0, 0, 1]}]
    )
    events.append(folder, "sample", step=0, prompt="Where is cup 3?", answer="Cup.")
    for step in range(1, upto + 1):
        events.append(
            folder,
            "step",
            step=step,
            steps=steps,
            epoch=step / 2,
            loss=2.0 - step / 10,
            learning_rate=0.001,
            gradient_norm=1.0,
            tokens=step * 100,
            tokens_per_second=5000,
            seconds_left=(steps - step) * 2.0,
        )
        if step % 2 == 0:
            events.append(folder, "validation", step=step, loss=2.2 - step / 10, n=3, tokens=40)


@pytest.fixture
def app(home: Home) -> Iterator[AppTest]:
    """The pages on this home; nothing is left of an earlier test's."""
    st.cache_data.clear()
    st.cache_resource.clear()
    yield AppTest.from_file(ENTRY, default_timeout=LONG)
    st.cache_resource.clear()


def look(app: AppTest, page: str, **asked: str) -> AppTest:
    """Open a page with what it shall show: look(app, "run", run=run.id)."""
    if page != "home":
        app.run()
        app.switch_page(str(PAGES / f"{page}.py"))
    for name, value in asked.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    """All that a page says, to look for words in."""
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "html",
        "text",
        "code",
        "error",
        "warning",
        "info",
        "success",
    )
    found = [element.value for kind in kinds for element in app.get(kind)]
    labels = [element.label for kind in ("button", "link_button", "expander") for element in app.get(kind)]
    links = [element.proto.label for element in app.get("page_link")]
    toasts = [toast.value for toast in app.toast]
    return "\n".join(map(str, [*found, *labels, *links, *toasts]))
