"""`scan`, the job: one look at the health of a dataset. Files in, files out; what follows from them is for the studio.

    rows      Parquet of the latest examples that are not rejected: entry, status, tags, messages
    ->  findings.jsonl   what was found at an example or between two: kind, entry, other, score, body
        summary.json     counts and figures, each with the n it was looked at
        vectors/         where `spec.vectors` says: embedder, vectors.npy, entries.json, map.json

Every example is read once, in parts, for lengths, form and exact copies. What costs more looks at a sample, the same
one each time, whose size stands in the summary. Found personal data and secrets are kept as places, never as words.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq

from engine import events, hashes, specs
from engine.data import language
from engine.privacy import personal, secrets, toxic
from engine.quality import contradictions, embedding, flaws, nearness, subjects, topics
from engine.quality.embedding import Embedder, Vectors
from engine.quality.flaws import Flaw
from engine.quality.subjects import Subject
from engine.scoring import guide
from engine.scoring.stats import share

FINDINGS, SUMMARY = "findings.jsonl", "summary.json"
DUPLICATE, CONTRADICTION, PERSONAL, SECRET, TOXIC = "duplicate", "contradiction", "personal", "secret", "toxic"
LANGUAGE, STYLE = "language", "style"

MEANT = 0.93  # cosine from which two examples may say the same
WORDS_TOO = 0.6  # if they share so many words as well
BINS = (5, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 1280)  # words; upper ends of the histogram


@dataclass(frozen=True)
class ScanSpec:
    """One scan. Paths are absolute."""

    rows: str = field(metadata={"help": "Parquet of the examples."})
    vectors: str = field(metadata={"help": "Folder for the vectors and the map of topics."})
    guide: str = specs.setting("", "JSON of the style guide; empty for none.")
    most_near: int = specs.setting(200_000, "Examples compared with each other; a sample of larger datasets.", least=2)
    most_vectors: int = specs.setting(30_000, "Examples that get a place on the map.", least=2)
    most_read: int = specs.setting(20_000, "Examples looked through for personal data, language and style.", least=2)


@dataclass
class _Look:
    """What one scan has gathered so far."""

    folder: Path
    spec: ScanSpec
    n: int
    rows: list[Subject] = field(default_factory=list)  # the sample, at most spec.most_near
    lengths: list[int] = field(default_factory=list)  # words of every answer
    copies: list[tuple[str, str]] = field(default_factory=list)  # entry, the first with the same words
    findings: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    def found(self, kind: str, entry: str, score: float = 1.0, other: str = "", **body: Any) -> None:
        self.findings.append({"kind": kind, "entry": entry, "other": other, "score": float(score), "body": body})

    def fewer(self, most: int) -> list[Subject]:
        """A sample of at most so many, the same ones whenever they are there."""
        if len(self.rows) <= most:
            return self.rows
        return sorted(self.rows, key=lambda row: hashes.share(row.entry))[:most]


def run(folder: Path) -> dict[str, Any]:
    spec = specs.read(folder, ScanSpec)
    begun = time.time()
    look = _Look(folder, spec, pq.ParquetFile(spec.rows).metadata.num_rows)
    stages: list[tuple[str, Callable[[_Look], None]]] = [
        ("reading", _read),
        ("duplicates", _duplicates),
        ("topics and contradictions", _meaning),
        ("form and length", _form),
        ("languages and balance", _kinds),
        ("style", _style),
        ("personal data", _personal),
    ]
    for done, (name, stage) in enumerate(stages):
        _tell(folder, begun, done, len(stages), name)
        stage(look)
    _tell(folder, begun, len(stages), len(stages), "done")
    look.summary |= {"n": look.n, "sample": len(look.rows), "found": dict(Counter(f["kind"] for f in look.findings))}
    lines = (json.dumps(finding, ensure_ascii=False) + "\n" for finding in look.findings)
    with (folder / FINDINGS).open("w", encoding="utf-8") as file:
        file.writelines(lines)
    draft = folder / f".{SUMMARY}"
    draft.write_text(json.dumps(look.summary, ensure_ascii=False))
    draft.rename(folder / SUMMARY)  # last: its existence means that all is there
    return {"examples": look.n, "findings": len(look.findings)}


def _tell(folder: Path, begun: float, done: int, of: int, now: str, part: float = 0.0) -> None:
    gone = (done + part) / of
    left = (time.time() - begun) * (1 - gone) / gone if gone > 0.2 else None
    events.append(folder, "progress", done=round(done + part, 2), of=of, now=now, seconds_left=left)


def read_rows(path: Path) -> Iterator[Subject]:
    """The examples of a Parquet file, a part at a time."""
    decode = msgspec.json.Decoder(list[dict[str, Any]]).decode
    for batch in pq.ParquetFile(path).iter_batches(batch_size=5000):
        for row in batch.to_pylist():
            yield subjects.of(row["entry"], row["status"], row["tags"] or (), decode(row["messages"]))


def _read(look: _Look) -> None:
    """Every example once: its length, its exact copies, and whether it belongs to the sample."""
    firsts: dict[int, str] = {}
    part = min(1.0, look.spec.most_near / max(1, look.n))
    for row in read_rows(Path(look.spec.rows)):
        look.lengths.append(len(row.answer.split()))
        first = firsts.setdefault(hash(nearness.normal(row.whole)), row.entry)
        if first != row.entry:
            look.copies.append((row.entry, first))
        if part == 1 or hashes.share(row.entry) < part:
            look.rows.append(row)
    for entry, first in look.copies:
        look.found(DUPLICATE, first, 1.0, entry, how="exact")
    look.summary["lengths"] = {
        "n": look.n,
        "median": float(np.median(look.lengths)) if look.n else None,
        **_histogram(look),
    }


def _histogram(look: _Look) -> dict[str, Any]:
    places = np.searchsorted(BINS, look.lengths)
    return {"bins": list(BINS), "counts": np.bincount(places, minlength=len(BINS) + 1).tolist()}


def _duplicates(look: _Look) -> None:
    """Near ones: question and answer together, if the answers alone are near too."""
    rows = look.rows
    for pair in nearness.near([row.whole for row in rows]):
        first, second = rows[pair.first], rows[pair.second]
        if pair.kind == "near" and nearness.alike(first.answer, second.answer) >= nearness.THRESHOLD:
            look.found(DUPLICATE, first.entry, pair.score, second.entry, how="near")
    look.summary["duplicates"] = {"n": look.n, "exact": len(look.copies), "near_looked_at": len(rows)}


def _meaning(look: _Look) -> None:
    """Embeddings, and what rests on them: duplicates in other words, contradictions, topics."""
    rows = look.fewer(look.spec.most_vectors)
    if not rows:
        return
    embedder = embedding.fit([row.gist for row in rows])
    vectors = embedder.encode([row.gist for row in rows])
    _near_in_meaning(look, rows, vectors)
    pairs = contradictions.find(look.rows, embedder)
    for pair in pairs:
        first, second = look.rows[pair.first].entry, look.rows[pair.second].entry
        look.found(
            CONTRADICTION, first, pair.prompts, second, cosine=round(pair.cosine, 3), answers=round(pair.answers, 3)
        )
    look.summary["contradictions"] = {"n": len(look.rows)}
    look.summary["embedding"] = {"n": len(rows), "says": embedder.says}
    _keep_vectors(look, rows, embedder, vectors)


def _near_in_meaning(look: _Look, rows: Sequence[Subject], vectors: Vectors) -> None:
    known = {(finding["entry"], finding["other"]) for finding in look.findings}
    pairs = [
        (first, second, cosine)
        for first, second, cosine in embedding.neighbours(vectors, MEANT)
        if not {(rows[first].entry, rows[second].entry), (rows[second].entry, rows[first].entry)} & known
    ]
    cosines = {(first, second): cosine for first, second, cosine in pairs}
    judged = nearness.judged([row.whole for row in rows], list(cosines), WORDS_TOO)
    for pair in judged:
        first, second = rows[pair.first], rows[pair.second]
        if pair.kind == "near" and nearness.alike(first.answer, second.answer) >= WORDS_TOO:
            cosine = cosines[pair.first, pair.second]
            look.found(DUPLICATE, first.entry, pair.score, second.entry, how="meaning", cosine=round(cosine, 3))


def _keep_vectors(look: _Look, rows: Sequence[Subject], embedder: Embedder, vectors: Vectors) -> None:
    """Written beside and renamed into place: whoever reads them meanwhile sees the former ones whole."""
    place = Path(look.spec.vectors)
    draft = place.with_name(f".{place.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    embedder.save(draft)
    np.save(draft / "vectors.npy", vectors.astype(np.float16))
    (draft / "entries.json").write_text(json.dumps([row.entry for row in rows]))
    found = topics.find(vectors, [row.prompt for row in rows], [row.status == "approved" for row in rows])
    if found is not None:
        told = {"places": np.round(found.places, 3).tolist(), "belongs": found.belongs}
        (draft / "map.json").write_text(json.dumps({**told, "topics": [asdict(topic) for topic in found.topics]}))
        gaps = [topic for topic in found.topics if topic.gap]
        look.summary["topics"] = {"n": len(rows), "topics": len(found.topics), "gaps": len(gaps)}
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)


def _form(look: _Look) -> None:
    """Empty, cut off or echoing answers, and those of unusual length."""
    usually = flaws.usually_end(row.answer for row in look.rows[:5000])
    most = flaws.longest_usual(look.lengths)
    for row in look.rows:
        wrong = flaws.find(row.prompt, row.answer, usually_ends=usually)
        if (n := len(row.answer.split())) > most:
            wrong.append(Flaw(flaws.LENGTH, f"{n:,} words, where the median is {np.median(look.lengths):,.0f}."))
        for flaw in wrong:
            look.found(flaw.kind, row.entry, why=flaw.why)
    look.summary["form"] = {"n": len(look.rows), "longest_usual": None if most == float("inf") else round(most)}
    look.summary["boilerplate"] = flaws.boilerplate([row.answer for row in look.fewer(look.spec.most_read)])


def _kinds(look: _Look) -> None:
    """Which language each is written in, and how evenly labels or tags are spread."""
    rows = look.fewer(look.spec.most_read)
    told = [(language.of(row.answer)[0] or language.of(row.prompt)[0]) for row in rows]
    counts = Counter(told)
    look.summary["languages"] = {"n": len(rows), "counts": dict(counts.most_common())}
    known = len(rows) - counts[language.UNKNOWN]
    usual = {code for code, n in counts.items() if code and n >= max(0.05 * known, 3)}
    for row, code in zip(rows, told, strict=True):
        if usual and code and code not in usual:
            look.found(LANGUAGE, row.entry, language=code, why=f"It seems to be {language.name(code)}.")
    look.summary["balance"] = balance(look.rows)


def balance(rows: Sequence[Subject]) -> dict[str, Any] | None:
    """How evenly labels are spread, or else the tags of the commonest prefix. None where there is neither.

    `evenness` is the entropy over its maximum: 1 when all are as frequent.
    """
    if subjects.labels([row.answer for row in rows]):
        by, counts = "answer", Counter(row.answer.strip() for row in rows)
    else:
        prefixes = Counter(tag.split(":")[0] for row in rows for tag in row.tags if ":" in tag)
        if not prefixes or prefixes.most_common(1)[0][1] < 0.5 * len(rows):
            return None
        by = prefixes.most_common(1)[0][0]
        counts = Counter(tag.split(":", 1)[1] for row in rows for tag in row.tags if tag.startswith(f"{by}:"))
    n = counts.total()
    shares = np.array(list(counts.values())) / n
    evenness = float(-(shares * np.log(shares)).sum() / np.log(len(shares))) if len(shares) > 1 else None
    majority = share(max(counts.values()), n)
    return {
        "n": n,
        "by": by,
        "classes": len(counts),
        "counts": dict(counts.most_common(40)),
        "evenness": evenness,
        "majority": asdict(majority),
        "rare": sum(value < 10 for value in counts.values()),
    }


def _style(look: _Look) -> None:
    """The share of answers that keep the guide, where there is one."""
    if not look.spec.guide:
        return
    rules = guide.read(look.spec.guide)
    rows = look.fewer(look.spec.most_read)
    broken: Counter[str] = Counter()
    kept = 0
    for row in rows:
        wrong = {mark.rule: mark.why for mark in guide.marks(row.answer, rules)}
        wrong |= {lack.rule: lack.why for lack in guide.missing(row.answer, rules)}
        kept += not wrong
        broken.update(wrong.keys())
        if wrong:
            look.found(STYLE, row.entry, rules=sorted(wrong), why=" ".join(wrong.values())[:300])
    look.summary["style"] = {
        "n": len(rows),
        "kept": asdict(share(kept, len(rows))),
        "broken": dict(broken.most_common(10)),
    }


def _personal(look: _Look) -> None:
    """Personal data, secrets and rude words, each as kind and place in a message."""
    rows = look.fewer(look.spec.most_read)
    begun = time.time()
    counts: dict[str, Counter[str]] = {PERSONAL: Counter(), SECRET: Counter(), TOXIC: Counter()}
    for done, row in enumerate(rows, 1):
        for kind, detector in ((PERSONAL, personal.scan), (SECRET, secrets.scan), (TOXIC, toxic.scan)):
            spans = [
                {"kind": one.kind, "message": number, "start": one.start, "end": one.end, "score": round(one.score, 3)}
                for number, (_, words) in enumerate(row.said)
                for one in detector(words)
            ]
            if spans:
                counts[kind].update(str(span["kind"]) for span in spans)
                look.found(kind, row.entry, max(float(str(span["score"])) for span in spans), spans=spans)
        if done % 500 == 0:
            _tell(look.folder, begun, 6, 7, "personal data", done / len(rows))
    for kind, counted in counts.items():
        look.summary[kind] = {"n": len(rows), "counts": dict(counted.most_common())}
