"""Overrides: what people say of the claims that a judge has judged, and the scores that hold with that.

Rulings are only ever added. Of each person the latest on a claim counts; where people differ, the latest of all that
can tell holds, so whoever looks again settles it, and all are shown. A ruling is of these words held against these
passages: when an answer is asked for again and comes out otherwise, it no longer applies.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engine import hashes
from engine.problems import Problem
from engine.scoring.judged import grounds, overruling
from engine.scoring.judged.overruling import CANNOT_TELL, Said
from studio.store import Cursor, Store, now

METRICS = tuple(grounds.NAMES)  # the scores that are made of claims
TAKEN_BACK = ""
# answers with claims, as the judge judged them; `detail` is the same for each of their scores
JUDGED = """
    select r.id, any_value(r.evaluation) as evaluation, any_value(r.candidate) as candidate, any_value(r.item) as item,
           any_value(r.text) as text, any_value(r.passages) as passages, any_value(s.detail) as detail
    from response r
    join score_alone s on s.response = r.id and list_contains($metrics, s.metric) and s.detail->>'status' = 'scored'
    where {}
    group by r.id
"""
# of each person the latest ruling on a claim, oldest first; DuckDB numbers rows in the order in which they were added
STANDING = f"""
    select response, claim, verdict, passage, why, drawn, made_by, made_at
    from ruling
    where list_contains($responses, response)
    qualify row_number() over (partition by response, claim, made_by order by made_at desc, rowid desc) = 1
       and verdict != '{TAKEN_BACK}'
    order by made_at, rowid
"""


@dataclass(frozen=True)
class Ruling:
    """What one person says of a claim: a verdict of the engine's, or `cannot_tell`."""

    verdict: str
    passage: int
    why: str
    drawn: bool
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class Judged:
    """An answer with its claims as the judge judged them, and by claim id the mark by which rulings know it."""

    response: str
    evaluation: str
    candidate: str
    item: str
    text: str
    passages: list[dict[str, Any]]
    detail: dict[str, Any]
    marks: dict[str, str]

    @property
    def claims(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.detail["claims"]
        return found

    @property
    def sources(self) -> list[str]:
        return [str(one.get("source", "")) for one in self.passages]


def rule(
    store: Store, response: str, claim: str, verdict: str, by: str, *, passage: int = 0, why: str = "",
    drawn: bool = False,
) -> None:  # fmt: skip
    """Keep what somebody says of a claim (its id) of an answer; all figures follow. `passage` is the one that holds it.

    `drawn`: the claim came by chance and the judge's verdict was not shown. Problem when it cannot be said.
    """
    said = Said(verdict, passage, why.strip())
    judged = _one(store, response, claim)
    said.check(len(judged.passages))
    told = {"item": judged.item, "verdict": verdict.replace("_", " "), **({"passage": passage} if passage else {})}
    with store.write(by, "claim.rule", judged.evaluation, claim=claim, response=response, **told) as cursor:
        _add(cursor, judged, claim, said, by, drawn)


def take_back(store: Store, response: str, claim: str, by: str, *, drawn: bool = False) -> None:
    """What somebody has said of a claim holds no more. What it was stays on record."""
    judged = _one(store, response, claim)
    with store.write(by, "claim.unrule", judged.evaluation, claim=claim, response=response, item=judged.item) as cursor:
        _add(cursor, judged, claim, Said(TAKEN_BACK), by, drawn)


def of(store: Store, response: str) -> dict[str, list[Ruling]]:
    """By claim id what each person says of it, the one that holds last."""
    with store.read() as cursor:
        found = judged_answers(cursor, "r.id = $response", {"response": response})
        return rulings(cursor, found)[response] if found else {}


def reckon(cursor: Cursor, responses: Sequence[str]) -> None:
    """Score these answers anew with what people say of their claims; those that nobody speaks of keep the judge's."""
    cursor.execute("delete from score_ruled where list_contains(?, response)", [list(responses)])
    spoken = cursor.execute("select distinct response from ruling where list_contains(?, response)", [list(responses)])
    if not (ids := [id for (id,) in spoken.fetchall()]):
        return
    found = judged_answers(cursor, "list_contains($responses, r.id)", {"responses": ids})
    people = rulings(cursor, found)
    for one in found:
        for metric, score in _scores(one, people[one.response]).items():
            cursor.execute(
                """
                insert into score_ruled
                select response, metric, ?, ?, ?
                from score_alone
                where response = ? and metric = ?
                """,
                [score["value"], score["why"], json.dumps(score["detail"], ensure_ascii=False), one.response, metric],
            )


def judged_answers(cursor: Cursor, condition: str, values: Mapping[str, Any]) -> list[Judged]:
    """The answers that a judge has taken apart into claims, those that meet a condition on `response r`."""
    cursor.execute(JUDGED.format(condition), {"metrics": list(METRICS), **values})
    return [_judged(*row) for row in cursor.fetchall()]


def _judged(id: str, evaluation: str, candidate: str, item: str, text: str, passages: str, detail: str) -> Judged:
    found, told = json.loads(passages), json.loads(detail)
    read_from = hashes.content([one["text"] for one in found])
    marks = {row["id"]: hashes.content(id, row["id"], row["claim"], read_from) for row in told["claims"]}
    return Judged(id, evaluation, candidate, item, text, found, told, marks)


def _one(store: Store, response: str, claim: str) -> Judged:
    with store.read() as cursor:
        found = judged_answers(cursor, "r.id = $response", {"response": response})
    if not found or claim not in found[0].marks:
        raise Problem("This claim is no longer there.", "The answer was asked for again.", "Load the page anew.")
    return found[0]


def _add(cursor: Cursor, judged: Judged, claim: str, said: Said, by: str, drawn: bool) -> None:
    values = [judged.evaluation, judged.response, judged.marks[claim], said.verdict, said.passage, said.why, drawn, by]
    cursor.execute("insert into ruling values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*values, now()])
    reckon(cursor, [judged.response])


def rulings(cursor: Cursor, answers: Sequence[Judged]) -> dict[str, dict[str, list[Ruling]]]:
    """{response: {claim id: rulings}}, those that hold last; only of claims that are still there."""
    found: dict[str, dict[str, list[Ruling]]] = {one.response: {} for one in answers}
    ids = {mark: id for one in answers for id, mark in one.marks.items()}
    cursor.execute(STANDING, {"responses": list(found)})
    for response, mark, *said in cursor.fetchall():
        if mark in ids:
            found[response].setdefault(ids[mark], []).append(Ruling(*said))
    for said in (of_claim for of_answer in found.values() for of_claim in of_answer.values()):
        said.sort(key=lambda one: one.verdict != CANNOT_TELL)  # who cannot tell overrules nobody
    return found


def _scores(judged: Judged, people: Mapping[str, Sequence[Ruling]]) -> dict[str, dict[str, Any]]:
    """By metric value, why and detail, with each person's ruling beside the claim; {} where nobody says anything."""
    if not people:
        return {}
    said = {id: Said(one[-1].verdict, one[-1].passage, one[-1].why) for id, one in people.items()}
    found = overruling.scores(judged.detail, said, judged.sources)
    for row in (found[METRICS[0]].detail or {})["claims"]:  # one detail for all of them
        if row["id"] in people:
            row["people"] = [asdict(one) | {"made_at": one.made_at.isoformat()} for one in people[row["id"]]]
    return {name: asdict(score) for name, score in found.items()}
