"""The sample project: one fictional company's files, brought into a studio like anybody else's."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from engine import jsonl
from engine.data.conversations import SPLITS
from engine.scoring import guide as rules
from studio.building import models
from studio.data import datasets, guides
from studio.folders import SAMPLE
from studio.freezing import snapshots
from studio.freezing.snapshots import Snapshot
from studio.reading import libraries
from studio.reading import questions as asking
from studio.store import Store

TONE, TRIAGE, LIBRARY = "tone", "triage", "fernwick"
FILES = {  # dataset -> its files, each a split as it is shipped
    TONE: [f"tone/{split}.jsonl" for split in SPLITS] + ["answers/train.jsonl", "answers/validation.jsonl"],
    TRIAGE: [f"triage/{split}.jsonl" for split in SPLITS],
}
GUIDE = SAMPLE / "style_guide.json"

Progress = Callable[[str, int, int], None]


def load(store: Store, by: str, progress: Progress = lambda what, done, of: None) -> dict[str, Any]:
    """Import the sample's datasets, their style guide, and documents. Loading it again adds nothing.

    `progress` hears (what, done, of).
    """
    models.add_starter(store)
    added: dict[str, Any] = {name: _load(store, name, by, progress) for name in FILES}
    if not guides.history(store, TONE):  # one that people have changed since is theirs
        guides.save(store, TONE, rules.read(GUIDE.read_text(encoding="utf-8")), by)
    texts = {path.name: path.read_text() for path in sorted((SAMPLE / "documents").glob("*.md"))}
    libraries.add(store, LIBRARY, texts, by)
    if not asking.listed(store, LIBRARY):  # the library's own measure; those of the test split are for candidates
        asking.bring_in(store, LIBRARY, SAMPLE / "questions" / "validation.jsonl", by)
    progress("documents", len(texts), len(texts))
    return {**added, "documents": len(texts)}


def _load(store: Store, name: str, by: str, progress: Progress) -> dict[str, int]:
    """One dataset, file by file."""
    counts = []
    for file in FILES[name]:
        split = Path(file).stem
        hear = partial(progress, file)
        counts.append(datasets.bring_in(store, SAMPLE / file, name, by, name=file, split=split, progress=hear))
    return {
        "added": sum(count.added for count in counts),
        "known": sum(count.known for count in counts),
        "rejected": sum(count.rejected for count in counts),
    }


def freeze(store: Store, by: str) -> tuple[Snapshot, Snapshot]:
    """The frozen tone and triage datasets."""
    return snapshots.freeze(store, TONE, by), snapshots.freeze(store, TRIAGE, by)


def questions(split: str) -> list[dict[str, Any]]:
    """Questions that only the sample's documents answer: validation or test."""
    path = SAMPLE / "questions" / f"{split}.jsonl"
    return jsonl.read(path)
