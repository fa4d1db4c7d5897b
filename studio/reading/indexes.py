"""Indexes: what a search reads is brought up to a library's documents and settings, as a job that can be stopped.

A small library needs no job: it is indexed at once. The engine does only what is new; what was stopped goes on with
what it has.
"""

from pathlib import Path

from engine.reading import settings
from engine.reading.indexing import IndexSpec
from engine.reading.settings import LEXICAL, OFFLINE, LibrarySettings
from engine.serving.asking.calls import Endpoint
from studio.reading import libraries, readings
from studio.reading.readings import INDEX, Reading
from studio.store import Store

SMALL = 500_000  # bytes of documents that are indexed within a second or two
HOSTED = "://"


def start(store: Store, library: str, by: str) -> Reading:
    """Have a library indexed by its settings, as a job. Problem when it is being indexed already."""
    how = libraries.get(store, library).settings
    place = libraries.folder(store, library)
    place.mkdir(parents=True, exist_ok=True)
    spec = IndexSpec(str(place), settings.told(how), str(store.home.servers))
    return readings.start(store, library, INDEX, spec, by, leaves=leaving(how))


def refresh(store: Store, library: str, by: str) -> Reading | None:
    """Bring the index up to the library: at once where that is quick, else by a job."""
    if libraries.current(store, library) or readings.live(store, library, INDEX):
        return None
    if _quick(store, library):
        libraries.index(store, library)
        return None
    return start(store, library, by)


def catch_up(store: Store) -> None:
    """Note what jobs have indexed since somebody last looked; what came in meanwhile is indexed next."""
    for reading in readings.done(store, INDEX):
        if store.row("select 1 from library where name = ?", [reading.library]) is None:
            continue
        libraries.indexed(store, reading.library)
        end = reading.last("end") or {}
        told = {name: end.get(name, 0) for name in ("documents", "chunks", "read", "embedded", "removed", "seconds")}
        readings.settle(store, reading, **told)
        refresh(store, reading.library, reading.made_by)


def leaving(how: LibrarySettings) -> str:
    """Which address every text and question is sent to; '' when they stay on this machine."""
    url = how.embedder.partition("#")[0]
    hosted = how.search != LEXICAL and HOSTED in how.embedder
    return url if hosted and not Endpoint(url).local else ""


def words(how: LibrarySettings) -> str:
    """How a library is searched, in plain words."""
    if how.search == LEXICAL:
        return "by words"
    if how.embedder == OFFLINE:
        found = "by words and by likeness of letters" if how.search != "dense" else "by likeness of letters"
    else:
        name = how.embedder.split("#")[1] if HOSTED in how.embedder else Path(how.embedder).name
        found = f"by words and by meaning ({name})" if how.search != "dense" else f"by meaning ({name})"
    return found + (", best hits read again" if how.reranker else "")


def _quick(store: Store, library: str) -> bool:
    how = libraries.get(store, library).settings
    row = store.row("select coalesce(sum(bytes), 0) as bytes from document where library = ?", [library])
    small = row is not None and int(row["bytes"]) <= SMALL
    return small and (how.search == LEXICAL or how.embedder == OFFLINE)
