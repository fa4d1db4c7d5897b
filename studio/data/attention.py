"""Attention: the active time that people give to examples. It is the real budget of a dataset, so it is counted.

Counted are seconds between signs of life (a key, the pointer, a scroll) that are at most a minute apart; what was
typed is never part of it. Everybody sees their own figure while they work and can switch the counting off.
"""

from dataclasses import dataclass
from datetime import datetime
from math import floor

import numpy as np
import scipy

from engine.scoring.stats import LEVEL, Estimate
from studio import prices
from studio.data import preferences
from studio.prices import Price
from studio.store import Store, now

IDLE = 60  # seconds without a sign of life, after which somebody is taken to be away
WRITE, REVIEW = "write", "review"
SWITCH = "attention"  # the preference; "off" stops it
SHORTEST = 5  # examples below which the middle has no interval worth the name


@dataclass(frozen=True)
class Today:
    """What one person gave: to this example so far, and today in all."""

    here: float  # seconds
    seconds: float
    examples: int


@dataclass(frozen=True)
class Summary:
    """What people gave to a dataset. Times are seconds; `each` is the median over the examples with its interval."""

    each: Estimate
    writing: float
    reviewing: float
    people: int
    price: Price

    @property
    def seconds(self) -> float:
        return self.writing + self.reviewing

    @property
    def cost(self) -> float:
        """In the currency of the price book, by the price that holds now."""
        return prices.cost(self.seconds, self.price)


def counted(store: Store, member: str) -> bool:
    """Whether this person lets the time be counted."""
    return preferences.get(store, member, SWITCH, "on") == "on"


def switch(store: Store, member: str, on: bool) -> None:
    preferences.set(store, member, SWITCH, "on" if on else "off")


def note(store: Store, by: str, dataset: str, entry: str, deed: str, seconds: float) -> None:
    """So many more seconds on this example; nothing for those who have switched it off."""
    assert deed in (WRITE, REVIEW), f"{deed} is no way to spend attention"
    if seconds <= 0 or not counted(store, by):
        return
    with store.jot() as cursor:
        cursor.execute("insert into attention values (?, ?, ?, ?, ?, ?)", [by, dataset, entry, deed, seconds, now()])


def today(store: Store, member: str, dataset: str, entry: str, since: datetime) -> Today:
    """What `member` gave to this entry ever, and to all since (the start of their day, in UTC)."""
    row = store.row(
        """
        select coalesce(sum(seconds) filter (where dataset = ? and entry = ?), 0) as here,
               coalesce(sum(seconds) filter (where made_at >= ?), 0) as seconds,
               count(distinct dataset || '/' || entry) filter (where made_at >= ?) as examples
        from attention
        where made_by = ?
        """,
        [dataset, entry, since, since, member],
    )
    assert row is not None
    return Today(float(row["here"]), float(row["seconds"]), int(row["examples"]))


def summary(store: Store, dataset: str) -> Summary:
    """What writing and reviewing this dataset took so far; nothing counted is n = 0, never zero seconds."""
    rows = store.rows(
        """
        select entry, made_by, coalesce(sum(seconds) filter (where deed = 'write'), 0) as writing,
               coalesce(sum(seconds) filter (where deed = 'review'), 0) as reviewing
        from attention
        where dataset = ?
        group by entry, made_by
        """,
        [dataset],
    )
    each: dict[str, float] = {}
    for row in rows:
        if row["entry"]:  # what was given to an example that was never saved counts in the hours alone
            each[row["entry"]] = each.get(row["entry"], 0.0) + row["writing"] + row["reviewing"]
    return Summary(
        median(list(each.values())),
        sum(row["writing"] for row in rows),
        sum(row["reviewing"] for row in rows),
        len({row["made_by"] for row in rows}),
        prices.of_people(store),
    )


def median(values: list[float]) -> Estimate:
    """The middle value with the interval of order statistics: exact for any distribution, at least 95 % sure.

    (Conover, "Practical Nonparametric Statistics", 3rd edition, section 3.2.)
    """
    if not values:
        return Estimate(None, None, None, 0)
    ordered, n = sorted(values), len(values)
    # P(fewer than this many below the middle) is at most 2.5 %
    lowest = floor(scipy.stats.binom.ppf((1 - LEVEL) / 2, n, 0.5))
    if n <= SHORTEST or lowest < 1:
        return Estimate(float(np.median(ordered)), None, None, n)
    return Estimate(float(np.median(ordered)), ordered[lowest - 1], ordered[n - lowest], n)
