"""Asking: one question to several candidates at once, their words as they come. For the playground; nothing is kept.

Each candidate is asked in a thread of its own, which only reads the store and speaks through a queue: one that fails or
starts slowly holds nobody up.
"""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.problems import Problem
from engine.reading.retrieval import Hit
from engine.scoring import candidates as engine
from engine.serving.asking import client, purse
from engine.serving.asking.client import Question
from engine.serving.asking.purse import Rates
from studio.building import candidates
from studio.building.candidates import Candidate
from studio.judging import commission
from studio.store import Store

WAKING, WRITING, DONE, FAILED = "waking", "writing", "done", "failed"
PAUSE = 0.3  # seconds without a word after which whoever waits is heard


@dataclass(frozen=True)
class Said:
    """An answer as far as it has come. `error` is a sentence when it failed."""

    name: str
    stage: str = WAKING
    text: str = ""
    passages: list[dict[str, Any]] = field(default_factory=list)
    tokens_out: int | None = None
    seconds: float = 0.0
    first: float | None = None  # seconds to the first word
    cost: float | None = 0.0  # euros: of its tokens, or of a machine that did nothing else; None when nobody knows
    error: str = ""
    system: str | None = None  # the prompt it was given; None where nobody noted it
    shown: list[dict[str, str]] = field(default_factory=list)  # the examples before the question
    candidate: str = ""  # the id of who said it: settings may change under the same name; '' where nobody noted it
    cut: bool = False  # whether it was longer than it was allowed to be

    @property
    def live(self) -> bool:
        return self.stage in (WAKING, WRITING)


@dataclass(frozen=True)
class Turn:
    """A question and what each candidate answered, in their order."""

    question: str
    answers: tuple[Said, ...]


def ask(store: Store, chosen: Sequence[Candidate], question: str, before: Sequence[Turn] = ()) -> Generator[list[Said]]:
    """All answers as far as they have come, again with every word, until the last one is done or has failed; and at
    least each PAUSE, so that whoever waits can say that it is enough. Once this is closed, nobody is asked any more.

    `before` is what was said already, to candidates in the same order; without it the question stands alone.
    """
    rates = commission.rates(store, chosen)  # before the threads: they only read
    said = [_nothing(candidate) for candidate in chosen]
    heard: queue.Queue[tuple[int, Said]] = queue.Queue()
    enough = threading.Event()
    for number, candidate in enumerate(chosen):
        conversation = [message for turn in before for message in _turn(turn, number)]
        conversation.append({"role": "user", "content": question})
        arguments = (heard.put, enough, number, store, candidate, conversation, purse.Rates(**rates[candidate.id]))
        threading.Thread(target=_listen, args=arguments, name=f"ask-{number}", daemon=True).start()
    try:
        yield list(said)
        while any(answer.live for answer in said):
            with suppress(queue.Empty):
                number, said[number] = heard.get(timeout=PAUSE)
            for _ in range(heard.qsize()):  # several words may wait: draw once for all of them
                number, said[number] = heard.get()
            yield list(said)
    finally:
        enough.set()


def conversation(turns: Sequence[Turn], number: int, system: str = "") -> list[dict[str, str]]:
    """What the candidate in place `number` was asked and said, as the messages of an example. Passages are left out:
    an example teaches how to answer, and what was looked up changes."""
    said = [{**told, "content": told["content"].strip()} for turn in turns for told in _turn(turn, number)]
    return [{"role": "system", "content": system}, *said] if system and said else said


def _turn(turn: Turn, number: int) -> list[dict[str, str]]:
    """What this candidate heard and said; a question that it never answered is left out."""
    if number >= len(turn.answers) or turn.answers[number].error:
        return []
    return [
        {"role": "user", "content": turn.question},
        {"role": "assistant", "content": turn.answers[number].text},
    ]


def _listen(
    tell: Callable[[tuple[int, Said]], None],
    enough: threading.Event,
    number: int,
    store: Store,
    candidate: Candidate,
    conversation: list[Any],
    rates: Rates,
) -> None:
    said = _nothing(candidate)
    try:
        with closing(_spoken(store, candidate, conversation, rates)) as heard:  # a hosted model is paid by the word
            for said in heard:
                if enough.is_set():
                    return
                tell((number, said))
    except Problem as problem:
        tell((number, replace(said, stage=FAILED, error=str(problem))))
    except Exception as error:  # a bug must not leave the page waiting for ever
        tell((number, replace(said, stage=FAILED, error=f"This should not happen: {type(error).__name__}: {error}")))
        raise


def _nothing(candidate: Candidate) -> Said:
    """What a candidate has said before it says anything."""
    return Said(candidate.name, system=candidate.system, candidate=candidate.id)


def _passage(candidate: Candidate, hit: Hit) -> dict[str, Any]:
    """A passage with the library that it can be read in."""
    return {**asdict(hit), "library": candidate.library}


def _spoken(store: Store, candidate: Candidate, conversation: list[Any], rates: Rates) -> Generator[Said]:
    asked = candidates.for_engine(store, candidate, serve=False)
    messages, hits = engine.messages(asked, conversation)
    endpoint, name = engine.located(asked, store.home.servers)  # starts its server if need be
    passages = [_passage(candidate, hit) for hit in hits]
    said = replace(_nothing(candidate), stage=WRITING, passages=passages, shown=engine.shown(asked, conversation))
    yield said
    stream = client.stream(endpoint, name, Question(messages, asked.decoding))
    for piece in stream:
        said = replace(said, text=said.text + piece)
        yield said
    answer = stream.answer
    yield replace(
        said,
        stage=DONE,
        text=answer.text,
        tokens_out=answer.tokens_out,
        seconds=answer.seconds,
        first=answer.first_token_seconds,
        cost=purse.cost(rates, answer.tokens_in, answer.tokens_out, answer.seconds),
        cut=answer.finish == "length",
    )
