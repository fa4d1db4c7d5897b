"""Arrivals: files come into a library, by upload or by a path on this machine, read by a job of their own.

What was uploaded lies beside the library until it is read, and is then deleted; each file of it that became a document
is kept as it came where somebody wants that. A path is only read; it can be looked at again, and tells what changed.
Every file becomes a document, a refusal with its sentence, or is counted as passed over.
"""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import jobs, jsonl, specs
from engine.problems import Problem
from engine.reading import documents as texts
from engine.reading.gathering import GatherSpec
from studio.reading import indexes, libraries, readings
from studio.reading.libraries import Document, Line
from studio.reading.readings import READ, Reading
from studio.store import Store, now

FOUND = "found.jsonl"


@dataclass(frozen=True)
class Refusal:
    """A file that could not become a document, and why, in a sentence."""

    library: str
    name: str
    source: str
    why: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class Source:
    """A path that documents were read from, and when that was last."""

    path: str
    documents: int
    read_at: datetime


def spool(store: Store, library: str, name: str, content: bytes | memoryview) -> Path:
    """Lay an upload down under its own name, until it is read. Two of one name lie apart."""
    place = libraries.beside(store, library) / "uploads" / uuid.uuid4().hex[:8]
    place.mkdir(parents=True)
    path = place / (Path(name).name or "upload")
    path.write_bytes(content)
    return path


def discard(store: Store, library: str, sources: Sequence[Path]) -> None:
    """Delete uploads that nobody will read, or that were read; a path on this machine is left alone."""
    for path in sources:
        if _uploaded(store, library, path):
            shutil.rmtree(path.parent, ignore_errors=True)


def start(store: Store, library: str, sources: Sequence[Path], by: str, keep: bool = False) -> Reading:
    """Have files, folders or archives read into a library, as a job; `keep` what was uploaded as it came, too. Problem
    when one cannot be there."""
    if not sources:
        raise Problem("There is nothing to read.", do="Choose files, or give a path.")
    places = check(store, library, sources)
    for old in readings.listed(store, library, READ):
        if not old.live and old.taken is None and old.state != jobs.DONE:
            forget(store, old)  # it never came to its end
    id = jobs.new_id(READ)
    staging = libraries.beside(store, library) / id
    staging.mkdir(parents=True)
    kept = [str(path) for path in places if keep and _uploaded(store, library, path)]
    spec = GatherSpec([str(path) for path in places], str(staging), str(staging / FOUND), kept)
    shown = [path.name if _uploaded(store, library, path) else str(path) for path in places]
    return readings.start(store, library, READ, spec, by, id, sources=shown)


def check(store: Store, library: str, sources: Sequence[Path]) -> list[Path]:
    """Where the sources lie, also of a library that is yet to be made. Problem when one is not there, or is ours."""
    places = [path if _uploaded(store, library, path) else path.expanduser().absolute() for path in sources]
    if missing := [path for path in places if not path.exists()]:
        raise Problem(f"There is no file or folder {missing[0]}.", do="Check the path and its spelling.")
    if inside := [path for path in places if _ours(store, library, path)]:
        raise Problem(
            f"{inside[0]} holds files that belong to Atelier itself.",
            "Reading them would make copies without end.",
            "Choose a folder of your own documents.",
        )
    return places


def look_again(store: Store, library: str, path: str, by: str) -> Reading:
    """Read a path anew; what changed is taken over, what is gone waits for somebody's word."""
    return start(store, library, [Path(path)], by)


def sources(store: Store, library: str) -> list[Source]:
    """The paths that can be looked at again."""
    read: dict[str, datetime] = {}
    for one in readings.listed(store, library, READ):
        if one.taken is not None:
            for path in one.body["sources"]:
                read.setdefault(path, one.made_at)
    counted: dict[str, int] = {}
    for document in libraries.documents(store, library):
        counted[document.source] = counted.get(document.source, 0) + 1
    return [Source(path, counted.get(path, 0), at) for path, at in sorted(read.items()) if Path(path).is_absolute()]


def refusals(store: Store, library: str) -> list[Refusal]:
    rows = store.rows("select * from refusal where library = ? order by name", [library])
    return [Refusal(**row) for row in rows]


def dismiss(store: Store, library: str, by: str, name: str = "") -> None:
    """Say that a refusal has been read, or all of them; its file can be brought in again at any time."""
    with store.write(by, "refusal.dismiss", library, n=len(refusals(store, library)) if not name else 1) as cursor:
        cursor.execute("delete from refusal where library = ? and ? in ('', name)", [library, name])


def gone(store: Store, library: str) -> dict[str, list[str]]:
    """Path -> documents that were read from it and were not there when it was looked at last."""
    held = {one.name: one.source for one in libraries.documents(store, library)}
    latest: dict[str, list[str]] = {}
    for one in readings.listed(store, library, READ):
        for path, names in (one.taken or {}).get("missing", {}).items():
            latest.setdefault(path, names)
    still = {path: [name for name in names if held.get(name) == path] for path, names in latest.items()}
    return {path: names for path, names in still.items() if names}


def keep_gone(store: Store, library: str) -> None:
    """They may stay although their files are gone; nobody is asked again until somebody looks again."""
    for one in readings.listed(store, library, READ):
        if one.taken and one.taken.get("missing"):
            readings.settle(store, one, **{**one.taken, "missing": {}})


def catch_up(store: Store) -> None:
    """Take over what jobs have read since somebody last looked, and index it."""
    for reading in readings.done(store, READ):
        if store.row("select 1 from library where name = ?", [reading.library]) is None:
            continue  # it was removed meanwhile
        taken = _take(store, reading)
        try:  # before it is settled: whoever waits for a reading wants to search what it brought
            indexes.refresh(store, reading.library, reading.made_by)
        finally:
            readings.settle(store, reading, **taken)
            forget(store, reading)


def forget(store: Store, reading: Reading) -> None:
    """Delete what a job that is over has left beside the library: uploads, and documents nobody took over."""
    shutil.rmtree(_staging(store, reading), ignore_errors=True)
    discard(store, reading.library, [Path(path) for path in specs.read(reading.job.folder, GatherSpec).sources])


def unname(store: Store, library: str, removed: Sequence[Document]) -> None:
    """Forget what removed documents were called, and the uploads and paths that brought nothing else: a name can tell
    as much as a text."""
    names = {one.name for one in removed}
    held = {one.source for one in libraries.documents(store, library)}
    held |= {one.source for one in refusals(store, library)}
    lost = {one.source for one in removed} - held
    for one in readings.listed(store, library, READ):
        spec = specs.read(one.job.folder, GatherSpec)
        told = [(path, shown) for path, shown in zip(spec.sources, one.body["sources"], strict=True)
                if shown not in lost]  # fmt: skip
        paths = [path for path, _ in told]
        taken = one.taken
        if taken:
            missing = taken.get("missing", {}).items()
            taken = {**taken, "missing": {path: [name for name in old if name not in names] for path, old in missing}}
        specs.write(one.job.folder, replace(spec, sources=paths, keep=[path for path in spec.keep if path in paths]))
        readings.rewrite(store, one, {**one.body, "sources": [shown for _, shown in told]}, taken)


def unname_all(store: Store, library: str) -> None:
    """Forget what was read into a library that goes: its jobs' folders stay."""
    for one in readings.listed(store, library, READ):
        specs.write(one.job.folder, replace(specs.read(one.job.folder, GatherSpec), sources=[], keep=[]))


def _take(store: Store, reading: Reading) -> dict[str, Any]:
    """Its documents are the library's from now on. What came of it: counts by name, and what was missed."""
    library, staging = reading.library, _staging(store, reading)
    lines = [_named(store, library, line) for line in jsonl.read(staging / FOUND)]
    good, refused = _parted(store, library, lines)
    for line in good:
        for place in (texts.place, texts.original):
            here, there = place(staging, line["id"]), place(libraries.folder(store, library), line["id"])
            if here.exists():  # it is there already when somebody was interrupted in the midst of this
                there.parent.mkdir(parents=True, exist_ok=True)
                here.replace(there)
    changes = libraries.put(store, library, good, reading.made_by)
    _refuse(store, reading, refused)
    missing = _missing(store, library, lines)
    return {
        "new": changes.new,
        "changed": changes.changed,
        "unchanged": changes.same,
        "gone": sum(map(len, missing.values())),
        "refused": len(refused),
        "passed over": sum("passed_over" in line for line in lines),
        "missing": missing,
    }


def _parted(store: Store, library: str, lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The documents, and the refused; also those whose name another file has: nothing takes its place in silence."""
    held = {one.name: one.source for one in libraries.documents(store, library)}
    good: dict[str, Line] = {}
    refused = [line for line in lines if "why" in line]
    for line in (line for line in lines if "id" in line):
        name, source = line["name"], line["source"]
        before = good[name]["source"] if name in good else held.get(name, "")
        twice = name in good or (Path(before).is_absolute() and Path(source).is_absolute() and before != source)
        if twice:
            why = (
                f"Another file called {name} came from {before}. A library knows a document by its name. "
                "Rename one of them, or bring in the folder above both."
            )
            refused.append({"source": source, "name": f"{name} ({source})", "why": why})
        else:
            good[name] = line
    return list(good.values()), refused


def _refuse(store: Store, reading: Reading, refused: Sequence[Line]) -> None:
    held = {one.name for one in libraries.documents(store, reading.library)}
    with store.jot() as cursor:
        for line in refused:
            stays = " What was read of it before stays." if line["name"] in held else ""
            cursor.execute(
                "insert or replace into refusal values (?, ?, ?, ?, ?, ?)",
                [reading.library, line["name"], line["source"], line["why"] + stays, reading.made_by, now()],
            )


def _missing(store: Store, library: str, lines: Sequence[Line]) -> dict[str, list[str]]:
    """Path -> documents from it whose file it holds no more. A path that could not be read at all tells nothing."""
    seen: dict[str, set[str]] = {}
    for line in lines:
        if not line.get("whole"):
            seen.setdefault(line["source"], set()).add(line["name"])
    found: dict[str, list[str]] = {}
    for one in libraries.documents(store, library):
        if Path(one.source).is_absolute() and one.source in seen and one.name not in seen[one.source]:
            found.setdefault(one.source, []).append(one.name)
    return found


def _named(store: Store, library: str, line: dict[str, Any]) -> Line:
    """An upload came from its name; where it lay meanwhile is of no interest."""
    path = Path(line["source"])
    return {**line, "source": path.name} if _uploaded(store, library, path) else line


def _uploaded(store: Store, library: str, path: Path) -> bool:
    return path.is_relative_to(libraries.beside(store, library))


def _ours(store: Store, library: str, path: Path) -> bool:
    """Whether a path lies in Atelier's own folder, or above it."""
    root = store.home.root.resolve()
    where = path.resolve()
    return not _uploaded(store, library, path) and (where.is_relative_to(root) or root.is_relative_to(where))


def _staging(store: Store, reading: Reading) -> Path:
    return libraries.beside(store, reading.library) / reading.id
