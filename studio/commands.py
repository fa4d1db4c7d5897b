"""Commands: what the command line can do with a store, each a name, arguments and an answer that JSON can carry.

`run` gives a command to the studio that has the home open, or opens the home itself when there is none,
so that a command works the same either way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from engine.data import formats
from engine.problems import Problem
from engine.scoring import stats
from studio import running, sample, work
from studio.building import models, runs
from studio.data import datasets, intake, mappings, rejects
from studio.data.examples import APPROVED, DRAFT
from studio.folders import Home
from studio.freezing import exports, leaks, snapshots
from studio.freezing.splits import Plan
from studio.quality import health, privacy, scans
from studio.store import Store
from studio.writing import makings


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


def freeze(store: Store, dataset: str, by: str, plan: dict[str, Any] | None = None) -> dict[str, Any]:
    """`plan` holds the fields of a Plan. Small datasets are checked for leaks at once; the count is None for others."""
    chosen = Plan(**{**(plan or {}), "exclude": tuple((plan or {}).get("exclude", ()))})
    found = snapshots.freeze(store, dataset, by, chosen)
    small = found.train + found.validation + found.test <= leaks.SMALL
    return {
        "snapshot": found.id,
        "dataset": dataset,
        "train": found.train,
        "validation": found.validation,
        "test": found.test,
        "torn": found.torn,
        "smallest_difference": stats.smallest_visible(found.test),
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


def train(store: Store, name: str, base: str, snapshot: str, by: str, settings: dict[str, Any]) -> dict[str, Any]:
    models.add_starter(store)
    told = str(privacy.check(store, snapshot, splits=("train", "validation")))
    run = runs.launch(store, name, base, snapshot, by, settings)
    return {"run": run.id, "name": run.name, "folder": str(run.job.folder), "personal_data": told}


def make(store: Store, plan: dict[str, Any], by: str, start: bool) -> dict[str, Any]:
    """What a making would take and where it would send; with `start`, it is put in the queue as well."""
    models.add_starter(store)
    wanted = makings.Plan(**{**plan, "lines": tuple(plan.get("lines", ()))})
    leaves = makings.leaving(store, wanted)
    found = {**asdict(makings.estimate(store, wanted)), "leaves": leaves}
    found["personal"] = str(makings.personal(store, wanted)) if leaves else ""
    if not start:
        return found
    making = makings.start(store, wanted, by)
    return {**found, "making": making.id}


def made(store: Store, making: str) -> dict[str, Any]:
    """How a making ended; its drafts are brought in by then."""
    makings.catch_up(store)
    found = makings.get(store, making)
    return {"making": making, "state": found.state, "taken": found.taken, **(found.last("end") or {})}


def resume(store: Store, run: str, by: str) -> dict[str, Any]:
    work.resume(store, runs.get(store, run), by)
    return {"run": run}


def scan(store: Store, dataset: str, by: str) -> dict[str, Any]:
    running = scans.live(store, datasets.get(store, dataset).name)
    return {"scan": (running or scans.start(store, dataset, by)).id}


def healthy(store: Store, dataset: str) -> dict[str, Any]:
    scans.catch_up(store)
    found = health.look(store, dataset)
    ready = found.readiness
    return {
        "dataset": dataset,
        "examples": found.n,
        "approved": found.approved,
        "found": found.open,
        "readiness": None if ready.score is None else round(ready.score, 1),
        "known": round(ready.known, 2),
        "parts": [
            {"name": part.name, "value": part.value, "n": part.n, "says": part.says, "gain": round(part.gain, 1)}
            for part in (ready.amount, *ready.parts)
        ],
        "next": ready.next.do if ready.next else "",
    }


def list_runs(store: Store) -> dict[str, Any]:
    runs.catch_up(store)
    return {"runs": [{"run": run.id, "name": run.name, "state": run.state} for run in runs.listed(store)]}


def load_sample(store: Store, by: str) -> dict[str, Any]:
    return sample.load(store, by)


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "import": begin_import,
    "import-look": look_at_import,
    "import-cancel": cancel_import,
    "freeze": freeze,
    "announce-export": announce_export,
    "export": export,
    "train": train,
    "resume": resume,
    "make": make,
    "made": made,
    "runs": list_runs,
    "scan": scan,
    "health": healthy,
    "sample": load_sample,
}


def perform(store: Store, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out a command on an open store."""
    if name not in COMMANDS:
        raise Problem(f"There is no command {name}.", do=f"Choose one of {', '.join(COMMANDS)}.")
    return COMMANDS[name](store, **arguments)


def run(home: Home, command: str, /, **arguments: Any) -> dict[str, Any]:
    """Carry out a command, in the running studio if there is one."""
    with session(home) as ask:
        return ask(command, **arguments)


@contextmanager
def session(home: Home) -> Iterator[Callable[..., dict[str, Any]]]:
    """For several commands in one studio: the running one, or one that is open for as long as this takes."""
    studio = running.find(home)
    if studio is not None:
        yield partial(_asked, studio)
        return
    store = Store(home)
    try:
        yield lambda command, /, **arguments: perform(store, command, arguments)
    finally:
        store.close()


def _asked(studio: dict[str, Any], command: str, /, **arguments: Any) -> dict[str, Any]:
    answer = httpx.post(
        f"{studio['url']}/commands/{command}",
        json=arguments,
        headers={"authorization": f"Bearer {studio['key']}"},
        timeout=600,
    )
    found: dict[str, Any] = answer.json()
    if answer.status_code == 422:
        raise Problem(found["what"], found["why"], found["do"])
    answer.raise_for_status()
    return found
