"""Privacy: how much personal data and how many secrets are in what is about to be trained on or to leave the machine.

What a content holds is scanned once and remembered by its hash, as counts alone: the words that were found are neither
stored nor logged. Nothing here decides; it says what is there, so that a person can.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import pandas as pd

from engine import hashes
from engine.data import utterances
from engine.data.columns import REJECTED
from engine.privacy import personal, secrets
from studio.data.examples import Example
from studio.quality import pseudonyms
from studio.store import Cursor, Store, now

DETECTOR = personal.DETECTOR
AT_ONCE = 2000  # contents between two savings: what a scan that is cut short loses
RATE = 2000  # contents a second: between short questions and long answers on a busy core; a guess, for the time left


@dataclass(frozen=True)
class Content:
    """What is scanned: the hash of messages and tools, and these; both with the worse answer, where there is one."""

    id: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    dataset: str = ""  # whose stand-ins are nobody's data


@dataclass(frozen=True)
class Verdict:
    """What was found in `of` contents; those that wait for their scan are in none of the other figures."""

    kinds: Mapping[str, int]  # kind -> how many of it, personal data and secrets
    examples: int  # contents that hold at least one
    of: int
    waiting: int
    scanned_at: datetime | None  # the latest of the scans; None when nothing was scanned

    @property
    def n(self) -> int:
        return sum(self.kinds.values())

    @property
    def complete(self) -> bool:
        return self.waiting == 0

    @property
    def seconds(self) -> float:
        """How long the rest of the scan takes, about."""
        return self.waiting / RATE

    def __str__(self) -> str:
        """`Personal data: 12 e-mail addresses and 1 IBAN in 9 of 412 examples.` Never a value, always its n."""
        if not self.of:
            return "Personal data: there is nothing to scan."
        rest = f" {self.waiting:,} are not scanned yet." if self.waiting else ""
        if self.waiting == self.of:
            return f"Personal data: cannot tell; none of {self.of:,} examples is scanned yet."
        seen = self.of - self.waiting
        if not self.n:
            return f"Personal data: none found in {seen:,} scanned examples.{rest}"
        return f"Personal data: {said(self.kinds)} in {self.examples:,} of {seen:,} scanned examples.{rest}"


def said(kinds: Mapping[str, int]) -> str:
    """`12 e-mail addresses, 1 IBAN and 1 password`."""
    words = [personal.kinds_said({kind: n}) for kind, n in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "nothing"


def check(
    store: Store,
    what: Iterable[Content | Example],
    *,
    most: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Verdict:
    """Scan what was not scanned before, and say what all of it holds.

    `what` is read twice. `most` leaves what is beyond it waiting, for a page that cannot; `progress` hears (done, of)
    of the scans that were needed. Stopping half-way keeps what was scanned.
    """
    wanted, datasets = [], set()
    for content in map(_content, what):
        wanted.append(content.id)
        datasets.add(content.dataset)
    unknown = _unknown(store, wanted)
    of = len(unknown) if most is None else min(most, len(unknown))
    if of:
        mine = frozenset().union(*(pseudonyms.stand_ins(store, name) for name in datasets if name))
        fresh = _once(content for content in map(_content, what) if content.id in unknown)
        done = 0
        while batch := list(islice(fresh, min(AT_ONCE, of - done))):
            remember(store, {content.id: count(content, mine) for content in batch})
            done += len(batch)
            progress(done, of)
            if done >= of:
                break
    return _verdict(store, wanted)


def check_texts(store: Store, texts: Iterable[str]) -> Verdict:
    """The same for plain texts, such as what is sent to an endpoint."""
    return check(store, [Content(hashes.content(text), [{"role": "user", "content": text}]) for text in texts])


def known(store: Store, what: Iterable[Content | Example]) -> Verdict:
    """What is remembered, without any scan: quick, and maybe not complete."""
    return check(store, what, most=0)


def count(content: Content, stand_ins: frozenset[str] = frozenset()) -> Counter[str]:
    """kind -> how many of it are in a content; stand-ins that we made ourselves are nobody's."""
    found: Counter[str] = Counter()
    for text in utterances.texts([content.messages, content.tools or []]):
        hits = personal.apart([*secrets.scan(text), *personal.scan(text)])  # an address with a password is one, not two
        found.update(one.kind for one in hits if one.text not in stand_ins)
    return found


def remember(store: Store, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Keep what contents hold: content id -> kind -> n."""
    rows = [
        {"id": id, "detector": DETECTOR, "kind": kind, "n": n, "made_at": now()}
        for id, kinds in counts.items()
        for kind, n in {"": 0, **kinds}.items()
    ]
    if not rows:
        return
    with store.jot() as cursor:
        cursor.register("fresh", pd.DataFrame(rows))
        cursor.execute(
            """
            insert into privacy
            select id, detector, kind, n, made_at
            from fresh
            where id not in (select id from privacy where detector = ?)
            """,
            [DETECTOR],
        )
        cursor.unregister("fresh")


def _verdict(store: Store, ids: list[str]) -> Verdict:
    with store.read() as cursor:
        _asked(cursor, ids)
        kinds = cursor.execute(
            """
            select p.kind, sum(p.n)::bigint
            from asked join privacy p using (id)
            where p.detector = ? and p.kind <> ''
            group by p.kind
            order by p.kind
            """,
            [DETECTOR],
        ).fetchall()
        examples, scanned, latest = cursor.execute(
            """
            select count(*) filter (where n > 0), count(*), max(made_at)
            from asked join (
                select id, sum(n) as n, max(made_at) as made_at from privacy where detector = ? group by id
            ) using (id)
            """,
            [DETECTOR],
        ).fetchall()[0]
        cursor.unregister("asked")
    return Verdict(dict(kinds), examples, len(ids), len(ids) - scanned, latest)


def _unknown(store: Store, ids: list[str]) -> set[str]:
    with store.read() as cursor:
        _asked(cursor, ids)
        rows = cursor.execute(
            "select distinct id from asked where id not in (select id from privacy where detector = ?)", [DETECTOR]
        ).fetchall()
        cursor.unregister("asked")
    return {id for (id,) in rows}


def _asked(cursor: Cursor, ids: list[str]) -> None:
    cursor.register("asked", pd.DataFrame({"id": pd.Series(ids, dtype="str")}))


def of_row(row: Mapping[str, Any], dataset: str = "") -> Content:
    """A frozen row as it is scanned: a worse answer that it knows is learned from, and leaves, too."""
    return _whole(row["id"], row["messages"], row.get("tools"), row.get(REJECTED), dataset)


def _content(one: Content | Example) -> Content:
    return one if isinstance(one, Content) else _whole(one.id, one.messages, one.tools, one.worse, one.dataset)


def _whole(id: str, messages: list[Any], tools: list[Any] | None, worse: list[Any] | None, dataset: str) -> Content:
    if worse:
        return Content(hashes.content(id, worse), [*messages, *worse], tools, dataset)
    return Content(id, messages, tools, dataset)


def _once(contents: Iterable[Content]) -> Iterator[Content]:
    seen: set[str] = set()
    for content in contents:
        if content.id not in seen:
            seen.add(content.id)
            yield content
