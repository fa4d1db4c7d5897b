"""Replacing: find words in many examples and put others in their place, after a look at each.

Regular expressions are those of the `regex` library: words and case are Unicode's, and an expression that would run
for ever is stopped and said, where the standard library's would stop the studio.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from engine.problems import Problem
from studio.data.examples import Edit, Example
from studio.store import Store

ANSWERS, QUESTIONS, SYSTEM, ALL = "answers", "questions", "system prompts", "everything said"
WHERE = {ANSWERS: ("assistant",), QUESTIONS: ("user",), SYSTEM: ("system",), ALL: ("assistant", "user", "system")}
AT_ONCE = 500  # hits that a person is shown and that one transaction changes
PATIENCE = 1.0  # seconds for one text
BATCH = 2000


@dataclass(frozen=True)
class Rule:
    find: str
    by: str
    where: str = ANSWERS
    expression: bool = False  # `find` is a regular expression; `by` may use \\1
    whole: bool = False  # whole words alone
    exact: bool = False  # capitals count
    keep_case: bool = True  # Hello becomes Welcome where hello becomes welcome


@dataclass(frozen=True)
class Hit:
    """An example and how its turns would read."""

    example: Example
    messages: list[dict[str, Any]]
    places: int  # how often it was found in it


@dataclass(frozen=True)
class Hits:
    found: list[Hit]
    more: bool  # there are others; replace these, then look again

    @property
    def places(self) -> int:
        return sum(hit.places for hit in self.found)


def look(store: Store, dataset: str, rule: Rule, most: int = AT_ONCE) -> Hits:
    """What the rule would change, in the order of the list. Problem when it is no rule."""
    pattern = compiled(rule)
    found: list[Hit] = []
    for example in _candidates(store, dataset, rule):
        hit = apply(rule, pattern, example)
        if hit is None:
            continue
        if len(found) == most:
            return Hits(found, True)
        found.append(hit)
    return Hits(found, False)


def compiled(rule: Rule) -> Any:
    if not rule.find:
        raise Problem("There is nothing to look for.", do="Type the words to be replaced.")
    source = rule.find if rule.expression else regex.escape(rule.find, literal_spaces=True)
    if rule.whole:
        source = rf"(?<!\w)(?:{source})(?!\w)"
    try:
        pattern = regex.compile(source, 0 if rule.exact else regex.IGNORECASE)
    except regex.error as error:
        raise Problem(
            "This is not a regular expression.", f"{error}.", "Correct it, or switch to plain words."
        ) from error
    if pattern.search(""):
        raise Problem("This finds the empty text everywhere.", do="Ask for at least one letter.")
    return pattern


def apply(rule: Rule, pattern: Any, example: Example) -> Hit | None:
    """The example after the rule; None when nothing in it would change."""
    places, messages = 0, []
    for message in example.messages:
        text = message.get("content")
        if message["role"] in WHERE[rule.where] and isinstance(text, str):
            new, n = _replaced(rule, pattern, text)
            if new != text:
                places += n
                message = {**message, "content": new}
        messages.append(message)
    return Hit(example, messages, places) if places else None


def _replaced(rule: Rule, pattern: Any, text: str) -> tuple[str, int]:
    def instead(match: Any) -> str:
        new = match.expand(rule.by) if rule.expression else rule.by
        return in_case_of(match.group(), new) if rule.keep_case and not rule.exact else new

    try:
        new, n = pattern.subn(instead, text, timeout=PATIENCE)
    except TimeoutError as error:
        raise Problem(
            "This expression takes too long.",
            "On some texts it tries more ways than can ever be finished.",
            "Make it simpler: one repetition inside another is the usual cause.",
        ) from error
    except (regex.error, IndexError) as error:
        raise Problem("The replacement cannot be read.", f"{error}.", r"Groups are written \1, \2.") from error
    return str(new), int(n)


def in_case_of(old: str, new: str) -> str:
    """`new` with the capitals of `old`: all of them, the first alone, or as it is written."""
    if old.isupper() and sum(letter.isalpha() for letter in old) > 1:
        return new.upper()
    if old[:1].isupper():
        return new[:1].upper() + new[1:]
    return new


def edits(hits: Sequence[Hit]) -> list[Edit]:
    """What `examples.edit_many` shall do: one transaction, one Event."""
    return [Edit(hit.example, messages=hit.messages) for hit in hits]


def _candidates(store: Store, dataset: str, rule: Rule) -> Iterator[Example]:
    """Examples that may hold it: for plain words those whose text has the longest of them, else all."""
    longest = max(regex.findall(r"\w+", rule.find), key=len, default="") if not rule.expression else ""
    wanted = longest if longest.isascii() else ""  # DuckDB folds case by other rules than regex beyond ASCII
    after = -1
    while True:
        batch = store.rows(
            """
            select * from example
            where dataset = ? and latest and place > ? and (? = '' or contains(lower(messages::text), lower(?)))
            order by place
            limit ?
            """,
            [dataset, after, wanted, wanted, BATCH],
        )
        for row in batch:
            said = {name: json.loads(row[name] or "null") for name in ("messages", "tools", "worse")}
            example = Example(**{**row, **said})
            after = example.place
            yield example
        if len(batch) < BATCH:
            return
