"""Examples: find, read, edit. An edit adds a version and never overwrites one; who comes second is told."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from engine.data.conversations import Conversation, Unusable, parse
from engine.problems import Problem
from studio.data import facets, search
from studio.data.search import Query
from studio.store import Cursor, Store, now

DRAFT, IN_REVIEW, APPROVED, REJECTED = "draft", "in review", "approved", "rejected"
STATUSES = (DRAFT, IN_REVIEW, APPROVED, REJECTED)

MADE = pa.schema(  # new versions on their way into the table
    [("number", pa.int64()), ("seen", pa.int64())]
    + [(name, pa.string()) for name in ("entry", "id", "messages", "tools", "status", "origin", "note", "worse")]
    + [("tags", pa.list_(pa.string())), ("words", pa.int32())]
)


@dataclass(frozen=True)
class Example:
    seq: int
    place: int
    dataset: str
    entry: str
    version: int
    latest: bool
    id: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    tags: list[str]
    grouped_by: str
    split: str
    status: str
    made_by: str
    source: str
    line: int
    origin: str
    note: str
    words: int
    made_at: datetime
    worse: list[dict[str, Any]] | None = None  # an answer known to be worse than the last, as messages

    @property
    def prompt(self) -> str:
        """What the user said last."""
        return next((m.get("content") or "" for m in reversed(self.messages) if m["role"] == "user"), "")

    @property
    def answer(self) -> str:
        return self.messages[-1].get("content") or ""


class Found(NamedTuple):
    """A page of examples and how many match in all. While `search.behind` is not 0, words may stand in more."""

    examples: list[Example]
    n: int


@dataclass(frozen=True)
class Edit:
    """What shall become of an example that was `seen`. What is None stays as it was; `[]` takes tools or the worse
    answer away."""

    seen: Example
    messages: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    tags: list[str] | None = None
    status: str | None = None
    note: str | None = None
    origin: str | None = None
    worse: list[dict[str, Any]] | None = None


class Edited(NamedTuple):
    """The versions that were made, and the entries that somebody had changed since they were seen."""

    versions: list[tuple[str, int]]
    overtaken: list[str]


def find(
    store: Store,
    dataset: str,
    query: Query | None = None,
    *,
    text: str = "",
    tag: str = "",
    status: str = "",
    author: str = "",
    source: str = "",
    origin: str = "",
    shorter: int | None = None,
    longer: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    order: str = "place",
    limit: int = 50,
    offset: int = 0,
) -> Found:
    """The latest examples that match, in the order they came or another of `search.ORDERS`, and how many in all.

    Words are found by the index of `studio.data.search`, everything else by `studio.data.facets`.
    """
    if query is None:
        tags = (tag,) if tag else ()
        query = Query(text, tags, status, author, source, origin, shorter, longer, since, until)
    by = search if query.text.strip() else facets
    seqs, n = by.seqs(store, dataset, query, limit, offset, order)
    rows = {row["seq"]: row for row in _by_seq(store, seqs)}
    return Found([_example(rows[seq]) for seq in seqs if seq in rows], n)


def _by_seq(store: Store, seqs: list[int]) -> list[dict[str, Any]]:
    """Whole rows of a few versions: sorting whole rows instead would read every conversation of the dataset."""
    if not seqs:
        return []
    return store.rows("select * from example where seq in (select unnest(?::bigint[]))", [seqs])


def get(store: Store, dataset: str, entry: str) -> Example:
    """The latest version of an entry."""
    row = store.row("select * from example where dataset = ? and entry = ? and latest", [dataset, entry])
    if row is None:
        raise Problem(f"There is no example {entry} in {dataset}.", do="Look it up in the list.")
    return _example(row)


def history(store: Store, dataset: str, entry: str) -> list[Example]:
    """Every version, newest first."""
    rows = store.rows("select * from example where dataset = ? and entry = ? order by version desc", [dataset, entry])
    return [_example(row) for row in rows]


def write(
    store: Store,
    dataset: str,
    messages: list[dict[str, Any]],
    by: str,
    tags: tuple[str, ...] = (),
    *,
    tools: list[dict[str, Any]] | None = None,
    status: str = DRAFT,
    note: str = "",
    origin: str = "",
    split: str = "",
) -> Example:
    """A new example by hand, as a draft unless said otherwise; `origin` says what made its words, if nobody did."""
    said = _checked(messages, tools)
    with store.write(by, "example.write", f"{dataset}/{said.id}") as cursor:
        held = cursor.execute("select 1 from example where dataset = ? and id = ?", [dataset, said.id]).fetchone()
        if held:
            raise Problem(f"{dataset} holds this conversation already.")
        cursor.execute("insert into dataset values (?, '', ?, ?) on conflict do nothing", [dataset, by, now()])
        (seq,) = cursor.execute("select coalesce(max(seq), 0) + 1 from example").fetchone() or (1,)
        values = [seq, seq, dataset, said.id, 1, True, said.id]  # it stands last
        values += [_text(said.messages), _text(said.tools) if said.tools else None]
        values += [list(tags), "", split, status, by, "written by hand", 0, origin, note, said.words, now(), None]
        cursor.execute(f"insert into example values ({', '.join('?' * len(values))})", values)
    return get(store, dataset, said.id)


def edit(
    store: Store,
    seen: Example,
    by: str,
    *,
    messages: list[dict[str, Any]] | None = None,
    tools: list[dict[str, Any]] | None = None,
    tags: list[str] | None = None,
    status: str | None = None,
    note: str | None = None,
    origin: str | None = None,
    worse: list[dict[str, Any]] | None = None,
) -> Example:
    """Add a version on top of the one that was `seen`. Problem when somebody has changed it since.

    What is None stays as it was; `[]` takes the tools, or the worse answer, away.
    """
    wanted = Edit(seen, messages, tools, tags, status, note, origin, worse)
    made = _versions([wanted])
    with store.write(by, "example.edit", f"{seen.dataset}/{seen.entry}", version=seen.version + 1) as cursor:
        if _add_versions(cursor, made, by).overtaken:
            row = cursor.execute(
                "select made_by from example where dataset = ? and entry = ? and latest", [seen.dataset, seen.entry]
            ).fetchone()
            raise Problem(
                f"{row[0] if row else 'somebody'} changed this example while you were editing it.",
                "Nothing is lost: your words are still in the editor and theirs are saved.",
                "Load their version, put the two together, and save again.",
            )
    return get(store, seen.dataset, seen.entry)


def edit_many(store: Store, edits: Sequence[Edit], by: str, verb: str = "example.edit_many") -> Edited:
    """Many edits as one transaction and one Event. Examples that somebody has changed since they were seen are left
    as they are and told; for two edits of one version the last holds. Problem, and no edit at all, when a
    conversation breaks a rule."""
    last = list({edit.seen.seq: edit for edit in edits}.values())
    if not last:
        return Edited([], [])
    made = _versions(last)
    datasets = ", ".join(sorted({edit.seen.dataset for edit in last}))
    with store.write(by, verb, datasets, n=len(last)) as cursor:
        return _add_versions(cursor, made, by)


def _versions(edits: Sequence[Edit]) -> pa.Table:
    """What the new versions say, a row each, beside the `seen` one's seq."""
    rows = []
    for number, edit in enumerate(edits, 1):
        seen = edit.seen
        if edit.status is not None and edit.status not in STATUSES:
            raise Problem(f"There is no status {edit.status!r}.", do=f"Choose one of {', '.join(STATUSES)}.")
        said = _checked(
            seen.messages if edit.messages is None else edit.messages, seen.tools if edit.tools is None else edit.tools
        )
        worse = seen.worse if edit.worse is None else edit.worse
        if edit.worse and edit.worse == said.messages[-1:]:
            raise Problem("Both answers are the same.", "Neither of them can be the worse one.", "Change one of them.")
        rows.append(
            {
                "number": number,
                "seen": seen.seq,
                "entry": seen.entry,
                "id": said.id,
                "messages": _text(said.messages),
                "tools": _text(said.tools) if said.tools else None,
                "tags": list(seen.tags if edit.tags is None else edit.tags),
                "status": seen.status if edit.status is None else edit.status,
                "origin": seen.origin if edit.origin is None else edit.origin,
                "note": seen.note if edit.note is None else edit.note,
                "words": said.words,
                "worse": _text(worse) if worse else None,
            }
        )
    return pa.Table.from_pylist(rows, MADE)


def _add_versions(cursor: Cursor, made: pa.Table, by: str) -> Edited:
    """Put the new versions on top of those seen, where they are still the latest."""
    cursor.register("made", made)
    fresh = cursor.execute(
        """
        select made.seen, made.entry, version + 1 from example join made on seq = made.seen
        where latest and seq between (select min(seen) from made) and (select max(seen) from made)
        """
    ).fetchall()
    cursor.register("still", pa.table({"seen": pa.array([seen for seen, _, _ in fresh], pa.int64())}))
    cursor.execute("update example set latest = false where seq in (select seen from still)")
    cursor.execute(
        """
        insert into example
        select (select max(seq) from example) + row_number() over (order by number), place, dataset, old.entry,
               version + 1, true, made.id, made.messages, made.tools, made.tags, grouped_by, split, made.status, $by,
               source, line, made.origin, made.note, made.words, $now, made.worse
        from made join example old on seq = made.seen
        where made.seen in (select seen from still)
        """,
        {"by": by, "now": now()},
    )
    cursor.unregister("made")
    cursor.unregister("still")
    kept = {seen for seen, _, _ in fresh}
    pairs = zip(made["seen"].to_pylist(), made["entry"].to_pylist(), strict=True)
    return Edited([(entry, version) for _, entry, version in fresh], [e for seen, e in pairs if seen not in kept])


def _checked(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> Conversation:
    try:
        return parse({"messages": messages, "tools": tools})
    except Unusable as unusable:
        raise Problem("This conversation cannot be saved yet.", unusable.why) from unusable


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _example(row: dict[str, Any]) -> Example:
    row["messages"] = json.loads(row["messages"])
    row["tools"] = json.loads(row["tools"]) if row["tools"] else None
    row["worse"] = json.loads(row["worse"]) if row["worse"] else None
    return Example(**row)
