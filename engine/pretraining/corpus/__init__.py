"""The starter's corpus: English made by a grammar about companies that do not exist.

Every name, amount, date and fact is drawn at random, so that nothing in it can be known, only read. The register is
plain throughout. `conversations` makes any number of conversations from a seed, always the same ones.
"""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from engine.pretraining.corpus import copying, passages, support
from engine.pretraining.corpus.conversation import Conversation

FAMILIES: dict[str, Callable[[Random], Conversation]] = {
    "answerable": passages.answerable,
    "unanswerable": passages.unanswerable,
    "without_passages": passages.without_passages,
    "answered": support.answered,
    "named": support.named,
    "restated": support.restated,
    "summed_up": support.summed_up,
    "looked_up": support.looked_up,
    "repeated": copying.repeated,
    "small_talk": copying.small_talk,
}
MIX: Mapping[str, float] = {  # shares of the conversations, not of the tokens
    "answerable": 0.46,
    "unanswerable": 0.03,
    "without_passages": 0.07,
    "answered": 0.12,
    "named": 0.07,
    "restated": 0.11,
    "summed_up": 0.03,
    "looked_up": 0.04,
    "repeated": 0.06,
    "small_talk": 0.01,
}


def conversations(seed: int, mix: Mapping[str, float] = MIX) -> Iterator[Conversation]:
    """Conversations without end, their families drawn with the shares of `mix`."""
    random = Random(seed)
    names, shares = list(mix), list(mix.values())
    while True:
        yield FAMILIES[random.choices(names, shares)[0]](random)
