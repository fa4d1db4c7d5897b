"""Unusable: why a row cannot become an example."""

from typing import Any


class Unusable(Exception):
    """A short code for the kind, a sentence for the person."""

    def __init__(self, code: str, why: str) -> None:
        self.code, self.why = code, why
        super().__init__(why)

    def __reduce__(self) -> tuple[type["Unusable"], tuple[str, str]]:
        return Unusable, (self.code, self.why)  # it travels between processes


def shown(value: Any, most: int = 60) -> str:
    """A value as it can stand in a sentence, cut where it is long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"
