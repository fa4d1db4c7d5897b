"""Commands: what the command line can ask of snapshots, and of what leaves as files."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.scoring import sizing
from studio.freezing import exports, leaks, snapshots
from studio.freezing.splits import Plan
from studio.store import Store


def freeze(store: Store, dataset: str, by: str, plan: dict[str, Any] | None = None) -> dict[str, Any]:
    """`plan` holds the fields of a Plan. Small datasets are checked for leaks at once; the count is None for others."""
    chosen = Plan(**{**(plan or {}), "exclude": tuple((plan or {}).get("exclude", ()))})
    found = snapshots.freeze(store, dataset, by, chosen)
    seen = sizing.visible(found.test, snapshots.kin(store, found))
    small = found.train + found.validation + found.test <= leaks.SMALL
    return {
        "snapshot": found.id,
        "dataset": dataset,
        "train": found.train,
        "validation": found.validation,
        "test": found.test,
        "torn": found.torn,
        "smallest_difference": asdict(seen),
        "shows": f"{seen.items}: {seen.shows}",
        "leaks": leaks.counted(leaks.find(store, found)) if small else None,
    }


def announce_export(store: Store, what: str, form: str, to: str, hidden: bool = False) -> dict[str, Any]:
    """What would leave: `what` is a snapshot's id or the beginning of it, or the name of a dataset."""
    leaving = exports.announce(store, exports.cargo(store, what), form, to, hidden=hidden)
    return {"sentence": leaving.sentence, "personal": sum(leaving.open.values()), "examples": leaving.cargo.n}


def export(
    store: Store,
    what: str,
    form: str,
    to: str,
    by: str,
    licence: str = "",
    hidden: bool = False,
    accepted: bool = False,
) -> dict[str, Any]:
    leaving = exports.announce(store, exports.cargo(store, what), form, to, hidden=hidden)
    counts = exports.write(store, leaving, Path(to), by, licence=licence, accepted=accepted)
    return {"folder": to, "as": form, "counts": counts, "personal": sum(leaving.open.values())}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "freeze": freeze,
    "announce-export": announce_export,
    "export": export,
}
