"""How fast files are checked, beside mistral-finetune's published validator and beside the tokenizers alone.

    python -m benchmarks.check [--peer CHECKOUT] [--rows 200000] [--million] [--file ROWS.jsonl] [--workers 2]

One run, one machine, ratios; the median of some rounds. Rows/s are told twice: by the clock, which is what people wait
for and needs a quiet machine, and for each second of processor that all processes together used, which says nearly the
same on a busy one. Starting our processes and loading their tokenizers is counted, for the others it is not.

The rows are English of some 180 tokens (`benchmarks.english`); `--file` takes rows of yours instead. `--peer` is a
checkout of mistral-finetune, whose modules are imported as they are, with the names that later releases of
mistral_common have moved. It is one process, as published; ours are `--workers`. `--million` adds 1,000,000 rows
of 1 KB in a temporary folder and the peak memory (PSS) of all processes.
"""

import argparse
import itertools
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import english
from engine.checking import check, tokens


def processor() -> float:
    """Seconds of processor that this process and those of its children that have ended have used."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@dataclass(frozen=True)
class Rate:
    """Rows/s by the clock, and for each second of processor."""

    wall: float
    core: float


def timed(rows: int, work: Callable[[], Any]) -> tuple[Rate, Any]:
    """How fast so many rows went, and what was made of them."""
    began, used = time.perf_counter(), processor()
    found = work()
    return Rate(rows / (time.perf_counter() - began), rows / (processor() - used)), found


# --- the peer ---


def peer(checkout: Path) -> Any:
    """The published validator's module, under the names of the mistral_common it was written for."""
    import mistral_common.tokens.tokenizers.sentencepiece as pieces
    from mistral_common.protocol.instruct.request import InstructRequest
    from mistral_common.tokens.tokenizers.instruct import InstructTokenizerBase

    moved, above = types.ModuleType("mistral_common.tokens.instruct.request"), types.ModuleType("moved")
    moved.InstructRequest = InstructRequest  # type: ignore[attr-defined]
    sys.modules.update({"mistral_common.tokens.instruct": above, moved.__name__: moved})
    pieces.InstructTokenizerBase = InstructTokenizerBase  # type: ignore[attr-defined]
    sys.path.insert(0, str(checkout))
    import finetune.data.tokenize as module

    return module


def judged_by_peer(module: Any, lines: list[str], tokenizer: Any = None) -> int:
    """What the loop of `utils/validate_data.py` does with each line, but for its progress bar: tokens in all."""
    correct, counted = [], 0
    for line in lines:
        sample = module.build_instruct_sample(json.loads(line))
        if tokenizer is not None:
            counted += len(module.tokenize(sample, tokenizer).tokens)
        correct.append(line)
    return counted


# --- the tokenizers alone ---


def encode_batch(family: str, lines: list[str]) -> Rate:
    """The tokenizer's own batch call on the texts of rows, in this process; parsing is not counted."""
    model: Any = tokens.load(family)
    model = model._instruct.tokenizer._model
    said = [message["content"] for line in lines for message in json.loads(line)["messages"]]
    if family == "tekken":
        return timed(len(lines), lambda: model.encode_ordinary_batch(said, num_threads=1))[0]
    return timed(len(lines), lambda: model.encode(said, num_threads=1))[0]


def batch_rate(family: str, lines: list[str], workers: int) -> Rate:
    """All processes together, each with its share of the rows."""
    shares = [lines[n::workers] for n in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        rates = list(pool.map(encode_batch, [family] * workers, shares))
    return Rate(sum(rate.wall for rate in rates), statistics.mean(rate.core for rate in rates))


# --- ours ---


class Memory:
    """The most memory (PSS, bytes) that this process and its children held at one time."""

    def __enter__(self) -> "Memory":
        self.peak, self._ended = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._ended.wait(0.2):
            held = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    held += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, held)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or english.write(Path(folder) / "rows.jsonl", given.rows, 680)
        found: dict[str, Any] = {"new_words": round(english.new_words(path), 4), **measured(path, given)}
        if given.million:
            found["million"] = million(Path(folder), given.workers)
    print(json.dumps(found, indent=2))


def measured(path: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Rounds in turns, the median of each; what the machine does besides meets all of them alike."""
    with path.open() as file:
        lines = list(itertools.islice(file, 20_000))
        rows = len(lines) + sum(1 for _ in file)
    head = lines[:10_000]
    module = peer(given.peer) if given.peer else None
    tokenizer = tokens.MistralTokenizer.v3().instruct_tokenizer
    rounds: dict[str, list[Rate]] = {}
    found: dict[str, Any] = {"rows": rows}

    def note(name: str, rate: Rate) -> None:
        rounds.setdefault(name, []).append(rate)
        print(f"  {name}: {rate.wall:,.0f} rows/s, {rate.core:,.0f} a core", file=sys.stderr)

    for _ in range(given.rounds):
        if module is not None:
            rate, theirs = timed(len(head), lambda: judged_by_peer(module, head, tokenizer))
            note("peer v3", rate)
            note("peer structure", timed(len(head), lambda: judged_by_peer(module, head))[0])
        for family in ("", "v3", "tekken"):
            rate, report = timed(rows, lambda family=family: check.check(path, family, workers=given.workers))
            note(f"check {family or 'structure'}", rate)
            if family:
                note(f"batch {family}", batch_rate(family, lines, given.workers))
                found[f"tokens_per_row_{family}"] = round(report.tokens / max(1, report.valid), 1)
    pairs = [("check v3", "batch v3"), ("check tekken", "batch tekken")]
    if module is None:
        print("No --peer, so no comparison with the published validator.", file=sys.stderr)
    else:
        found["same_tokens_as_peer"] = same_tokens(head, theirs)
        pairs += [("check v3", "peer v3"), ("check structure", "peer v3"), ("check structure", "peer structure")]
    for kind in ("wall", "core"):
        middle = {name: statistics.median(getattr(rate, kind) for rate in rates) for name, rates in rounds.items()}
        found[f"rows_per_s_{kind}"] = {name: round(rate) for name, rate in middle.items()}
        found[f"ratios_{kind}"] = {f"{one} / {other}": round(middle[one] / middle[other], 2) for one, other in pairs}
    return found


def same_tokens(lines: list[str], theirs: int) -> bool:
    """Whether we count as many tokens in these lines as the peer did."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.jsonl"
        path.write_text("".join(lines))
        return check.check(path, "v3").tokens == theirs


def million(folder: Path, workers: int) -> dict[str, Any]:
    path = english.write(folder / "million.jsonl", 1_000_000, 870)
    found: dict[str, Any] = {"bytes": path.stat().st_size}
    for family in ("", "tekken"):
        with Memory() as memory:
            rate, report = timed(1_000_000, lambda family=family: check.check(path, family, workers=workers))
        name = family or "structure"
        found[name] = {
            "seconds": round(1e6 / rate.wall, 1),
            "processor_s": round(1e6 / rate.core, 1),
            "peak_pss_mb": memory.peak // 1_000_000,
            "tokens": report.tokens,
        }
        print(f"  million {name}: {found[name]}", file=sys.stderr)
        assert report.valid == 1_000_000
    began = time.perf_counter()
    sampled = check.sample(path, "tekken")
    seconds = time.perf_counter() - began
    estimate = sampled.tokens
    assert estimate is not None
    found["sample"] = {
        "seconds": round(seconds, 2),
        "rows": sampled.rows,
        "tokens": [round(value or 0) for value in (estimate.low, estimate.value, estimate.high)],
    }
    return found


if __name__ == "__main__":
    main()
