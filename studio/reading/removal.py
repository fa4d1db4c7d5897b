"""Removal: a document or a library goes, and nothing of its words stays in what Atelier looks things up in.

Gone are the texts, the files as they came where they were kept, the chunks, the vectors, the questions about it, its
name and the rows of the database, whose file is written over. What was made of it elsewhere stays, and is named before:
answers and shared talks keep the passages that they quoted, drafts what they were made from, examples the passages that
they teach to read from, a frozen corpus what a run has learned.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from engine.problems import Problem
from studio.reading import arrivals, drafted, indexes, libraries, readings
from studio.reading.readings import ASK, READ
from studio.store import Store

TABLES = ("document", "question", "refusal", "reading")  # those that hold words of documents, or names


@dataclass(frozen=True)
class Uses:
    """What was made with a library, by name. `answers` quote its passages."""

    candidates: tuple[str, ...]
    evaluations: tuple[str, ...]
    answers: int
    shared: int  # arrangements of the playground, with what was answered
    makings: tuple[str, ...]
    datasets: tuple[str, ...]  # whose examples have its passages
    corpora: int

    @property
    def sentences(self) -> list[str]:
        """What happens to each of them, in plain words."""
        found = []
        if self.candidates:
            found.append(f"{_named(self.candidates, 'candidate')} can look nothing up in it any more.")
        if self.evaluations:
            found.append(f"{_named(self.evaluations, 'evaluation')} used it: the figures stay.")
        if self.answers:
            found.append(f"{self.answers:,} answers quote its passages, and keep these quotes.")
        if self.shared:
            found.append(f"Talks that were shared from the playground keep its passages: {self.shared:,}.")
        if self.datasets:
            found.append(f"{_named(self.datasets, 'dataset')} got its passages to read from: the examples keep them.")
        if self.makings:
            found.append(f"{_named(self.makings, 'making')} started from it: the drafts keep what they were made from.")
        if self.corpora:
            found.append(f"Its documents were frozen {self.corpora:,} times to be learned from: these copies stay.")
        return found


def uses(store: Store, library: str) -> Uses:
    """Who would miss it."""

    def names(query: str) -> tuple[str, ...]:
        return tuple(row["name"] for row in store.rows(query, [library]))

    counted = store.row(
        """
        select (select count(*) from response r join candidate c on c.id = r.candidate
                where c.library = $library and json_array_length(r.passages) > 0) as answers,
               (select count(*) from arrangement
                where list_contains(body->>'$.candidates[*].library', $library)
                      and json_array_length(body->'turns') > 0) as shared,
               (select count(*) from corpus where library = $library) as corpora
        """,
        {"library": library},
    )
    assert counted is not None
    return Uses(
        candidates=names("select name from candidate where library = ? order by name"),
        evaluations=names("""
            select distinct e.name
            from evaluation e
            join candidate c on list_contains(e.candidates, c.id)
            where c.library = ?
            order by e.name
        """),
        makings=names("select name from making where recipe = 'documents' and settings->>'source' = ? order by name"),
        datasets=names("""
            select distinct d.name
            from event e
            join dataset d on d.name = e.subject
            where e.verb = 'dataset.ground' and e.detail->>'library' = ?
            order by d.name
        """),
        **counted,
    )


def documents(store: Store, library: str, names: Sequence[str], by: str) -> int:
    """Remove documents for good, and what the index holds of them; how many they were."""
    _at_rest(store, library)
    held = {one.name: one for one in libraries.documents(store, library)}
    if strange := [name for name in names if name not in held]:
        raise Problem(f"There is no document {strange[0]} in {library}.", do="Choose one from the list.")
    _forget_jobs(store, library)
    with store.write(by, "document.remove", library, documents=len(names)) as cursor:
        for table, column in (("document", "name"), ("question", "document"), ("refusal", "name")):
            cursor.execute(
                f"delete from {table} where library = ? and list_contains(?, {column})", [library, list(names)]
            )
    arrivals.unname(store, library, [held[name] for name in names])
    libraries.sweep(store, library)
    libraries.forget(store, library)
    store.scrub(*TABLES)
    indexes.refresh(store, library, by)  # what was waiting to be read
    return len(names)


def library(store: Store, name: str, by: str) -> None:
    """Remove a library with all that is in it."""
    found = libraries.get(store, name)
    _at_rest(store, name)
    _forget_jobs(store, name)
    arrivals.unname_all(store, name)
    with store.write(by, "library.remove", name, documents=found.documents) as cursor:
        for table in TABLES:
            cursor.execute(f"delete from {table} where library = ?", [name])
        cursor.execute("delete from library where name = ?", [name])
    shutil.rmtree(libraries.folder(store, name), ignore_errors=True)
    shutil.rmtree(libraries.beside(store, name), ignore_errors=True)
    store.scrub(*TABLES)


def _at_rest(store: Store, library: str) -> None:
    if busy := readings.live(store, library):
        raise Problem(f"{library} is being worked on: {busy[0].id}.", do="Wait for it, or stop it.")


def _forget_jobs(store: Store, library: str) -> None:
    """Jobs that did not end well have left copies of passages and files."""
    for reading in readings.listed(store, library, ASK):
        drafted.forget(store, reading)
    for reading in readings.listed(store, library, READ):
        arrivals.forget(store, reading)


def _named(names: Sequence[str], noun: str) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return f"The {noun}{'s' * (len(names) > 1)} {shown}"
