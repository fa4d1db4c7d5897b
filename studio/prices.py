"""Prices: a dated price book with sources, and what an answer cost by it. The newest row of a name holds."""

from dataclasses import dataclass
from datetime import datetime

from engine.problems import Problem
from studio.store import Store, now

MACHINE = "this machine"
PEOPLE = "an hour of work"
OURS = "atelier"  # whoever sets what is only assumed


@dataclass(frozen=True)
class Price:
    name: str
    amount: float
    unit: str
    source: str
    made_by: str
    made_at: datetime

    @property
    def assumed(self) -> bool:
        """Whether nobody has set it."""
        return self.made_by == OURS


def current(store: Store, name: str = MACHINE) -> Price | None:
    row = store.row("select * from price where name = ? order by made_at desc limit 1", [name])
    return Price(**row) if row else None


def set(store: Store, name: str, amount: float, unit: str, source: str, by: str) -> Price:
    """A new price from now on; what was computed with an older one can still be explained."""
    if amount < 0:
        raise Problem(f"A price of {amount} makes no sense.", do="Give zero or more.")
    if not source.strip():
        raise Problem("A price needs its source.", do="Say where it comes from: an offer, a bill, an assumption.")
    with store.write(by, "price.set", name, amount=amount, unit=unit, source=source) as cursor:
        cursor.execute("insert into price values (?, ?, ?, ?, ?, ?)", [name, amount, unit, source, by, now()])
    price = current(store, name)
    assert price is not None
    return price


def assume(store: Store) -> Price:
    """The price of an hour of this machine: what somebody has set, else an assumption that says that it is one."""
    known = current(store)
    if known is not None:
        return known
    source = "assumption: 65 watts at 0.30 euros a kilowatt-hour; set your own on the Dashboard"
    return set(store, MACHINE, 0.02, "euros an hour", source, OURS)


def of_people(store: Store) -> Price:
    """The price of an hour of a colleague's work: what somebody has set, else an assumption that is not kept."""
    source = "assumption: 45 euros an hour with all that an employer pays; set your own on the Dashboard"
    return current(store, PEOPLE) or Price(PEOPLE, 45.0, "euros an hour", source, OURS, now())


def cost(seconds: float, price: Price) -> float:
    """Euros for so many seconds of what is paid by the hour."""
    return seconds / 3600 * price.amount
