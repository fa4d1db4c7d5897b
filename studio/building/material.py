"""Material: what a run learns from. A snapshot of examples, or a corpus of documents; one noun for whoever trains.

`methods` says for each way of learning how many of the training rows it can use: a preference needs a worse answer
beside the better one, which not every example has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from engine import jsonl
from engine.data.columns import REJECTED
from engine.problems import Problem
from engine.training.settings import CPT, GRPO, PREFERENCES, SFT
from studio.building import corpora
from studio.building.corpora import Corpus
from studio.freezing import snapshots
from studio.freezing.snapshots import Snapshot
from studio.store import Store

SNAPSHOT, CORPUS = "snapshot", "corpus"
TRAIN, WATCH = corpora.SIDES


@dataclass(frozen=True)
class Material:
    """`train` and `validation` are what `engine.training.settings.TrainSpec` asks for."""

    id: str
    name: str
    kind: str
    source: str  # the dataset or library that it was frozen from
    train: Path
    validation: Path | None
    examples: int  # rows to learn from: conversations, or documents
    watched: int  # rows that only watch
    methods: dict[str, int]  # method -> how many of the rows to learn from it can use
    watched_by: dict[str, int]  # the same of the rows that only watch
    made_at: datetime

    def used_by(self, method: str) -> "Material":
        """The same as this method reads it: rows that it cannot use stand in neither of the files, and are counted in
        neither figure. Problem when nothing is left."""
        self.require(method)
        examples, watched = self.methods[method], self.watched_by.get(method, 0)
        train = self.train if examples == self.examples else _pairs(self.train)
        validation = (
            self.validation if watched == self.watched else _pairs(self.validation) if self.validation else None
        )
        return replace(
            self, train=train, validation=validation if watched else None, examples=examples, watched=watched
        )

    def require(self, method: str) -> None:
        """Problem when nothing here can be learned from in this way."""
        if method in self.methods:
            return
        if method in PREFERENCES and self.kind == SNAPSHOT:
            raise Problem(
                f"{self.name} has no worse answers.",
                f"{method} learns from two answers to the same question, a better and a worse one.",
                "Judge pairs in the arena and learn from the verdicts, or give examples a worse answer.",
            )
        wanted = "documents" if method == CPT else "examples"
        raise Problem(
            f"{self.name} cannot be learned from by {method}.",
            f"{method} needs {wanted}.",
            f"Freeze {'a library' if method == CPT else 'a dataset'}, or choose {' or '.join(self.methods)}.",
        )


def of(store: Store, id: str) -> Material:
    """The snapshot or corpus of this id. Problem when there is neither."""
    if store.row("select 1 from corpus where id = ?", [id]) is not None:
        return _corpus(store, corpora.get(store, id))
    if store.row("select 1 from snapshot where id = ?", [id]) is not None:
        return _snapshot(store, snapshots.get(store, id))
    raise Problem(f"There is no snapshot or corpus {id}.", do="Freeze a dataset, or the documents of a library.")


def named(store: Store, id: str) -> Material:
    """The same by the beginning of the id, as a person types it."""
    found = [one for one in listed(store) if one.id.startswith(id)] if id else []
    if len(found) > 1:
        raise Problem(f"{len(found)} snapshots or corpora begin with {id}.", do="Give more of its id.")
    return found[0] if found else of(store, id)


def listed(store: Store, method: str = "") -> list[Material]:
    """All there is to learn from, or all that this method can use, newest first."""
    found = [*(_snapshot(store, one) for one in snapshots.listed(store))]
    found += (_corpus(store, one) for one in corpora.listed(store))
    fitting = [one for one in found if not method or method in one.methods]
    return sorted(fitting, key=lambda one: one.made_at, reverse=True)


def _snapshot(store: Store, one: Snapshot) -> Material:
    methods, watched = (_methods(n, one.compared(side)) for n, side in ((one.train, TRAIN), (one.validation, WATCH)))
    files = [snapshots.path(store, one.id, side) for side in (TRAIN, WATCH)]
    return _frozen(one, SNAPSHOT, one.dataset, files, methods, watched)


def _methods(n: int, compared: int) -> dict[str, int]:
    found = {SFT: n, GRPO: n, **dict.fromkeys(PREFERENCES, compared)}
    return {method: usable for method, usable in found.items() if usable}


def _corpus(store: Store, one: Corpus) -> Material:
    files = [corpora.path(store, one.id, side) for side in (TRAIN, WATCH)]
    watched = {CPT: one.validation} if one.validation else {}
    return _frozen(one, CORPUS, one.library, files, {CPT: one.train}, watched)


def _frozen(
    one: Snapshot | Corpus,
    kind: str,
    source: str,
    files: Sequence[Path],
    methods: dict[str, int],
    watched_by: dict[str, int],
) -> Material:
    train, validation = files
    return Material(
        id=one.id,
        name=one.name,
        kind=kind,
        source=source,
        train=train,
        validation=validation if one.validation else None,
        examples=one.train,
        watched=one.validation,
        methods=methods,
        watched_by=watched_by,
        made_at=one.made_at,
    )


def _pairs(whole: Path) -> Path:
    """The rows of a frozen file that know a worse answer, in a file beside it; what it holds follows from that one."""
    path = whole.with_suffix(".pairs.jsonl")
    if not path.exists():
        jsonl.write(path, (row for row in jsonl.read(whole) if row.get(REJECTED)))
    return path
