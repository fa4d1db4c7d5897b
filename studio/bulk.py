"""Bulk: one deed for many examples: tags, status, replaced words. What somebody changed meanwhile is left alone and
told, and the whole can be taken back as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.problems import Problem
from studio import examples
from studio.examples import Example
from studio.store import Store


@dataclass(frozen=True)
class Done:
    """The versions that a deed has made, and the examples that somebody changed before it reached them."""

    versions: list[tuple[str, int]]  # entry, version
    overtaken: list[str]


def change(store: Store, wanted: Sequence[tuple[Example, dict[str, Any]]], by: str) -> Done:
    """Each example as it was seen with what becomes of it: messages, tags, status, note. No change, no version."""
    versions, overtaken = [], []
    for seen, new in wanted:
        if all(getattr(seen, name) == value for name, value in new.items()):
            continue
        try:
            versions.append((seen.entry, examples.edit(store, seen, by, **new).version))
        except Problem:
            if examples.get(store, seen.dataset, seen.entry).version == seen.version:
                raise
            overtaken.append(seen.entry)
    return Done(versions, overtaken)


def tagged(chosen: Sequence[Example], tag: str) -> list[tuple[Example, dict[str, Any]]]:
    return [(example, {"tags": [*example.tags, tag]}) for example in chosen if tag not in example.tags]


def untagged(chosen: Sequence[Example], tag: str) -> list[tuple[Example, dict[str, Any]]]:
    return [(example, {"tags": [t for t in example.tags if t != tag]}) for example in chosen if tag in example.tags]


def judged(chosen: Sequence[Example], status: str) -> list[tuple[Example, dict[str, Any]]]:
    return [(example, {"status": status}) for example in chosen if example.status != status]


def undo(store: Store, dataset: str, done: Done, by: str) -> Done:
    """Every example of the deed as it was before, where nobody has changed it since."""
    wanted, overtaken = [], []
    for entry, version in done.versions:
        now, earlier, *_ = [*examples.history(store, dataset, entry), None]
        if now is None or earlier is None or now.version != version:
            overtaken.append(entry)
            continue
        back = {"messages": earlier.messages, "tools": earlier.tools or []}
        wanted.append((now, {**back, "tags": earlier.tags, "status": earlier.status, "note": earlier.note}))
    back_again = change(store, wanted, by)
    return Done(back_again.versions, overtaken + back_again.overtaken)
