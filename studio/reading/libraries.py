"""Libraries: documents for retrieval. The database knows which there are; their words lie in the library's folder.

A library's folder holds `documents/<id>.json`, each a document as it was read, perhaps `originals/<id>`, the file that
it was read from, and the index that the engine made of them. Nothing of what a document says is in the database but its
title, so that what is deleted leaves no word behind.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from engine import hashes
from engine.data import language
from engine.problems import Problem
from engine.reading import chunks as cutting
from engine.reading import documents as texts
from engine.reading import gathering, indexing, markdown, retrieval, settings, versions
from engine.reading.chunks import Chunk
from engine.reading.documents import HEADING
from engine.reading.settings import LEXICAL, LibrarySettings
from engine.reading.versions import About
from studio.store import Store, now

PLAIN = LibrarySettings(search=LEXICAL)  # by words, a paragraph a chunk: what texts that are handed over begin with
COLUMNS = "library, name, id, title, chunks, made_by, made_at, kind, source, bytes, pages, language, remarks"
Line = Mapping[str, Any]  # what engine.reading.gathering says of a document


@dataclass(frozen=True)
class Library:
    name: str
    made_by: str
    made_at: datetime
    documents: int
    chunks: int
    settings: LibrarySettings


@dataclass(frozen=True)
class Document:
    """A document of a library; its words are read from its file when they are asked for."""

    library: str
    name: str
    id: str
    title: str
    chunks: int  # in the index; 0 until it was indexed
    made_by: str
    made_at: datetime
    kind: str
    source: str  # an upload's name or a path; '' for texts that were handed over
    bytes: int
    pages: int
    language: str
    remarks: tuple[str, ...]
    folder: Path = field(repr=False)  # of the library

    @cached_property
    def read(self) -> texts.Document:
        """The document as it was read."""
        return texts.load(self.folder, self.id)

    @property
    def text(self) -> str:
        return self.read.text


@dataclass(frozen=True)
class Changes:
    """What became of documents that came in."""

    new: int
    changed: int
    same: int


def listed(store: Store) -> list[Library]:
    rows = store.rows("""
        select l.name, l.made_by, l.made_at, count(d.name) as documents,
               coalesce(sum(d.chunks), 0)::integer as chunks, l.settings
        from library l
        left join document d on d.library = l.name
        group by all
        order by l.made_at
    """)
    return [Library(**{**row, "settings": _settings(row["settings"])}) for row in rows]


def get(store: Store, name: str) -> Library:
    found = next((library for library in listed(store) if library.name == name), None)
    if found is None:
        raise Problem(f"There is no library {name}.", do="Choose one from the list, or add documents to make it.")
    return found


def check(name: str, how: LibrarySettings) -> None:
    """Problem when no library can be called or cut like that."""
    if not name.strip():
        raise Problem("The library has no name.", do="Give it one; candidates are told to look things up in it.")
    cutting.check(how.chunking)


def make(store: Store, name: str, by: str, how: LibrarySettings = PLAIN) -> Library:
    """A library without documents; one that is there stays as it is."""
    check(name, how)
    if store.row("select 1 from library where name = ?", [name]) is None:
        with store.write(by, "library.make", name) as cursor:
            cursor.execute(
                "insert into library (name, made_by, made_at, settings) values (?, ?, ?, ?) on conflict do nothing",
                [name, by, now(), json.dumps(settings.told(how))],
            )
    return get(store, name)


def change(store: Store, name: str, how: LibrarySettings, by: str) -> Library:
    """Other settings; they hold for searches once the library is indexed anew."""
    cutting.check(how.chunking)
    if get(store, name).settings != how:
        with store.write(by, "library.change", name, **settings.told(how)) as cursor:
            cursor.execute("update library set settings = ? where name = ?", [json.dumps(settings.told(how)), name])
    return get(store, name)


def documents(store: Store, library: str) -> list[Document]:
    """The documents of a library by name; their words are read when they are asked for."""
    _move_out(store, library)
    rows = store.rows(f"select {COLUMNS} from document where library = ? order by name", [library])
    place = folder(store, library)
    return [Document(**{**row, "remarks": tuple(json.loads(row["remarks"]))}, folder=place) for row in rows]


def document(store: Store, library: str, name: str) -> Document:
    found = next((one for one in documents(store, library) if one.name == name), None)
    if found is None:
        raise Problem(f"There is no document {name} in {library}.", do="Choose one from the list.")
    return found


def chunks(store: Store, library: str) -> list[Chunk]:
    """Every chunk of a library, as its settings cut its documents."""
    how = get(store, library).settings.chunking
    return [chunk for one in documents(store, library) for chunk in cutting.chunks(one.read, how)]


def folder(store: Store, library: str) -> Path:
    """Where the documents and the index of a library lie."""
    return store.home.libraries / hashes.content(library)


def beside(store: Store, library: str) -> Path:
    """Where lies what comes in and has not been taken over, and what jobs are told."""
    return store.home.libraries / f"{hashes.content(library)}-coming"


def add(store: Store, library: str, written: Mapping[str, str], by: str) -> Library:
    """Add Markdown texts by name, replacing those of the same name, and index the library at once."""
    if not written:
        raise Problem("There is no document to add.", do="Choose at least one Markdown file.")
    make(store, library, by)
    read = [_of_markdown(name, text) for name, text in written.items()]
    for one in read:
        texts.save(folder(store, library), one)
    changes = put(store, library, [gathering.row(one, "", len(written[one.name].encode())) for one in read], by)
    if changes.new or changes.changed or not current(store, library):
        index(store, library)
    return get(store, library)


def put(store: Store, library: str, lines: Sequence[Line], by: str) -> Changes:
    """Take over documents whose files lie in the library's folder, replacing those of the same name."""
    held = {one.name: one.id for one in documents(store, library)}
    fresh = [line for line in lines if held.get(line["name"]) != line["id"]]
    if fresh:
        with store.write(by, "library.add", library, documents=len(fresh)) as cursor:
            for line in fresh:
                cursor.execute("delete from document where library = ? and name = ?", [library, line["name"]])
                cursor.execute("delete from refusal where library = ? and name = ?", [library, line["name"]])
                cursor.execute(
                    f"insert into document ({COLUMNS}, text) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
                    [library, line["name"], line["id"], line["title"], 0, by, now(), line["kind"], line["source"],
                     line["bytes"], line["pages"], line["language"], json.dumps(list(line["remarks"]))],
                )  # fmt: skip
    sweep(store, library)
    changed = sum(line["name"] in held for line in fresh)
    return Changes(len(fresh) - changed, changed, len(lines) - len(fresh))


def index(store: Store, library: str) -> None:
    """Bring the index up to the documents and settings, here and now; only what is new of them is read."""
    indexing.update(folder(store, library), get(store, library).settings, store.home.servers)
    indexed(store, library)


def forget(store: Store, library: str) -> None:
    """Take out of the index what the library holds no more. It needs no model, which may be gone by then."""
    indexing.forget(folder(store, library), get(store, library).settings, store.home.servers)


def indexed(store: Store, library: str) -> None:
    """Note how many chunks each document has in the index."""
    told = about(store, library).documents
    ids = [row["id"] for row in store.rows("select id from document where library = ?", [library])]
    frame = pd.DataFrame({"id": ids, "n": [told.get(id, {}).get("chunks", 0) for id in ids]})
    with store.jot() as cursor:
        cursor.register("told", frame)
        cursor.execute(
            "update document set chunks = t.n from told t where library = ? and document.id = t.id", [library]
        )
        cursor.unregister("told")


def about(store: Store, library: str) -> About:
    """What the index was made from; nothing where there is none."""
    place = folder(store, library)
    return retrieval.open_index(place).version.about if versions.current(place) else About()


def current(store: Store, library: str) -> bool:
    """Whether a search reads the library as it is now; one without documents has no index."""
    found = about(store, library)
    ids = {row["id"] for row in store.rows("select id from document where library = ?", [library])}
    if not ids:
        return versions.current(folder(store, library)) is None
    return found.documents.keys() == ids and found.settings == settings.told(get(store, library).settings)


def sweep(store: Store, library: str) -> None:
    """Take away the files of documents that the library holds no more, also as they came."""
    known = {row["id"] for row in store.rows("select id from document where library = ?", [library])}
    place = folder(store, library)
    for held in (texts.held(place), texts.originals(place)):
        for id, path in held.items():
            if id not in known:
                path.unlink(missing_ok=True)


def _of_markdown(name: str, text: str) -> texts.Document:
    blocks = tuple(markdown.blocks(text))
    title = next((block.text for block in blocks if block.kind == HEADING and block.level == 1), name)
    return texts.Document(name, title, "markdown", blocks, language=language.of(text)[0])


def _settings(kept: str) -> LibrarySettings:
    values = json.loads(kept)
    return settings.parse(values) if values else PLAIN  # a library of a time before they had settings


def _move_out(store: Store, library: str) -> None:
    """Until Atelier read more than Markdown, the table held the texts: they go to the folder, and leave no trace."""
    rows = store.rows("select name, text, id from document where library = ? and text <> ''", [library])
    if not rows:
        return
    moved = [(texts.save(folder(store, library), _of_markdown(row["name"], row["text"])), row) for row in rows]
    with store.jot() as cursor:
        for id, row in moved:
            values = [id, len(row["text"].encode()), library, row["name"]]
            cursor.execute("update document set text = '', id = ?, bytes = ? where library = ? and name = ?", values)
    store.scrub("document")
