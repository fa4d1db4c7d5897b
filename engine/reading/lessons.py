"""Lessons: questions with passages to learn from, the right passage anywhere among wrong ones, or missing.

A model that never saw the right passage missing learns to answer anyhow, and one that saw it at one place alone may
learn the place (after RAFT, Zhang et al. 2024). Wrong passages come from the search that will be asked later, so they
are as near as they will be then. Which passage is right is given, or found and held to the answer; what can be neither
is left out and says why. The same examples, search and order give the same lessons.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from engine import hashes
from engine.problems import Problem
from engine.reading.grounding import NOT_FOUND, grounded, parted
from engine.scoring.metrics import UNKNOWING, particulars
from engine.scoring.wording import plain, stands

DEEPER = 10  # hits that are looked at beyond those wanted
ENOUGH = 4  # words of a sentence that tell it from a phrase
GIVEN, FOUND = "given", "found"


class Hit(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def source(self) -> str: ...


Search = Callable[[str, int], Sequence[Hit]]


@dataclass(frozen=True)
class Passage:
    text: str
    source: str = ""


@dataclass(frozen=True)
class Asked:
    """A conversation that ends with a question and its answer. `passage` are words that answer it, where known; they
    stand in `document`. A question that has its passages already is asked anew."""

    id: str
    messages: Sequence[Mapping[str, Any]]
    document: str = ""
    passage: str = ""

    @property
    def question(self) -> str:
        return parted(str(self.messages[-2].get("content") or ""))[0]

    @property
    def answer(self) -> str:
        return str(self.messages[-1].get("content") or "")


@dataclass(frozen=True)
class Order:
    """`absent` is the share of all lessons whose right passage is missing; their answer is one of `unknowing`."""

    k: int = 3
    absent: float = 0.2
    seed: int = 0
    unknowing: tuple[str, ...] = (NOT_FOUND,)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise Problem("A lesson needs at least one passage.", do="Ask for one or more.")
        if not 0 <= self.absent <= 0.5:
            raise Problem(
                f"The right passage cannot be missing in {self.absent:.0%} of the lessons.",
                "Each such lesson is the twin of one that has it.",
                "Choose a share from 0 to 50 %.",
            )
        if self.absent and not any(re.search(r"\w", words) for words in self.unknowing):
            raise Problem("Nobody said how the model shall say that it doesn't know.", do="Write such a sentence.")


@dataclass(frozen=True)
class Lesson:
    """`place` is where the right passage stands, from 1; 0 where it is missing. `how`: it was given, or found."""

    of: str
    messages: list[dict[str, Any]]
    place: int
    shown: tuple[Passage, ...]
    right: Passage
    how: str


@dataclass(frozen=True)
class Left:
    """`kind` is the reason in a few words, the same for all that have it; `why` tells it of this one."""

    of: str
    question: str
    kind: str
    why: str


@dataclass(frozen=True)
class Lessons:
    made: tuple[Lesson, ...]  # a twin follows the lesson that it is the twin of
    left: tuple[Left, ...]
    twinless: int = 0  # lessons that should have had a twin, for which no wrong passage was found

    @property
    def places(self) -> dict[int, int]:
        """How many lessons have the right passage at each place; 0 counts those where it is missing."""
        return dict(sorted(Counter(lesson.place for lesson in self.made).items()))


def make(
    asked: Sequence[Asked],
    search: Search,
    order: Order = Order(),
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Lessons:
    """The lessons of these conversations, in their order."""
    ready: list[tuple[Asked, Passage, str, list[Passage]]] = []
    left: list[Left] = []
    for done, one in enumerate(asked, 1):
        try:
            right, how, hits = _right(one, search, order)
        except Open as why:
            left.append(Left(one.id, one.question, why.kind, why.why))
        else:
            ready.append((one, right, how, [hit for hit in hits if not _answers(one, right, hit)]))
        progress(done, len(asked))
    twins, twinless = _twins([one.id for one, _, _, wrong in ready if wrong], len(ready), order)
    made = []
    for one, right, how, wrong in ready:
        made.append(_lesson(one, right, how, wrong, order))
        if one.id in twins:
            made.append(_twin(one, right, how, wrong, order))
    return Lessons(tuple(made), tuple(left), twinless)


class Open(Exception):
    """Why it cannot be told which passage is right: in a few words, and of this question."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind, self.why = kind, why


def holds(question: str, answer: str, passage: str) -> str:
    """How a passage holds an answer: "words" where one says the other, "particulars" where every name and number of the
    answer that the question lacks stands in it, '' where neither."""
    wanted = needed(question, answer)
    if not all(stands(one, passage) for one in wanted if _is_figure(one)):
        return ""
    if stands(answer, passage) or any(stands(sentence, answer) for sentence in _sentences(passage)):
        return "words"
    return "particulars" if wanted and all(stands(one, passage) for one in wanted) else ""


def needed(question: str, answer: str) -> list[str]:
    """The names, numbers, dates and codes of an answer that the question does not bring."""
    return [one for one in particulars(answer) if not stands(one, question)]


def _right(one: Asked, search: Search, order: Order) -> tuple[Passage, str, list[Passage]]:
    """The passage that answers, how we know, and what the search finds besides. Open when it cannot be told."""
    roles = [message["role"] for message in one.messages[-2:]]
    if roles != ["user", "assistant"] or not one.answer.strip():
        raise Open("no question and answer", "It does not end with a question and its answer.")
    if UNKNOWING.search(plain(one.answer)) or any(stands(words, one.answer) for words in order.unknowing):
        raise Open(
            "the answer says that it doesn't know",
            "Its answer says that it doesn't know, so no passage can be the right one.",
        )
    hits = [Passage(hit.text, hit.source) for hit in search(one.question, order.k + DEEPER)]
    own = parted(str(one.messages[-2]["content"]))[1]
    if own:
        return (*_own(one, own), hits)
    if one.passage:
        return (*_named(one, search, hits), hits)
    return (*_found(one, hits), hits)


def _own(one: Asked, passages: Sequence[str]) -> tuple[Passage, str]:
    """Of the passages that its question brings, the one that holds its answer."""
    if len(passages) == 1:
        return Passage(passages[0], one.document), GIVEN
    return _single(one, [Passage(text, one.document) for text in passages]), GIVEN


def _named(one: Asked, search: Search, hits: Sequence[Passage]) -> tuple[Passage, str]:
    """The passage of the library in which the known words stand."""
    near = [*hits, *(Passage(hit.text, hit.source) for hit in search(one.passage, DEEPER))]
    for hit in near:
        if (not one.document or hit.source == one.document) and stands(one.passage, hit.text):
            return hit, GIVEN
    raise Open(
        "its known passage is not in the library",
        "The passage that is known to answer it was not found in the library.",
    )


def _found(one: Asked, hits: Sequence[Passage]) -> tuple[Passage, str]:
    """The one passage among the hits that holds the answer."""
    if not hits:
        raise Open("the search finds nothing", "The search finds nothing for its question.")
    among = [hit for hit in hits if not one.document or hit.source == one.document]
    if not among:
        raise Open("the search finds nothing", f"The search finds nothing of {one.document} for its question.")
    return _single(one, among), FOUND


def _single(one: Asked, among: Sequence[Passage]) -> Passage:
    how = [(holds(one.question, one.answer, hit.text), hit) for hit in among]
    for way in ("words", "particulars"):
        found = list({plain(hit.text): hit for held, hit in how if held == way}.values())
        if len(found) == 1:
            return found[0]
        if found:
            sources = ", ".join(dict.fromkeys(hit.source or "its own" for hit in found))
            raise Open(
                "several passages could be right", f"{len(found)} passages could be the right one (of {sources})."
            )
    wanted = needed(one.question, one.answer)
    if not wanted:
        raise Open(
            "no passage says it in its words, and it has no name or number",
            "No passage says it in the same words, and it holds no name, number or date to look for.",
        )
    raise Open(
        "no passage holds its names and numbers", f"No passage that the search finds holds {', '.join(wanted[:5])}."
    )


def _answers(one: Asked, right: Passage, hit: Passage) -> bool:
    """Whether a hit would answer, too, so that it is no wrong passage."""
    same = stands(right.text, hit.text) or stands(hit.text, right.text) or _masked(right.text) == _masked(hit.text)
    return same or bool(holds(one.question, one.answer, hit.text))


def _masked(text: str) -> str:
    """A text but for its figures: two that are the same so say the same of the same, if not the same figure."""
    return re.sub(r"\d+(?:[.,]\d+)*", "#", plain(text))


def _twins(able: Sequence[str], n: int, order: Order) -> tuple[set[str], int]:
    """Which lessons get a twin, and how many twins are short for want of wrong passages."""
    wanted = round(n * order.absent / (1 - order.absent))
    chosen = sorted(able, key=lambda id: hashes.share(f"{order.seed}/twin/{id}"))[:wanted]
    return set(chosen), wanted - len(chosen)


def _lesson(one: Asked, right: Passage, how: str, wrong: Sequence[Passage], order: Order) -> Lesson:
    shown = list(wrong[: order.k - 1])
    at = Random(f"{order.seed}/place/{one.id}").randrange(len(shown) + 1)
    shown.insert(at, right)
    return Lesson(one.id, _said(one, shown, one.answer), at + 1, tuple(shown), right, how)


def _twin(one: Asked, right: Passage, how: str, wrong: Sequence[Passage], order: Order) -> Lesson:
    shown = wrong[: order.k]
    words = [words for words in order.unknowing if words.strip()]
    answer = Random(f"{order.seed}/unknowing/{one.id}").choice(words).strip()
    return Lesson(one.id, _said(one, shown, answer), 0, tuple(shown), right, how)


def _said(one: Asked, shown: Sequence[Passage], answer: str) -> list[dict[str, Any]]:
    *before, asked, last = [dict(message) for message in one.messages]
    asked["content"] = grounded(one.question, [passage.text for passage in shown])
    last["content"] = answer
    return [*before, asked, last]


def _is_figure(word: str) -> bool:
    return any(sign.isdigit() for sign in word) or "@" in word


def _sentences(text: str) -> list[str]:
    """Sentences long enough to be told from a phrase."""
    found = re.split(r"(?<=[.!?])\s+|\n+", text)
    return [sentence for sentence in found if len(re.findall(r"\w+", sentence)) >= ENOUGH]
