"""Numbers: the figures in a text as Europe writes them, and whether one of them is the expected one.

"1.234,5", "1 234,5", "1'234.5" and "1,234.5" are one number. A lone "1.234" can be 1234 or 1.234: both are tried, and
the reason says which it was. Where both have a unit, it is compared within its own family: 1.2 kg is 1200 g.
"""

import re
from collections.abc import Iterator

from engine.scoring.score import Guide, Item, Metric, Score, Setting

TOLERANCE = Setting("tolerance", "How far off it may be: 0.5, or a share such as 1 %", "text")
NUMBER = re.compile(r"(?<![\w.,])[-+]?\d(?:[\d.,'’\u00a0\u202f\u2009 ]*\d)?")
SPACES = "\u00a0\u202f\u2009 "
GROUPED = re.compile(r"\d{1,3}(?:([.,'’\u00a0\u202f\u2009 ])\d{3})(?:\1\d{3})*")
UNITS = {  # unit -> what it measures, how many of the smallest one
    **{unit: ("mass", n) for unit, n in {"mg": 1, "g": 1e3, "kg": 1e6, "t": 1e9}.items()},
    **{unit: ("length", n) for unit, n in {"mm": 1, "cm": 10, "m": 1e3, "km": 1e6}.items()},
    **{unit: ("volume", n) for unit, n in {"ml": 1, "cl": 10, "dl": 100, "l": 1e3}.items()},
    **{unit: ("time", n) for unit, n in {"s": 1, "min": 60, "h": 3600}.items()},
    **{unit: ("energy", n) for unit, n in {"wh": 1, "kwh": 1e3, "mwh": 1e6}.items()},
    **{unit: ("euro", 1) for unit in ("€", "eur", "euro", "euros")},
    **{unit: ("pound", 1) for unit in ("£", "gbp")},
    **{unit: ("dollar", 1) for unit in ("$", "usd")},
    **{unit: ("percent", 1) for unit in ("%", "percent", "prozent")},
}
UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
AFTER = re.compile(rf"[ \u00a0\u202f-]?({UNIT})(?!\w)", re.IGNORECASE)
BEFORE = re.compile(rf"(?<!\w)({UNIT})[ \u00a0]?$", re.IGNORECASE)
SIGNS = str.maketrans({"−": "-", "–": "-"})


def number(text: str, item: Item, guide: Guide = None) -> Score:
    wanted = item.get("number", item.get("answer"))
    expected = next(_found(str(wanted)), None) if wanted not in (None, "") else None
    if expected is None:
        return Score(None, "The item expects no number.")
    readings, unit, shown = expected
    goal = float(wanted) if isinstance(wanted, int | float) else readings[0]
    try:
        allowed = _allowed(goal, str(item.get("tolerance") or ""))
    except ValueError:
        return Score(None, f"The tolerance {item.get('tolerance')} is no number.")
    seen = list(_found(text))
    for values, beside, said in seen:
        for value in values:
            scaled = _scaled(value, beside, unit)
            if scaled is not None and abs(scaled - goal) <= allowed + 1e-9 * max(1.0, abs(goal)):
                return Score(1.0, f"Says {said}, read as {value:.10g}.")
    said = ", ".join(dict.fromkeys(said for _, _, said in seen)) or "no number"
    return Score(0.0, f"Says {said}; {shown} was expected.")


def readings(text: str) -> list[float]:
    """What one figure can mean, the likeliest first: none when it is no number."""
    text = text.translate(SIGNS).strip().strip(".,")
    sign, bare = (-1.0 if text.startswith("-") else 1.0), text.lstrip("+-")
    marks = [mark for mark in bare if not mark.isdigit()]
    if not bare[:1].isdigit():
        return []
    if not marks:
        return [sign * float(bare)]
    grouped = [sign * float(re.sub(r"\D", "", bare))] if GROUPED.fullmatch(bare) else []
    point = max(bare.rfind("."), bare.rfind(","))
    head, tail = bare[:point], bare[point + 1 :]
    if point < 0 or bare[point] in head or not tail.isdigit() or not (head.isdigit() or GROUPED.fullmatch(head)):
        return grouped
    split = sign * float(re.sub(r"\D", "", head) + "." + tail)
    if bare[0] == "0":  # nobody groups after a nought
        return [split]
    return [*grouped, split]


def _found(text: str) -> Iterator[tuple[list[float], str, str]]:
    """Each number of a text: what it can mean, the unit beside it ('' for none), and how it is written."""
    text = text.translate(SIGNS)
    for hit in NUMBER.finditer(text):
        for start, piece in _pieces(hit[0], hit.start()):
            values = readings(piece)
            if values:
                beside = AFTER.match(text, start + len(piece)) or BEFORE.search(text[:start].rstrip("+-"))
                unit = beside[1].lower() if beside else ""
                yield values, unit, f"{piece} {unit}".strip()


def _pieces(text: str, at: int) -> Iterator[tuple[int, str]]:
    """A run of digits and marks as it is, or cut at spaces and commas where it is no single number: "3, 4 and 5"."""
    if readings(text):
        yield at, text
        return
    for piece in re.finditer(r"[-+]?\d+(?:[.,]\d+)*", text):
        yield at + piece.start(), piece[0]


def _scaled(value: float, unit: str, wanted: str) -> float | None:
    """`value` in the unit that is wanted, which a bare number is taken to have; None when it measures another thing."""
    if not wanted or not unit:
        return value
    if UNITS[unit][0] != UNITS[wanted][0]:
        return None
    return value * UNITS[unit][1] / UNITS[wanted][1]


def _allowed(goal: float, tolerance: str) -> float:
    """How far off a value may be, from `0.5`, `0,5` or `1 %`."""
    if not tolerance.strip():
        return 0.0
    share = tolerance.strip().endswith("%")
    values = readings(tolerance.strip().rstrip("% "))
    if not values:
        raise ValueError(tolerance)
    least = min(abs(value) for value in values)
    return abs(goal) * least / 100 if share else least


METRICS = (
    Metric("number", "The expected number stands in the answer, however it is written, in a unit that fits.", number,
           "an expected number", settings=(TOLERANCE,)),
)  # fmt: skip
