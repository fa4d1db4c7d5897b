"""Commands: what the command line can ask of libraries, each with an answer that JSON can carry."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.reading.settings import Chunking, LibrarySettings
from studio.reading import arrivals, indexes, libraries, quality, readings, removal, upkeep
from studio.reading.readings import INDEX
from studio.store import Store

OVERLAP = 10  # one word in so many is shared by neighbours, where a paragraph must be cut


def read(store: Store, library: str, paths: Sequence[str], words: int, by: str) -> dict[str, Any]:
    """Start reading files, folders or archives into a library, which is made when there is none."""
    arrivals.check(store, library, [Path(path) for path in paths])  # a typing error makes no library
    libraries.make(store, library, by, LibrarySettings(Chunking(words, words // OVERLAP)))
    return {"reading": arrivals.start(store, library, [Path(path) for path in paths], by).id, "library": library}


def index(store: Store, library: str, by: str) -> dict[str, Any]:
    return {"reading": indexes.start(store, library, by).id, "library": library}


def taken(store: Store, reading: str) -> dict[str, Any]:
    """What came of a job of a library; `index` is the one that follows it, '' for none."""
    upkeep.catch_up(store, wait=True)
    found = readings.get(store, reading)
    counts = {name: n for name, n in (found.taken or {}).items() if name != "missing"}
    library = libraries.get(store, found.library)
    following = [one.id for one in readings.live(store, library.name, INDEX)]
    return {
        "library": library.name,
        **counts,
        "said": readings.words(counts),
        "refused": [{"name": one.name, "why": one.why} for one in arrivals.refusals(store, library.name)],
        "gone": arrivals.gone(store, library.name),
        "index": following[0] if following else "",
    }


def search(store: Store, library: str, question: str, k: int, how: str) -> dict[str, Any]:
    found = quality.opened(store, library)
    return {"library": library, "hits": [asdict(hit) for hit in found.search(question, k, how)]}


def measure(store: Store, library: str) -> dict[str, Any]:
    libraries.get(store, library)  # one that is not there has no questions either, which would be said first
    return {"library": library, **quality.told(quality.measure(store, library))}


def uses(store: Store, library: str) -> dict[str, Any]:
    return {"library": libraries.get(store, library).name, "sentences": removal.uses(store, library).sentences}


def forget(store: Store, library: str, documents: Sequence[str], by: str) -> dict[str, Any]:
    if not documents:
        removal.library(store, library, by)
        return {"library": library, "said": f"{library} is gone."}
    n = removal.documents(store, library, documents, by)
    return {"library": library, "said": f"{', '.join(documents)} {'is' if n == 1 else 'are'} gone from {library}."}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "library-read": read,
    "library-index": index,
    "library-taken": taken,
    "library-search": search,
    "library-quality": measure,
    "library-uses": uses,
    "library-forget": forget,
}
