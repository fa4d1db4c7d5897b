"""Search: which examples hold these words, answered in milliseconds at a million.

An index follows the example table by `seq` and is never the truth: a folder that is missing, broken or of another
database is built anew. Words are found whatever their case and accents; all of them must occur, "quoted words" side by
side, -words not at all, and the last word may be the beginning of one, so that it finds while one types.
"""

import logging
import re
import shutil
import threading
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Filter, Occur, Order, Tokenizer

from studio.store import Store

log = logging.getLogger("atelier")
FORMAT = "1"  # of the index; another one is another folder
SMALL = 2000  # rows that a question brings in by itself before it is answered
BATCH = 5000  # rows read from the database at a time
COMMIT = 100_000  # rows after which what was indexed can be searched
HEAP = 64_000_000  # bytes that the writer gathers before it writes a segment
EXACT = {"dataset": "dataset", "status": "status", "author": "made_by", "source": "source", "origin": "origin"}
ORDERS = {
    "place": ("place", Order.Asc, "place"),
    "newest": ("seq", Order.Desc, "seq desc"),
    "oldest": ("seq", Order.Asc, "seq"),
    "longest": ("words", Order.Desc, "words desc, place"),
    "shortest": ("words", Order.Asc, "words, place"),
}
_PIECE = re.compile(r'(-?)(?:"([^"]*)("?)|(\S+))')
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


@dataclass(frozen=True)
class Query:
    """What to look for in the latest versions of a dataset; '' and None ask for nothing. Times are UTC without a zone.

    `shorter` and `longer` are words of the answer, `since` and `until` the time of the last change; all four are met
    by the value itself. An example must bear every one of `tags`.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    status: str = ""
    author: str = ""
    source: str = ""
    origin: str = ""
    shorter: int | None = None
    longer: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def seqs(store: Store, dataset: str, query: Query, limit: int, offset: int, order: str) -> tuple[list[int], int]:
    """The versions that match, as `seq` in their order, and how many match in all."""
    index = _index(store)
    if index.behind(store) <= SMALL:
        index.catch_up(store)
    return index.seqs(dataset, query, limit, offset, order)


def behind(store: Store) -> int:
    """Rows that a search does not find yet; they are being read. 0 when so few that the next search reads them."""
    missing = _index(store).behind(store)
    return missing if missing > SMALL else 0


def catch_up(store: Store, seconds: float = float("inf")) -> int:
    """Read what is new, for about so long; how many rows are left. For the thread that keeps the studio going."""
    return _index(store).catch_up(store, seconds)


def _index(store: Store) -> "Index":
    return store.beside("search", lambda: Index(store.home.search / FORMAT))


def folded(text: str) -> str:
    """One form for letters that can be written in two ways; scripts without spaces are taken letter by letter."""
    return text if text.isascii() else _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", text))


BEGUN = 3  # letters of the last word of a phrase being typed from which it counts


class Index:
    """One folder of tantivy's. Questions may come from any thread; one thread at a time brings in what is new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filling = threading.Lock()
        self._writer: Any = None  # kept open, since it tidies up behind the scenes
        self._seen = 0  # seq of the newest version that can be found
        self._added = 0  # seq of the last row that the writer was given
        self._words = (
            tantivy.TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase()).filter(Filter.ascii_fold())
        ).build()
        self._schema = _schema()
        self._open()

    # what is there

    def behind(self, store: Store) -> int:
        row = store.row("select count(*) as n from example where seq > ?", [self._seen])
        return int(row["n"]) if row else 0

    # what is new

    def catch_up(self, store: Store, seconds: float = float("inf")) -> int:
        """Bring in new rows. Who finds another thread at it leaves it to that."""
        if not self._filling.acquire(blocking=seconds == float("inf")):
            return self.behind(store)
        try:
            return self._fill(store, seconds)
        except (ValueError, OSError):  # tantivy's, for a folder that was deleted or damaged
            log.warning("The index of words is broken and is built anew.", exc_info=True)
            self._renew()
            return self._fill(store, seconds)
        finally:
            self._filling.release()

    def _fill(self, store: Store, seconds: float) -> int:
        until = time.monotonic() + seconds
        if not (self.folder / "meta.json").exists() or not self._follows(store):
            self._renew()
        self._added = max(self._added, self._seen)
        since = self._seen
        while rows := _rows(store, self._added):
            if self._writer is None:
                self._writer = self._folder.writer(heap_size=HEAP, num_threads=1)
            for row in rows:
                self._add(row)
            self._added = rows[-1]["seq"]
            if self._added - since >= COMMIT:
                self._commit()
                since = self._seen
            if time.monotonic() > until:
                return self.behind(store)
        if self._added > self._seen:
            self._commit()
        return 0

    def _add(self, row: dict[str, Any]) -> None:
        if row.pop("version") > 1:
            self._writer.delete_documents_by_term("place", row["place"])
        said = [folded(text) for text in row.pop("said") if text]
        self._writer.add_document(tantivy.Document.from_dict({**row, "said": said}, self._schema))

    def _commit(self) -> None:
        self._writer.commit()
        self._folder.reload()
        self._seen = self._added

    def _follows(self, store: Store) -> bool:
        """Whether this is an index of that database: it knows nothing that the database does not."""
        if self._seen == 0:
            return True
        row = store.row("select place, words from example where seq = ?", [self._seen])
        hits = self._folder.searcher().search(self._where("seq", self._seen), limit=1).hits
        if row is None or not hits:
            return False
        known = [self._folder.searcher().fast_field_values(name, [hits[0][1]])[0] for name in ("place", "words")]
        return known == [row["place"], row["words"]]

    def _newest(self) -> int:
        """The newest version of all is never replaced, so it stands in the index."""
        hits = self._folder.searcher().search(tantivy.Query.all_query(), 1, order_by_field="seq").hits
        return int(hits[0][0]) if hits else 0

    # answers

    def seqs(self, dataset: str, query: Query, limit: int, offset: int, order: str) -> tuple[list[int], int]:
        by, way, _ = ORDERS[order]
        searcher = self._folder.searcher()
        asked = self._query(dataset, query)
        found = searcher.search(asked, max(limit, 1), order_by_field=by, offset=offset, order=way)
        hits = [address for _, address in found.hits[:limit]]
        return [int(seq) for seq in searcher.fast_field_values("seq", hits) if seq is not None], int(found.count)  # type: ignore[attr-defined]  # its stub forgets it

    def _query(self, dataset: str, query: Query) -> Any:
        values = {"dataset": dataset, "status": query.status, "author": query.author}
        values |= {"source": query.source, "origin": query.origin}
        parts = [(Occur.Must, self._where(name, value)) for name, value in values.items() if value]
        parts += [(Occur.Must, self._where("tags", tag)) for tag in query.tags]
        parts += [(Occur.Must, part) for part in self._ranges(query)]
        parts += self._said(query.text)
        return tantivy.Query.boolean_query(parts)

    def _ranges(self, query: Query) -> Iterator[Any]:
        bounds = [
            ("words", query.longer, query.shorter),
            ("made_at", _micros(query.since), _micros(query.until)),
        ]
        for name, low, high in bounds:
            if low is not None or high is not None:
                yield tantivy.Query.range_query(self._schema, name, tantivy.FieldType.Integer, low, high)

    def _said(self, text: str) -> Iterator[tuple[Any, Any]]:
        """The words of a search. What holds no letter or digit is passed over."""
        pieces = list(_PIECE.finditer(text))
        for piece in pieces:
            minus, quoted, closed, word = piece.groups()
            words = self._words.analyze(folded(word if word is not None else quoted))
            if not words:
                continue
            typing = piece is pieces[-1] and not minus and not closed and not text[-1:].isspace()
            yield (Occur.MustNot if minus else Occur.Must), self._phrase(words, typing)

    def _phrase(self, words: list[str], typing: bool) -> Any:
        """Words side by side, the last of them perhaps unfinished."""
        if typing and len(words) > 1 and len(words[-1]) < BEGUN and not _UNSPACED.match(words[-1]):
            return self._phrase(words[:-1], False)  # so short a beginning fits half of all words: it waits for more
        if typing and len(words) == 1:
            return tantivy.Query.regex_query(self._schema, "said", words[0] + ".*")
        if typing:
            return tantivy.Query.regex_phrase_query(self._schema, "said", [*words[:-1], words[-1] + ".*"])
        if len(words) == 1:
            return self._where("said", words[0])
        return tantivy.Query.phrase_query(self._schema, "said", [*words])

    def _where(self, field: str, value: Any) -> Any:
        return tantivy.Query.term_query(self._schema, field, value)

    # the folder

    def _open(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._folder = tantivy.Index(self._schema, path=str(self.folder))
            self._folder.register_tokenizer("words", self._words)
            self._seen = self._newest()
        except (ValueError, OSError):
            log.warning("The index of words cannot be opened and is built anew.", exc_info=True)
            self._renew()

    def _renew(self) -> None:
        self._writer = None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._folder = tantivy.Index(self._schema, path=str(self.folder), reuse=False)
        self._folder.register_tokenizer("words", self._words)
        self._added = self._seen = 0

    def close(self) -> None:
        with self._filling:
            self._writer = None


def _schema() -> Any:
    made = tantivy.SchemaBuilder()
    made.add_text_field("said", tokenizer_name="words")
    for name in (*EXACT, "tags"):
        made.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("place", "seq", "words", "made_at"):
        made.add_integer_field(name, indexed=True, fast=True)
    return made.build()


def _rows(store: Store, after: int) -> list[dict[str, Any]]:
    """The next versions in the order of `seq`, as the index holds them."""
    return store.rows(
        """
        select seq, place, version, dataset, status, made_by as author, source, origin, tags, words,
               epoch_us(made_at) as made_at, json_extract_string(messages, '$[*].content') as said
        from example
        where seq > $after
          and seq <= (select max(seq) from (select seq from example where seq > $after order by seq limit $n))
        order by seq
        """,  # a limit on whole rows would have every later one read
        {"after": after, "n": BATCH},
    )


def _micros(when: datetime | None) -> int | None:
    return None if when is None else int(when.replace(tzinfo=UTC).timestamp() * 1_000_000)
