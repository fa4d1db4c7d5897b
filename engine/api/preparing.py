"""Preparing: uploaded files become the one file that a job learns from. Every row is judged and counted on the way, in
the tokens of its base, a line at a time, so that memory stays flat however long the file.

Weights are shares: files weighing 3 and 1 are met three to one. So that no row is lost, the file that is short of its
share is repeated; where it would have to be repeated too often, that is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.api.refusals import Refusal
from engine.api.stored import Stored
from engine.data import rows
from engine.data.rows import Reject
from engine.problems import Problem
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.forecast import plan
from engine.training.forecast.memory import Load
from engine.training.forecast.plan import Plan
from engine.training.material import batches, course
from engine.training.settings import CPT, GRPO, KTO, PREFERENCES, SFT, TrainSpec

NAMED = 10  # bad lines that a refusal names
MOST_REPEATED = 20.0  # times
Line = tuple[int, bytes]


@dataclass
class Counted:
    """What a file holds for this run. `tokens` are of one pass, `bad` the first lines that cannot be learned from."""

    name: str = ""
    rows: int = 0
    tokens: int = 0
    trained: int = 0
    longest: int = 0
    rejected: int = 0
    bad: list[str] = field(default_factory=list)

    def reject(self, line: int, why: str) -> None:
        self.rejected += 1
        if len(self.bad) < NAMED:
            self.bad.append(f"{self.name} line {line}: {why}")


def prepare(files: list[tuple[Stored, float]], spec: TrainSpec, out: Path, skip: float) -> Counted:
    """Write the rows to `out`.

    Refused, with the first bad lines, when more than `skip` percent of them cannot be learned from.
    """
    words = template.load(spec.base, chat=spec.method != CPT)
    total = Counted()
    good = [(file, weight, _judged(file, words, spec, total)) for file, weight in files]
    _enough(total, skip)
    repeats = _repeats([(counted.rows, weight) for _, weight, (counted, _) in good])
    for what in ("rows", "tokens", "trained"):
        met = zip((counted for _, _, (counted, _) in good), repeats, strict=True)
        setattr(total, what, sum(round(getattr(counted, what) * times) for counted, times in met))
    total.longest = max(counted.longest for _, _, (counted, _) in good)
    with out.open("wb") as file:
        for (stored, _, (_, refused)), times in zip(good, repeats, strict=True):
            for line in _repeated(stored.path, refused, times):
                file.write(line + b"\n")
    return total


def _judged(file: Stored, words: Template, spec: TrainSpec, total: Counted) -> tuple[Counted, set[int]]:
    """Counts of one file, and the numbers of the lines that cannot be used."""
    counted, refused = Counted(file.filename, bad=total.bad), set[int]()
    for number, line in _lines(file.path):
        try:
            tokens, trained = _tokens(number, line, words, spec)
        except Problem as problem:
            counted.reject(number, str(problem))
            refused.add(number)
            continue
        counted.rows += 1
        counted.tokens += tokens
        counted.trained += trained
        counted.longest = max(counted.longest, tokens)
    total.rejected += counted.rejected
    total.rows += counted.rows
    return counted, refused


def _tokens(number: int, line: bytes, words: Template, spec: TrainSpec) -> tuple[int, int]:
    """How many tokens of a row are read and learned by the method of this run. Problem when it cannot be used."""
    if len(line) > rows.LONGEST_LINE:
        raise Problem(f"It is longer than {rows.LONGEST_LINE:,} bytes.")
    if spec.method == SFT:
        judged = rows.read_line(number, line)
        if isinstance(judged, Reject):
            raise Problem(judged.why)
    found = batches.parsed(line)
    if spec.method == CPT:
        text = found.get("text")
        if not isinstance(text, str) or not text.strip():
            raise Problem('It has no "text" to read.')
        tokens = len(words.ids([text])[0])
        return tokens, tokens
    if spec.method in PREFERENCES and spec.method != KTO and not found.get("rejected"):
        raise Problem('It has no "rejected", the worse answer.')
    if spec.method in (SFT, *PREFERENCES):
        row = batches.row(found, words, spec.max_tokens, number)
        return len(row.tokens), row.n_trained
    if spec.method == GRPO and not isinstance(found.get("messages"), list):
        raise Problem('It has no "messages".')
    return len(words.ids([words.render(found["messages"], found.get("tools"))])[0]), 0


def _enough(total: Counted, skip: float) -> None:
    of = total.rows + total.rejected
    if not total.rows:
        told = " ".join(total.bad) or "The files hold no rows."
        raise Refusal(422, f"There is nothing to learn from. {told}", "training_files")
    if total.rejected > of * skip / 100:
        more = total.rejected - len(total.bad)
        raise Refusal(
            422,
            f"{total.rejected} of {of} rows cannot be learned from, and at most {skip:g} % may be left out "
            f"(invalid_sample_skip_percentage). {' '.join(total.bad)}{f' And {more} more.' if more > 0 else ''}",
            "training_files",
        )


def _repeats(files: list[tuple[int, float]]) -> list[float]:
    """How often each file's rows are met, so that shares are as the weights and each row is met at least once.

    The share of file i is w_i / sum(w); with k = max(n_i / w_i), it is met w_i * k / n_i times.
    """
    if len({weight for _, weight in files}) == 1:
        return [1.0 for _ in files]
    if any(not n for n, _ in files):
        raise Refusal(422, "A file with a weight has no row that can be learned from.", "training_files")
    k = max(n / weight for n, weight in files)
    found = [weight * k / n for n, weight in files]
    if max(found) > MOST_REPEATED:
        raise Refusal(
            422,
            f"With these weights one file would be repeated {max(found):.0f} times, so that the other is met at all. "
            f"Keep it within {MOST_REPEATED:g}: choose weights nearer to the sizes of the files.",
            "training_files",
        )
    return found


def _repeated(path: Path, refused: set[int], times: float) -> Iterator[bytes]:
    """The usable lines, each as often as it shall be met; a broken part is spread evenly over the file."""
    whole, part = int(times), times - int(times)
    owed = 0.0
    for number, line in _lines(path):
        if number in refused:
            continue
        owed += part
        extra = owed >= 1 - 1e-9
        owed -= extra
        for _ in range(whole + extra):
            yield line


def _lines(path: Path) -> Iterator[Line]:
    """Lines that are not blank, with their numbers; one that is too long comes cut, and too long still."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(rows.LONGEST_LINE + 2):
            number += 1
            cut = not line.endswith(b"\n")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line.rstrip(b"\r\n")
            while cut and (rest := file.readline(1 << 20)):
                cut = not rest.endswith(b"\n")


def planned(counted: Counted, left: Counted, spec: TrainSpec) -> Plan:
    """What the run would do, for the preflight. The batch of the longest rows is taken to be the largest."""
    if spec.method != SFT:
        return plan.plan(spec)  # other methods cut and pair rows in ways of their own
    each = max(1, -(-counted.rows // (spec.batch_size * spec.accumulation)))
    steps = max(1, course.n_steps(counted.rows, spec))
    return Plan(
        examples=counted.rows,
        tokens=counted.tokens,
        trained_tokens=counted.trained,
        longest=counted.longest,
        steps=steps,
        read_tokens=round(steps / each * counted.tokens),
        largest=Load(min(spec.batch_size, counted.rows), counted.longest, spec.batch_size * counted.longest),
        epochs=round(steps / each, 3),
        validation_examples=left.rows,
        validation_tokens=left.tokens,
        refused=[],
        validation_refused=[],
    )
