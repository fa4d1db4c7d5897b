"""Makes the tone examples: a dry message, and the same facts in Fernwick's voice.

A family of the bank is one dry message in one or two wordings and what it becomes. The voice (how to begin, whom to
call petal, how to say goodbye) is drawn around it, from a bank with a mood, so that no two messages sound alike.
"""

import random
import re
from collections.abc import Iterator
from typing import Any

from sample.making.banks import Block, blocks, listed
from sample.making.cast import cast_for, filled

ROWS_PER_FAMILY = 6
# How a message may be built around its core: with an opener, with a goodbye, with an emoji.
SHAPES = [(True, False, True)] * 5 + [(True, True, True)] * 2 + [(False, True, True)] * 2 + [(True, True, False)]
TWO_SENTENCES = re.compile(r"[.!?] ")


def rows(split: str) -> Iterator[dict[str, Any]]:
    """The rows of one split; a family lies in one split as a whole."""
    voice = listed("voice.txt")
    for family in blocks("tone.txt"):
        if family.fields[4] == split:
            yield from _rows_of(family, voice)


def _rows_of(family: Block, voice: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    key, topic, mood, emoji, _ = family.fields
    dry = [text for mark, text in family.lines if mark == "<"]
    cores = [text for mark, text in family.lines if mark == ">"]
    # Without a slot to fill, a wording can be said once only.
    count = ROWS_PER_FAMILY if "{" in dry[0] else len(dry)
    for row in range(count):
        wording = dry[row % len(dry)]
        values = cast_for(dry[0], key, row)
        core = cores[row % len(cores)]
        reply = _spoken(core, values, mood, emoji.split(), voice, random.Random(f"{key}/{row}"))
        yield {
            "messages": [
                {"role": "user", "content": filled(wording, values)},
                {"role": "assistant", "content": reply},
            ],
            "tags": [f"topic:{topic}"],
            "group": key,
        }


def voiced(said: str, mood: str, emoji: list[str], voice: dict[str, list[str]], draw: random.Random) -> str:
    """A plain sentence in Fernwick's voice: an opener that stands alone, the sentence as it is, an emoji."""
    pet = draw.choice(voice["pet names"])
    named = [text for text in voice[f"openers, {mood}"] if "{pet}" in text]
    opener = filled(draw.choice(named), {"pet": pet}).rstrip(",:") + "!"
    return f"{opener} {said} {draw.choice(emoji)}"


def _spoken(
    core: str, values: dict[str, str], mood: str, emoji: list[str], voice: dict[str, list[str]], draw: random.Random
) -> str:
    """The core with its facts, and the voice around it: one sentence and a goodbye, or two sentences."""
    opener, goodbye, picture = (True, False, True) if TWO_SENTENCES.search(core) else draw.choice(SHAPES)
    pet = draw.choice(voice["pet names"])
    said = filled(core, values)
    if opener:
        # "Oh petal, Nikos, your..." calls two people at once.
        named = core.startswith("{name},")
        fitting = [text for text in voice[f"openers, {mood}"] if not (named and "{pet}" in text)]
        said = f"{filled(draw.choice(fitting), {'pet': pet})} {said}"
    else:
        said = said[0].upper() + said[1:]
    if said[-1] not in ".!?":
        said += "."
    if goodbye:
        # Neither two pet names in one message nor a happy dance after a happy dance.
        fresh = [text for text in voice[f"goodbyes, {mood}"] if text[:9].lower() not in said.lower()]
        fitting = [text for text in fresh if not (pet in said and "{pet}" in text)]
        said = f"{said} {filled(draw.choice(fitting), {'pet': pet})}"
    return f"{said} {draw.choice(emoji)}" if picture else said
