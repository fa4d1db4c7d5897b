"""Leaks: what the test or validation set shares with what a model learns from, or looks up.

Prompts and answers are compared by their words (`quality.nearness`), between the sides and against every library. It
finds copies and near copies, not the same question in other words. Nobody is shown a test row here: the page asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.data.outgoing import said
from studio.freezing import placements, snapshots
from studio.freezing.snapshots import Snapshot
from studio.freezing.splits import Decision
from studio.reading import libraries
from studio.store import Store

SMALL = 20_000  # up to so many examples the check belongs to every freeze; beyond, somebody asks for it
SAYING = 5  # an answer of fewer words says nothing that only one example could say
PROMPT, ANSWER = "prompt", "answer"
ORDER = ("test", "validation", "train")  # the first is what must have been unseen


@dataclass(frozen=True)
class Row:
    """An example as the check sees it; `key` is its content id in a snapshot, its entry before."""

    key: str
    prompt: str  # all that the user said
    answer: str


@dataclass(frozen=True)
class Leak:
    """`text` of the `split` is found again as `other_text` in `other`: a side, or "library NAME" (then `found` is a
    document). `kind` and `score` are those of `engine.quality.nearness.Near`."""

    what: str  # prompt, answer
    split: str  # test, validation: the side that should have been unseen
    key: str
    other: str
    found: str
    score: float
    kind: str
    text: str
    other_text: str

    @property
    def in_library(self) -> bool:
        return self.other.startswith("library ")


def find(store: Store, snapshot: Snapshot) -> list[Leak]:
    """The leaks of a snapshot, those of the test first, the surest first."""
    sides = {
        split: [row_of(row) for row in snapshots.examples(store, snapshot.id, split)]
        for split in ("train", "validation", "test")
    }
    return between(sides) + in_libraries(store, sides)


def foreseen(store: Store, dataset: str, decision: Decision) -> list[Leak]:
    """The leaks that a freeze would have, by entry, before it is made."""
    sides: dict[str, list[Row]] = {"train": [], "validation": [], "test": []}
    for row in placements.texts(store, dataset):
        if row["entry"] in decision.sides:
            sides[decision.sides[row["entry"]]].append(Row(row["entry"], row["prompt"] or "", row["answer"] or ""))
    return between(sides) + in_libraries(store, sides)


def between(sides: Mapping[str, Sequence[Row]]) -> list[Leak]:
    """The leaks between sides; each pair of examples is told once for its prompts and once for its answers."""

    answers = [row.answer for rows in sides.values() for row in rows]
    labels = len(set(answers)) <= placements.LABELS * len(answers)  # labels are meant to come again
    whats = (PROMPT,) if labels else (PROMPT, ANSWER)
    found = [leak for what in whats for leak in _between(what, sides)]
    return sorted(found, key=lambda leak: (leak.split, leak.other, leak.what == ANSWER, -leak.score))


def _between(what: str, sides: Mapping[str, Sequence[Row]]) -> list[Leak]:
    """Every row that has a counterpart on another side is told with one of each side, oriented towards the test."""
    from engine.quality import nearness

    held = [(side, row) for side, rows in sides.items() for row in rows if _says(what, row)]
    texts = _texts(what, [row for _, row in held])
    copies: dict[str, list[int]] = {}
    for at, text in enumerate(texts):
        copies.setdefault(nearness.normal(text), []).append(at)
    # all texts at once, so that what a template is does not depend on how they are split
    edges = [(near.first, near.second, near.score, near.kind) for near in nearness.near(texts, placements.ALIKE)]
    told: dict[tuple[int, int], Leak] = {}
    for first, second, score, kind in edges:
        one, two = copies[nearness.normal(texts[first])], copies[nearness.normal(texts[second])]
        for here, there in (*_across(held, one, two), *_across(held, two, one)):
            pair = (here, there) if ORDER.index(held[here][0]) < ORDER.index(held[there][0]) else (there, here)
            told.setdefault(pair, _leak(what, held, texts, *pair, score, kind))
    for split, other in (("test", "train"), ("test", "validation"), ("validation", "train")):
        ours, theirs = ([at for at, (side, _) in enumerate(held) if side == name] for name in (split, other))
        for near in nearness.contained([texts[at] for at in ours], [texts[at] for at in theirs], placements.ALIKE):
            pair = (ours[near.first], theirs[near.second])
            told.setdefault(pair, _leak(what, held, texts, *pair, near.score, near.kind))
    return list(told.values())


def _across(held: Sequence[tuple[str, Row]], ones: Sequence[int], others: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each of the ones with the first of the others on every other side."""
    firsts: dict[str, int] = {}
    for at in others:
        firsts.setdefault(held[at][0], at)
    for one in ones:
        for side, other in firsts.items():
            if side != held[one][0]:
                yield one, other


def _leak(
    what: str, held: Sequence[tuple[str, Row]], texts: Sequence[str], one: int, two: int, score: float, kind: str
) -> Leak:
    (split, ours), (other, theirs) = held[one], held[two]
    return Leak(what, split, ours.key, other, theirs.key, score, kind, texts[one], texts[two])


def in_libraries(store: Store, sides: Mapping[str, Sequence[Row]]) -> list[Leak]:
    """Prompts and whole answers of the test and validation sets that stand in a document of a library."""
    from engine.quality import nearness

    found = []
    for library in libraries.listed(store):
        pieces = [(chunk.source, chunk.text) for chunk in libraries.chunks(store, library.name)]
        wholes = [(one.name, one.text) for one in libraries.documents(store, library.name)]
        for split in ("test", "validation"):
            for what, places in ((PROMPT, pieces), (ANSWER, wholes)):
                rows = [row for row in sides[split] if _says(what, row)]
                texts, others = _texts(what, rows), [text for _, text in places]
                compare = nearness.across if what == PROMPT else nearness.contained
                for near in compare(texts, others, placements.ALIKE):
                    key, name = rows[near.first].key, places[near.second][0]
                    where, pair = f"library {library.name}", (texts[near.first], others[near.second])
                    found.append(Leak(what, split, key, where, name, near.score, near.kind, *pair))
    return found


def remedy(found: Sequence[Leak]) -> tuple[str, ...]:
    """The keys to leave out so that nothing is shared between the sides: the example that is not in the test goes."""
    return tuple(sorted({leak.found for leak in found if not leak.in_library}))


def entries(store: Store, dataset: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The entries behind content ids of a snapshot's rows."""
    rows = store.rows(
        "select distinct entry from example where dataset = ? and list_contains(?, id)", [dataset, list(ids)]
    )
    return tuple(sorted(row["entry"] for row in rows))


def counted(found: Sequence[Leak]) -> dict[str, int]:
    """How many test and validation examples each kind of leak concerns: "test prompt in train" -> 3."""
    keys: dict[str, set[str]] = {}
    for leak in found:
        keys.setdefault(f"{leak.split} {leak.what} in {leak.other}", set()).add(leak.key)
    return {name: len(held) for name, held in keys.items()}


def row_of(row: Mapping[str, Any]) -> Row:
    """A frozen row as the check sees it."""
    prompt = "\n".join(said(message) for message in row["messages"] if message["role"] == "user")
    return Row(row["id"], prompt, said(row["messages"][-1]))


def _texts(what: str, rows: Sequence[Row]) -> list[str]:
    return [row.answer if what == ANSWER else row.prompt for row in rows]


def _says(what: str, row: Row) -> bool:
    return len(row.answer.split()) >= SAYING if what == ANSWER else bool(row.prompt.strip())
