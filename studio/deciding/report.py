"""The decision report: `report.json` for machines and `report.html` for people, in one folder.

The page is one file: no script, no font and no picture from outside, so it can be mailed and printed. What the report
dictionary lacks is left out of the page; nothing is computed here that isn't in it, but for the words.
"""

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, Template

from engine.scoring import stats, verdicts
from studio.deciding import report_words
from studio.deciding.report_chart import chart

ARMS = {"prompt": "Base + prompt", "rag": "Base + RAG", "tuned": "Tuned", "tuned_rag": "Tuned + RAG"}
METRICS = {
    "facts": "Facts right",
    "tone": "In tone",
    "both": "Both at once",
    "type": "Type right",
    "label": "Sub-type too",
}
VERDICTS = {"better": "good", "worse": "bad", "no difference worth having": "same", "cannot tell": "open"}


def write(folder: Path, report: Mapping[str, Any]) -> None:
    """Write both files; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    _put(folder / "report.html", page(report))


def page(report: Mapping[str, Any]) -> str:
    """The report as one self-contained HTML page."""
    return template("report.html.j2").render(
        report=report,
        said=report_words.said(report),
        smallest=report_words.smallest(report),
        arms=[(key, name) for key, name in ARMS.items() if key in report.get("arms", {})],
        metrics=METRICS,
        verdicts=VERDICTS,
        margin=verdicts.MARGIN,
        chart=chart(report.get("arms", {})),
    )


@cache
def template(name: str) -> Template:
    """A template of this folder, with what typesets figures, times and amounts as its filters."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # answers of a model are shown: whatever they hold is text
        undefined=ChainableUndefined,  # parts of a report may be missing
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": lambda estimate: typeset(report_words.percent(estimate)),
        "points": lambda found: typeset(report_words.points(found)),
        "in_hundred": lambda share: f"{share * 100:g}",
        "typeset": typeset,
        "whole": lambda value: "–" if value is None else f"{value * 100:.0f}",
        "css": lambda value: f"{min(1.0, max(0.0, value)):.4f}",
        "duration": duration,
        "money": money,
        "day": _day,
        "p": lambda p: typeset(stats.p_text(p)),
    }
    return environment.get_template(name)


def typeset(text: str) -> str:
    """As print has it: a dash between figures, a minus before one, and no line break inside `94 %` or `n = 192`."""
    text = re.sub(r"(?<=\d)-(?=\d)", "–", text)
    text = re.sub(r"(?<!\w)-(?=\d)", "−", text)
    return re.sub(r"(?<=\d) (?=%)|(?<=\bn) (?=[=<])|(?<=\bp) (?=[=<])|(?<=[=<]) (?=\d)", "\u00a0", text)


def duration(seconds: float | None) -> str:
    """`0.42 s`, `38 s`, `4 min 10 s`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def money(value: float | None) -> str:
    """Two digits that mean something: `12.30`, `0.023`."""
    if value is None:
        return "–"
    return f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.2g}" if value >= 1e-4 else "under 0.0001"


def _day(made_at: str) -> str:
    made = datetime.fromisoformat(made_at)
    return f"{made.day} {made:%B %Y, %H:%M} {made.tzname() or ''}".strip()


def _put(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
