"""Repairs: what a rejected row could be, said before anything is changed. Pure."""

from typing import Any


def propose(code: str, row: Any | str) -> str | None:
    """The row as it could be, one JSON line that is valid; None when nobody knows."""
    return None


def said(code: str) -> str:
    """What a repair of this kind does, in a sentence."""
    return ""
