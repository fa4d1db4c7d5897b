"""Sheet: what lies on the tone workbench. Its round is part of its widgets' keys, so a fresh sheet starts anew."""

from dataclasses import dataclass, replace
from typing import Any

from studio.data import examples
from studio.data.drafts import Draft
from studio.data.examples import Example
from studio.ui import state


@dataclass(frozen=True)
class Sheet:
    """What lies on the bench: the version that was seen (None for a new one) and its messages as they stand."""

    dataset: str
    entry: str
    seen: Example | None
    messages: list[dict[str, Any]]
    round: int = 0

    @property
    def source(self) -> str:
        return next((m.get("content") or "" for m in reversed(self.messages[:-1]) if m["role"] == "user"), "")

    @property
    def answer(self) -> str:
        return self.messages[-1].get("content") or ""

    @property
    def version(self) -> int:
        return self.seen.version if self.seen else 0

    def key(self, name: object) -> str:
        return f"bench-{self.dataset}-{self.entry}-{self.round}-{name}"


def lay(dataset: str, entry: str, example: Example | None, draft: Draft | None) -> Sheet:
    """What lies on the bench already if it is this entry, else its draft, else the example as it was saved."""
    sheet: Sheet | None = state.value(state.BENCH)
    if sheet is None or (sheet.dataset, sheet.entry) != (dataset, entry):
        seen = example
        if example and draft and draft.seen < example.version:
            seen = next(
                (v for v in examples.history(state.store(), dataset, entry) if v.version == draft.seen), example
            )
        messages = draft.body["messages"] if draft else example.messages if example else []
        before = state.value(state.STEPS, 0)
        state.keep(state.STEPS, before + 1)
        sheet = Sheet(dataset, entry, seen, messages, before)
        state.keep(state.BENCH, sheet)
    return sheet


def again(sheet: Sheet, **changed: Any) -> None:
    """The same entry on a fresh sheet: its widgets start anew with what is given."""
    before = state.value(state.STEPS, 0)
    state.keep(state.STEPS, before + 1)
    state.keep(state.BENCH, replace(sheet, round=before, **changed))
