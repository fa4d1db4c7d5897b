"""How fast files are checked, beside mistral-finetune's published validator and beside the tokenizers alone.

    python -m benchmarks.check [--peer CHECKOUT] [--rows 100000] [--million] [--file ROWS.jsonl] [--workers 2]

One run, one machine, ratios. Rates are of processor time, which says the same on a busy machine as on a quiet one: rows
for each second of a core, times the cores that are used (the peer uses one). Starting our processes is counted.

The rows are written with 50,000 made-up words, drawn as words are in a language (Zipf), with numbers that never come
twice; `--file` takes rows of yours instead. `--peer` is a checkout of mistral-finetune,
whose modules are imported as they are, with the names that later releases of mistral_common have moved. `--million`
adds 1,000,000 rows of 1 KB in a temporary folder and the peak memory (PSS) of all processes.
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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine import check, tokens

LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))


def texts(seed: int = 7) -> Iterator[Callable[[int], str]]:
    """A maker of texts of so many words."""
    chance = np.random.default_rng(seed)
    shares = np.arange(26, 0, -1) / 351
    words = np.array(
        ["".join(chance.choice(LETTERS, size, p=shares)) for size in chance.integers(2, 11, 50_000)], dtype=object
    )
    weights = 1 / (np.arange(50_000) + 10)
    numbers = itertools.count(100_000)
    while True:
        drawn = iter(words[chance.choice(50_000, 500_000, p=weights / weights.sum())].tolist())
        for _ in range(7000):
            yield lambda n, drawn=drawn: " ".join(itertools.islice(drawn, n)).capitalize() + f", {next(numbers)}."


def write(path: Path, rows: int, words: int) -> Path:
    """Rows of a system prompt, a question and an answer with so many words in all."""
    with path.open("w") as file:
        for text in itertools.islice(texts(), rows):
            said = zip(("system", "user", "assistant"), (words // 6, words // 3, words // 2), strict=True)
            messages = [{"role": role, "content": text(n)} for role, n in said]
            file.write(json.dumps({"messages": messages}) + "\n")
    return path


def processor() -> float:
    """Seconds of processor that this process and those of its children that have ended have used."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor, and what was made."""
    began = processor()
    found = work()
    return processor() - began, found


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


def peer_rates(module: Any, lines: list[str]) -> dict[str, Any]:
    """Rows/s of what its loop does with each line: judge and count, and judge alone. It runs in one process."""
    tokenizer = tokens.MistralTokenizer.v3().instruct_tokenizer

    def judge() -> int:
        for line in lines:
            module.build_instruct_sample(json.loads(line))
        return 0

    def count() -> int:
        samples = (module.build_instruct_sample(json.loads(line)) for line in lines)
        return sum(len(module.tokenize(sample, tokenizer).tokens) for sample in samples)

    alone, _ = timed(judge)
    seconds, counted = timed(count)
    return {"rows_per_s": len(lines) / seconds, "structure_rows_per_s": len(lines) / alone, "tokens": counted}


# --- the tokenizers alone ---


def encode_batch(family: str, lines: list[str]) -> float:
    """Rows/s of the tokenizer's own batch call on the texts of rows, in this process; parsing is not counted."""
    model: Any = tokens.load(family)
    model = model._instruct.tokenizer._model
    said = [message["content"] for line in lines for message in json.loads(line)["messages"]]
    if family == "tekken":
        seconds, _ = timed(lambda: model.encode_ordinary_batch(said, num_threads=1))
    else:
        seconds, _ = timed(lambda: model.encode(said, num_threads=1))
    return len(lines) / seconds


def batch_rate(family: str, lines: list[str], workers: int) -> float:
    """Rows/s of all processes together, each with its share of the rows."""
    shares = [lines[n::workers] for n in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return sum(pool.map(encode_batch, [family] * workers, shares))


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
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or write(Path(folder) / "rows.jsonl", given.rows, 54)
        found: dict[str, Any] = {"ratios": {}, **measured(path, given)}
        if given.million:
            found["million"] = million(Path(folder), given.workers)
    print(json.dumps(found, indent=2))


def measured(path: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Rounds in turns, the median of each; what the machine does besides meets all of them alike."""
    with path.open() as file:
        lines = list(itertools.islice(file, 20_000))
    module = peer(given.peer) if given.peer else None
    rounds: dict[str, list[float]] = {}

    def note(name: str, rate: float) -> None:
        rounds.setdefault(name, []).append(rate)
        print(f"  {name}: {rate:,.0f} rows/s", file=sys.stderr)

    for _ in range(given.rounds):
        if module is not None:
            theirs = peer_rates(module, lines[:5000])
            note("peer v3", theirs["rows_per_s"])
            note("peer structure", theirs["structure_rows_per_s"])
        for family in ("", "v3", "tekken"):
            seconds, report = timed(lambda family=family: check.check(path, family, workers=given.workers))
            note(f"check {family or 'structure'}", report.rows / seconds * given.workers)
            if family:
                rate = batch_rate(family, lines, given.workers)
                note(f"batch {family}", rate)
                tokens_per_row = report.tokens / max(1, report.valid)
    middle = {name: statistics.median(rates) for name, rates in rounds.items()}
    ratios = {f"check {one} / batch {one}": middle[f"check {one}"] / middle[f"batch {one}"] for one in ("v3", "tekken")}
    if module is None:
        print("No --peer, so no comparison with the published validator.", file=sys.stderr)
    else:
        ratios["check v3 / peer v3"] = middle["check v3"] / middle["peer v3"]
        ratios["check structure / peer v3"] = middle["check structure"] / middle["peer v3"]
        ratios["check structure / peer structure"] = middle["check structure"] / middle["peer structure"]
    return {
        "rows": report.rows,
        "tokens_per_row": round(tokens_per_row, 1),
        "rows_per_s": {name: round(rate) for name, rate in middle.items()},
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
    }


def million(folder: Path, workers: int) -> dict[str, Any]:
    path = write(folder / "million.jsonl", 1_000_000, 150)
    found: dict[str, Any] = {"bytes": path.stat().st_size}
    for family in ("", "tekken"):
        with Memory() as memory:
            began = time.perf_counter()
            seconds, report = timed(lambda family=family: check.check(path, family, workers=workers))
        name = family or "structure"
        wall = time.perf_counter() - began
        found[name] = {
            "seconds": round(wall, 1),
            "processor_s": round(seconds, 1),
            "peak_pss_mb": memory.peak // 1_000_000,
            "tokens": report.tokens,
        }
        print(f"  million {name}: {found[name]}", file=sys.stderr)
        assert report.valid == 1_000_000
    seconds, sampled = timed(lambda: check.sample(path, "tekken"))
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
