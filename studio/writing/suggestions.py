"""Suggestions: a model's version of a message, in the voice of the guide and of similar approved examples.

A suggestion is nobody's word until a person takes it over: it is kept in that person's draft, never in an example.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from engine.scoring import guide as rules
from engine.scoring.guide import Guide
from studio.building import models
from studio.building.candidates import Candidate
from studio.data import drafts
from studio.data.examples import Example
from studio.judging import asking
from studio.judging.asking import Said, Turn
from studio.store import Store

NAMED = 4  # of each list in the guide, how many a prompt names: small models read little
SHOWN = 3  # similar approved examples
SPACE, PER_WORD = 60, 6  # tokens a version may have: so many, and so many more for each word that came in
KEY = "suggestion"  # where a draft keeps it


def briefed(candidate: Candidate, guide: Guide) -> Candidate:
    """The candidate with the guide's rules in its system prompt, below what it had."""
    said = rules.in_words(guide, NAMED)
    if not said:
        return candidate
    system = "\n".join([candidate.system, "Rewrite the message. " + " ".join(said)]).strip()
    return replace(candidate, system=system)


def usual(store: Store, candidate: Candidate) -> tuple[bool, int]:
    """Whether this candidate is told the guide, and how many examples it is shown, unless somebody says otherwise.

    The starter has learned from short conversations alone: with rules or examples before the message it rambles.
    """
    small = models.base_of(store, models.get(store, candidate.model)).name == models.STARTER_NAME
    return (False, 0) if small else (True, SHOWN)


def ask(
    store: Store, candidate: Candidate, source: str, guide: Guide | None = None, like: Sequence[Example] = ()
) -> Iterator[Said]:
    """A version of `source` as far as it has come, again with every word. A failure is said, not raised."""
    asked = briefed(candidate, guide) if guide else candidate
    room = min(int(asked.decoding["max_tokens"]), SPACE + PER_WORD * len(source.split()))
    asked = replace(asked, decoding={**asked.decoding, "max_tokens": room})
    shown = [Turn(one.prompt, (Said(candidate.name, asking.DONE, one.answer),)) for one in reversed(like)]
    for said in asking.ask(store, [asked], source, shown):
        yield said[0]


def put_down(store: Store, example: Example, by: str, said: Said, candidate: Candidate) -> None:
    """Keep an answer beside what this person is writing, to be taken over or not."""
    body = _body(store, example, by)
    body[KEY] = {"text": said.text.strip(), "by": candidate.name, "model": candidate.model}
    drafts.keep(store, example.dataset, example.entry, by, example.version, body)


def for_many(
    store: Store,
    examples: Sequence[Example],
    candidate: Candidate,
    by: str,
    guide: Guide | None,
    like: Callable[[Example], Sequence[Example]],
    progress: Callable[[int, int], None],
) -> list[str]:
    """Ask for each, one after the other, and keep what comes; the sentences of those that failed.

    `progress` hears (done, of). Stops early after three failures in a row: the model is not there.
    """
    failed: list[str] = []
    in_a_row = 0
    for number, example in enumerate(examples, 1):
        *_, said = ask(store, candidate, example.prompt, guide, like(example))
        if said.error or not said.text.strip():
            failed.append(said.error or f"{candidate.name} said nothing to “{example.prompt[:60]}”.")
            in_a_row += 1
        else:
            put_down(store, example, by, said, candidate)
            in_a_row = 0
        progress(number, len(examples))
        if in_a_row == 3:
            left = len(examples) - number
            return failed + ([f"Stopped there: {left} were not asked."] if left else [])
    return failed


def origin(body: dict[str, Any], text: str) -> str | None:
    """What to say of where a text came from, None when the person wrote it all. `body` is that of their draft."""
    taken = body.get("taken")
    if not taken:
        return None
    return f"suggested by {taken['by']}" + ("" if taken["text"].strip() == text.strip() else ", edited")


def _body(store: Store, example: Example, by: str) -> dict[str, Any]:
    held = drafts.get(store, example.dataset, example.entry, by)
    return dict(held.body) if held else {"messages": example.messages}
