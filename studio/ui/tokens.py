"""Tokens: the first training batch as the model reads it, with what it learns to say marked."""

import html
from collections.abc import Mapping, Sequence
from typing import Any


def rows(batch: Sequence[Mapping[str, Any]]) -> str:
    """HTML for rows of {tokens: [text], trained: [bool]}; trained tokens carry the class `on`."""
    return "".join(f'<div class="tokens">{_row(row["tokens"], row["trained"])}</div>' for row in batch)


def _row(tokens: Sequence[str], trained: Sequence[bool]) -> str:
    return "".join(
        f'<span class="on">{_text(token)}</span>' if on else f"<span>{_text(token)}</span>"
        for token, on in zip(tokens, trained, strict=True)
    )


def _text(token: str) -> str:
    return html.escape(token).replace("\n", "↵\n")
