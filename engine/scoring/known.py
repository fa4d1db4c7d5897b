"""Known: every score that an evaluation can be asked for, those read off the words and those that ask a model again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from engine.scoring import asked, metrics
from engine.scoring.scales import ASKED_AGAIN, LOWER, MEAN, SHARE, Scale
from engine.scoring.score import Guide, Item, Setting

ASKS = {asked.JUDGE: "a model that judges", asked.CANDIDATE: "a model that tells how likely words are"}
SCALES = {  # of asked scores; each other one is a share within an answer
    **dict.fromkeys(("perplexity", "bits_per_byte"), LOWER),
    **dict.fromkeys(("top1", "top3", "type_top1", "type_top3"), SHARE),
}
HELD = {  # what asked scores read from an item
    **dict.fromkeys(("perplexity", "bits_per_byte"), ("answer", "The item names no expected answer.")),
    **dict.fromkeys(("top1", "top3", "type_top1", "type_top3"), ("label", "The item has no label.")),
}


@dataclass(frozen=True)
class Known:
    """`needs`: what an item or the evaluation must hold, in a few words; `asks`: whom it asks, '' for nobody."""

    name: str
    words: str
    needs: str
    scale: Scale
    settings: tuple[Setting, ...] = ()
    asks: str = ""

    @property
    def judged(self) -> bool:
        return self.asks == asked.JUDGE

    @property
    def needed(self) -> tuple[Setting, ...]:
        """What an evaluation can set where its items lack it, and must."""
        return tuple(setting for setting in self.settings if setting.needed)


@cache
def known() -> dict[str, Known]:
    """All of them by name: first those that only read, then those that ask."""
    found = {
        one.name: Known(one.name, one.words, one.needs, one.scale, one.settings) for one in metrics.METRICS.values()
    }
    for family in asked.FAMILIES:
        asks = "" if family.needs == asked.NOBODY else family.needs
        for name, words in family.names.items():
            found[name] = Known(name, words, ASKS.get(family.needs, ""), SCALES.get(name, MEAN), asks=asks)
    return found


def words(name: str) -> str:
    """What a score means; of one that is known no longer, that."""
    return known()[name].words if name in known() else "A score that is no longer known."


def scale(name: str, values: Sequence[float] = ()) -> Scale:
    """What the values of a score are. One that is known no longer is read off its `values`; and where several answers
    to an item have been taken together, right or wrong has become a mean."""
    found = known()[name].scale if name in known() else SCALES.get(name, SHARE)
    return ASKED_AGAIN if found.yes_no and not {*values} <= {0.0, 1.0} else found


def lacks(name: str, items: Sequence[Item], guide: Guide = None) -> tuple[int, str]:
    """How many of `items` lack what a score needs of them, and the commonest reason."""
    if name in HELD:
        key, reason = HELD[name]
        missing = sum(not item.get(key) for item in items)
        return missing, reason if missing else ""
    if name not in metrics.METRICS:
        return 0, ""
    reasons = [reason for item in items if (reason := metrics.lacks(name, item, guide))]
    return len(reasons), max(reasons, key=reasons.count, default="")


def settings(names: Sequence[str]) -> Mapping[str, Setting]:
    """What can be set for these scores, each once."""
    return {setting.key: setting for name in names if name in known() for setting in known()[name].settings}
