"""Nearness: which examples are like a text, which contradict each other, and what a dataset is about.

Vectors come from the latest scan; what was written since is added to them here, and a small dataset that was never
scanned gets its own on the spot. So nothing here waits for a job, and nothing is older than the last save.
"""

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.quality import contradictions as contradicting
from engine.quality import embedding, subjects
from engine.quality import topics as themes
from engine.quality.embedding import Embedder, Vectors
from engine.quality.subjects import Subject
from engine.quality.topics import Topic
from studio.data import examples
from studio.data.examples import APPROVED, REJECTED, Example
from studio.quality import scans
from studio.quality.scans import Scan
from studio.store import Store

AT_ONCE = 5000  # examples that are embedded on the spot
COMPARED = 2000  # examples among which contradictions are sought on the spot


@dataclass(frozen=True)
class Similar:
    """`score` is the cosine of the two texts, from 0 to 1."""

    entry: str
    score: float
    example: Example


@dataclass(frozen=True)
class Contradiction:
    """Two entries whose questions are nearly the same. Shares of words in common: of the questions, of the answers."""

    entry: str
    other: str
    score: float
    cosine: float
    answers: float


@dataclass(frozen=True)
class Topics:
    """`points` has a row an example: entry, x, y, topic (number), status, prompt; `n` of `of` are on the map."""

    points: pd.DataFrame
    topics: list[Topic]
    n: int
    of: int

    @property
    def gaps(self) -> list[Topic]:
        """Those with few approved examples, the least covered first."""
        return sorted((topic for topic in self.topics if topic.gap), key=lambda topic: (topic.approved, -topic.n))


@dataclass(frozen=True)
class _Space:
    """Rows of `vectors` belong to `entries`; `status` holds those of today."""

    embedder: Embedder
    vectors: Vectors
    entries: list[str]
    status: list[str]


def similar(store: Store, dataset: str, text: str, k: int = 5, status: str = APPROVED) -> list[Similar]:
    """The examples nearest to a text, best first; `status` '' for any but the rejected. None for an empty dataset."""
    if not text.strip():
        return []
    space = _space(store, dataset)
    if space is None:
        return []
    wanted = np.array([s == status if status else s != REJECTED for s in space.status], dtype=bool)
    at = np.flatnonzero(wanted)
    one = space.embedder.encode([subjects.gist(text)])[0]
    near = [(space.entries[at[number]], score) for number, score in embedding.nearest(space.vectors[at], one, k)]
    return [Similar(entry, score, examples.get(store, dataset, entry)) for entry, score in near]


def contradictions(store: Store, dataset: str) -> list[Contradiction]:
    """Those that nobody has settled, the clearest first: found on the spot in a small dataset, by a scan in others."""
    row = store.row("select count(*) as n from example where dataset = ? and latest", [dataset])
    if row and row["n"] > COMPARED:
        scan = scans.latest(store, dataset)
        found = scans.open_findings(store, scan, "contradiction", limit=1000) if scan else []
        return [Contradiction(one.entry, one.other, one.score, **one.body) for one in found]
    pairs: list[Contradiction] = _kept("contradictions", store, dataset, _compare)
    rows = store.rows("select entry, other from settled where dataset = ?", [dataset])
    settled = {(row["entry"], row["other"]) for row in rows}
    return [pair for pair in pairs if tuple(sorted((pair.entry, pair.other))) not in settled]


def topics(store: Store, dataset: str) -> Topics | None:
    """The map of a dataset: that of the last scan, or one drawn on the spot. None where there are too few to tell."""
    found: Topics | None = _kept("topics", store, dataset, _topics)
    return found


def rows(store: Store, dataset: str, after: int = 0, limit: int = AT_ONCE) -> list[Subject]:
    """The latest examples that are not rejected and came after a seq, in their order."""
    found = store.rows(
        """
        select entry, status, tags, messages
        from example
        where dataset = ? and latest and status <> 'rejected' and seq > ?
        order by place
        limit ?
        """,
        [dataset, after, limit],
    )
    return [subjects.of(row["entry"], row["status"], row["tags"], json.loads(row["messages"])) for row in found]


_memory: OrderedDict[tuple[str, str, str], tuple[Any, Any]] = OrderedDict()
_remembering = threading.Lock()


def _kept(what: str, store: Store, dataset: str, make: Any) -> Any:
    """`make(store, dataset)`, made anew only when the dataset or its last scan has changed; a few are remembered."""
    row = store.row(
        """
        select (select max(seq) from example where dataset = $1) as seq,
               (select max(id) from scan where dataset = $1 and summary is not null) as scan
        """,
        [dataset],
    )
    key, state = (what, str(store.home.root), dataset), tuple(row.values()) if row else ()
    with _remembering:
        if key in _memory and _memory[key][0] == state:
            _memory.move_to_end(key)
            return _memory[key][1]
    made = make(store, dataset)
    with _remembering:
        _memory[key] = (state, made)
        while len(_memory) > 12:
            _memory.popitem(last=False)
    return made


def _space(store: Store, dataset: str) -> _Space | None:
    found: _Space | None = _kept("space", store, dataset, _embed)
    return found


def _embed(store: Store, dataset: str) -> _Space | None:
    scan = scans.latest(store, dataset)
    if scan is None or not (scan.vectors / "entries.json").is_file():
        fresh = rows(store, dataset)
        if not fresh:
            return None
        gists = [row.gist for row in fresh]
        quick = embedding.lexical(gists)
        return _Space(quick, quick.encode(gists), [row.entry for row in fresh], [row.status for row in fresh])
    embedder = embedding.load(scan.vectors)
    vectors = np.load(scan.vectors / "vectors.npy").astype(np.float32)
    entries: list[str] = json.loads((scan.vectors / "entries.json").read_text())
    fresh = rows(store, dataset, after=scan.upto)
    place = {entry: at for at, entry in enumerate(entries)}
    newer = embedder.encode([row.gist for row in fresh])
    for row, vector in zip(fresh, newer, strict=True):
        if row.entry in place:
            vectors[place[row.entry]] = vector
    added = [at for at, row in enumerate(fresh) if row.entry not in place]
    if added:
        vectors = np.concatenate([vectors, newer[added]])
        entries += [fresh[at].entry for at in added]
    return _Space(embedder, vectors, entries, _statuses(store, dataset, entries))


def _statuses(store: Store, dataset: str, entries: list[str]) -> list[str]:
    found = store.rows("select entry, status from example where dataset = ? and latest", [dataset])
    status = {row["entry"]: row["status"] for row in found}
    return [status.get(entry, REJECTED) for entry in entries]


def _compare(store: Store, dataset: str) -> list[Contradiction]:
    fresh = rows(store, dataset, limit=COMPARED)
    space = _space(store, dataset)
    if space is None:
        return []
    return [
        Contradiction(fresh[pair.first].entry, fresh[pair.second].entry, pair.prompts, pair.cosine, pair.answers)
        for pair in contradicting.find(fresh, space.embedder)
    ]


def _topics(store: Store, dataset: str) -> Topics | None:
    row = store.row(
        "select count(*) as n from example where dataset = ? and latest and status <> 'rejected'", [dataset]
    )
    of = int(row["n"]) if row else 0
    scan = scans.latest(store, dataset)
    if scan is not None and (scan.vectors / "map.json").is_file() and scans.changed_since(store, scan) < 0.1 * of:
        return _drawn(store, scan, of)
    if of > AT_ONCE:
        return None
    fresh, space = rows(store, dataset), _space(store, dataset)
    if space is None:
        return None
    place = {entry: at for at, entry in enumerate(space.entries)}
    vectors = space.vectors[[place[row.entry] for row in fresh]]
    found = themes.find(vectors, [row.prompt for row in fresh], [row.status == APPROVED for row in fresh])
    if found is None:
        return None
    points = pd.DataFrame(
        {
            "entry": [row.entry for row in fresh],
            "x": found.places[:, 0],
            "y": found.places[:, 1],
            "topic": found.belongs,
            "status": [row.status for row in fresh],
            "prompt": [row.prompt for row in fresh],
        }
    )
    return Topics(points, found.topics, len(points), of)


def _drawn(store: Store, scan: Scan, of: int) -> Topics:
    """The map of a scan, with the status and words of today."""
    told = json.loads((scan.vectors / "map.json").read_text())
    points = pd.DataFrame(told["places"], columns=["x", "y"])
    points["entry"] = json.loads((scan.vectors / "entries.json").read_text())
    points["topic"] = told["belongs"]
    with store.read() as cursor:
        cursor.register("mapped", points)
        found = cursor.execute(
            """
            select m.entry, m.x, m.y, m.topic, e.status, e.messages::text as messages
            from mapped m
            join example e on e.entry = m.entry and e.dataset = ? and e.latest
            where e.status <> 'rejected'
            order by e.place
            """,
            [scan.dataset],
        ).df()
        cursor.unregister("mapped")
    prompts = [subjects.of("", "", (), json.loads(said)).prompt for said in found.pop("messages")]
    found["prompt"] = prompts
    listed = [Topic(**{**topic, "words": tuple(topic["words"])}) for topic in told["topics"]]
    return Topics(found, listed, len(found), of)
