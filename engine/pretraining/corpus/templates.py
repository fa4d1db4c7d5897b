"""Templates: the wording language of the grammar's text files.

`(a|b|)` is a choice, which may nest and may be empty; `{slot}` is filled afterwards. Text only, no meaning.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from random import Random
from typing import NamedTuple

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


class Block(NamedTuple):
    """One block of a text file: its heading and its lines, by the sign that each begins with."""

    heading: str
    lines: Mapping[str, tuple[str, ...]]


@cache
def blocks(file: str) -> tuple[Block, ...]:
    """The blocks of a text file of this package: `# heading`, then lines of a sign, a space and a template."""
    found: list[tuple[str, dict[str, list[str]]]] = []
    for line in files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines():
        sign, _, rest = line.partition(" ")
        if sign == "#" and _is_heading(rest):
            found.append((rest, {}))
        elif sign != "#" and found and rest:
            found[-1][1].setdefault(sign, []).append(rest)
    return tuple(Block(heading, {sign: tuple(texts) for sign, texts in lines.items()}) for heading, lines in found)


def _is_heading(text: str) -> bool:
    return " | " in text or " = " in text


def expand(template: str, random: Random) -> str:
    """The template with every choice made."""
    while (found := _CHOICE.search(template)) is not None:
        template = template[: found.start()] + random.choice(found[1].split("|")) + template[found.end() :]
    return re.sub(r" +", " ", template).strip()


def slots(template: str) -> list[str]:
    return _SLOT.findall(template)


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its slots filled, beginning with a capital."""
    text = _SLOT.sub(lambda found: values[found[1]], template)
    return text[:1].upper() + text[1:]
