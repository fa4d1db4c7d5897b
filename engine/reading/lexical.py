"""Lexical: the half of an index that finds words (BM25, Robertson and Zaragoza 2009, in the form that Lucene has)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from engine.problems import Problem
from engine.reading import terms

Scores = npt.NDArray[np.float32]

# as Lucene has them
CONSTANTS = {"k1": 1.2, "b": 0.75}


@dataclass(frozen=True)
class Lexical:
    """`languages` are those of the documents, the most common first. Read-only, so threads may share it."""

    scorer: bm25s.BM25
    languages: tuple[str, ...]

    def scores(self, query: str) -> Scores | None:
        """How well each text matches, 0 where it shares no word; None when no text shares any."""
        known = terms.asked(query, self.languages, self.scorer.vocab_dict.keys())
        return np.asarray(self.scorer.get_scores(known), dtype=np.float32) if known else None

    def save(self, folder: Path) -> None:
        self.scorer.save(folder, show_progress=False)


def build(texts: Sequence[str], languages: Sequence[str]) -> Lexical:
    """`languages[i]` is that of `texts[i]`, '' where nobody can tell. Problem when there is no word at all."""
    spoken = _common_first(languages)
    usual = spoken[0] if spoken else terms.ENGLISH
    each = [language or usual for language in languages]
    found = [terms.words(text, language) for text, language in zip(texts, each, strict=True)]
    if not any(found):
        raise Problem("There is nothing to index.", "The documents hold no words.", "Add a document with text in it.")
    if any(language in terms.COMPOUNDING for language in each):
        known = {term for text in found for term in text}
        spelled = cache(lambda word, language: terms.spelled(word, language, known))
        for at, language in enumerate(each):
            if language in terms.COMPOUNDING:
                found[at] = [term for word in terms.bare(texts[at], language) for term in spelled(word, language)]
    scorer = bm25s.BM25(method="lucene", **CONSTANTS)
    scorer.index(found, show_progress=False)
    return Lexical(scorer, spoken or (terms.ENGLISH,))


def load(folder: Path, languages: Sequence[str]) -> Lexical:
    return Lexical(bm25s.BM25.load(folder, show_progress=False), tuple(languages) or (terms.ENGLISH,))


def _common_first(languages: Sequence[str]) -> tuple[str, ...]:
    counts = {language: languages.count(language) for language in dict.fromkeys(languages) if language}
    return tuple(sorted(counts, key=lambda language: -counts[language]))
