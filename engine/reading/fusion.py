"""Fusion: two scores of one text made into one.

Each half is stretched to run from 0 for the worst text of the library to 1 for the best, then both are weighed (the
convex combination of Bruch, Gai and Ingber, TOIS 2023). Ranks alone (reciprocal rank fusion, Cormack et al. 2009) did
worse on the half of the questions that it was chosen by, most of all where one half is weak: docs/retrieval.md.
"""

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

# what the words weigh; chosen on one half of the questions and measured on the other
BESIDE_MEANING, BESIDE_LETTERS = 0.5, 0.6


def fused(lexical: Scores | None, dense: Scores, weight: float) -> Scores:
    """`lexical` None where no text shares a word with the query: then the other half decides alone."""
    if lexical is None:
        return stretched(dense)
    return np.asarray(weight * stretched(lexical) + (1 - weight) * stretched(dense), dtype=np.float32)


def stretched(scores: Scores) -> Scores:
    """From 0 to 1; all 0 where all are the same and nothing can be told."""
    low, high = float(scores.min()), float(scores.max())
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)
