"""Rejects: rows that could not become examples. They wait here to be mended, and none is lost.

A row is mended by hand, by taking the repair that the engine proposes, or by correcting the downloaded rows and
bringing that file back. Discarded ones stay, too, and can be taken back.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from engine.checking import repairs
from engine.data import formats, rows
from engine.data.formats import Row
from engine.data.mapping import Compared
from engine.data.rows import Reject, Valid
from engine.problems import Problem
from studio.data import datasets
from studio.data.examples import APPROVED
from studio.store import Cursor, Store

WAITS, MENDED, DISCARDED = "", "mended", "discarded"
RETURNED = {"line", "content", "source"}  # the columns by which a downloaded file is known again
COUNTED = 2000  # rows of a kind whose repairs are counted before one is asked for


@dataclass(frozen=True)
class Waiting:
    """A rejected row; `id` is its own among all rows of the table."""

    id: int
    source: str
    line: int
    code: str
    why: str
    content: str
    kept: str = ""

    @property
    def repair(self) -> str:
        """The row as it could be, '' when nobody knows."""
        return self.kept or proposed(self.code, self.content)


@dataclass(frozen=True)
class Kind:
    """All rows that were rejected for one reason; `repairable` of the first `looked` have a repair."""

    code: str
    n: int
    looked: int
    repairable: int
    why: str  # of one of them

    @property
    def repair(self) -> str:
        """What the repair of this kind does, in a sentence."""
        return repairs.said(self.code) if self.repairable else ""


@dataclass(frozen=True)
class Mended:
    """What became of rows: examples that are new, ones that were here already, and rows that still wait."""

    added: int
    known: int
    still: int

    def __str__(self) -> str:
        known = f", {self.known:,} were here already" if self.known else ""
        still = f", {self.still:,} still wait" if self.still else ""
        return f"{self.added:,} became examples{known}{still}"


@lru_cache(maxsize=20_000)
def proposed(code: str, content: str) -> str:
    """The repair of a row, '' when nobody knows one. A worse answer that it holds comes along."""
    bare, worse = _apart(content)
    found = repairs.propose(code, bare)
    if found is None:
        return ""
    return json.dumps({**json.loads(found), "rejected": worse}, ensure_ascii=False) if worse else found


def kinds(store: Store, dataset: str) -> list[Kind]:
    """Why rows wait, the commonest reason first."""
    counted = store.rows(
        """
        select code, count(*) as n, min(why) as why from reject
        where dataset = ? and settled = '' group by code order by n desc, code
        """,
        [dataset],
    )
    found = []
    for row in counted:
        looked = waiting(store, dataset, row["code"], limit=COUNTED)
        found.append(Kind(row["code"], row["n"], len(looked), sum(bool(one.repair) for one in looked), row["why"]))
    return found


def waiting(
    store: Store, dataset: str, code: str = "", *, limit: int = -1, offset: int = 0, settled: str = WAITS
) -> list[Waiting]:
    """Rows of a dataset that wait (or are settled in the way that is asked for), by source and line."""
    found = store.rows(
        """
        select rowid as id, source, line, code, why, content, repair as kept
        from reject
        where dataset = ? and settled = ? and code like ?
        order by source, line, rowid
        limit ? offset ?
        """,
        [dataset, settled, code or "%", limit if limit >= 0 else 2**62, offset],
    )
    return [Waiting(**row) for row in found]


def count(store: Store, dataset: str, settled: str = WAITS) -> int:
    row = store.row("select count(*) as n from reject where dataset = ? and settled = ?", [dataset, settled])
    return int(row["n"]) if row else 0


def get(store: Store, id: int) -> Waiting:
    """One that waits. Problem when somebody has settled it meanwhile."""
    row = store.row(
        "select rowid as id, source, line, code, why, content, repair as kept from reject "
        "where rowid = ? and settled = ''",
        [id],
    )
    if row is None:
        raise Problem("This row does not wait any more.", "Somebody has mended or discarded it meanwhile.")
    return Waiting(**row)


def mend(store: Store, dataset: str, one: Waiting, text: str, by: str) -> Mended:
    """A rejected row, corrected by a person, becomes an example. Problem when it still breaks a rule."""
    row = _judged(one, text)
    if isinstance(row, Reject):
        raise Problem(f"Line {one.line} of {one.source} still cannot be used.", row.why, "Correct it and save again.")
    with store.write(by, "dataset.mend", dataset, source=one.source, line=one.line) as cursor:
        return _settle(cursor, dataset, [(one, row)], by)


def accept(
    store: Store, dataset: str, code: str, by: str, progress: Callable[[int, int], None] = lambda done, of: None
) -> Mended:
    """Take the repair of every row of a kind, in one transaction; rows without one go on waiting."""
    found = waiting(store, dataset, code)
    pairs: list[tuple[Waiting, Valid]] = []
    for n, one in enumerate(found, 1):
        if one.repair and isinstance(row := _judged(one, one.repair), Valid):
            pairs.append((one, row))
        if n % 500 == 0 or n == len(found):
            progress(n, len(found))
    with store.write(by, "reject.accept", dataset, code=code, n=len(pairs)) as cursor:
        done = _settle(cursor, dataset, pairs, by)
    return Mended(done.added, done.known, len(found) - len(pairs))


def discard(store: Store, dataset: str, ids: Sequence[int], by: str) -> int:
    """Put rows aside for good; they can be taken back. How many did still wait."""
    return _move(store, dataset, ids, WAITS, DISCARDED, by, "reject.discard")


def take_back(store: Store, dataset: str, ids: Sequence[int], by: str) -> int:
    """Let discarded rows wait again."""
    return _move(store, dataset, ids, DISCARDED, WAITS, by, "reject.take_back")


def download(store: Store, dataset: str) -> str:
    """All rows that wait as JSONL: source, line, code, why, content, repair. `bring_back` reads it again."""
    lines = (
        {
            "source": one.source,
            "line": one.line,
            "code": one.code,
            "why": one.why,
            "content": one.content,
            "repair": one.repair,
        }
        for one in waiting(store, dataset)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def is_returned(columns: Iterable[str]) -> bool:
    """Whether a file with these columns is one that was downloaded here."""
    return set(columns) >= RETURNED


def bring_back(store: Store, dataset: str, path: Path, by: str, name: str = "") -> Mended:
    """The downloaded rows, corrected outside: what is in order now becomes examples and settles its reject.

    A row is known by its source and line. What has been corrected is its `content`, as text or as an object. Rows
    that are not in order go on waiting. Problem when the file holds none of the rows that wait.
    """
    table = formats.open_table(path, name)
    if not is_returned(table.columns):
        raise Problem(
            f"{table.name} is not a file of downloaded rows.",
            f"Its columns are {', '.join(table.columns)}.",
            "Download the rows to mend, correct their content, and bring that file back.",
        )
    still: dict[tuple[str, int], list[Waiting]] = {}
    for one in waiting(store, dataset):
        still.setdefault((one.source, one.line), []).append(one)
    pairs: list[tuple[Waiting, Valid]] = []
    met = 0
    for found in table.rows():
        if not isinstance(found, Row) or not (row := _returned(found.values, still)):
            continue
        met += 1
        judged = _judged(*row)
        if isinstance(judged, Valid):
            pairs.append((row[0], judged))
    if not met:
        raise Problem(
            f"None of the rows in {table.name} waits in {dataset}.",
            "They are mended already, or belong to another dataset.",
        )
    with store.write(by, "reject.return", dataset, source=table.name, n=len(pairs)) as cursor:
        done = _settle(cursor, dataset, pairs, by)
    return Mended(done.added, done.known, met - len(pairs))


def _returned(values: dict[str, Any], still: dict[tuple[str, int], list[Waiting]]) -> tuple[Waiting, str] | None:
    """The reject that a returned row speaks of, each at most once, and its content now."""
    try:
        those = still.get((str(values.get("source")), int(values.get("line") or 0)), [])
    except ValueError:
        return None
    if not those:
        return None
    content = values.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    why = str(values.get("why", ""))
    one = next((one for one in those if one.why == why), those[0])  # two files of one name: the reason tells them apart
    those.remove(one)
    return one, text


def _judged(one: Waiting, text: str) -> Valid | Reject:
    bare, worse = _apart(" ".join(text.splitlines()) if "\n" in text else text)
    row = rows.read_line(one.line, bare.encode("utf-8", "backslashreplace"))
    if isinstance(row, Valid) and worse:
        return Compared(row.line, row.conversation, worse)
    return row


def _apart(content: str) -> tuple[str, list[dict[str, Any]]]:
    """A row's content without the worse answer that a mapping put beside its messages, and that answer."""
    if '"rejected"' not in content:
        return content, []
    try:
        row = json.loads(content)
    except (ValueError, RecursionError):
        return content, []
    if not isinstance(row, dict) or not isinstance(row.get("rejected"), list):
        return content, []
    worse = row.pop("rejected")
    return json.dumps(row, ensure_ascii=False), worse


def _settle(cursor: Cursor, dataset: str, pairs: Sequence[tuple[Waiting, Valid]], by: str) -> Mended:
    """Make examples of rows, with the status that the rest of their file came with, and settle them."""
    added = 0
    for source, group in groupby(sorted(pairs, key=lambda pair: pair[0].source), key=lambda pair: pair[0].source):
        valid = [row for _, row in group]
        added += datasets.insert(cursor, dataset, valid, source, by, _status(cursor, dataset, source))
    _mark(cursor, [one.id for one, _ in pairs], WAITS, MENDED)
    return Mended(added, len(pairs) - added, 0)


def _status(cursor: Cursor, dataset: str, source: str) -> str:
    found = cursor.execute(
        "select status from example where dataset = ? and source = ? and version = 1 order by seq limit 1",
        [dataset, source],
    ).fetchall()
    return str(found[0][0]) if found else APPROVED


def _move(store: Store, dataset: str, ids: Sequence[int], before: str, after: str, by: str, verb: str) -> int:
    with store.write(by, verb, dataset, n=len(ids)) as cursor:
        return _mark(cursor, ids, before, after)


def _mark(cursor: Cursor, ids: Sequence[int], before: str, after: str) -> int:
    if not ids:
        return 0
    cursor.register("those", pd.DataFrame({"id": list(ids)}))
    done = cursor.execute(
        "update reject set settled = ? where settled = ? and rowid in (select id from those)", [after, before]
    ).fetchall()
    cursor.unregister("those")
    return int(done[0][0])
