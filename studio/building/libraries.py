"""Libraries: documents for retrieval. The database keeps the documents; the engine keeps an index beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine import hashes
from engine.problems import Problem
from engine.reading import retrieval
from engine.reading.chunks import chunks
from studio.store import Store, now

COLUMNS = "library, name, id, title, text, chunks, made_by, made_at"


@dataclass(frozen=True)
class Library:
    name: str
    made_by: str
    made_at: datetime
    documents: int
    chunks: int


@dataclass(frozen=True)
class Document:
    library: str
    name: str
    id: str
    title: str
    text: str
    chunks: int
    made_by: str
    made_at: datetime


def listed(store: Store) -> list[Library]:
    rows = store.rows("""
        select l.name, l.made_by, l.made_at, count(d.name) as documents, coalesce(sum(d.chunks), 0)::integer as chunks
        from library l
        left join document d on d.library = l.name
        group by all
        order by l.made_at
    """)
    return [Library(**row) for row in rows]


def get(store: Store, name: str) -> Library:
    found = next((library for library in listed(store) if library.name == name), None)
    if found is None:
        raise Problem(f"There is no library {name}.", do="Choose one from the list, or add documents to make it.")
    return found


def documents(store: Store, library: str) -> list[Document]:
    rows = store.rows(f"select {COLUMNS} from document where library = ? order by name", [library])
    return [Document(**row) for row in rows]


def folder(store: Store, library: str) -> Path:
    """Where the index of a library lies."""
    return store.home.libraries / hashes.content(library)


def add(store: Store, library: str, texts: Mapping[str, str], by: str) -> Library:
    """Add Markdown documents by name, replacing those of the same name, and index the library anew."""
    if not texts:
        raise Problem("There is no document to add.", do="Choose at least one Markdown file.")
    with store.write(by, "library.add", library, documents=len(texts)) as cursor:
        cursor.execute(
            "insert into library (name, made_by, made_at) values (?, ?, ?) on conflict do nothing", [library, by, now()]
        )
        for name, text in texts.items():
            title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), name)
            n = len(chunks(name, text))
            cursor.execute("delete from document where library = ? and name = ?", [library, name])
            cursor.execute(
                f"insert into document ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)",
                [library, name, hashes.content(text), title, text, n, by, now()],
            )
    index(store, library)
    return get(store, library)


def index(store: Store, library: str) -> None:
    """Build the index from the documents."""
    found = [chunk for document in documents(store, library) for chunk in chunks(document.name, document.text)]
    retrieval.build(folder(store, library), found)
