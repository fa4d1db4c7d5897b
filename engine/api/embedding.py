"""Embedding: texts as points without a model: hashed words and parts of words, of unit length (feature hashing,
Weinberger et al. 2009). Texts that share words lie near each other; texts that only mean the same do not.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.api.catalogue import EMBEDDING, read_aliases
from engine.api.refusals import Refusal

SIZE = 1024  # as mistral-embed has it
MOST_TEXTS, LONGEST = 1000, 100_000  # texts in a call, characters of one


def read(body: dict[str, Any], home: Path) -> tuple[list[str], str]:
    """The texts, and the name of the model as it was asked."""
    model = body.get("model")
    if model != EMBEDDING and read_aliases(home).get(str(model)) != EMBEDDING:
        raise Refusal(
            404,
            f"There is no embedding model {model!r} here; {EMBEDDING} is, which finds shared words, not meaning. To "
            f"let the name mean it, start the engine with --alias {model}={EMBEDDING}.",
            "model",
        )
    if unknown := sorted(body.keys() - {"model", "input", "inputs", "encoding_format"}):
        raise Refusal(422, f"{EMBEDDING} cannot honour {', '.join(unknown)}; leave it out.", unknown[0])
    if body.get("encoding_format") not in (None, "float"):
        raise Refusal(422, "Vectors are given as float alone.", "encoding_format")
    given = body.get("input", body.get("inputs"))
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refusal(422, "input must be a text or a list of texts.", "input")
    if len(texts) > MOST_TEXTS or any(len(text) > LONGEST for text in texts):
        raise Refusal(422, f"At most {MOST_TEXTS} texts of {LONGEST:,} characters at a time.", "input")
    return texts, str(model)


def encode(texts: Sequence[str]) -> list[list[float]]:
    """One row of SIZE numbers for each text, of length 1, or all zeros where there is no word."""
    return [[round(float(value), 6) for value in row] for row in _hashing().transform(texts).toarray()]


@lru_cache(maxsize=1)
def _hashing() -> Any:
    # scikit-learn takes a second of processor time to load, which every studio would wait for
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(n_features=SIZE, analyzer="char_wb", ngram_range=(3, 5), norm="l2", lowercase=True)
