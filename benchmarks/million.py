"""A million conversations, about 1 GB: `taskset -c 0,1 python -m benchmarks.million [--rows N] [--folder DIR]`.

Import, index, then searches, filters, page turns and edits as the pages ask for them, each timed on the server, with
the peak memory of all processes together. Prints one JSON object. What it generates is deleted at the end.
"""

import argparse
import gc
import itertools
import json
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from studio.data import datasets, examples, facets, intake, search
from studio.data.examples import Edit
from studio.folders import Home
from studio.store import Store

VOCABULARY = 40_000
POOL = 2_000_000  # words drawn once; each conversation is a stretch of them from anywhere
TOPICS = 37


def words(luck: random.Random) -> list[str]:
    """Made-up words, the commonest first."""
    starts = "b c d f g h k l m n p r s t v w z br ch cl dr fl gr pl pr sh st th tr".split()
    middles, ends = "a e i o u ai ea ee oo ou".split(), ["", "", "n", "r", "s", "t", "ng"]
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        syllables = "".join(luck.choice(starts) + luck.choice(middles) for _ in range(luck.choice((1, 2, 2, 3, 3))))
        found[syllables + luck.choice(ends)] = None
    return list(found)


def generate(path: Path, rows: int) -> None:
    """Words by Zipf's law, as in a language, so that an index has common words and rare ones."""
    luck = random.Random(7)
    known = words(luck)
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(known))))
    said = luck.choices(known, cum_weights=weights, k=POOL)
    with path.open("w") as file:
        for number in range(rows):
            start = luck.randrange(POOL - 150)
            drawn = said[start : start + 150]
            turns = [
                {"role": "user", "content": f"Order {number}: {' '.join(drawn[:45])}?"},
                {"role": "assistant", "content": " ".join(drawn[45 : 80 + number % 71]).capitalize() + "."},
            ]
            tags = [f"topic-{number % TOPICS}", *(["urgent"] if number % 11 == 0 else [])]
            file.write(json.dumps({"messages": turns, "tags": tags}) + "\n")


class Memory:
    """The peak of what this process and its children occupy together, shared pages counted once (PSS), in MB."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ending.wait(0.2):
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total / 1e6)

    def reset(self) -> float:
        peak, self.peak = self.peak, 0.0
        return round(peak)


@contextmanager
def timed(into: dict[str, Any], name: str, memory: Memory) -> Iterator[None]:
    memory.reset()
    began, cpu = time.perf_counter(), os.times()
    yield
    after = os.times()
    time.sleep(0.25)
    into[name] = {
        "seconds": round(time.perf_counter() - began - 0.25, 1),
        "cpu_seconds": round(sum(after[:4]) - sum(cpu[:4]), 1),
        "peak_mb": memory.reset(),
        "load": round(os.getloadavg()[0], 1),
    }


def spread(calls: list[Callable[[], Any]]) -> dict[str, float]:
    """Milliseconds of each call, asked once."""
    found = []
    for call in calls:
        began = time.perf_counter()
        call()
        found.append(1000 * (time.perf_counter() - began))
    slowest = found.index(max(found))
    found.sort()
    at = min(len(found) - 1, int(0.95 * len(found)))
    return {
        "n": len(found),
        "p50_ms": round(statistics.median(found), 1),
        "p95_ms": round(found[at], 1),
        "worst_ms": round(found[-1], 1),
        "worst_at": slowest,
    }


def questions(store: Store, rows: int) -> dict[str, dict[str, float]]:
    """40 searches, filters and page turns, then edits."""
    luck = random.Random(11)
    known = words(random.Random(7))

    def find(**asked: Any) -> Callable[[], Any]:
        return lambda: examples.find(store, "million", **{"limit": 25, **asked})

    common, rare = known[:5], known[2000:2400]
    texts = [common[0], " ".join(common[:3]), common[1][:2], "st", f"order {luck.randrange(rows)}"]
    texts += [luck.choice(rare) for _ in range(4)] + [f"{luck.choice(rare)} {luck.choice(rare)[:2]}"]
    texts += [f'"{common[0]} {common[1]}"', f"{common[2]} -{common[0]}", f'"{common[0]} {common[1][:2]}', "o"]
    searches = [find(text=text) for text in texts] + [find(text=common[0], tag="urgent", longer=60, order="newest")]
    filters = [
        find(tag="topic-3"),
        find(tag="urgent", longer=50),
        find(author="ada"),
        find(status="draft"),
        find(status="approved", shorter=40),
        find(source="million.jsonl", longer=90),
        find(order="longest"),
        find(order="newest"),
        find(author="nobody"),
        find(tag="topic-5", shorter=60, status="approved", author="ada"),
    ]
    turns = [find(offset=offset) for offset in (0, 25, 10_000, rows // 2, int(rows * 0.9))]
    turns += [find(offset=offset, order="newest") for offset in (10_000, int(rows * 0.9))]
    turns += [find(offset=offset, text=common[0]) for offset in (25, 10_000, rows // 2, int(rows * 0.5))]
    turns += [find(offset=2_000, tag="topic-3"), find(offset=rows // 2, order="longest"), find(offset=10**9)]
    turns += [lambda: datasets.get(store, "million")]
    boxes = [lambda: facets.tags(store, "million"), lambda: facets.authors(store, "million")]
    boxes += [lambda: facets.sources(store, "million"), lambda: facets.tags(store, "million")]
    shown = [examples.find(store, "million", offset=luck.randrange(rows - 1), limit=1).examples[0] for _ in range(25)]

    def change(number: int) -> Callable[[], Any]:
        said = [shown[number].messages[0], {"role": "assistant", "content": f"Edited unmistakably {number}."}]
        return lambda: examples.edit(store, shown[number], "bo", messages=said)

    found = {
        "searches": spread(searches),
        "filters": spread(filters),
        "page turns": spread(turns),
        "filter boxes": spread(boxes),
        "edits": spread([change(number) for number in range(20)]),
        "search right after an edit": spread(
            [
                lambda n=n: (change(n)(), examples.find(store, "million", text=f"unmistakably {n} "))[1]
                for n in range(20, 25)
            ]
        ),
    }
    assert examples.find(store, "million", text="unmistakably").n == 25
    many = examples.find(store, "million", tag="topic-3", limit=5000).examples
    began = time.perf_counter()
    examples.edit_many(store, [Edit(one, status="in review") for one in many], "bo")
    found["5,000 edits as one"] = {"n": len(many), "ms": round(1000 * (time.perf_counter() - began))}
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--folder", type=Path, help="Where to work; a temporary folder otherwise.")
    given = asked.parse_args()
    place = Path(tempfile.mkdtemp(prefix="million-", dir=given.folder))
    found: dict[str, Any] = {"rows": given.rows, "cores": len(os.sched_getaffinity(0))}
    try:
        path = place / "million.jsonl"
        generate(path, given.rows)
        gc.collect()
        found["megabytes"] = round(path.stat().st_size / 1e6)
        memory = Memory()
        store = Store(Home(place / "home"))
        with timed(found, "import", memory):
            done = datasets.bring_in(store, path, "million", "ada")
        assert (done.added, done.known, done.rejected) == (given.rows, 0, 0), done
        with timed(found, "index", memory):
            search.catch_up(store)
        with timed(found, "questions", memory):
            found["answers"] = questions(store, given.rows)
        with timed(found, "import of the same file again", memory):
            assert datasets.bring_in(store, path, "million", "ada").added == 0
        assert intake.running(store) == []
        store.close()
        folders = {"database": store.home.database, "index": store.home.search}
        found["on_disk_mb"] = {name: round(size(where) / 1e6) for name, where in folders.items()}
        print(json.dumps(found, indent=1))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def size(where: Path) -> int:
    return sum(path.stat().st_size for path in ([where] if where.is_file() else where.rglob("*")) if path.is_file())


if __name__ == "__main__":
    main()
