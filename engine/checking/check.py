"""Check: a whole file judged row by row and, where a tokenizer is named, counted: by that family, exactly.

    check(Path("rows.jsonl"), "tekken", max_tokens=2048)   # every row, by several processes, memory stays flat
    sample(Path("rows.jsonl"), "tekken")                   # at once: an estimate with its interval

Valid + rejected = lines that are not blank. What a person reads of it is the business of whoever calls.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checking.cost import Estimate, Rate, cost
from engine.checking.counting import FAMILIES
from engine.data import rows
from engine.data.rows import Chunk, Reject, Valid
from engine.data.unusable import Unusable
from engine.problems import Problem

if TYPE_CHECKING:  # both take a second to load, which a process that judges structure alone does not need
    from engine.checking.tokens import Tokenizer
    from engine.scoring import stats

__all__ = ["Estimate", "Found", "Rate", "Report", "Sample", "as_json", "check", "cost", "judge", "sample"]

KEEP = 1000  # problems that a report holds; all of them are counted, and `told` hears all of them
AT_ONCE = 4_000_000  # bytes; so much is counted rather than estimated
EXAMPLES = 5  # lines named of each kind of problem


@dataclass(frozen=True)
class Found:
    """What is wrong with a line, and the line as it could be, if somebody knows."""

    line: int
    code: str
    message: str
    repair: str | None


@dataclass
class Kind:
    """All problems of one code."""

    count: int = 0
    mended: int = 0  # of them have a repair
    lines: list[int] = field(default_factory=list)
    message: str = ""

    def add(self, other: "Kind") -> None:
        self.count += other.count
        self.mended += other.mended
        self.lines = (self.lines + other.lines)[:EXAMPLES]
        self.message = self.message or other.message


@dataclass
class Report:
    """`problems` are the first `KEEP`; `kinds` count all, by code. Counts of tokens are None without a tokenizer."""

    rows: int = 0
    rejected: int = 0
    problems: list[Found] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    tokenizer: str = ""
    max_tokens: int = 0
    lengths: Counter[int] = field(default_factory=Counter)  # rows by their tokens
    trained: int = 0

    @property
    def valid(self) -> int:
        return self.rows - self.rejected

    @property
    def tokens(self) -> int | None:
        return sum(length * n for length, n in self.lengths.items()) if self.tokenizer else None

    @property
    def trained_tokens(self) -> int | None:
        return self.trained if self.tokenizer else None

    @property
    def longest(self) -> int | None:
        return max(self.lengths, default=0) if self.tokenizer else None

    @property
    def truncated(self) -> int | None:
        """Rows longer than `max_tokens`; None where there is no such limit."""
        return sum(n for _, n in self._over()) if self.tokenizer and self.max_tokens else None

    @property
    def cut_tokens(self) -> int | None:
        """Tokens that a cut at `max_tokens` would lose."""
        if not self.tokenizer or not self.max_tokens:
            return None
        return sum((length - self.max_tokens) * n for length, n in self._over())

    def _over(self) -> list[tuple[int, int]]:
        return [(length, n) for length, n in self.lengths.items() if length > self.max_tokens]

    @property
    def histogram(self) -> list[tuple[int, int, int]]:
        """(from, to, rows) in powers of two, ends included: 1, 2-3, 4-7 and so on, first to last in use."""
        bins = Counter[int]()
        for length, n in self.lengths.items():
            bins[length.bit_length()] += n
        if not bins:
            return []
        return [(1 << b - 1 if b else 0, (1 << b) - 1, bins[b]) for b in range(min(bins), max(bins) + 1)]

    def add(self, other: "Report", keep: int | None) -> None:
        """Take in what was found further down the file."""
        self.rows += other.rows
        self.rejected += other.rejected
        self.trained += other.trained
        self.lengths.update(other.lengths)
        room = len(other.problems) if keep is None else max(0, keep - len(self.problems))
        self.problems += other.problems[:room]
        for code, kind in other.kinds.items():
            self.kinds.setdefault(code, Kind()).add(kind)


def check(
    path: Path,
    tokenizer: str = "",
    max_tokens: int = 0,
    progress: Callable[[int, int], None] = lambda done, of: None,
    workers: int = 2,
    name: str = "",
    keep: int | None = KEEP,
    told: Callable[[Found], None] = lambda found: None,
) -> Report:
    """Every row of a file. Problem when the file as a whole cannot be read, or there is no such tokenizer.

    `progress` hears (bytes done, of); `told` each problem, in the order of the file; the report holds the first `keep`.
    """
    if tokenizer and tokenizer.partition("=")[0] not in FAMILIES:  # said before any process starts
        raise Problem(f"There is no tokenizer {tokenizer!r}.", do=f"Choose one of {', '.join(FAMILIES)}.")
    total = Report(tokenizer=tokenizer, max_tokens=max_tokens)
    for part in rows.parsed(path, partial(judge, tokenizer=tokenizer), name, progress, workers):
        for found in part.problems:
            told(found)
        total.add(part, keep)
    return total


def judge(chunk: Chunk, tokenizer: str = "") -> Report:
    """The report of one chunk, with all of its problems."""
    report = Report(tokenizer=tokenizer)
    family = _tokenizer(tokenizer) if tokenizer else None
    for (
        row
    ) in chunk.rows():  # one at a time: held by the hundred, the garbage collector looks through them again and again
        report.rows += 1
        if (reject := _noted(row, report, family)) is not None:
            report.rejected += 1
            found = Found(reject.line, reject.code, reject.why, reject.repair)
            report.problems.append(found)
            kind = Kind(1, int(found.repair is not None), [found.line], found.message)
            report.kinds.setdefault(found.code, Kind()).add(kind)
    return report


def _noted(row: Valid | Reject, report: Report, family: "Tokenizer | None") -> Reject | None:
    """Why a row breaks a rule, or cannot be taken by the family; None where it was counted or need not be."""
    if isinstance(row, Reject):
        return row
    if family is not None:
        try:
            count = family.count(row.conversation)
        except Unusable as unusable:
            return Reject(row.line, unusable.code, unusable.why, "")
        report.lengths[count.tokens] += 1
        report.trained += count.trained
    return None


@cache
def _tokenizer(name: str) -> "Tokenizer":
    """A family, or `family=path` for one whose files lie elsewhere. Once a process, as some take a second to load."""
    from engine.checking import tokens  # mistral_common takes half a second, which structure alone does not need

    family, _, path = name.partition("=")
    return tokens.load(family, path)


@dataclass(frozen=True)
class Sample:
    """What `of` bytes would hold, judged by `rows` rows of it. `exact` when those are all."""

    exact: bool
    rows: int
    valid: "stats.Estimate"  # the share of valid rows
    all_rows: "stats.Estimate"
    tokens: "stats.Estimate | None"  # of the whole file

    def __str__(self) -> str:
        if self.exact:
            return f"counted: all {self.rows:,} rows"
        return f"estimated from {self.rows:,} of about {self.all_rows.value or 0:,.0f} rows"


def sample(path: Path, tokenizer: str = "", name: str = "", places: int = 100, size: int = 20_000) -> Sample:
    """A stated estimate at once, from whole lines at `places` spread evenly over the file, of some `size` bytes each.

    Totals are the mean per byte of the places times the bytes of the file, with Student's interval over the places
    (a cluster sample: lines side by side resemble each other, places far apart do not). A small file is counted.
    """
    from engine.scoring import stats

    rows.check_file(path, name)
    of = path.stat().st_size
    if of <= AT_ONCE:
        found = check(path, tokenizer, workers=1)
        return Sample(True, found.rows, stats.share(found.valid, found.rows), _sure(found.rows), _sure(found.tokens))
    parts = [(chunk.size, judge(chunk, tokenizer)) for chunk in _spread(path, of, places, size)]
    n, valid = sum(part.rows for _, part in parts), sum(part.valid for _, part in parts)
    weights = [(part.rows, part.tokens, width) for width, part in parts]
    return Sample(
        False,
        n,
        stats.share(valid, n),
        _scaled([(rows, width) for rows, _, width in weights], of),
        _scaled([(tokens or 0, width) for _, tokens, width in weights], of) if tokenizer else None,
    )


def _spread(path: Path, of: int, places: int, size: int) -> Iterator[Chunk]:
    """Whole lines at evenly spaced places. Their numbers are not known, and not needed."""
    with path.open("rb") as file:
        for place in range(places):
            file.seek(place * of // places)
            if place:
                file.readline(rows.LONGEST_LINE)  # the rest of a line
            start = file.tell()
            file.seek(min(of, start + size))
            file.readline(rows.LONGEST_LINE)
            yield Chunk(path, start, file.tell() - start, 2)


def _scaled(measured: list[tuple[int, int]], of: int) -> "stats.Estimate":
    """(amount, bytes) of each place as a total for `of` bytes, by the ratio of the sums (Cochran 1977, 6.4)."""
    from engine.scoring import stats

    mean_width = sum(width for _, width in measured) / len(measured)
    ratio = sum(amount for amount, _ in measured) / sum(width for _, width in measured)
    rest = stats.mean([(amount - ratio * width) / mean_width for amount, width in measured])
    half = 0.0 if rest.low is None or rest.high is None else (rest.high - rest.low) / 2
    return stats.Estimate(ratio * of, (ratio - half) * of, (ratio + half) * of, len(measured))


def _sure(value: int | None) -> "stats.Estimate":
    from engine.scoring import stats

    exact = float(value or 0)
    return stats.Estimate(exact, exact, exact, 1)


def as_json(report: Report) -> Mapping[str, Any]:
    """The report without its problems, as plain values."""
    return {
        "rows": report.rows,
        "valid": report.valid,
        "rejected": report.rejected,
        "tokens": report.tokens,
        "tokenizer": report.tokenizer,
        "trained_tokens": report.trained_tokens,
        "longest": report.longest,
        "max_tokens": report.max_tokens or None,
        "truncated": report.truncated,
        "cut_tokens": report.cut_tokens,
        "lengths": [{"from": low, "to": high, "rows": n} for low, high, n in report.histogram],
        "kinds": {code: kind.count for code, kind in report.kinds.items()},
    }
