"""Arrivals: a file's rows on their way into a studio, as Parquet parts in a folder.

A large file is read by processes of their own, each every n-th chunk, so that the studio neither waits nor holds it.
A part can be seen only when it is whole: its note, a small JSON file, is renamed into place last.
Nothing here knows what the dataset holds already.
"""

import gc
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from engine.data import rows
from engine.data.rows import Reject, Valid
from engine.problems import Problem

WORKERS = 2
BATCH = 5000  # rows of a part, where a file is not cut by bytes
SPEC = "spec.pickle"
PAUSE = 0.1  # seconds between two looks at what is there
FEW = ["tags", "grouped_by", "split"]  # columns whose values repeat

ROWS = pa.schema(
    [
        ("nth", pa.int64()),  # place in the file, from 1: the line, or the how-manieth row where lines say nothing
        ("line", pa.int32()),
        ("id", pa.string()),
        ("messages", pa.string()),
        ("tools", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("grouped_by", pa.string()),
        ("split", pa.string()),
        ("words", pa.int32()),
        ("worse", pa.string()),
    ]
)
REJECTS = pa.schema([("line", pa.int32())] + [(name, pa.string()) for name in ("code", "why", "content", "repair")])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Spec:
    """A file to read. `mapping` is what `data.formats.records` needs for other files than JSONL of conversations."""

    path: Path
    name: str
    mapping: Any = None

    @property
    def lines(self) -> bool:
        """Whether it can be cut at line ends and read from several places at once."""
        return self.mapping is None or bool(getattr(self.mapping, "as_is", False))

    def check(self) -> None:
        """Problem when it certainly cannot be read."""
        if self.lines:
            rows.check_file(self.path, self.name)
        elif not self.path.is_file():
            raise Problem(f"There is no file {self.name}.", do="Check the path and its spelling.")


@dataclass(frozen=True)
class Part:
    number: int
    done: int  # bytes of the file: of this part where it is cut by bytes, else up to its end
    valid: int
    rejected: int


class Reading:
    """A file being read into `folder`; ask `parts` for what is there, `stop` it, or `wait`."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.spec, self.folder = spec, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._parts: dict[str, Part] = {}
        if not spec.path.is_file() or spec.path.stat().st_size < rows.ALONE:
            write(spec, folder)
            return
        (folder / SPEC).write_bytes(pickle.dumps(spec))
        n = WORKERS if spec.lines else 1
        log = (folder / "log.txt").open("wb")
        for number in range(n):
            command = [sys.executable, "-m", "engine.data.arrivals", str(folder), str(number), str(n)]
            self._workers.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL
                )
            )
        log.close()

    def wait(self, hear: Callable[[list[Part]], None], cancelled: Callable[[], bool]) -> list[Part]:
        """Every part, in the order of the file, once all are there. Problem when the file cannot be read to its end.

        `hear` is told what is there so far, several times a second; `cancelled` is asked as often, and ends it.
        """
        try:
            while any(worker.poll() is None for worker in self._workers):
                if cancelled():
                    return []
                hear(self.parts())
                time.sleep(PAUSE)
        finally:
            self.stop()
        problem = self.folder / "problem.json"
        if problem.exists():
            raise Problem(*json.loads(problem.read_text()))
        if any(worker.returncode for worker in self._workers):
            words = (self.folder / "log.txt").read_text(errors="replace").strip().splitlines()
            raise Problem(
                f"{self.spec.name} could not be read to its end.",
                f"The process that read it stopped: {words[-1] if words else 'it was killed'}",
                "Nothing was added. Import it again; if it happens again, split the file to find the place.",
            )
        found = self.parts()
        hear(found)
        return found

    def parts(self) -> list[Part]:
        """The parts that are whole by now, in the order of the file."""
        for path in self.folder.glob("[0-9]*.json"):
            if path.name not in self._parts:
                self._parts[path.name] = Part(**json.loads(path.read_text()))
        return sorted(self._parts.values(), key=lambda part: part.number)

    def stop(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.kill()
        for worker in self._workers:
            worker.wait()


def write(spec: Spec, folder: Path, worker: int = 0, workers: int = 1) -> None:
    """Write the parts of a file that fall to this worker."""
    found = _by_lines(spec, worker, workers) if spec.lines else _by_records(spec)
    parent = os.getppid()
    for number, done, batch in found:
        _write(folder, number, done, batch)
        if workers > 1 and os.getppid() != parent:
            return  # the studio is gone, and nobody will ask for these


def _by_lines(spec: Spec, worker: int, workers: int) -> Iterator[tuple[int, int, Iterable[tuple[int, Valid | Reject]]]]:
    for number, chunk in enumerate(rows.chunks(spec.path)):
        if number % workers == worker:
            yield number, chunk.size, ((row.line, row) for row in chunk.rows())


def _by_records(spec: Spec) -> Iterator[tuple[int, int, Iterable[tuple[int, Valid | Reject]]]]:
    from engine.data import formats  # brings in readers of workbooks and tables, which a JSONL file does not need

    reached = [0]

    def hear(done: int, of: int) -> None:
        reached[0] = done

    found = enumerate(formats.records(spec.path, spec.mapping, spec.name, hear), 1)
    before = number = 0
    while batch := list(islice(found, BATCH)):
        yield number, reached[0] - before, batch
        before, number = reached[0], number + 1


def _write(folder: Path, number: int, done: int, batch: Iterable[tuple[int, Valid | Reject]]) -> None:
    valid: list[tuple[Any, ...]] = []
    rejected: list[tuple[Any, ...]] = []
    for at, row in batch:
        if isinstance(row, Reject):
            rejected.append((row.line, row.code, row.why, row.content, row.repair or ""))
        else:
            valid.append((at, row.line, *_columns(row)))
    stem = folder / f"{number:06d}"
    if valid:
        pq.write_table(_table(valid, ROWS), f"{stem}.rows.parquet", compression="lz4", use_dictionary=FEW)
    if rejected:
        pq.write_table(_table(rejected, REJECTS), f"{stem}.rejects.parquet", compression="lz4")
    note = {"number": number, "done": done, "valid": len(valid), "rejected": len(rejected)}
    (folder / f".{number:06d}.json").write_text(json.dumps(note))
    (folder / f".{number:06d}.json").rename(f"{stem}.json")


def _columns(row: Valid) -> tuple[Any, ...]:
    said = row.conversation
    tools = _encode(said.tools).decode() if said.tools else None
    worse = getattr(row, "rejected", None)
    return (
        said.id,
        _encode(said.messages).decode(),
        tools,
        said.tags,
        said.group,
        said.split,
        said.words,
        _encode(worse).decode() if worse else None,
    )


def _table(found: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*found, strict=True)
    return pa.table([pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)], schema=schema)


def main(folder: Path, worker: int, workers: int) -> None:
    gc.disable()  # rows are trees, never rings, and looking for rings among millions costs a fifth of the time
    spec = pickle.loads((folder / SPEC).read_bytes())
    try:
        write(spec, folder, worker, workers)
    except Problem as problem:
        (folder / f".problem-{worker}.json").write_text(json.dumps([problem.what, problem.why, problem.do]))
        (folder / f".problem-{worker}.json").rename(folder / "problem.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
