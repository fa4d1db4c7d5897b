"""Rounds: how many items a race asks before the worse half of those that run in it leaves (successive halving, Jamieson
and Talwalkar, AISTATS 2016).

Each round asks the items of the one before and as many again, so that those who stay are judged on more and more of
them. Halving is for a budget that is short: where it lets everybody be asked everything, nobody leaves early.
"""

from collections.abc import Sequence

LEAST = 20  # items one must be asked, or chance decides


def planned(runners: int, items: int, answers: int) -> tuple[int, ...]:
    """How many items each round asks, the last one all where `answers` suffice; () where they are too few for any race.

    Of the races that they pay for, the one in which the first leave latest.
    """
    least = min(LEAST, items)
    first = items
    while first >= least:
        if asked(runners, found := _doubled(runners, first, items)) <= answers:
            return found
        first = -(-first // 2) if first > least else 0
    fewer = range(min(items, answers), least - 1, -1)
    races = (_doubled(runners, least, last) for last in fewer)
    return next((race for race in races if asked(runners, race) <= answers), ())


def asked(runners: int, rounds: Sequence[int]) -> int:
    """How many answers a race takes; none is asked for twice."""
    total, before = 0, 0
    for items in rounds:
        total += runners * (items - before)
        runners, before = staying(runners), items
    return total


def staying(runners: int) -> int:
    """How many of these go on to the next round: the better half, and never one alone, who would have no rival."""
    return max(2, -(-runners // 2))


def _doubled(runners: int, first: int, last: int) -> tuple[int, ...]:
    """Rounds that begin with `first` items and double them until all are asked, or two are left."""
    found, items = [], first
    while items < last and runners > 2:
        found.append(items)
        runners, items = staying(runners), 2 * items
    return (*found, last)
