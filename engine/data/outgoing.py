"""Outgoing: frozen rows as files that others read. Mistral's JSONL, Parquet for Hugging Face, CSV for spreadsheets.

A row is what a snapshot holds: id, messages, tags, group, and where it has some tools and `rejected`, a worse answer.
What a form cannot carry is counted and told, never dropped in silence. Nothing here decides what may leave.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.columns import REJECTED

Row = Mapping[str, Any]

# what Mistral's format knows of a message, by role (mistral-finetune, mistral-common)
KEYS = {
    "system": ("role", "content"),
    "user": ("role", "content"),
    "assistant": ("role", "content", "tool_calls", "weight"),
    "tool": ("role", "content", "tool_call_id", "name"),
}
CALL = ("id", "type", "function")
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a cell beginning so can be run as a formula
COLUMNS = ("split", "id", "system", "prompt", "answer", "conversation", "tags", "group", "tools", "worse")
BATCH = 5000


def mistral(row: Row, left_out: Counter[str]) -> dict[str, Any]:
    """A row with only the keys that Mistral accepts; `left_out` counts what it had beside them."""
    line: dict[str, Any] = {"messages": [_message(message, left_out) for message in row["messages"]]}
    left_out.update(name for name in ("tags", "group") if row.get(name))
    left_out.update(["worse answer"] if row.get(REJECTED) else [])
    if row.get("tools"):
        line["tools"] = row["tools"]
    return line


def pair(row: Row, left_out: Counter[str]) -> dict[str, Any]:
    """A row with a worse answer as TRL's preference trainers read it, in its conversational form with a prompt."""
    line = {"prompt": row["messages"][:-1], "chosen": row["messages"][-1:], "rejected": row[REJECTED]}
    left_out.update(name for name in ("tags", "group") if row.get(name))
    return line | {"tools": row["tools"]} if row.get("tools") else line


def _message(message: Row, left_out: Counter[str]) -> dict[str, Any]:
    known = KEYS[message["role"]]
    left_out.update(f"{key} of a message of the {message['role']}" for key in message.keys() - set(known))
    found = {key: message[key] for key in known if key in message}
    if found.get("tool_calls"):
        found["tool_calls"] = [{key: call[key] for key in CALL if key in call} for call in found["tool_calls"]]
        if not found.get("content"):
            found.pop("content", None)  # either words or calls
    return found


def jsonl(
    rows: Iterable[Row],
    path: Path,
    left_out: Counter[str],
    form: Callable[[Row, Counter[str]], dict[str, Any]] = mistral,
) -> int:
    """Rows as JSONL in this form; how many."""
    n = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(form(row, left_out), ensure_ascii=False) + "\n")
            n += 1
    return n


def schema(kinds: set[str]) -> pa.Schema:
    """The columns of a Parquet file whose messages have these keys beside role and content; `kinds` as below."""
    text = pa.string()
    call = pa.struct([("id", text), ("type", text), ("function", pa.struct([("name", text), ("arguments", text)]))])
    kind = {"tool_calls": pa.list_(call), "tool_call_id": text, "name": text, "weight": pa.int8()}
    message = pa.struct([("role", text), ("content", text), *((key, kind[key]) for key in sorted(kinds & kind.keys()))])
    tools = [("tools", text)] if "tools" in kinds else []  # as JSON: every tool has parameters of its own
    worse = [(REJECTED, pa.list_(message))] if REJECTED in kinds else []
    labels = [("tags", pa.list_(text)), ("group", text)]
    return pa.schema([("id", text), ("messages", pa.list_(message)), *worse, *tools, *labels])


def kinds(rows: Iterable[Row]) -> set[str]:
    """The keys of messages beside role and content, and "tools" and "rejected" if any row has some."""
    found: set[str] = set()
    for row in rows:
        worse = row.get(REJECTED) or ()
        found.update(*row["messages"], *worse, *((name,) for name in ("tools", REJECTED) if row.get(name)))
    return found - {"role", "content"}


def parquet(rows: Iterable[Row], path: Path, columns: pa.Schema) -> int:
    """Rows as one Parquet file; how many."""
    n, rows = 0, iter(rows)
    with pq.ParquetWriter(path, columns) as file:
        while batch := list(islice(rows, BATCH)):
            file.write_table(pa.Table.from_pylist([_record(row) for row in batch], schema=columns))
            n += len(batch)
    return n


def _record(row: Row) -> dict[str, Any]:
    tools = json.dumps(row["tools"], ensure_ascii=False) if row.get("tools") else None
    worse = _messages(row[REJECTED]) if row.get(REJECTED) else None
    return {**row, "messages": _messages(row["messages"]), "tools": tools, REJECTED: worse}


def _messages(messages: Iterable[Row]) -> list[dict[str, Any]]:
    return [
        {**message, "content": said(message), "tool_calls": [_called(call) for call in message.get("tool_calls") or ()]}
        for message in messages
    ]


def _called(call: Row) -> dict[str, Any]:
    function = call["function"]
    arguments = function.get("arguments", "")
    return {
        "id": call.get("id"),
        "type": call.get("type", "function"),
        "function": {
            "name": function["name"],
            "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False),
        },
    }


def table(rows: Iterable[tuple[str, Row]], path: Path) -> Counter[str]:
    """(split, row) pairs as one CSV that a spreadsheet shows and cannot run; how many of each split."""
    counts: Counter[str] = Counter()
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # without the mark Excel takes it for Latin-1
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        for split, row in rows:
            writer.writerow([harmless(cell) for cell in _cells(split, row)])
            counts[split] += 1
    return counts


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like it gets an apostrophe in front (OWASP)."""
    return f"'{cell}" if cell.lstrip(" ").startswith(RISKY) else cell


def _cells(split: str, row: Row) -> Iterator[str]:
    messages = row["messages"]
    yield split
    yield row["id"]
    yield next((said(message) for message in messages if message["role"] == "system"), "")
    yield next((said(message) for message in reversed(messages) if message["role"] == "user"), "")
    yield said(messages[-1]) or _calls(messages[-1])
    yield "\n".join(f"{message['role']}: {said(message) or _calls(message)}" for message in messages)
    yield ", ".join(row.get("tags") or ())
    yield row.get("group") or ""
    yield json.dumps(row["tools"], ensure_ascii=False) if row.get("tools") else ""
    yield "\n".join(said(message) or _calls(message) for message in row.get(REJECTED) or ())


def _calls(message: Row) -> str:
    calls = message.get("tool_calls")
    return json.dumps(calls, ensure_ascii=False) if calls else ""


def said(message: Row) -> str:
    """The text of a message, also where it comes in chunks; '' for a call of tools."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(chunk.get("text", "") for chunk in content)
