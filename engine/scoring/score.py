"""Score: what a metric says of one answer, what a metric is, and what it may want to be told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.scoring import guide as guides
from engine.scoring.scales import SHARE, Scale

Item = Mapping[str, Any]
Guide = guides.Guide | Mapping[str, Any] | None


@dataclass(frozen=True)
class Score:
    """`value` is None when the metric can't apply; `why` is one short sentence either way.

    `detail` is what the value is made of, as JSON can hold it: claims with their passages, labels with their chances.
    """

    value: float | None
    why: str
    detail: dict[str, Any] | None = None


@dataclass(frozen=True)
class Setting:
    """What a metric reads from an item, under the key `key`, and what an evaluation can set for all items that lack it.

    `kind` says how it is asked for: text, lines, json or choice (the first of `choices` is what holds unsaid). A metric
    can do nothing without what is `needed`.
    """

    key: str
    words: str
    kind: str
    choices: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True)
class Metric:
    """`needs` names in a few words what an item must hold, or '' for nothing."""

    name: str
    words: str
    rate: Callable[[str, Item, Guide], Score]
    needs: str
    scale: Scale = SHARE
    settings: tuple[Setting, ...] = ()
    of_calls: bool = False  # it reads the tools that were called, not the words
