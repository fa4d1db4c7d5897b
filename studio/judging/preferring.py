"""Preferring: verdicts on pairs become examples that know a worse answer, too, so that a model can learn from them.

Questions of a locked test set stay out unless somebody asks for them by name: a model that has learned from them knows
the test by heart. Ties and pairs on which the judges do not agree say nothing about which answer is better.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import hashes
from engine.data.conversations import Unusable, parse
from engine.data.mapping import Compared
from engine.problems import Problem
from studio import sample
from studio.data import datasets
from studio.data.examples import APPROVED
from studio.freezing import snapshots
from studio.judging import pairs
from studio.judging.evaluations import Evaluation
from studio.store import Store, now

MAJORITY, UNANIMOUS = "majority", "unanimous"
AGREEMENTS = {
    MAJORITY: "More than half of the verdicts on a pair name the same answer.",
    UNANIMOUS: "All verdicts on a pair name the same answer.",
}
TAG = "judged"
TEST, VALIDATION = "test", "validation"


@dataclass(frozen=True)
class Found:
    """What the verdicts of an evaluation make: examples with a worse answer, and what was left out, by its reason."""

    evaluation: str
    name: str
    examples: list[Compared]
    judges: tuple[str, ...]
    pairs: int = 0  # that these judges have judged
    ties: int = 0  # equally good, both bad
    skipped: int = 0
    disagreed: int = 0
    test: int = 0  # questions of a test set among all that could be learned from
    with_test: bool = False  # whether those are among the examples
    validation: int = 0  # questions of a validation set among the examples
    twice: int = 0  # the same question with the same better answer
    unusable: int = 0  # an answer without words, or one that calls tools
    informed: int = 0  # better answers, among the examples, that were given with documents at hand

    @property
    def origin(self) -> str:
        return f"verdicts on “{self.name}”"


def judges(store: Store, evaluation: str) -> dict[str, int]:
    """Who judged pairs of an evaluation, people and models -> how many, the busiest first."""
    rows = store.rows(
        """
        select j.judge, count(*) as n
        from judgement j
        join pair p on p.id = j.pair
        where p.evaluation = ?
        group by j.judge
        order by n desc, j.judge
        """,
        [evaluation],
    )
    return {row["judge"]: row["n"] for row in rows}


def find(
    store: Store,
    evaluation: Evaluation,
    whose: Collection[str] = (),
    agreement: str = MAJORITY,
    *,
    with_test: bool = False,
) -> Found:
    """What the verdicts of some judges (all, when none is named) would make. Nothing is written."""
    if agreement not in AGREEMENTS:
        raise Problem(f"There is no agreement {agreement!r}.", do=f"Choose one of {', '.join(AGREEMENTS)}.")
    judged = _judged(store, evaluation.id, tuple(whose or judges(store, evaluation.id)))
    counts, examples, seen = Counter[str](), [], set[str]()
    sides = {side: _asked(store, side) for side in (TEST, VALIDATION)} if judged else {}
    for number, row in enumerate(judged, 1):
        if (better := _better(row, agreement, counts)) is None:
            continue
        side = next((side for side, known in sides.items() if _held(row, known)), "")
        if side == TEST:
            counts[TEST] += 1
            if not with_test:
                continue
        example = _example(row, better, number)
        if example is None:
            counts["unusable"] += 1
        elif example.conversation.id in seen:
            counts["twice"] += 1
        else:
            seen.add(example.conversation.id)
            examples.append(example)
            counts[VALIDATION] += side == VALIDATION
            counts["informed"] += row[f"{better}_passages"] not in ("[]", "", None)
    named = tuple(sorted({judge for row in judged for judge in row["judges"]}))
    return Found(evaluation.id, evaluation.name, examples, named, len(judged), with_test=with_test, **dict(counts))


def learn(store: Store, found: Found, dataset: str, by: str, status: str = APPROVED) -> datasets.Imported:
    """Put what was found into a dataset, which is made if it is not there. The same again adds nothing."""
    if not found.examples:
        raise Problem(
            "These verdicts make no example.", "None of them says which answer is better, or all are held back."
        )
    if not dataset.strip():
        raise Problem("The dataset has no name.", do="Give it one.")
    about = {"evaluation": found.name, "n": len(found.examples), "judges": ", ".join(found.judges)}
    about |= {"test": found.test if found.with_test else 0}
    with store.write(by, "verdicts.learn", dataset, **about) as cursor:
        note = f"Pairs of a better and a worse answer, from {found.origin}."
        cursor.execute("insert into dataset values (?, ?, ?, ?) on conflict do nothing", [dataset, note, by, now()])
        added = datasets.insert(
            cursor, dataset, found.examples, f"evaluation {found.evaluation}", by, status, found.origin
        )
    return datasets.Imported(dataset, found.name, added, len(found.examples) - added, 0)


def _judged(store: Store, evaluation: str, whose: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each pair that these have judged: its question, both answers, and how many spoke for which."""
    return store.rows(
        """
        with said as (
            select j.pair, j.judge,
                   case when j.verdict in ('left', 'right')
                        then if((j.verdict = 'left') = (j.shown_left = p.first), 'first', 'second')
                        else j.verdict end as outcome
            from judgement j
            join pair p on p.id = j.pair
            where p.evaluation = $evaluation and list_contains($whose, j.judge)
        )
        select p.id, p.item, i.body, array_agg(said.judge) as judges,
               count(*) filter (where outcome = 'first') as first_n,
               count(*) filter (where outcome = 'second') as second_n,
               count(*) filter (where outcome <> 'skip') as votes,
               a.text as first, b.text as second, a.passages as first_passages, b.passages as second_passages,
               a.calls as first_calls, b.calls as second_calls,
               ca.system as first_system, cb.system as second_system
        from said
        join pair p on p.id = said.pair
        join item i on i.evaluation = p.evaluation and i.id = p.item
        join response a on a.id = p.first
        join response b on b.id = p.second
        join candidate ca on ca.id = a.candidate
        join candidate cb on cb.id = b.candidate
        group by all
        order by p.id
        """,
        {"evaluation": evaluation, "whose": list(whose)},
    )


def _better(row: Mapping[str, Any], agreement: str, counts: Counter[str]) -> str | None:
    """first or second; None, counted, when the verdicts do not say."""
    first, second, votes = row["first_n"], row["second_n"], row["votes"]
    most = max(first, second)
    if not votes:
        counts["skipped"] += 1
    elif not most:
        counts["ties"] += 1
    elif most == votes or (agreement == MAJORITY and 2 * most > votes):
        return "first" if first > second else "second"
    else:
        counts["disagreed"] += 1
    return None


def _example(row: Mapping[str, Any], better: str, number: int) -> Compared | None:
    """The question with both answers; None when one of these has no words, or calls tools. A system prompt that both
    candidates had belongs to the question; where theirs differed, the question keeps its own."""
    body = json.loads(row["body"])
    messages = list(body["messages"])
    if row["first_system"] and row["first_system"] == row["second_system"]:
        asked = [message for message in messages if message["role"] != "system"]
        messages = [{"role": "system", "content": row["first_system"]}, *asked]
    worse = row["second" if better == "first" else "first"]
    answer = {"role": "assistant", "content": row[better]}
    tags = list(dict.fromkeys([*body.get("tags", []), TAG]))
    if not worse.strip() or pairs.called(row["first_calls"]) or pairs.called(row["second_calls"]):
        return None
    try:
        said = parse({"messages": [*messages, answer], "tags": tags})
    except Unusable:
        return None
    return Compared(number, said, [{"role": "assistant", "content": worse}])


def _asked(store: Store, side: str) -> set[str]:
    """The ids and the questions of every frozen row of this side, and of the sample's own. Nobody is shown one."""
    known = {_question([{"role": "user", "content": row["question"]}]) for row in sample.questions(side)}
    for row in _rows(store, side):
        known |= {row["id"], _question(row["messages"][:-1])}
    return known


def _rows(store: Store, side: str) -> Iterator[dict[str, Any]]:
    for snapshot in snapshots.listed(store):
        with snapshots.path(store, snapshot.id, side).open(encoding="utf-8", newline="\n") as file:
            yield from map(json.loads, file)


def _held(row: Mapping[str, Any], known: Collection[str]) -> bool:
    return row["item"] in known or _question(json.loads(row["body"])["messages"]) in known


def _question(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the user has said so far, however it is spaced and whatever the system prompt is."""
    return hashes.content([" ".join(str(m.get("content")).casefold().split()) for m in messages if m["role"] == "user"])
