"""Verdicts: what a difference between two candidates says, in a word and in a sentence, and what would settle it.

The whole interval has to agree, never the figure alone.
"""

from math import ceil
from typing import Literal

from engine.scoring.stats import Z_POWER, Difference, Estimate, Z, in_points

MARGIN = 0.03  # a smaller difference of shares is not worth having

Verdict = Literal["better", "worse", "no difference worth having", "cannot tell"]
Kept = Literal["kept", "lost", "cannot tell"]


def verdict(found: Difference | Estimate, margin: float = MARGIN) -> Verdict:
    """What a difference says about being at least `margin` better or worse: its whole interval must agree."""
    if found.low is None or found.high is None:
        return "cannot tell"
    if found.low > margin:
        return "better"
    if found.high < -margin:
        return "worse"
    return "no difference worth having" if -margin <= found.low and found.high <= margin else "cannot tell"


def kept(found: Difference | Estimate, margin: float) -> Kept:
    """Non-inferiority: kept where the whole interval of after minus before lies above -`margin`, lost where it lies
    below. The margin is declared before anybody looks, or it means nothing."""
    if found.low is None or found.high is None:
        return "cannot tell"
    if found.low > -margin:
        return "kept"
    return "lost" if found.high < -margin else "cannot tell"


def kept_in_words(found: Difference | Estimate, margin: float) -> str:
    """The verdict of `kept` on shares, with its figures."""
    if found.value is None:
        return "Nothing was measured."
    if found.low is None or found.high is None:
        return spreadless(found)
    span = f"{in_points(found.value)} points ({in_points(found.low)} to {in_points(found.high)}, n = {found.counted})"
    allowed = f"{margin * 100:g} points"
    return {
        "kept": f"Kept: {span}, and a loss of {allowed} was allowed.",
        "lost": f"Lost more than the {allowed} that were allowed: {span}.",
        "cannot tell": f"Cannot tell whether more than {allowed} were lost: {span}.",
    }[kept(found, margin)]


def in_words(found: Difference | Estimate, margin: float = MARGIN) -> str:
    """The verdict on a difference of shares as a sentence or two, with its figures."""
    if found.value is None:
        return "Nothing was measured."
    if found.low is None or found.high is None:
        return spreadless(found)
    span = f"{in_points(found.low)} to {in_points(found.high)}, n = {found.counted}"
    words = verdict(found, margin)
    if words in ("better", "worse"):
        return f"{words.capitalize()} by {abs(found.value) * 100:.0f} points ({span})."
    if words == "no difference worth having":
        return f"No difference worth having: at most {margin * 100:g} points either way ({span})."
    if found.low > 0 or found.high < 0:
        side = "Better" if found.low > 0 else "Worse"
        return f"{side}, but perhaps by less than {margin * 100:g} points ({span}). " + _more(found, margin)
    return f"Cannot tell: {in_points(found.low)} to {in_points(found.high)} points (n = {found.counted}). " + _more(
        found, margin
    )


def spreadless(found: Difference | Estimate) -> str:
    """Why a figure without an interval settles nothing."""
    alike = found.of or "items that are all alike"
    return f"Cannot tell: {found.n:,} {'of ' * bool(found.of)}{alike} show no spread to judge by."


def items_missing(found: Difference | Estimate, margin: float = MARGIN) -> int | None:
    """How many more items would settle a "cannot tell" in four of five trials if the figures stay as they are.

    An interval narrows with the root of n. None when nothing is known, or the figure stands on the margin itself.
    """
    if found.value is None or found.low is None or found.high is None:
        return None
    room = abs(abs(found.value) - margin)
    half = (found.high - found.low) / 2
    if room < 1e-9:
        return None
    return max(0, ceil(found.n * (half / room * (Z + Z_POWER) / Z) ** 2) - found.n)


def _more(found: Difference | Estimate, margin: float) -> str:
    missing = items_missing(found, margin)
    if missing is None or missing > 20_000:
        return f"It lies so close to {margin * 100:g} points that no test set of a sensible size would settle it."
    rounded = ceil(missing / 10) * 10 if missing > 10 else missing
    others = f", of other {found.of.split()[-1]}," if found.of else ""  # more of the same would tell little
    return f"About {rounded:,} more items like these{others} would settle it, if the figures stay as they are."
