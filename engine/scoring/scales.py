"""Scales: what the values of a metric are, and so which interval, which difference and which words are honest of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.scoring import clustered, resampling, stats, verdicts
from engine.scoring.clustered import ALONE, Clusters
from engine.scoring.stats import Difference, Estimate
from engine.scoring.verdicts import Verdict


@dataclass(frozen=True)
class Scale:
    """Values of an answer. `yes_no`: right (1) or wrong (0), so the figure is a share. Else the figure is their mean.

    `of_hundred`: values run from 0 to 1 and are shown in points of a hundred, with `unit` behind them.
    """

    yes_no: bool = False
    of_hundred: bool = True
    unit: str = ""
    lower: bool = False  # lower is better
    asked_again: bool = False  # each value is the share of an item's answers that are right

    def estimate(self, values: Sequence[float], clusters: Clusters = ALONE) -> Estimate:
        """The figure over answers: a share with Wilson's interval, or a mean with a bootstrap interval.

        Where items were asked again and none was answered now right, now wrong, they are a share like any other.
        """
        if not self.yes_no and not (self.asked_again and {*values} <= {0, 1}):
            return resampling.mean(values, clusters)
        if odd := next((value for value in values if value not in (0, 1)), None):
            raise ValueError(f"{odd} is neither right (1) nor wrong (0)")
        return clustered.share(values, clusters)

    def unpaired(self, first: tuple[Sequence[float], Clusters], second: tuple[Sequence[float], Clusters]) -> Estimate:
        """The figure of `second` minus that of `first`, which share no items: Newcombe's interval for shares, for means
        that of their standard errors, since it is asked of many slices and a bootstrap of each would take a minute."""
        spread = clustered.share if self.yes_no else clustered.mean
        return stats.unpaired(spread(*first), spread(*second))

    def difference(self, before: Sequence[float], after: Sequence[float], clusters: Clusters = ALONE) -> Difference:
        """After minus before over the same items: McNemar and Newcombe for shares, a paired bootstrap for means."""
        if self.yes_no:
            return clustered.difference(before, after, clusters)
        found = resampling.mean_difference(before, after, clusters)
        return replace(found, b=found.c, c=found.b) if self.lower else found

    def better(self, found: Difference) -> Difference:
        """A difference turned so that more is better."""
        if not self.lower or found.value is None:
            return found
        low, high = (None if one is None else -one for one in (found.high, found.low))
        return replace(found, value=-found.value, low=low, high=high)

    def verdict(self, found: Difference) -> Verdict:
        """What a difference says: by a margin worth having where there are points of a hundred, else by its sign."""
        return verdicts.verdict(self.better(found), verdicts.MARGIN if self.of_hundred else 0.0)

    def text(self, found: Estimate) -> str:
        """`93 % (88-96, n = 150)`, `56.3 (54.1-58.2, n = 150)` or `7.42 (6.80-8.11, n = 150)`."""
        if not self.of_hundred or found.value is None:
            return found.plain()
        if self.unit == " %":
            return str(found)
        low, high = (None if one is None else 100 * one for one in (found.low, found.high))
        return Estimate(100 * found.value, low, high, found.n, found.of).plain(1)

    def value_text(self, value: float | None) -> str:
        """One value, as short as it can be told: yes, no, 56 %, 56, 7.42, or a question mark."""
        if value is None or value != value:
            return "?"
        if self.yes_no:
            return "yes" if value else "no"
        return f"{100 * value:.0f}{self.unit}" if self.of_hundred else f"{value:.2f}"

    def in_words(self, found: Difference) -> str:
        """The verdict on a difference as a sentence or two, with its figures."""
        turned = self.better(found)
        if self.of_hundred:
            return verdicts.in_words(turned)
        if found.value is None:
            return "Nothing was measured."
        if found.low is None or found.high is None:
            return verdicts.spreadless(found)
        span = f"{found.low:+.2f} to {found.high:+.2f}, n = {found.counted}"
        side = "lower" if found.value < 0 else "higher"
        words = self.verdict(found)
        if words == "cannot tell":
            return f"Cannot tell: {found.value:+.2f} ({span})."
        return f"{words.capitalize()}: {abs(found.value):.2f} {side} ({span})."


SHARE = Scale(yes_no=True, unit=" %")
MEAN = Scale(unit=" %")  # a share within each answer: of its claims, of its levels
ASKED_AGAIN = Scale(unit=" %", asked_again=True)
POINTS = Scale()  # chrF, BLEU, ROUGE: points of a hundred that are no share of anything
NUMBER = Scale(of_hundred=False)
LOWER = Scale(of_hundred=False, lower=True)  # perplexity, bits
CORRELATION = Scale(of_hundred=False)  # from -1 to 1
