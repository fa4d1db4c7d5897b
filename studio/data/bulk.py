"""Bulk: one deed for many examples: tags, status, replaced words. What somebody changed meanwhile is left alone and
told, and the whole can be taken back as one."""

from collections.abc import Sequence

from studio.data import examples
from studio.data.examples import Edit, Edited, Example
from studio.store import Store


def tagged(chosen: Sequence[Example], tag: str) -> list[Edit]:
    """The edits that put a tag on each that lacks it."""
    return [Edit(example, tags=[*example.tags, tag]) for example in chosen if tag not in example.tags]


def untagged(chosen: Sequence[Example], tag: str) -> list[Edit]:
    return [Edit(example, tags=[t for t in example.tags if t != tag]) for example in chosen if tag in example.tags]


def judged(chosen: Sequence[Example], status: str) -> list[Edit]:
    return [Edit(example, status=status) for example in chosen if example.status != status]


def undo(store: Store, dataset: str, done: Edited, by: str) -> Edited:
    """Every example of the deed as it was before, where nobody has changed it since."""
    back, overtaken = [], []
    for entry, version in done.versions:
        now, earlier, *_ = examples.history(store, dataset, entry)
        if now.version != version:
            overtaken.append(entry)
            continue
        back.append(
            Edit(
                now,
                messages=earlier.messages,
                tools=earlier.tools or [],
                tags=list(earlier.tags),
                status=earlier.status,
                note=earlier.note,
                origin=earlier.origin,
            )
        )
    edited = examples.edit_many(store, back, by, "example.undo_many")
    return Edited(edited.versions, overtaken + edited.overtaken)
