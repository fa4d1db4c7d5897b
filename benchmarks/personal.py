"""How much personal data is found: precision and recall of each kind on marked texts, and the speed.

    python -m benchmarks.personal synth_dataset_v2.json

The file is that of microsoft/presidio-research: a list of {full_text, spans: [{entity_type, start_position,
end_position}]}. A finding counts when both of its ends are right; for names and street addresses also when it touches.
`--half` takes only the half that was not looked at while rules were written (`--half tuned` the other one).
"""

import argparse
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.privacy import personal
from engine.scoring import stats

MARKED = {  # kind -> what the data calls it
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "iban": "IBAN_CODE",
    "card": "CREDIT_CARD",
    "url": "DOMAIN_NAME",
    "ip": "IP_ADDRESS",
    "ssn": "US_SSN",
    "name": "PERSON",
    "address": "STREET_ADDRESS",
}
TOUCHING = ("name", "address")


def held(text: str) -> bool:
    """Which half a text belongs to: by its hash."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


@dataclass(frozen=True)
class Seen:
    """Of one kind: `right` of the `found` meet a marked span, `covered` of the `marked` were met."""

    found: int
    right: int
    marked: int
    covered: int
    errors: list[tuple[str, str]]  # what was wrong or missed, with its surroundings


def compare(rows: list[dict[str, Any]], kind: str, touching: bool = False) -> Seen:
    found = right = marked = covered = 0
    errors = []
    for row in rows:
        want = {(s["start_position"], s["end_position"]) for s in row["spans"] if s["entity_type"] == MARKED[kind]}
        got = {(one.start, one.end) for one in row["found"] if one.kind == kind}
        hits = {g for g in got if any(meet(g, w, touching) for w in want)}
        met = {w for w in want if any(meet(g, w, touching) for g in got)}
        found, right, marked, covered = found + len(got), right + len(hits), marked + len(want), covered + len(met)
        text = row["full_text"]
        for title, spans in (("wrong", got - hits), ("missed", want - met)):
            errors += [(title, f"{text[max(0, a - 40) : a]!r} [{text[a:b]!r}] {text[b : b + 15]!r}") for a, b in spans]
    return Seen(found, right, marked, covered, errors)


def meet(one: tuple[int, int], other: tuple[int, int], touching: bool) -> bool:
    return one[0] < other[1] and other[0] < one[1] if touching else one == other


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("file", type=Path)
    asked.add_argument("--half", choices=["held", "tuned"])
    asked.add_argument("--errors", default="", help="show what was wrong of this kind")
    given = asked.parse_args()
    rows = json.loads(given.file.read_text())
    if given.half:
        rows = [row for row in rows if held(row["full_text"]) == (given.half == "held")]
    started = time.perf_counter()
    personal.ready()
    loaded = time.perf_counter()
    for row in rows:
        row["found"] = personal.scan(row["full_text"])
    seconds = time.perf_counter() - loaded
    print(f"{len(rows):,} texts, loaded in {loaded - started:.1f} s, {len(rows) / seconds:,.0f} texts/s on one core\n")
    print("| kind | marked | found | precision | recall |\n|---|---|---|---|---|")
    for kind in MARKED:
        for touching in (False, True) if kind in TOUCHING else (False,):
            seen = compare(rows, kind, touching)
            label = personal.KINDS[kind] + (", touching" if touching else "")
            precision, recall = stats.share(seen.right, seen.found), stats.share(seen.covered, seen.marked)
            print(f"| {label} | {seen.marked} | {seen.found} | {precision} | {recall} |")
            if given.errors == kind:
                for title, where in seen.errors[:40]:
                    print("   ", title, where)


if __name__ == "__main__":
    main()
