"""Judgements: one verdict on a pair by one judge. People and model judges share one store."""

from dataclasses import dataclass, replace

from engine.problems import Problem
from engine.scoring import clustered
from engine.scoring.clustered import ALONE, Clusters
from engine.scoring.stats import Preference
from studio.judging import kin, pairs
from studio.store import Store, now

LEFT, RIGHT, TIE, BOTH_BAD, SKIP = "left", "right", "tie", "both bad", "skip"
VERDICTS = (LEFT, RIGHT, TIE, BOTH_BAD, SKIP)


@dataclass(frozen=True)
class Tally:
    """What the judges of an evaluation said of two candidates. Skipped pairs count nowhere."""

    first: str
    second: str
    outcomes: tuple[int, ...]  # of each verdict: 1 for the first, -1 for the second, 0 for neither
    skipped: int
    judges: int
    clusters: Clusters = ALONE  # what the verdicts belong to

    @property
    def wins(self) -> int:
        return self.outcomes.count(1)

    @property
    def ties(self) -> int:
        return self.outcomes.count(0)

    @property
    def losses(self) -> int:
        return self.outcomes.count(-1)

    @property
    def n(self) -> int:
        return len(self.outcomes)

    @property
    def preference(self) -> Preference:
        return clustered.preference(self.outcomes, self.clusters)

    @property
    def turned(self) -> "Tally":
        """The same, told of the second."""
        outcomes = tuple(-one for one in self.outcomes)
        return replace(self, first=self.second, second=self.first, outcomes=outcomes)


def record(store: Store, pair: str, judge: str, verdict: str, *, note: str = "", seconds: float = 0.0) -> None:
    """Keep a verdict. The same pair by the same judge counts once, so a double click is harmless."""
    if verdict not in VERDICTS:
        raise Problem(f"There is no verdict {verdict!r}.", do=f"Choose one of {', '.join(VERDICTS)}.")
    shown_left = pairs.left(store, pair, judge)
    if store.row("select 1 from judgement where pair = ? and judge = ?", [pair, judge]) is not None:
        return
    with store.write(judge, "pair.judge", pair, verdict=verdict) as cursor:
        cursor.execute(
            "insert into judgement values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
            [f"{pair}/{judge}", pair, judge, shown_left, verdict, note, seconds, now()],
        )


def take_back(store: Store, evaluation: str, judge: str) -> bool:
    """Undo this judge's newest verdict in an evaluation; the Event keeps what it was. False when there is none."""
    row = store.row(
        """
        select j.id, j.pair, j.verdict
        from judgement j
        join pair p on p.id = j.pair
        where p.evaluation = ? and j.judge = ?
        order by j.made_at desc
        limit 1
        """,
        [evaluation, judge],
    )
    if row is None:
        return False
    with store.write(judge, "pair.unjudge", row["pair"], verdict=row["verdict"]) as cursor:
        cursor.execute("delete from judgement where id = ?", [row["id"]])
    return True


def pace(store: Store, evaluation: str, judge: str) -> float | None:
    """Median seconds that this judge takes for a pair; None before the first verdict."""
    row = store.row(
        """
        select median(j.seconds) as pace
        from judgement j
        join pair p on p.id = j.pair
        where p.evaluation = ? and j.judge = ?
        """,
        [evaluation, judge],
    )
    return row["pace"] if row else None


def tallies(store: Store, evaluation: str) -> list[Tally]:
    """One tally for each two candidates that were paired; ties and both-bad count as ties."""
    rows = store.rows(
        """
        with said as (
            select ca.id as one, cb.id as other, ca.name as first, cb.name as second, j.id, j.judge, p.item,
                   case when j.verdict in ('tie', 'both bad') then 0
                        when j.verdict = 'skip' then null
                        when (j.verdict = 'left') = (j.shown_left = p.first) then 1
                        else -1 end as outcome
            from judgement j
            join pair p on p.id = j.pair
            join response a on a.id = p.first
            join response b on b.id = p.second
            join candidate ca on ca.id = a.candidate
            join candidate cb on cb.id = b.candidate
            where p.evaluation = ?
        )
        select first, second,
               coalesce(list(outcome order by id) filter (where outcome is not null), []) as outcomes,
               coalesce(list(item order by id) filter (where outcome is not null), []) as items,
               count(*) filter (where outcome is null) as skipped,
               count(distinct judge) as judges
        from said
        group by one, other, first, second
        order by first, second
        """,
        [evaluation],
    )
    theirs = kin.of(store, evaluation)
    return [
        Tally(
            row["first"], row["second"], tuple(row["outcomes"]), row["skipped"], row["judges"],
            theirs.several(row["items"]),
        )
        for row in rows
    ]  # fmt: skip
