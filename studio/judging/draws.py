"""Draws: claims drawn by chance and judged by people who do not see the judge's verdict, so that both can be compared.

What somebody overrules while reading is no sample: people look where something seems wrong. So only what was drawn
counts for agreement. The order is fixed by hashes, one for each person, so a draw goes on where it was left, and
whoever stops early leaves a sample all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import hashes
from engine.scoring import agreement
from engine.scoring.judged.overruling import CANNOT_TELL
from engine.scoring.stats import Estimate
from studio.judging import kin, overrides
from studio.judging.overrides import Judged
from studio.store import Store

A_DRAW = 20  # claims that one is asked to check
LEAST = 15  # claims below which agreement says nothing; a draw may hold some of which nobody can tell
# of each person the latest on a claim that was drawn, whatever was said of it in the open since
BLIND = f"""
    select claim, verdict, passage, made_by, made_at
    from ruling
    where evaluation = ? and drawn
    qualify row_number() over (partition by claim, made_by order by made_at desc, rowid desc) = 1
       and verdict != '{overrides.TAKEN_BACK}'
    order by made_at, rowid
"""


@dataclass(frozen=True)
class Blind:
    """A claim as whoever checks it may see it: nothing of the judge's verdict, nor of who answered."""

    response: str
    item: str
    id: str
    claim: str
    question: str
    text: str  # the answer that makes it
    passages: list[dict[str, Any]]


@dataclass(frozen=True)
class Turn:
    """`done` of the `of` claims that there are to draw from; `blind` is None when every one has been checked."""

    done: int
    of: int
    blind: Blind | None


@dataclass(frozen=True)
class Differ:
    """A drawn claim of which a person says something else than the judge: its row of the ledger, and what was said."""

    row: dict[str, Any]
    verdict: str
    passage: int
    made_by: str


@dataclass(frozen=True)
class Agreement:
    """Of the claims that were drawn: how often people's verdict is the judge's, and how far beyond chance.

    A claim counts once, with the latest verdict of those that can tell; claims of one question belong together.
    `enough` says whether there are `LEAST`.
    """

    share: Estimate
    kappa: Estimate
    unsure: int  # claims of which people can only say that they cannot tell; they count nowhere
    people: tuple[str, ...]
    twice: Estimate  # of claims that two people were dealt: how often all say the same
    differ: list[Differ]
    claims: int  # that could be drawn

    @property
    def n(self) -> int:
        return self.share.n

    @property
    def enough(self) -> bool:
        return self.n >= LEAST


def turn(store: Store, evaluation: str, by: str) -> Turn:
    """How far somebody is with checking, and the claim that comes next."""
    known = _claims(store, evaluation)
    done = {row["claim"] for row in _blind(store, evaluation) if row["made_by"] == by} & known.keys()
    waiting = known.keys() - done
    if not waiting:
        return Turn(len(done), len(known), None)
    one, row = known[min(waiting, key=lambda mark: hashes.share(f"{by} {mark}"))]
    asked = "select body->'messages'->-1->>'content' as question from item where evaluation = ? and id = ?"
    question = (store.row(asked, [evaluation, one.item]) or {}).get("question") or ""
    blind = Blind(one.response, one.item, row["id"], row["claim"], question, one.text, one.passages)
    return Turn(len(done), len(known), blind)


def take_back(store: Store, evaluation: str, by: str) -> None:
    """Undo what somebody said last of a drawn claim, if there is anything."""
    known = _claims(store, evaluation)
    said = [row["claim"] for row in _blind(store, evaluation) if row["made_by"] == by and row["claim"] in known]
    if said:
        one, row = known[said[-1]]
        overrides.take_back(store, one.response, row["id"], by, drawn=True)


def agreed(store: Store, evaluation: str) -> Agreement:
    """How far people agree with the judge on the claims that were drawn, by whoever was dealt them."""
    known = _claims(store, evaluation)
    said: dict[str, list[dict[str, Any]]] = {}
    for row in _blind(store, evaluation):
        if row["claim"] in known:
            said.setdefault(row["claim"], []).append(row)
    told = {mark: able for mark, rows in said.items() if (able := [r for r in rows if r["verdict"] != CANNOT_TELL])}
    pairs = [(known[mark][1]["verdict"], rows[-1]["verdict"]) for mark, rows in told.items()]
    several = {mark: _ends(rows) for mark, rows in told.items() if len(rows) > 1}
    belong = kin.of(store, evaluation)
    clusters, theirs = (belong.several([known[mark][0].item for mark in some]) for some in (told, several))
    return Agreement(
        agreement.share(pairs, clusters),
        agreement.kappa(pairs, clusters),
        len(said) - len(told),
        tuple(sorted({row["made_by"] for rows in said.values() for row in rows})),
        agreement.share([*several.values()], theirs),
        [
            Differ(known[mark][1], rows[-1]["verdict"], rows[-1]["passage"], rows[-1]["made_by"])
            for mark, rows in told.items()
            if rows[-1]["verdict"] != known[mark][1]["verdict"]
        ],
        len(known),
    )


def _ends(rows: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Two verdicts that are alike only where all are."""
    verdicts = sorted({row["verdict"] for row in rows})
    return verdicts[0], verdicts[-1]


def _blind(store: Store, evaluation: str) -> list[dict[str, Any]]:
    return store.rows(BLIND, [evaluation])


def _claims(store: Store, evaluation: str) -> dict[str, tuple[Judged, dict[str, Any]]]:
    """Every claim of an evaluation by its mark: its answer, and its row of the judge's own ledger."""
    with store.read() as cursor:
        answers = overrides.judged_answers(cursor, "r.evaluation = $evaluation", {"evaluation": evaluation})
    return {one.marks[row["id"]]: (one, row) for one in answers for row in one.claims}
