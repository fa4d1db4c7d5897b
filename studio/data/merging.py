"""Merging: two people changed one example. What fits together is put together, the rest is laid side by side.

A three-way merge of the version both started from, mine, and theirs. Turns are matched first (a turn that was edited
is still that turn), then merged word by word; tags merge as sets; note, status and tools by whoever changed them.
The rule for sequences is diff3's (Khanna, Kunal and Pierce, "A formal investigation of diff3", 2007): between two
places where all three agree, the side that differs from the base wins, and where both differ there is a conflict.
Pure but for `save`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from rapidfuzz import fuzz

from engine.problems import Problem
from studio.data import examples
from studio.data.examples import Example
from studio.store import Store

Message = dict[str, Any]
MINE, THEIRS, BOTH = "mine", "theirs", "both"


@dataclass(frozen=True)
class State:
    """All of an example that people change."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None
    tags: list[str]
    note: str
    status: str


@dataclass(frozen=True)
class Conflict:
    """Both changed it, differently. `both` is None where the two cannot stand together."""

    where: str  # turns, tools, note, status
    label: str  # in words, for people
    mine: Any
    theirs: Any
    both: Any = None


@dataclass(frozen=True)
class Merged:
    """The turns as settled ones and conflicts in order; the rest each settled or a conflict."""

    turns: list[Message | Conflict]
    tools: list[dict[str, Any]] | Conflict | None
    tags: list[str]
    note: str | Conflict
    status: str | Conflict

    @property
    def conflicts(self) -> list[Conflict]:
        found = [*self.turns, self.tools, self.note, self.status]
        return [part for part in found if isinstance(part, Conflict)]

    def settled(self, choices: Sequence[str] = ()) -> State:
        """The outcome, with `choices` (mine, theirs, both) for the conflicts in their order."""
        assert len(choices) == len(self.conflicts), f"{len(choices)} choices for {len(self.conflicts)} conflicts"
        left = iter(choices)

        def chosen(part: Any) -> Any:
            return getattr(part, next(left)) if isinstance(part, Conflict) else part

        messages: list[Message] = []
        for part in self.turns:
            messages += chosen(part) if isinstance(part, Conflict) else [part]
        return State(messages, chosen(self.tools), self.tags, chosen(self.note), chosen(self.status))


def state(example: Example) -> State:
    return State(example.messages, example.tools, list(example.tags), example.note, example.status)


def merge(base: State, mine: State, theirs: State) -> Merged:
    return Merged(
        turns=_turns(base.messages, mine.messages, theirs.messages),
        tools=_one("tools", "The tools", base.tools, mine.tools, theirs.tools),
        tags=_tags(base.tags, mine.tags, theirs.tags),
        note=_note(base.note, mine.note, theirs.note),
        status=_one("status", "The status", base.status, mine.status, theirs.status),
    )


def save(store: Store, seen: Example, mine: State, by: str) -> Example | Merged:
    """Save `mine`, which started from `seen`. If others were faster, theirs is merged in; conflicts come back unsaved.

    What is saved already stands as it is: then the newest version is returned and none is added.
    """
    while True:
        newest = examples.get(store, seen.dataset, seen.entry)
        wanted = mine
        if newest.version != seen.version:
            merged = merge(state(seen), mine, state(newest))
            if merged.conflicts:
                return merged
            wanted = merged.settled()
        if wanted == state(newest):
            return newest
        try:
            return examples.edit(
                store,
                newest,
                by,
                messages=wanted.messages,
                tools=wanted.tools or [],
                tags=wanted.tags,
                status=wanted.status,
                note=wanted.note,
            )
        except Problem:
            if examples.get(store, seen.dataset, seen.entry).version == newest.version:
                raise  # nobody was faster: what was written breaks a rule


def told(before: State, after: State) -> list[str]:
    """What changed, in words: one short sentence for each part."""
    found = []
    for number, (was, new) in enumerate(_pairs(before.messages, after.messages), 1):
        if was is None and new is not None:
            found.append(f"added a turn of the {new['role']}")
        elif new is None and was is not None:
            found.append(f"removed a turn of the {was['role']}")
        elif was != new:
            found.append(f"changed turn {number}")
    if added := [tag for tag in after.tags if tag not in before.tags]:
        found.append(f"added the tag{'s' * (len(added) > 1)} {', '.join(added)}")
    if gone := [tag for tag in before.tags if tag not in after.tags]:
        found.append(f"removed the tag{'s' * (len(gone) > 1)} {', '.join(gone)}")
    if before.status != after.status:
        found.append(f"set it from {before.status} to {after.status}")
    if before.note != after.note:
        found.append("changed the note")
    if before.tools != after.tools:
        found.append("changed the tools")
    return found or ["saved it without a change"]


def words(base: str, mine: str, theirs: str) -> tuple[str, str | None]:
    """The three put together, with both sides where they clash, and the clean outcome or None."""
    out, clean = [], True
    for b, m, t in three(_tokens(base), _tokens(mine), _tokens(theirs)):
        if m == t or t == b:
            out += m
        elif m == b:
            out += t
        else:
            clean = False
            out += [*m, *([] if not m or m[-1].isspace() or (t and t[0].isspace()) else [" "]), *t]
    text = "".join(out)
    return text, text if clean else None


def three(base: list[str], mine: list[str], theirs: list[str]) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Chunks of the three, alternately where all agree and where somebody differs."""
    in_mine, in_theirs = _same(base, mine), _same(base, theirs)
    b = m = t = 0
    while b < len(base) or m < len(mine) or t < len(theirs):
        n = _run(base, b, m, t, in_mine, in_theirs)
        if n:
            yield base[b : b + n], mine[m : m + n], theirs[t : t + n]
            b, m, t = b + n, m + n, t + n
            continue
        there = next((at for at in range(b, len(base)) if _anchored(base, at, in_mine, in_theirs)), len(base))
        next_m, next_t = in_mine.get(there, len(mine)), in_theirs.get(there, len(theirs))
        yield base[b:there], mine[m:next_m], theirs[t:next_t]
        b, m, t = there, next_m, next_t


def _run(base: list[str], b: int, m: int, t: int, in_mine: Mapping[int, int], in_theirs: Mapping[int, int]) -> int:
    """How far all three agree from here; 0 when that is nothing but space, which proves no agreement."""
    n = 0
    while b + n < len(base) and in_mine.get(b + n) == m + n and in_theirs.get(b + n) == t + n:
        n += 1
    at_an_end = b == 0 or b + n == len(base)
    return n if at_an_end or any(not token.isspace() for token in base[b : b + n]) else 0


def _anchored(base: list[str], at: int, in_mine: Mapping[int, int], in_theirs: Mapping[int, int]) -> bool:
    return at in in_mine and at in in_theirs and not base[at].isspace()


def _same(base: list[str], other: list[str]) -> dict[int, int]:
    """Where each token of the base stands in the other, as far as it does."""
    blocks = SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    return {i + n: j + n for i, j, size in blocks for n in range(size)}


def _tokens(text: str) -> list[str]:
    return re.findall(r"\s+|\S+", text)


def _turns(base: list[Message], mine: list[Message], theirs: list[Message]) -> list[Message | Conflict]:
    to_mine, to_theirs = _aligned(base, mine), _aligned(base, theirs)
    new_mine, new_theirs = _inserted(to_mine, mine), _inserted(to_theirs, theirs)
    found: list[Message | Conflict] = []
    for place in range(len(base) + 1):
        one, other = new_mine.get(place, []), new_theirs.get(place, [])
        if one and other and one != other:
            found.append(Conflict("turns", "You both added here", one, other, one + other))
        else:
            found += one or other
        if place < len(base):
            here = mine[to_mine[place]] if place in to_mine else None
            there = theirs[to_theirs[place]] if place in to_theirs else None
            found += _turn(base[place], here, there, len(found) + 1)
    return found


def _turn(base: Message, mine: Message | None, theirs: Message | None, number: int) -> list[Message | Conflict]:
    label = f"Turn {number}, {base['role']}"
    if mine is None or theirs is None:
        kept = theirs if mine is None else mine
        if kept is None or kept == base:
            return []
        why = "you removed it, they changed it" if mine is None else "you changed it, they removed it"
        return [Conflict("turns", f"{label}: {why}", [mine] if mine else [], [theirs] if theirs else [])]
    if mine == theirs or theirs == base:
        return [mine]
    if mine == base:
        return [theirs]
    merged, both, clean = dict(mine), dict(mine), True
    for key in sorted({*base, *mine, *theirs}):
        value, either, fits = _field(key, base.get(key), mine.get(key), theirs.get(key))
        merged[key], both[key], clean = value, either, clean and fits
    if clean:
        return [{key: merged[key] for key in merged if merged[key] is not None or key in mine or key in theirs}]
    together = {key: value for key, value in both.items() if value is not None or key in mine}
    only_words = all(mine.get(key) == theirs.get(key) for key in {*mine, *theirs} - {"content"})
    return [Conflict("turns", f"{label}: you both changed it", [mine], [theirs], [together] if only_words else None)]


def _field(key: str, base: Any, mine: Any, theirs: Any) -> tuple[Any, Any, bool]:
    """One key of a message: the outcome, both sides together, and whether they fit."""
    if mine == theirs or theirs == base:
        return mine, mine, True
    if mine == base:
        return theirs, theirs, True
    if key == "content" and all(isinstance(text, str) for text in (base, mine, theirs)):
        both, clean = words(base, mine, theirs)
        return both, both, clean is not None
    return mine, mine, False


def _one(where: str, label: str, base: Any, mine: Any, theirs: Any) -> Any:
    if mine == theirs or theirs == base:
        return mine
    return theirs if mine == base else Conflict(where, label, mine, theirs)


def _note(base: str, mine: str, theirs: str) -> str | Conflict:
    both, clean = words(base, mine, theirs)
    return Conflict("note", "The note", mine, theirs, both) if clean is None else clean


def _tags(base: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    """Whatever anybody added is there, whatever anybody took off is gone."""
    gone = {tag for tag in base if tag not in mine or tag not in theirs}
    return [tag for tag in dict.fromkeys([*theirs, *mine]) if tag not in gone]


def _pairs(before: list[Message], after: list[Message]) -> list[tuple[Message | None, Message | None]]:
    """Turns that belong together, in the order of `after`; those that are gone stand where they were."""
    there = _aligned(before, after)
    back = {new: old for old, new in there.items()}
    gone = [old for old in range(len(before)) if old not in there]
    found: list[tuple[Message | None, Message | None]] = []
    for number, message in enumerate(after):
        old = back.get(number)
        while gone and old is not None and gone[0] < old:
            found.append((before[gone.pop(0)], None))
        found.append((None if old is None else before[old], message))
    return found + [(before[old], None) for old in gone]


def _inserted(matched: Mapping[int, int], turns: list[Message]) -> dict[int, list[Message]]:
    """Turns that the base does not have, by the number of base turns before them."""
    back = {new: old for old, new in matched.items()}
    place, found = 0, dict[int, list[Message]]()
    for number, message in enumerate(turns):
        if number in back:
            place = back[number] + 1
        else:
            found.setdefault(place, []).append(message)
    return found


def _aligned(before: list[Message], after: list[Message]) -> dict[int, int]:
    """Which turn of `after` each turn of `before` has become: equal ones, then edited ones of the same speaker."""
    one, other = ([json.dumps(turn, sort_keys=True) for turn in turns] for turns in (before, after))
    found: dict[int, int] = {}
    for kind, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            found.update(zip(range(i, j), range(k, m), strict=True))
        elif kind == "replace":
            found.update({i + a: k + b for a, b in _likeliest(before[i:j], after[k:m]).items()})
    return found


def _likeliest(before: list[Message], after: list[Message]) -> dict[int, int]:
    """The matching, in order, that keeps most: a speaker counts one, and up to one more for likeness of words."""
    best: list[list[tuple[float, dict[int, int]]]] = [[(0.0, {})] * (len(after) + 1)]
    for i, turn in enumerate(before):
        line = [best[i][0]]
        for j, other in enumerate(after):
            choices = [best[i][j + 1], line[j]]
            if turn["role"] == other["role"]:
                alike = fuzz.ratio(str(turn.get("content") or ""), str(other.get("content") or "")) / 100
                kept, pairs = best[i][j]
                choices.append((kept + 1 + alike, {**pairs, i: j}))
            line.append(max(choices, key=lambda choice: choice[0]))
        best.append(line)
    return best[-1][-1][1]
