"""Examples: find, read, edit. An edit adds a version and never overwrites one; who comes second is told."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.conversations import Conversation, Unusable, parse
from engine.problems import Problem
from studio.store import Store, now

DRAFT, IN_REVIEW, APPROVED, REJECTED = "draft", "in review", "approved", "rejected"
STATUSES = (DRAFT, IN_REVIEW, APPROVED, REJECTED)


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

    @property
    def prompt(self) -> str:
        """What the user said last."""
        return next((m.get("content") or "" for m in reversed(self.messages) if m["role"] == "user"), "")

    @property
    def answer(self) -> str:
        return self.messages[-1].get("content") or ""


def find(
    store: Store, dataset: str, *, text: str = "", tag: str = "", status: str = "", limit: int = 50, offset: int = 0
) -> tuple[list[Example], int]:
    """The latest examples that match, in the order they came, and how many match in all."""
    where = """
        dataset = $dataset and latest
        and ($text = '' or contains(lower(messages::text), lower($text)))
        and ($tag = '' or list_contains(tags, $tag))
        and ($status = '' or status = $status)
    """
    values = {"dataset": dataset, "text": text, "tag": tag, "status": status}
    with store.read() as cursor:
        counted = cursor.execute(f"select count(*) from example where {where}", values).fetchone()
        cursor.execute(
            f"select * from example where {where} order by place limit $limit offset $offset",
            {**values, "limit": limit, "offset": offset},
        )
        names = [column[0] for column in cursor.description or ()]
        found = [_example(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    return found, counted[0] if counted else 0


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


def tags(store: Store, dataset: str) -> list[str]:
    rows = store.rows(
        "select distinct unnest(tags) as tag from example where dataset = ? and latest order by tag", [dataset]
    )
    return [row["tag"] for row in rows]


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
        _insert(
            cursor,
            None,
            dataset,
            said.id,
            1,
            said,
            list(tags),
            "",
            split,
            status,
            by,
            "written by hand",
            0,
            origin,
            note,
        )
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
) -> Example:
    """Add a version on top of the one that was `seen`. Problem when somebody has changed it since.

    What is None stays as it was; `tools=[]` takes the tools away.
    """
    said = _checked(seen.messages if messages is None else messages, seen.tools if tools is None else tools)
    if status is not None and status not in STATUSES:
        raise Problem(f"There is no status {status!r}.", do=f"Choose one of {', '.join(STATUSES)}.")
    where = [seen.dataset, seen.entry]
    with store.write(by, "example.edit", f"{seen.dataset}/{seen.entry}", version=seen.version + 1) as cursor:
        row = cursor.execute(
            "select version, made_by from example where dataset = ? and entry = ? and latest", where
        ).fetchone()
        if row is None or row[0] != seen.version:
            who = row[1] if row else "somebody"
            raise Problem(
                f"{who} changed this example while you were editing it.",
                "Nothing is lost: your words are still in the editor and theirs are saved.",
                "Load their version, put the two together, and save again.",
            )
        cursor.execute("update example set latest = false where dataset = ? and entry = ? and latest", where)
        _insert(
            cursor,
            seen.place,
            seen.dataset,
            seen.entry,
            seen.version + 1,
            said,
            seen.tags if tags is None else tags,
            seen.grouped_by,
            seen.split,
            seen.status if status is None else status,
            by,
            seen.source,
            seen.line,
            seen.origin if origin is None else origin,
            seen.note if note is None else note,
        )
    return get(store, seen.dataset, seen.entry)


def _checked(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> Conversation:
    try:
        return parse({"messages": messages, "tools": tools})
    except Unusable as unusable:
        raise Problem("This conversation cannot be saved yet.", unusable.why) from unusable


def _insert(
    cursor: Any,
    place: int | None,
    dataset: str,
    entry: str,
    version: int,
    said: Conversation,
    tags: list[str],
    grouped_by: str,
    split: str,
    status: str,
    by: str,
    source: str,
    line: int,
    origin: str,
    note: str,
) -> None:
    """One row; `place` is None for the first version of an entry, which stands last."""
    (seq,) = cursor.execute("select coalesce(max(seq), 0) + 1 from example").fetchone()
    values = [seq, seq if place is None else place, dataset, entry, version, True, said.id]
    values += [json.dumps(said.messages, ensure_ascii=False)]
    values += [json.dumps(said.tools, ensure_ascii=False) if said.tools else None]
    values += [tags, grouped_by, split, status, by, source, line, origin, note, said.words, now()]
    cursor.execute(f"insert into example values ({', '.join('?' * len(values))})", values)


def _example(row: dict[str, Any]) -> Example:
    row["messages"] = json.loads(row["messages"])
    row["tools"] = json.loads(row["tools"]) if row["tools"] else None
    return Example(**row)
