"""General questions: what the starter could do before anybody tuned it, to see how much of that tuning costs.

Drawn from the grammar that it was pretrained with, by seeds of their own: what is known is the kind of task, never the
facts. None of it is about Fernwick or in its voice.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from engine.pretraining.corpus import facts
from engine.pretraining.corpus.passages import question
from engine.reading.grounding import NOT_FOUND, grounded

KINDS = {"one passage": 90, "two passages": 60, "not there": 50}
SEED = 20_261_121


def rows() -> Iterator[dict[str, Any]]:
    """Questions with their passages and the answers that count, 200 of them."""
    random = Random(SEED)
    for kind, count in KINDS.items():
        made = 0
        while made < count:
            row = _row(random, kind)
            if row is not None:
                made += 1
                yield row


def _row(random: Random, kind: str) -> dict[str, Any] | None:
    """One question; None where its value could be found without reading, or stands in the other passage too."""
    about, another = facts.entity(random), facts.entity(random)
    wanted, beside = facts.facts_of(random, about, 2)[:2], facts.facts_of(random, another, 1)
    if len(wanted) < 2 or about.name == another.name:
        return None
    asked, value = question(random, wanted[0]), wanted[0].slots["v"]
    told, other = wanted[0].told(random), beside[0].told(random)
    if kind == "not there":
        return _made(asked, [other], NOT_FOUND, ["don't have that information"], kind)
    if value.casefold() not in told.casefold() or value.casefold() in f"{asked} {other}".casefold():
        return None
    return _made(asked, [told] if kind == "one passage" else [told, other], told, [value], kind)


def _made(asked: str, passages: list[str], answer: str, accept: list[str], kind: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": grounded(asked, passages)}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "accept": accept, "tags": [f"kind:{kind}"]}
