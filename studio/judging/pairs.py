"""Pairs: two answers to one item, shown without names.

Which side an answer stands on follows from the pair and the judge, so it is balanced, repeatable, and no session's
luck. A BlindPair has no model, candidate or response id in it: a page cannot leak what it does not hold.
"""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine import hashes
from engine.problems import Problem
from engine.scoring.said import calls_of
from studio.store import Store, now


@dataclass(frozen=True)
class BlindPair:
    id: str
    prompt: str
    left: str
    right: str
    before: tuple[dict[str, Any], ...] = ()  # turns of the conversation that the prompt ends
    left_calls: str = ""  # of tools, as JSON; '' for none
    right_calls: str = ""


@dataclass(frozen=True)
class Revealed:
    pair: str
    prompt: str
    left: str  # candidate names
    right: str
    verdict: str


def deal(store: Store, evaluation: str, first: str, second: str, by: str) -> int:
    """Pair the answers of two candidates item by item; how many pairs there are. Identical answers are left out."""
    if first == second:
        raise Problem("A candidate cannot be compared with itself.", do="Choose two different ones.")
    if _dealt(store, evaluation, second, first):  # one tally for two candidates, whichever is named first
        first, second = second, first
    rows = [row for row in _answered(store, evaluation, first, second) if not row.pop("same")]
    if not rows:
        raise Problem(
            "There is no pair to judge.",
            "The two have no item in common that both answered, and answered differently.",
            "Wait for the evaluation to finish, or choose two others.",
        )
    made = [{"id": hashes.content(sorted((row["first"], row["second"]))), **row} for row in rows]
    with store.write(by, "pairs.deal", evaluation, pairs=len(made)) as cursor:
        cursor.register("made", pd.DataFrame(made))
        cursor.execute(
            "insert into pair select id, ?, item, first, second, ? from made on conflict do nothing",
            [evaluation, now()],
        )
        cursor.unregister("made")
    return len(made)


def identical(store: Store, evaluation: str, first: str, second: str) -> int:
    """How many items both candidates answered with the same words: nobody needs to judge those."""
    return sum(row["same"] for row in _answered(store, evaluation, first, second))


def next_blind(store: Store, evaluation: str, judge: str) -> BlindPair | None:
    """A pair that this judge has not judged, in an order of their own; None when all are done."""
    row = store.row(
        """
        select p.id, p.first, p.second, i.body, a.text as first_text, b.text as second_text,
               a.calls as first_calls, b.calls as second_calls
        from pair p
        join item i on i.evaluation = p.evaluation and i.id = p.item
        join response a on a.id = p.first
        join response b on b.id = p.second
        where p.evaluation = ?
          and not exists (select 1 from judgement j where j.pair = p.id and j.judge = ?)
        order by md5(p.id || ?)
        limit 1
        """,
        [evaluation, judge, judge],
    )
    if row is None:
        return None
    said = [message for message in json.loads(row["body"])["messages"] if message["role"] != "system"]
    sides = [(row["first_text"], called(row["first_calls"])), (row["second_text"], called(row["second_calls"]))]
    if swapped(row["id"], judge):
        sides.reverse()
    (one, calls), (other, others) = sides
    return BlindPair(row["id"], said[-1]["content"], one, other, tuple(said[:-1]), calls, others)


def called(calls: str | None) -> str:
    """The tools that an answer calls, with their arguments, as JSON; '' for none. Their ids are left out: these differ
    from call to call, and their form tells who serves the model."""
    found = calls_of({"tool_calls": json.loads(calls or "[]")})
    return json.dumps(found, ensure_ascii=False) if found else ""


def swapped(pair: str, judge: str) -> bool:
    """Whether this judge sees the second answer on the left."""
    return hashes.share(f"{pair}/{judge}") < 0.5


def left(store: Store, pair: str, judge: str) -> str:
    """The response on the left of this judge's screen."""
    row = store.row("select first, second from pair where id = ?", [pair])
    if row is None:
        raise Problem(f"There is no pair {pair}.")
    return str(row["second"] if swapped(pair, judge) else row["first"])


def count(store: Store, evaluation: str, judge: str) -> tuple[int, int]:
    """(judged by this judge, all)."""
    row = store.row(
        """
        select count(*) as n,
               count(*) filter (where exists (select 1 from judgement j where j.pair = p.id and j.judge = ?)) as judged
        from pair p
        where p.evaluation = ?
        """,
        [judge, evaluation],
    )
    assert row is not None
    return row["judged"], row["n"]


def reveal(store: Store, evaluation: str, judge: str) -> list[Revealed]:
    """Who was who in what this judge has judged. For after the judging."""
    rows = store.rows(
        """
        select j.pair, i.body->'messages'->-1->>'content' as prompt, j.verdict, l.name as left, r.name as right
        from judgement j
        join pair p on p.id = j.pair
        join item i on i.evaluation = p.evaluation and i.id = p.item
        join response a on a.id = j.shown_left
        join response b on b.id = (case when j.shown_left = p.first then p.second else p.first end)
        join candidate l on l.id = a.candidate
        join candidate r on r.id = b.candidate
        where p.evaluation = ? and j.judge = ?
        order by j.made_at desc
        """,
        [evaluation, judge],
    )
    return [Revealed(**row) for row in rows]


def _answered(store: Store, evaluation: str, first: str, second: str) -> list[dict[str, Any]]:
    """The items that both answered, with both responses, and whether these call the same tools and differ in nothing
    but spaces and breaks."""
    rows = store.rows(
        """
        select a.item, a.id as first, b.id as second, a.calls as calls, b.calls as others,
               trim(regexp_replace(a.text, '\\s+', ' ', 'g')) = trim(regexp_replace(b.text, '\\s+', ' ', 'g')) as same
        from response a
        join response b on b.evaluation = a.evaluation and b.item = a.item and b.candidate = ?
        where a.evaluation = ? and a.candidate = ? and a.error = '' and b.error = '' and a.repeat = 0 and b.repeat = 0
        """,
        [second, evaluation, first],
    )
    for row in rows:
        row["same"] &= called(row.pop("calls")) == called(row.pop("others"))
    return rows


def _dealt(store: Store, evaluation: str, first: str, second: str) -> bool:
    found = store.row(
        """
        select 1
        from pair p
        join response a on a.id = p.first and a.candidate = ?
        join response b on b.id = p.second and b.candidate = ?
        where p.evaluation = ?
        limit 1
        """,
        [first, second, evaluation],
    )
    return found is not None
