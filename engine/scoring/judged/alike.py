"""Alike: how near two questions are to each other, by the words and parts of words that they share.

No model: the same two texts are as near in every evaluation. It finds words, not meaning.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

NAME = "words 1"


def cosines(text: str, others: Sequence[str]) -> list[float]:
    """The cosine of `text` with each of the others, 0 to 1; 0 where one holds no word."""
    parts = _parts()
    return [float(one) for one in (parts.transform(others) @ parts.transform([text]).T).toarray().reshape(-1)]


@cache
def _parts() -> Any:
    # scikit-learn takes a second of processor time to load, which evaluations without such a metric are spared
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(n_features=2**18, analyzer="char_wb", ngram_range=(3, 5), alternate_sign=False, norm="l2")
