"""Health: what the latest scan and the examples of today say about a dataset, and the next best thing to do.

The weights and the shares at which a part is worth nothing stand here, once; docs/health.md explains them.
"""

from dataclasses import dataclass
from typing import Any

from engine.privacy.personal import kinds_said
from engine.quality import readiness
from engine.quality.readiness import Part, Readiness, falling
from studio.quality import scans
from studio.quality.scans import Scan
from studio.store import Store

NOT_SCANNED = "cannot tell: not scanned yet"
WEIGHTS = {"duplicates": 15, "contradictions": 15, "review": 15, "coverage": 15, "style": 10, "form": 10}
WEIGHTS |= {"personal": 10, "content": 5, "languages": 5, "balance": 5}
ZERO_AT = {"duplicates": 0.10, "contradictions": 0.05, "form": 0.05, "personal": 0.02, "content": 0.01}
ZERO_AT |= {"languages": 0.05}
TITLES = {
    "duplicates": "No repeats",
    "contradictions": "No contradictions",
    "review": "Everything reviewed",
    "coverage": "No gaps between topics",
    "style": "In the brand's voice",
    "form": "Whole answers",
    "personal": "No personal data",
    "content": "No secrets, no rude words",
    "languages": "One language, or meant",
    "balance": "Labels evenly spread",
}
DO = {
    "duplicates": "Look through the repeats",
    "contradictions": "Settle the contradictions",
    "review": "Review what waits",
    "coverage": "Fill the gaps",
    "style": "Mend what breaks the guide",
    "form": "Look at the broken answers",
    "personal": "Look at the personal data",
    "content": "Look at these examples",
    "languages": "Look at the other languages",
    "balance": "See which labels are rare",
}


@dataclass(frozen=True)
class Health:
    scan: Scan | None
    readiness: Readiness
    open: dict[str, int]  # open findings by kind, in examples
    changed: int  # examples written or edited since the scan
    n: int  # examples that are not rejected
    approved: int


def look(store: Store, dataset: str) -> Health:
    row = store.row(
        """
        select count(*) as n, count(*) filter (where status = 'approved') as approved
        from example
        where dataset = ? and latest and status <> 'rejected'
        """,
        [dataset],
    )
    n, approved = (int(row["n"]), int(row["approved"])) if row else (0, 0)
    scan = scans.latest(store, dataset)
    found = scans.open_counts(store, scan) if scan else {}
    summary = scan.summary if scan else {}
    parts = [
        _shared("duplicates", summary, "duplicates", found.get("duplicate", 0), "repeat another"),
        _shared("contradictions", summary, "contradictions", found.get("contradiction", 0), "contradict another"),
        _reviewed(n, approved),
        _covered(summary),
        _style(summary, found.get("style", 0)),
        _shared("form", summary, "form", sum(found.get(k, 0) for k in FORM), "are empty, cut off, echoes or very long"),
        _personal(summary, found.get("personal", 0)),
        _shared(
            "content", summary, "secret", found.get("secret", 0) + found.get("toxic", 0), "hold a secret or an insult"
        ),
        _shared("languages", summary, "languages", found.get("language", 0), "are in another language"),
        *_balance(summary),
    ]
    changed = scans.changed_since(store, scan) if scan else n
    return Health(scan, readiness.judge(approved, parts), found, changed, n, approved)


FORM = ("empty", "truncated", "echo", "length")


def _part(name: str, value: float | None, n: int, says: str) -> Part:
    do = DO[name] if value is not None and value < 1 else ""
    return Part(name, TITLES[name], value, WEIGHTS[name], n, says, do)


def _shared(name: str, summary: dict[str, Any], looked: str, found: int, words: str) -> Part:
    n = summary.get(looked, {}).get("n", 0)
    if not n:
        return _part(name, None, 0, NOT_SCANNED)
    says = f"{found:,} of {n:,} {words}" if found else f"none of {n:,} {words}"
    return _part(name, falling(min(1.0, found / n), ZERO_AT[name]), n, says)


def _reviewed(n: int, approved: int) -> Part:
    if not n:
        return _part("review", None, 0, "no example yet")
    waits = n - approved
    return _part(
        "review", approved / n, n, f"{waits:,} of {n:,} wait to be approved or rejected" if waits else "all are"
    )


def _covered(summary: dict[str, Any]) -> Part:
    told = summary.get("topics")
    if not told:
        return _part("coverage", None, 0, "cannot tell: too few examples for topics" if summary else NOT_SCANNED)
    says = f"{told['gaps']} of {told['topics']} topics have few approved examples"
    return _part("coverage", 1 - told["gaps"] / told["topics"], told["n"], says)


def _style(summary: dict[str, Any], broken: int) -> Part:
    told = summary.get("style")
    if not told:
        return _part("style", None, 0, "cannot tell: there is no style guide" if summary else NOT_SCANNED)
    low, high = (100 * told["kept"][side] for side in ("low", "high"))
    says = f"{broken:,} of {told['n']:,} answers break the guide (kept when scanned: {low:.0f}-{high:.0f} %)"
    return _part("style", 1 - min(1.0, broken / told["n"]), told["n"], says)


def _personal(summary: dict[str, Any], found: int) -> Part:
    part = _shared("personal", summary, "personal", found, "hold personal data")
    kinds = summary.get("personal", {}).get("counts", {})
    says = f"{part.says}: {kinds_said(kinds)} when scanned" if found and kinds else part.says
    return _part("personal", part.value, part.n, says)


def _balance(summary: dict[str, Any]) -> list[Part]:
    """Only where there are labels, or tags with a prefix: other datasets have nothing to balance."""
    told = summary.get("balance")
    if not told or told["evenness"] is None:
        return []
    majority = 100 * told["majority"]["value"]
    says = f"{told['classes']} of {told['by']}, the largest {majority:.0f} % of {told['n']:,}"
    return [_part("balance", told["evenness"], told["n"], says)]
