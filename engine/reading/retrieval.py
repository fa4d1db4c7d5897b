"""Retrieval: the passages of a library that best match a question.

Two halves look for them: one finds words (BM25), the other what lies near as a point, by letters or by meaning
(engine.reading.embedders). Titles and headings count in the search, but a hit's text is the passage alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from engine import hashes
from engine.problems import Problem
from engine.reading import embedders, fusion, offline, settings, versions
from engine.reading.chunks import Chunk
from engine.reading.embedders import Embedder
from engine.reading.fusion import Scores
from engine.reading.ranking import quality
from engine.reading.settings import DENSE, HYBRID, LEXICAL, OFFLINE, LibrarySettings
from engine.reading.terms import STOP, stem, words
from engine.reading.versions import About, Entry, Version

__all__ = ["STOP", "Found", "Hit", "Index", "build", "open_index", "quality", "stem", "words"]

WAYS = (LEXICAL, DENSE, HYBRID)
RERANKED = 30  # passages that a cross-encoder looks at


@dataclass(frozen=True)
class Found:
    """What one half says of a passage: its score there, and its rank in the whole library from 1."""

    score: float
    rank: int


@dataclass(frozen=True)
class Hit:
    """A chunk that matches; a higher score matches better, within one query only.

    `lexical` and `dense` say what each half found, None where it found nothing or was not asked; `reranked` is the
    score of the cross-encoder, None without one.
    """

    text: str
    source: str
    heading: str
    position: int
    score: float
    id: str = ""
    page: int = 0
    document: str = ""
    lexical: Found | None = None
    dense: Found | None = None
    reranked: float | None = None


@dataclass(frozen=True)
class Index:
    """An open index. Read-only, so several threads may search it at once."""

    library: Path
    version: Version

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        return tuple(entry.chunk for entry in self.version.entries)

    @cached_property
    def settings(self) -> LibrarySettings:
        return settings.parse(self.version.about.settings)

    @property
    def how(self) -> str:
        """How it is searched unless somebody asks for another way. Without a dense half, by words."""
        return LEXICAL if self.version.vectors is None else self.settings.search

    @property
    def embedder(self) -> str:
        """The id of what made the dense half; '' without one."""
        return self.version.about.embedder

    def search(self, query: str, k: int = 3, how: str = "", rerank: bool = True) -> list[Hit]:
        """The best `k` chunks, best first; equal scores in the library's order.

        `how` is one of WAYS, empty for the library's own. By words alone there are fewer when fewer share one.
        """
        how = how or self.how
        if how not in WAYS:
            raise Problem(f"There is no way of searching called {how!r}.", do=f"Use one of {', '.join(WAYS)}.")
        if k < 1 or not query.strip():
            return []
        lexical = self.version.words.scores(query) if how != DENSE else None
        dense = self._dense(query) if how != LEXICAL else None
        if dense is not None:
            scores = fusion.fused(lexical, dense, self._trust) if how == HYBRID else dense
        elif lexical is not None:
            scores = lexical
        else:
            return []
        reranking = bool(rerank and self.settings.reranker)
        best = _best(scores, max(k, RERANKED) if reranking else k)
        hits = [self._hit(at, scores, lexical, dense) for at in best]
        return (self._reranked(query, hits) if reranking else hits)[:k]

    def _dense(self, query: str) -> Scores:
        """The cosine of each chunk with the query."""
        if self.version.vectors is None:
            raise Problem(
                "This library has no dense half.",
                "It was indexed for search by words alone.",
                "Choose an embedder in its settings and index it anew.",
            )
        [vector] = self._embedder.queries([query])
        return np.asarray(self.version.vectors @ vector, dtype=np.float32)

    @cached_property
    def _embedder(self) -> Embedder:
        found = embedders.of(self.settings.embedder, self._servers, self.version.learned)
        if found.id != self.embedder:
            raise Problem(
                f"The library was indexed with {self.embedder}, but {found.id} is there now.",
                "Their vectors cannot be compared.",
                "Index the library anew.",
            )
        return found

    @cached_property
    def _reranker(self) -> embedders.Served:
        return embedders.served(self.settings.reranker, self._servers)

    @property
    def _trust(self) -> float:
        """How much of a fused score is the words'."""
        return fusion.BESIDE_LETTERS if self.settings.embedder == OFFLINE else fusion.BESIDE_MEANING

    @property
    def _servers(self) -> Path:
        return (self.library / (self.version.about.servers or "../../servers")).resolve()

    def _reranked(self, query: str, hits: list[Hit]) -> list[Hit]:
        if not hits:
            return []
        scores = self._reranker.ranked(query, [f"{hit.heading}\n{hit.text}".strip() for hit in hits])
        told = [replace(hit, score=score, reranked=score) for hit, score in zip(hits, scores, strict=True)]
        return sorted(told, key=lambda hit: -hit.score)

    def _hit(self, at: int, scores: Scores, lexical: Scores | None, dense: Scores | None) -> Hit:
        entry = self.version.entries[at]
        chunk = entry.chunk
        return Hit(
            chunk.text,
            chunk.source,
            chunk.heading,
            chunk.position,
            float(scores[at]),
            id=identity(entry),
            page=chunk.page,
            document=entry.document,
            lexical=_found(lexical, at),
            dense=_found(dense, at),
        )


def identity(entry: Entry) -> str:
    """A chunk's id: the same as long as its document, place and words are."""
    chunk = entry.chunk
    return hashes.content(entry.document or chunk.source, chunk.position, chunk.heading, chunk.text)


def build(folder: Path, chunks: Iterable[Chunk], how: LibrarySettings | None = None, language: str = "") -> Index:
    """Write the index of `chunks` in `folder`, in place of what was there, and open it. No words at all is a Problem.

    Without settings it is searched by words alone. A library whose documents change is the matter of
    engine.reading.indexing, which does only what is new.
    """
    entries = versions.ordered(Entry(chunk, language=language) for chunk in chunks)
    how = how or LibrarySettings(search=LEXICAL)
    vectors = learned = None
    about = About(settings.told(how))
    if how.search != LEXICAL and entries:
        texts = [entry.text for entry in entries]
        learned = offline.learn([entry.key for entry in entries], texts) if how.embedder == OFFLINE else None
        embedder = embedders.of(how.embedder, folder.resolve().parent.parent / "servers", learned)
        vectors = embedder.passages(texts)
        about = replace(about, embedder=embedder.id, says=embedder.says)
    with versions.locked(folder):
        versions.write(folder, entries, about, vectors, learned)
    return open_index(folder)


def open_index(folder: Path) -> Index:
    """The index in `folder`, kept open until it is built anew."""
    for _ in range(3):
        version = versions.current(folder)
        if version is None:
            break
        try:
            stat = (version / versions.CHUNKS).stat()
            return _opened(folder, version, stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            continue  # it was replaced at this moment
    raise Problem("There is no index of this library.", do="Index its documents first.")


def _best(scores: Scores, k: int) -> list[int]:
    """The places of the best `k` scores above 0, best first, equal ones in their order."""
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        places = np.flatnonzero(scores >= max(least, np.nextafter(np.float32(0), np.float32(1))))
    else:
        places = np.flatnonzero(scores > 0)
    return [int(at) for at in places[np.argsort(-scores[places], kind="stable")][:k]]


def _found(scores: Scores | None, at: int) -> Found | None:
    if scores is None or scores[at] <= 0:
        return None
    return Found(float(scores[at]), int((scores > scores[at]).sum()) + 1)


@lru_cache(maxsize=16)
def _opened(folder: Path, version: Path, changed: int, inode: int) -> Index:
    """`changed` and `inode` are those of the chunks' file: a new build is another index."""
    return Index(folder, versions.read(version))
