"""Cards: what a folder of examples says of itself. Counts, sources, people, licence, splits, gaps, personal data.

Every figure is of the examples leaving; what nobody knows is said as not known; training.card does this for adapters.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from engine.data import language
from studio.store import Store, now

NOT_STATED = "not stated"
MOSTLY = 0.05  # a language of a smaller share of the examples is not named in the front matter
SAMPLE = 2000  # examples whose language is judged; the figures say how many that were
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))  # as hubs write
LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")  # as hubs write them: apache-2.0, cc-by-4.0


@dataclass(frozen=True)
class Facts:
    """What is known of the examples that leave."""

    sources: dict[str, int]
    people: int  # who wrote or edited them
    origins: dict[str, int]  # what made them, '' for people
    languages: dict[str, int]  # code -> how many of those judged; '' where it cannot be told
    judged: int
    gaps: dict[str, int]  # kind of finding -> examples, from the latest scan
    scanned_at: datetime | None  # None when there was no scan


@dataclass(frozen=True)
class Card:
    name: str
    snapshot: str  # '' when the dataset left as it stood
    made_by: str
    counts: dict[str, int]
    facts: Facts
    plan: str  # how the sides were chosen, in words
    licence: str
    personal: str  # in words
    notes: Sequence[str] = field(default_factory=list)  # what the form could not carry


def facts(store: Store, dataset: str, entries: Sequence[str], texts: Sequence[str]) -> Facts:
    """The facts of some entries; `texts` are what the users and the assistant say in (a sample of) them."""
    with store.read() as cursor:
        cursor.register("leaving", pd.DataFrame({"entry": list(entries)}, dtype=str))
        where = "dataset = ? and entry in (select entry from leaving)"
        told = cursor.execute(
            f"select source, origin, count(*) from example where latest and {where} group by all", [dataset]
        ).fetchall()
        ((people,),) = cursor.execute(
            f"select count(distinct made_by) from example where {where}", [dataset]
        ).fetchall()
        scans = cursor.execute(
            "select id, made_at from scan where dataset = ? order by made_at desc limit 1", [dataset]
        ).fetchall()
        found = cursor.execute(
            """
            select kind, count(distinct entry)
            from finding
            where scan = ? and entry in (select entry from leaving)
            group by kind
            """,
            [scans[0][0] if scans else ""],
        ).fetchall()
    sources, origins = Counter[str](), Counter[str]()
    for source, origin, n in told:
        sources[source] += n
        origins[origin] += n
    judged = texts[:: max(1, len(texts) // SAMPLE)]
    languages = Counter(language.of(text)[0] for text in judged)
    return Facts(
        dict(sources.most_common()),
        people,
        dict(origins),
        dict(languages.most_common()),
        len(judged),
        dict(found),
        scans[0][1] if scans else None,
    )


def text(card: Card, files: Mapping[str, str] | None = None) -> str:
    """The card in Markdown with the front matter that Hugging Face reads; `files` maps a split to its data file."""
    return f"""---
{_front(card, files or {})}
---

# {card.name}

{_what(card)}

## Splits

{_table(("split", "examples"), {**card.counts, "in all": sum(card.counts.values())})}

{card.plan}

## Where they come from

{_table(("source", "examples"), card.facts.sources)}

{_people(card.facts)} {_synthetic(card.facts)}

## Languages

{_languages(card.facts)}

## Licence

{_licence(card.licence)}

## Personal data

{card.personal}

## Known gaps

{_gaps(card.facts)}
{_notes(card.notes)}"""


def _front(card: Card, files: Mapping[str, str]) -> str:
    n = sum(card.counts.values())
    size = next((words for most, words in SIZES if n < most), "n>1M")
    named = [code for code, count in card.facts.languages.items() if code and count >= MOSTLY * card.facts.judged]
    lines = [f"pretty_name: {json.dumps(card.name, ensure_ascii=False)}"]
    if LICENCE_ID.fullmatch(card.licence):
        lines.append(f"license: {card.licence}")
    elif card.licence:
        lines += ["license: other", f"license_name: {json.dumps(card.licence, ensure_ascii=False)}"]
    else:
        lines.append("license: unknown")
    if named:
        lines.append(f"language: {json.dumps(named)}")
    lines += ["task_categories: [text-generation]", f"size_categories: [{json.dumps(size)}]"]
    if files:
        lines += ["configs:", "- config_name: default", "  data_files:"]
        for split, path in files.items():
            lines += [f"  - split: {split}", f"    path: {json.dumps(path)}"]
    return "\n".join(lines)


def _what(card: Card) -> str:
    frozen = f"the frozen snapshot `{card.snapshot}`" if card.snapshot else "the approved examples, as they stood"
    return (
        f"Conversations to fine-tune and test a chat model: {frozen}, taken out by {_plain(card.made_by)} on "
        f"{now():%-d %B %Y} with Atelier."
    )


def _people(known: Facts) -> str:
    have = "person has" if known.people == 1 else "people have"
    return f"{known.people:,} {have} written or edited them; not named here."


def _synthetic(known: Facts) -> str:
    made = {origin: n for origin, n in known.origins.items() if origin}
    if not made:
        return "None is marked as synthetic."
    some, n = sum(made.values()), sum(known.origins.values())
    told = "; ".join(
        f"{_plain(origin)}: {count:,}" for origin, count in sorted(made.items(), key=lambda pair: -pair[1])
    )
    return f"Synthetic, by what made them, and approved by people: {some:,} of {n:,} ({100 * some / n:.0f} %). {told}."


def _languages(known: Facts) -> str:
    if not known.judged:
        return "Not known: no example was judged."
    told = ", ".join(f"{language.name(code)} {100 * n / known.judged:.0f} %" for code, n in known.languages.items())
    return f"{told} (judged by a program on n = {known.judged:,})."


def _licence(licence: str) -> str:
    return f"{_plain(licence)}." if licence else f"Licence: {NOT_STATED}. Ask whoever gave you this before you use it."


def _gaps(known: Facts) -> str:
    if known.scanned_at is None:
        return "Not known: the dataset was not scanned for them."
    if not known.gaps:
        return f"The scan of {known.scanned_at:%-d %B %Y} found none among these examples."
    return f"Found by the scan of {known.scanned_at:%-d %B %Y}, in examples:\n\n" + _table(
        ("what", "examples"), known.gaps
    )


def _notes(notes: Sequence[str]) -> str:
    return "\n## What this form does not carry\n\n" + "".join(f"- {note}\n" for note in notes) if notes else ""


def _table(head: tuple[str, str], rows: Mapping[str, int]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---:|"]
    return "\n".join(lines + [f"| {_plain(name)} | {n:,} |" for name, n in rows.items()])


def _plain(text: str) -> str:
    """What people wrote, on one line and without breaking the table or the markup around it."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
