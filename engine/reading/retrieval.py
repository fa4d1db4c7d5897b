"""Retrieval: the passages of a library that best match a question, by their words (BM25).

No model and no network: an index is a folder of plain files. It finds words, not meanings, so a question that shares
no word with its passage is not found. Titles and headings count in the search, but a hit's text is the paragraph alone.
"""

import json
import re
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import bm25s
import numpy as np

from engine.problems import Problem
from engine.reading.chunks import Chunk
from engine.scoring.stats import Estimate, mean, share
from engine.scoring.wording import plain

CHUNKS = "chunks.jsonl"
DEPTH = 10  # how far down the reciprocal rank looks

STOP = re.compile(
    "a|an|the|this|that|these|those|and|or|but|if|then|so|of|in|on|at|by|for|from|to|with|as|into|about|than"
    "|is|are|was|were|be|been|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must"
    "|i|me|my|we|us|our|you|your|it|its|he|she|they|them|their|there|here|what|which|who|whom|whose|when|where|why|how"
    "|because|while|out|up|again|very|too|same|own|such|each|all|only|not|no"
    "|please|tell|much|many|just|also|any|some|don't|doesn't|i'm|it's|what's|i've|i'd|isn't"
)
WORD = re.compile(r"\w+(?:[-.:/'&]\w+)*")


@dataclass(frozen=True)
class Hit:
    """A chunk that matches; a higher score matches better, within one query only."""

    text: str
    source: str
    heading: str
    position: int
    score: float


@dataclass(frozen=True)
class Index:
    """An open index. Read-only, so several threads may search it at once."""

    chunks: tuple[Chunk, ...]
    scorer: bm25s.BM25

    def search(self, query: str, k: int = 3) -> list[Hit]:
        """The best `k` chunks, best first; equal scores in the library's order. Fewer when fewer share a word."""
        known = [word for word in dict.fromkeys(words(query)) if word in self.scorer.vocab_dict]
        if not known:
            return []
        scores = self.scorer.get_scores(known)
        best = np.argsort(-scores, kind="stable")[:k]
        return [_hit(self.chunks[at], float(scores[at])) for at in best if scores[at] > 0]


def build(folder: Path, chunks: Iterable[Chunk]) -> Index:
    """Write the index of `chunks` as `folder`, replacing what was there, and open it. No words at all is a Problem."""
    kept = sorted(chunks, key=lambda chunk: (chunk.source, chunk.position))
    texts = [words(f"{chunk.heading}\n{chunk.text}") for chunk in kept]
    if not any(texts):
        raise Problem("There is nothing to index.", "The documents hold no words.", "Add a document with text in it.")
    scorer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    scorer.index(texts, show_progress=False)
    draft = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
    draft.mkdir(parents=True)
    scorer.save(draft, show_progress=False)
    lines = (json.dumps(asdict(chunk), ensure_ascii=False) for chunk in kept)
    (draft / CHUNKS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _replace(draft, folder)
    return open_index(folder)


def open_index(folder: Path) -> Index:
    """The index in `folder`, kept open until it is built anew."""
    path = folder / CHUNKS
    for _ in range(3):
        try:
            stat = path.stat()
            return _opened(folder, stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            continue  # it may be between the two renames of _replace
    raise Problem(f"There is no index in {folder}.", do="Build it from the library's documents first.")


def quality(index: Index, questions: Sequence[Mapping[str, Any]]) -> dict[str, Estimate]:
    """How often the passage that answers a question is found, over questions with `document` and `passage`.

    recall@k: it is among the first k. mrr: the mean of 1 / its rank, 0 beyond the first ten.
    """
    ranks = [_rank(index.search(str(question["question"]), DEPTH), question) for question in questions]
    found = {f"recall@{k}": share(sum(0 < rank <= k for rank in ranks), len(ranks)) for k in (1, 3, 5)}
    return found | {"mrr": mean([1 / rank if rank else 0.0 for rank in ranks], 0.0, 1.0)}


def words(text: str) -> list[str]:
    """What a text is searched by. A code or a compound counts whole and in its parts, a common word not at all."""
    found = []
    for word in WORD.findall(plain(text)):
        bare = word.removesuffix("'s")
        if STOP.fullmatch(bare):
            continue
        parts = re.split(r"[-.:/'&]", bare)
        found += [bare, *parts] if len(parts) > 1 else [bare]
    return [stem(word) for word in found if not STOP.fullmatch(word)]


def stem(word: str) -> str:
    """A word without its plural or verb ending: "charges" finds "charging". Codes and short words stay whole."""
    if not word.isalpha() or len(word) < 4:
        return word
    word = re.sub(r"ies$", "y", word) if len(word) > 4 else word
    word = re.sub(r"(?<=s|x|z)es$|(?<=ch|sh)es$|(?<![sui])s$", "", word)
    cut = re.sub(r"(?:ing|ed)$", "", word)
    if cut != word and len(cut) > 2 and re.search("[aeiouy]", cut):
        word = re.sub(r"([bdfgmnprt])\1$", r"\1", cut)
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _rank(hits: Sequence[Hit], question: Mapping[str, Any]) -> int:
    wanted = plain(str(question["passage"]))
    ranks = (at for at, hit in enumerate(hits, 1) if hit.source == question["document"] and wanted in plain(hit.text))
    return next(ranks, 0)


def _hit(chunk: Chunk, score: float) -> Hit:
    return Hit(chunk.text, chunk.source, chunk.heading, chunk.position, score)


@lru_cache(maxsize=16)
def _opened(folder: Path, changed: int, inode: int) -> Index:
    """`changed` and `inode` are those of the chunks' file: a new build is another index."""
    lines = (folder / CHUNKS).read_text(encoding="utf-8").split("\n")
    kept = tuple(Chunk(**json.loads(line)) for line in lines if line)
    return Index(kept, bm25s.BM25.load(folder, show_progress=False))


def _replace(draft: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}-old")
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
