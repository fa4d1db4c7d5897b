"""Candidates: model x system prompt x library (or none) x decoding. The unit of every comparison."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import hashes
from engine.problems import Problem
from engine.scoring import candidates as engine
from engine.serving import servers
from engine.serving.asking.client import Decoding
from studio.building import models
from studio.freezing import snapshots
from studio.reading import libraries
from studio.store import Store, now

SEARCH = "Search: "  # how the name of a candidate begins that a search has tried and nobody has chosen


@dataclass(frozen=True)
class Candidate:
    id: str
    name: str
    model: str
    system: str
    library: str
    passages: int
    decoding: dict[str, Any]
    made_by: str
    made_at: datetime
    examples: list[dict[str, str]] = field(default_factory=list)  # messages shown before the conversation
    nearest: int = 0  # examples that are shown besides, those nearest to each question
    nearest_from: str = ""  # the snapshot whose training rows they are

    @property
    def shows(self) -> str:
        """The examples that its model is shown, in words; '' for none."""
        fixed = len(self.examples) // 2
        said = [f"{fixed} example{'s' * (fixed != 1)}"] if fixed else []
        if self.nearest:
            said.append(f"the {self.nearest} nearest examples" if self.nearest > 1 else "the nearest example")
        return " and ".join(said)

    @property
    def made_of(self) -> str:
        """Its model, and what that is given beside the question."""
        given = ["a prompt"] if self.system else []
        given += [self.shows] if self.shows else []
        given += [f"the library {self.library}"] if self.library else []
        return " with ".join([self.model, " and ".join(given)] if given else [self.model])

    @property
    def called(self) -> str:
        """Its name, with what it is made of where that says more."""
        return self.name if self.name == self.made_of else f"{self.name}: {self.made_of}"


def add(store: Store, name: str, model: str, by: str, **told: Any) -> Candidate:
    """A candidate, `told` as `draft` takes it; the same again is the same candidate, under the name it had first."""
    return keep(store, draft(store, name, model, by, **told), by)


def keep(store: Store, made: Candidate, by: str) -> Candidate:
    """A draft becomes a candidate that evaluations can ask; one that is kept already stays as it is.

    Only one that a search has tried and nobody has named takes the name that it is given now.
    """
    if store.row("select 1 from candidate where id = ?", [made.id]) is None:
        name = _free(store, made.name.strip() or made.model)
        with store.write(by, "candidate.add", made.id, name=name) as cursor:
            cursor.execute(
                "insert into candidate values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
                [
                    made.id,
                    name,
                    made.model,
                    made.system,
                    made.library,
                    made.passages,
                    json.dumps(made.decoding),
                    by,
                    made.made_at,
                    json.dumps(made.examples, ensure_ascii=False),
                    made.nearest,
                    made.nearest_from,
                ],
            )
    found = get(store, made.id)
    named = made.name.strip() and not made.name.startswith(SEARCH)
    return rename(store, made.id, _free(store, made.name), by) if found.name.startswith(SEARCH) and named else found


def draft(
    store: Store,
    name: str,
    model: str,
    by: str,
    *,
    system: str = "",
    library: str = "",
    passages: int = 2,
    decoding: Decoding | None = None,
    examples: Sequence[Mapping[str, str]] = (),
    nearest: int = 0,
    nearest_from: str = "",
) -> Candidate:
    """A candidate that can be asked but is kept nowhere; the id that it would have follows from what it is."""
    chosen = models.get(store, model)
    if library:
        libraries.get(store, library)
    if nearest:
        snapshots.get(store, nearest_from)
    passages = passages if library else 0
    settings = {name: value for name, value in asdict(decoding or Decoding()).items() if value is not None}
    shown = [dict(message) for message in examples]
    # what came later is part of the identity only where it is used, so that old candidates keep theirs
    later: list[object] = [shown] if shown or nearest else []
    later += [nearest, nearest_from] if nearest else []
    id = hashes.content(chosen.name, chosen.run, system, library, passages, settings, *later)
    return Candidate(id, name, model, system, library, passages, settings, by, now(), shown, nearest, nearest_from)


def like(store: Store, one: Candidate, by: str, **told: Any) -> Candidate:
    """A draft that is `one` but for what is `told`, as `draft` takes it."""
    names = ("name", "model", "system", "library", "passages", "examples", "nearest", "nearest_from")
    same = {name: getattr(one, name) for name in names} | {"decoding": Decoding(**one.decoding)}
    return draft(store, by=by, **{**same, **told})


def on_offer(store: Store, by: str) -> list[Candidate]:
    """What can be compared: the candidates that were kept, and every model as it is, plain, kept or not."""
    offered = models.offered(store)
    names = {model.name for model in offered}
    held = [candidate for candidate in kept(store) if candidate.model in names]
    plain = [draft(store, model.name, model.name, by) for model in offered]
    known = {candidate.id for candidate in held}
    return [*held, *(candidate for candidate in plain if candidate.id not in known)]


def rename(store: Store, id: str, name: str, by: str) -> Candidate:
    """The same arrangement under another name."""
    if get(store, id).name != name:
        with store.write(by, "candidate.rename", id, name=name) as cursor:
            cursor.execute("update candidate set name = ? where id = ?", [name, id])
    return get(store, id)


def kept(store: Store) -> list[Candidate]:
    """Those that somebody has named; not what a search has tried."""
    return [candidate for candidate in listed(store) if not candidate.name.startswith(SEARCH)]


def listed(store: Store) -> list[Candidate]:
    return [_candidate(row) for row in store.rows("select * from candidate order by made_at, name")]


def get(store: Store, id: str) -> Candidate:
    row = store.row("select * from candidate where id = ?", [id])
    if row is None:
        raise Problem(f"There is no candidate {id}.", do="Choose one from the list.")
    return _candidate(row)


def for_engine(store: Store, candidate: Candidate, *, serve: bool) -> engine.Candidate:
    """The candidate as the engine asks it; `serve` sees to it that its model is being served (up to a minute)."""
    model = models.get(store, candidate.model)
    base = models.base_of(store, model)
    if model.kind == models.ENDPOINT:
        url = model.path
    else:
        url = servers.ensure(store.home.servers, Path(base.path)).url if serve else ""
    return engine.Candidate(
        name=candidate.id,
        model=model.served or model.name,
        base=base.path if model.kind != models.ENDPOINT else "",
        endpoint=url,
        adapter=model.path if model.kind == models.ADAPTER else "",
        system=candidate.system,
        examples=candidate.examples,
        nearest=candidate.nearest,
        nearest_from=_rows(store, candidate),
        library=str(libraries.folder(store, candidate.library)) if candidate.library else "",
        passages=candidate.passages,
        decoding=Decoding(**candidate.decoding),
        key_from=model.key_from,
    )


def shown(store: Store, candidate: Candidate, messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The examples that its model is shown before these messages, questions and answers in turn."""
    shows = engine.Candidate(
        candidate.id, candidate.model, examples=candidate.examples,
        nearest=candidate.nearest, nearest_from=_rows(store, candidate),
    )  # fmt: skip
    return engine.shown(shows, messages)


def _rows(store: Store, candidate: Candidate) -> str:
    """The file of the rows from which it shows the nearest; '' when it shows none."""
    return str(snapshots.path(store, candidate.nearest_from, "train")) if candidate.nearest else ""


def _free(store: Store, name: str) -> str:
    """A name that no other candidate has, since charts and tables tell them apart by it."""
    taken = {candidate.name for candidate in listed(store)}
    names = (name if number == 1 else f"{name} ({number})" for number in itertools.count(1))
    return next(free for free in names if free not in taken)


def _candidate(row: dict[str, Any]) -> Candidate:
    return Candidate(**{**row, "decoding": json.loads(row["decoding"]), "examples": json.loads(row["examples"])})
