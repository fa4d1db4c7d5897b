"""Likely: what a candidate itself finds likely: the expected answer, token by token, and every label that it may give.

Perplexity (Jelinek et al. 1977) is exp of the mean negative log-likelihood in nats over the tokens of the expected
answer, its end included. It tells of one tokenizer only; bits per byte, the same in bits over the UTF-8 bytes of the
answer, can be compared between models. The figure of a corpus is that of all its tokens or bytes (FIGURES), not the
mean of its items; `engine.scoring.whole` makes it from the nll, tokens and bytes that each score keeps.

Labels are ranked by the chance that the candidate answers exactly that path and ends there. These are chances of events
that exclude each other, so lengths need no correction (it would favour long labels), and a level above is the sum of
what stands below it. They are told as shares of what all labels have together.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from engine.scoring import resampling
from engine.scoring.candidates import worded
from engine.scoring.given import CANDIDATE, Family, Given
from engine.scoring.labels import SLASH, as_label
from engine.scoring.score import Score
from engine.serving.asking.likelihood import Likelihood

PERPLEXITY, BITS = "perplexity", "bits_per_byte"
KEPT = 10  # likeliest labels that are kept of an item
SAME = 1e-6  # nats: closer chances are a tie
LARGEST = 700.0  # nats a token; exp of more is no number
TOP = (1, 3)


@dataclass(frozen=True)
class Ranked:
    """`labels` with their `chances`, likeliest first. `mass` is what all of them had together before that made 1."""

    labels: tuple[str, ...]
    chances: tuple[float, ...]
    mass: float

    def place(self, label: str) -> tuple[int, list[str]]:
        """Which place a label has, 1 the first, and who shares it. Of equals it is the last: no luck is counted."""
        own = self.chances[self.labels.index(label)]
        ties = [other for other, chance in zip(self.labels, self.chances, strict=True) if _same(chance, own)]
        above = sum(chance > own and not _same(chance, own) for chance in self.chances)
        return above + len(ties), [other for other in ties if other != label]

    def above(self) -> "Ranked":
        """The first level: each with the chances of all that stands below it."""
        sums: dict[str, float] = defaultdict(float)
        for label, chance in zip(self.labels, self.chances, strict=True):
            sums[label.split(SLASH)[0]] += chance
        order = sorted(sums, key=lambda label: (-sums[label], label))
        return Ranked(tuple(order), tuple(sums[label] for label in order), self.mass)


def ranked(labels: Sequence[str], found: Sequence[Likelihood]) -> Ranked:
    """Labels by their likelihoods; of equals in the order of the alphabet."""
    logs = np.array([-one.nll for one in found])
    total = float(logsumexp(logs))
    chances = np.exp(logs - total)
    order = sorted(range(len(labels)), key=lambda n: (-chances[n], labels[n]))
    return Ranked(tuple(labels[n] for n in order), tuple(float(chances[n]) for n in order), math.exp(total))


async def rate_answer(given: Given) -> dict[str, Score]:
    """How likely the expected answer is. `detail` holds nll (nats), tokens and bytes, of which corpora are made."""
    wanted = str(given.item.get("answer") or "")
    if not wanted:
        return dict.fromkeys((PERPLEXITY, BITS), Score(None, "The item names no expected answer."))
    [found] = await _likelihoods(given, [wanted])
    size = len(wanted.encode())
    detail = {"nll": found.nll, "tokens": found.tokens, "bytes": size}
    each = f"{found.nll:.2f} nats over {found.tokens} tokens and {size} bytes of the expected answer."
    return {
        PERPLEXITY: Score(math.exp(min(found.nll / found.tokens, LARGEST)), each, detail),
        BITS: Score(found.nll / (math.log(2) * size), each, detail),
    }


async def rate_labels(given: Given) -> dict[str, Score]:
    """Whether the expected label is among the likeliest, at the first level (`type_`) and of the whole path."""
    wanted = as_label(str(given.item.get("label") or ""))
    labels = list({as_label(label): label for label in given.labels}.values())  # one of each, as it was written
    if len(labels) < 2:
        return dict.fromkeys(RANKING.names, Score(None, "There are no labels to choose from."))
    found = await _likelihoods(given, labels)
    paths = ranked([as_label(label) for label in labels], found)
    return {
        **_scores("type_top", paths.above(), wanted.split(SLASH)[0]),
        **_scores("top", paths, wanted),
    }


def _perplexity(sums: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(resampling.ratio(sums), LARGEST))


def _bits(sums: np.ndarray) -> np.ndarray:
    return resampling.ratio(sums) / math.log(2)


FIGURES: dict[str, resampling.Figure] = {PERPLEXITY: _perplexity, BITS: _bits}


def _scores(name: str, found: Ranked, wanted: str) -> dict[str, Score]:
    detail = {
        "of": len(found.labels),
        "mass": found.mass,
        "best": [[label, round(one, 6)] for label, one in zip(found.labels[:KEPT], found.chances, strict=False)],
    }
    first = f"“{found.labels[0]}” is likeliest ({found.chances[0]:.0%})"
    if wanted not in found.labels:
        lack = f"“{wanted}” is none of the labels to choose from" if wanted else "The item has no label"
        return {f"{name}{n}": Score(None, f"{lack}; {first}.", detail) for n in TOP}
    place, ties = found.place(wanted)
    chance = found.chances[found.labels.index(wanted)]
    own = f"“{wanted}” has place {place} of {len(found.labels)} ({chance:.0%})"
    why = f"{own}." if place == 1 else f"{own}; {first}."
    if ties:
        why += f" It shares it with {len(ties)} other{'s' * (len(ties) > 1)}: {', '.join(ties[:3])}."
    told = {**detail, "place": place, "chance": chance, "ties": ties}
    return {f"{name}{n}": Score(float(place <= n), why, told) for n in TOP}


async def _likelihoods(given: Given, answers: Sequence[str]) -> list[Likelihood]:
    """Of answers to what the candidate was asked when it answered, with the same passages and tools."""
    passages = [str(one["text"]) for one in given.answer.get("passages") or []]
    asked = worded(given.candidate, given.item["messages"], passages)
    return await given.asker.likelihoods(given.candidate, asked, answers, given.item.get("tools") or ())


def _same(one: float, other: float) -> bool:
    return one == other or (min(one, other) > 0 and abs(math.log(one / other)) < SAME)


ANSWER = Family(
    names={
        PERPLEXITY: "How surprised the model is by each token of the expected answer: 1 is not at all, less is better.",
        BITS: "The same in bits over the bytes of the answer, which models with other tokenizers can be compared by.",
    },
    needs=CANDIDATE,
    rate=rate_answer,
)
RANKING = Family(
    names={
        "type_top1": "The first level of the label that the model finds likeliest of all is right.",
        "type_top3": "The right first level is among the three likeliest.",
        "top1": "The label that the model finds likeliest of all is right, at every level.",
        "top3": "The right label is among the three likeliest.",
    },
    needs=CANDIDATE,
    rate=rate_labels,
)
