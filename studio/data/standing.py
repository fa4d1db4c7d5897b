"""Standing: how far a dataset is on its way to a model, and what to do with it next."""

from dataclasses import dataclass

from studio.data.datasets import Dataset
from studio.data.examples import STATUSES
from studio.store import Store

ENOUGH = 50  # approved examples; with fewer a model learns a manner at best by heart


@dataclass(frozen=True)
class Next:
    """A step, the page that it is done on, and why."""

    text: str
    page: str
    why: str


def counts(store: Store, dataset: str) -> dict[str, int]:
    """How many examples have each status, in the order of their way."""
    rows = store.rows(
        "select status, count(*) as n from example where dataset = ? and latest group by status", [dataset]
    )
    found = {row["status"]: int(row["n"]) for row in rows}
    return {status: found.get(status, 0) for status in STATUSES}


def sources(store: Store, dataset: str, most: int = 8) -> list[tuple[str, int]]:
    """Where its examples are from, the largest source first."""
    rows = store.rows(
        """
        select source, count(*) as n from example where dataset = ? and latest
        group by source order by n desc, source limit ?
        """,
        [dataset, most],
    )
    return [(row["source"], int(row["n"])) for row in rows]


def steps(store: Store, dataset: Dataset, *, frozen: bool) -> list[Next]:
    """What to do next, the most urgent first; at most three. `frozen` is whether it was ever."""
    found = []
    if dataset.rejects:
        n = dataset.rejects
        found.append(
            Next(f"Mend {n:,} row{'s' * (n > 1)}", "rejects", "They could not be used; for many a repair is known.")
        )
    if not dataset.examples:
        found.append(Next("Bring in examples", "bring_in", "Files, tables or pasted text."))
    if waiting := sum(n for status, n in counts(store, dataset.name).items() if status in ("draft", "in review")):
        found.append(Next(f"Review {waiting:,} examples", "examples", "Only approved ones are trained on."))
    if dataset.approved:
        found.append(Next("Check the health", "health", "Duplicates, contradictions, gaps and personal data."))
    if dataset.approved >= ENOUGH and not frozen:
        found.append(
            Next("Freeze a copy", "snapshots", "A model learns from a frozen copy, and a part is kept for the test.")
        )
    if 0 < dataset.approved < ENOUGH:
        found.append(Next("Write more", "workbench", f"{dataset.approved:,} approved; {ENOUGH} are a good start."))
    return found[:3]
