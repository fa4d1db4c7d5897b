"""Likeness: metrics of how much an answer's wording is that of the expected one: chrF2++, BLEU, ROUGE.

They count shared pieces of text, so they suit translation and rewriting, and say little where a right answer can be
worded in many ways. Each answer's counts go into `detail`: the figure over all answers is made of their sums.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.scoring.scales import POINTS
from engine.scoring.score import Guide, Item, Metric, Score

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as Sacre

WORD = re.compile(r"\w+")


def chrf(text: str, item: Item, guide: Guide = None) -> Score:
    """chrF2++ (Popović, WMT 2017), from 0 to 1."""
    return _by_sacrebleu(_chrf(), "chrF2++", text, item)


def bleu(text: str, item: Item, guide: Guide = None) -> Score:
    """BLEU (Papineni et al., ACL 2002) of one answer, with as many orders as it has words; from 0 to 1."""
    return _by_sacrebleu(_bleu(effective_order=True), "BLEU", text, item)


def rouge(text: str, item: Item, guide: Guide = None) -> Score:
    """ROUGE-L's F1 (Lin, ACL 2004) over words with their accents and without case; 1 and 2 are in the detail."""
    wanted = item.get("answer")
    if not wanted:
        return Score(None, "The item names no expected answer.")
    reference, said = words(wanted), words(text)
    one, two, longest = _overlap(reference, said, 1), _overlap(reference, said, 2), _longest(reference, said)
    why = f"ROUGE-L {100 * longest:.0f}, ROUGE-1 {100 * one:.0f}, ROUGE-2 {100 * two:.0f}."
    return Score(longest, why, {"rouge1": one, "rouge2": two})


def words(text: str) -> list[str]:
    """The words of a text as ROUGE counts them here: letters and digits of any script, without case."""
    return WORD.findall(text.casefold())


def whole_chrf(sums: np.ndarray) -> np.ndarray:
    """Corpus chrF2++ of each row of summed counts, from 0 to 1."""
    return _whole(_chrf(), sums)


def whole_bleu(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU of each row of summed counts, from 0 to 1."""
    return _whole(_bleu(), sums)


@cache
def signature(name: str) -> str:
    """sacrebleu's own account of how a figure was made."""
    used = {"chrf": _chrf, "bleu": _bleu}[name]()
    used.corpus_score(["a"], [["a"]])
    return str(used.get_signature())


def _by_sacrebleu(used: "Sacre", name: str, text: str, item: Item) -> Score:
    if not item.get("answer"):
        return Score(None, "The item names no expected answer.")
    # its own figure of one sentence is made of these same counts
    (counts,) = used._extract_corpus_statistics([text], [[str(item["answer"])]])
    value = used._compute_score_from_stats(counts).score / 100
    return Score(value, f"{name} {100 * value:.0f}.", {"counts": [int(one) for one in counts]})


def _whole(used: "Sacre", sums: np.ndarray) -> np.ndarray:
    return np.array([used._compute_score_from_stats(row).score / 100 for row in sums.tolist()])


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=2)


@cache
def _bleu(effective_order: bool = False) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(effective_order=effective_order, force=True)


def _overlap(reference: Sequence[str], said: Sequence[str], n: int) -> float:
    """F1 of the n-grams that both have, each as often as both have it."""
    wanted, found = (Counter(tuple(text[at : at + n]) for at in range(len(text) - n + 1)) for text in (reference, said))
    return _f1((wanted & found).total(), wanted.total(), found.total())


def _longest(reference: Sequence[str], said: Sequence[str]) -> float:
    from rapidfuzz.distance import LCSseq

    return _f1(LCSseq.similarity(reference, said), len(reference), len(said))


def _f1(shared: int, wanted: int, found: int) -> float:
    return 2 * shared / (wanted + found) if shared else 0.0


METRICS = (
    Metric("chrf", "How much of the expected wording the answer has, by letters and words (chrF2++).", chrf,
           "an expected answer", POINTS),
    Metric("bleu", "How much of the expected wording the answer has, by runs of words (BLEU).", bleu,
           "an expected answer", POINTS),
    Metric("rouge", "The longest run of expected words in their order (ROUGE-L).", rouge, "an expected answer", POINTS),
)  # fmt: skip
