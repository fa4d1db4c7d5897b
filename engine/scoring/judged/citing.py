"""Citing: the sentences of an answer and the passages that they cite as [1], and whether these passages exist."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.scoring.given import NOBODY, Family, Given
from engine.scoring.metrics import Score

CITED = re.compile(r"\[\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*\]")
TRAIL = rf"(?:\s*{CITED.pattern})*"
# a sentence ends with a full stop before a space (not that of "e.g."), or with the line; what it cites may follow
END = re.compile(rf"(?<=[.!?…])(?<!\.\w\.)(?:\s*»|[\"'”’)])*{TRAIL}(?=\s|$)|\n+")


@dataclass(frozen=True)
class Sentence:
    """`text` without its citations; `cited` in their order, each once."""

    n: int  # from 1
    text: str
    cited: tuple[int, ...]


def sentences(answer: str) -> list[Sentence]:
    """The sentences of an answer that hold a word. One that only cites belongs to the one before it."""
    found: list[Sentence] = []
    for part in _parts(answer):
        said = " ".join(CITED.sub(" ", part).split())
        said = re.sub(r"\s+([.,;:!?])", r"\1", said)
        cited = numbers(part)
        if re.search(r"\w", said):
            found.append(Sentence(len(found) + 1, said, cited))
        elif cited and found:
            last = found[-1]
            found[-1] = Sentence(last.n, last.text, tuple(dict.fromkeys((*last.cited, *cited))))
    return found


def numbers(text: str) -> tuple[int, ...]:
    """The passages that a text cites, in their order, each once."""
    found = (int(n) for group in CITED.findall(text) for n in re.findall(r"\d+", group))
    return tuple(dict.fromkeys(found))


def exist(text: str, passages: int) -> Score:
    """The share of cited numbers that are numbers of passages. None when nothing is cited."""
    cited = numbers(text)
    if not cited:
        return Score(None, "The answer cites nothing.")
    missing = [n for n in cited if not 1 <= n <= passages]
    detail = {"cited": list(cited), "missing": missing, "passages": passages}
    value = 1 - len(missing) / len(cited)
    if not missing:
        return Score(value, f"Every cited passage exists: {_listed(cited)}.", detail)
    there = f"there were {passages}" if passages else "there were none"
    return Score(value, f"Cites {_listed(missing)}, but {there}.", detail)


async def _rate(given: Given) -> dict[str, Score]:
    return {"citations_exist": exist(str(given.answer["text"]), len(given.answer.get("passages") or []))}


CITATIONS = Family({"citations_exist": "Every number that the answer cites is that of a passage."}, NOBODY, _rate)


def _parts(answer: str) -> list[str]:
    found, start = [], 0
    for end in END.finditer(answer):
        found.append(answer[start : end.end()])
        start = end.end()
    return [*found, answer[start:]]


def _listed(cited: Sequence[int]) -> str:
    return ", ".join(f"[{n}]" for n in cited)
