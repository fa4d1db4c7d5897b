"""Headers: whether the first row of a sheet names its columns, and what to call them when it does not. Pure."""

import statistics
from collections.abc import Sequence

from engine.data import columns as known

LONG = 40  # characters; names of columns are shorter
SIGNS = (".", "?", "!", "。", "？")  # names of columns do not end in these


def names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row looks like names: short, all different, and known ones or unlike what stands below."""
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if not all(first) or len({cell.casefold() for cell in first}) < len(first):
        return False
    if any(len(cell) > LONG or cell.endswith(SIGNS) for cell in first):
        return False
    if any(known.field(cell) for cell in first):
        return True
    if len(rest) < 2 or any(len(cell.split()) > 3 for cell in first):
        return False
    return any(_unlike(name, [row[n] for row in rest if n < len(row)]) for n, name in enumerate(first))


def _unlike(name: str, below: list[str]) -> bool:
    """Much shorter than the cells below it, or words above figures."""
    filled = [cell for cell in below if cell.strip()]
    if not filled:
        return False
    return statistics.median(map(len, filled)) > 3 * len(name) or (all(map(_figure, filled)) and not _figure(name))


def _figure(cell: str) -> bool:
    return cell.replace(".", "", 1).replace(",", "", 1).strip().lstrip("-").isdigit()


def unique(cells: Sequence[object]) -> tuple[str, ...]:
    """The names of a header; one that is empty or stands there twice gets its number."""
    found: list[str] = []
    for n, cell in enumerate(cells, 1):
        name = str(cell if cell is not None else "").strip() or f"column {n}"
        while name in found:
            name = f"{name} ({n})"
        found.append(name)
    return tuple(found)


def numbered(n: int) -> tuple[str, ...]:
    return tuple(f"column {number}" for number in range(1, n + 1))
