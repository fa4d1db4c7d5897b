"""Commands: what the command line can ask of files that come in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.data import formats
from studio.data import intake, mappings, rejects
from studio.data.examples import APPROVED, DRAFT
from studio.store import Store


def begin_import(
    store: Store,
    file: str,
    dataset: str,
    by: str,
    split: str = "",
    status: str = APPROVED,
    pairs: Sequence[str] = (),
    system: str = "",
    unanswered: bool = False,
    sheet: str = "",
) -> dict[str, Any]:
    """Start an import by the mapping that is told, remembered or guessed; which it is, and what it leaves out."""
    table = formats.open_table(Path(file), part=sheet)
    chosen = mappings.told(store, table, pairs, system, unanswered)
    if pairs or system:
        mappings.keep(store, table.shape, chosen, by)
    status = DRAFT if chosen.unanswered else status
    mapping = None if chosen.as_is else chosen
    begun = intake.start(store, Path(file), dataset, by, split=split, status=status, mapping=mapping)
    return {"intake": begun.id, "columns": chosen.columns, "left_out": chosen.left_out, "notes": list(table.notes)}


def look_at_import(store: Store, id: str) -> dict[str, Any]:
    """How far it is; once it is done, what became of the rows. Problem when it has failed."""
    one = intake.get(store, id)
    if one.problem is not None:
        raise one.problem
    if one.state == intake.RUNNING:
        return {"state": one.state, "done": round(one.share * one.of), "of": one.of}
    waiting = [row for row in rejects.waiting(store, one.dataset) if row.source == one.source] if one.rejected else []
    return {
        "state": one.state,
        "dataset": one.dataset,
        "source": one.source,
        "added": one.added,
        "known": one.known,
        "rejected": one.rejected,
        "rejects": [{"line": row.line, "code": row.code, "why": row.why} for row in waiting],
    }


def cancel_import(store: Store, id: str) -> dict[str, Any]:
    intake.cancel(store, id)
    return {"intake": id}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "import": begin_import,
    "import-look": look_at_import,
    "import-cancel": cancel_import,
}
