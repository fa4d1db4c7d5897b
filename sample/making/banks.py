"""Reads the banks: plain text in blocks, each a heading and the lines under it."""

from pathlib import Path
from typing import NamedTuple

BANKS = Path(__file__).parent / "banks"


class Block(NamedTuple):
    """One heading, its fields cut at `|`, and the lines under it as (mark, text)."""

    fields: list[str]
    lines: list[tuple[str, str]]


def blocks(bank: str) -> list[Block]:
    """The blocks of one bank. Lines before the first heading are notes to whoever writes it."""
    found: list[Block] = []
    for line in (BANKS / bank).read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            found.append(Block([field.strip() for field in line.removeprefix("# ").split("|")], []))
        elif found and line.strip():
            mark, _, text = line.partition(" ")
            found[-1].lines.append((mark, text.strip()))
    return found


def listed(bank: str) -> dict[str, list[str]]:
    """A bank whose lines have no mark: heading -> lines."""
    return {block.fields[0]: [f"{mark} {text}".strip() for mark, text in block.lines] for block in blocks(bank)}
