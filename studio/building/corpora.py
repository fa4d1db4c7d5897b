"""Corpora: the documents of a library, frozen to be read on by continued pretraining.

A corpus is a folder of two files of lines, `{"text": ..., "name": ...}`, and is never changed: its id is the hash of
these. A document goes to one side by the hash of its name, so that it stays there when the library grows or it is
rewritten, and documents of the same text stand on the same side.
"""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine import hashes, jsonl
from engine.problems import Problem
from studio.reading import libraries
from studio.reading.libraries import Document
from studio.store import Store, now

SIDES = ("train", "validation")
VALIDATION = 0.1  # share of the documents that only watch


@dataclass(frozen=True)
class Corpus:
    id: str
    library: str
    train: int  # documents
    validation: int
    made_by: str
    made_at: datetime

    @property
    def name(self) -> str:
        return f"{self.library} · {self.id[:8]}"


def freeze(store: Store, library: str, by: str) -> Corpus:
    """Freeze the documents of a library as they stand. The same documents again are the same corpus."""
    sides = split(libraries.documents(store, libraries.get(store, library).name))
    home = store.home.corpora
    home.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".", dir=home))
    try:
        for side, documents in sides.items():
            jsonl.write(draft / f"{side}.jsonl", ({"text": one.text, "name": one.name} for one in documents))
        id = hashes.files(*(draft / f"{side}.jsonl" for side in SIDES))
        if store.row("select 1 from corpus where id = ?", [id]) is None:
            values = [id, library, len(sides["train"]), len(sides["validation"]), by, now()]
            with store.write(by, "corpus.freeze", id, library=library, documents=sum(map(len, sides.values()))) as c:
                c.execute("insert into corpus values (?, ?, ?, ?, ?, ?) on conflict do nothing", values)
                if not (home / id).exists():
                    draft.rename(home / id)  # renamed into place last: a corpus that can be seen is whole
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return get(store, id)


def split(documents: list[Document]) -> dict[str, list[Document]]:
    """Side -> its documents, by name. Problem when there is nothing to read, or one of them is empty."""
    if not documents:
        raise Problem("This library has no document.", "There is nothing to read on.", "Add documents to it first.")
    empty = [one.name for one in documents if not one.text.strip()]
    if empty:
        raise Problem(f"{', '.join(empty[:5])} has no text.", do="Add it to the library again, with its text.")
    decided: dict[str, str] = {}  # content -> side
    sides: dict[str, list[Document]] = {side: [] for side in SIDES}
    for one in sorted(documents, key=lambda document: document.name):
        first = "validation" if hashes.share(one.name) < VALIDATION else "train"
        side = decided.setdefault(hashes.content(one.text), first)
        sides[side].append(one)
    if not sides["train"]:  # so few that all fell to the other side: they are there to be learned from
        sides = {"train": sides["validation"], "validation": []}
    return sides


def get(store: Store, id: str) -> Corpus:
    row = store.row("select * from corpus where id = ?", [id])
    if row is None:
        raise Problem(f"There is no corpus {id}.", do="Freeze the documents of a library to make one.")
    return Corpus(**row)


def listed(store: Store, library: str = "") -> list[Corpus]:
    """Every corpus, or every one of a library, newest first."""
    rows = store.rows("select * from corpus where ? in ('', library) order by made_at desc", [library])
    return [Corpus(**row) for row in rows]


def path(store: Store, id: str, side: str) -> Path:
    return store.home.corpora / id / f"{side}.jsonl"
