"""Questions: those whose passage is known, so that it can be measured how well a library is searched.

They are written by hand from a passage, imported from a file, or proposed by a model and then approved one by one.
A passage is words that stand in the document, so a question holds however the document is cut.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import hashes, jsonl
from engine.data import formats
from engine.data.formats import Row
from engine.data.rows import Reject
from engine.problems import Problem
from engine.reading.chunks import chunks as cut
from engine.scoring.wording import plain
from studio.reading import libraries
from studio.store import Store, now

PROPOSED, APPROVED, REJECTED = "proposed", "approved", "rejected"
WORD = re.compile(r"\w+")
NEEDED = ("question", "document", "passage")


@dataclass(frozen=True)
class Question:
    """`origin` is '' for one that was written by hand, else the file or the model that it came from."""

    library: str
    id: str
    question: str
    answer: str
    document: str
    passage: str
    origin: str
    status: str
    made_by: str
    made_at: datetime

    @property
    def known(self) -> dict[str, Any]:
        """As the engine measures with it."""
        return {"question": self.question, "document": self.document, "passage": self.passage}


@dataclass(frozen=True)
class Imported:
    """added + known + the refused = rows read."""

    added: int
    known: int
    refused: tuple[Reject, ...]


def listed(store: Store, library: str, status: str = "") -> list[Question]:
    """The questions of a library, oldest first."""
    rows = store.rows(
        "select * from question where library = ? and ? in ('', status) order by made_at, id", [library, status]
    )
    return [Question(**row) for row in rows]


def approved(store: Store, library: str) -> list[Question]:
    """Those that are measured with."""
    return listed(store, library, APPROVED)


def documents(store: Store) -> dict[str, str]:
    """Where the approved questions of all libraries stand, `library/document` by the words of the question."""
    rows = store.rows("select library, question, document from question where status = ?", [APPROVED])
    return {row["question"].strip(): f"{row['library']}/{row['document']}" for row in rows}


def add(store: Store, library: str, question: str, document: str, passage: str, by: str, answer: str = "") -> Question:
    """A question by hand. Problem when the passage does not stand in the document."""
    row = {"question": question, "document": document, "passage": passage, "answer": answer}
    if why := _wrong(row, _texts(store, library, {document})):
        raise Problem(why, "Then nobody could tell whether a search has found it.", "Take the words of a passage.")
    added = _insert(store, library, [row], "", APPROVED, by, "question.add")
    if not added:
        raise Problem("This question is there already.", do="It may wait among those that a model proposed.")
    return get(store, library, added[0])


def bring_in(store: Store, library: str, path: Path, by: str, name: str = "") -> Imported:
    """Questions of a JSONL or CSV file with the columns question, document, passage and, if it likes, answer."""
    table = formats.open_table(path, name or path.name)
    missing = [column for column in NEEDED if column not in table.columns]
    if missing:
        raise Problem(
            f"{table.name} has no column {', '.join(missing)}.",
            "A question needs the document and the passage that answer it.",
            "Name the columns question, document, passage and answer.",
        )
    refused = [found for found in table.rows() if isinstance(found, Reject)]
    rows = {found.line: _row(found.values) for found in table.rows() if isinstance(found, Row)}
    texts = _texts(store, library, {row["document"] for row in rows.values()})
    whys = {line: _wrong(row, texts) for line, row in rows.items()}
    refused += [Reject(line, "question", why, jsonl.dump([rows[line]]).strip()) for line, why in whys.items() if why]
    good = [rows[line] for line, why in whys.items() if not why]
    added = _insert(store, library, good, table.name, APPROVED, by, "question.import")
    return Imported(len(added), len(good) - len(added), tuple(refused))


def propose(store: Store, library: str, rows: Sequence[Mapping[str, str]], origin: str, by: str) -> tuple[int, int]:
    """Questions that a model wrote, for people to judge: how many are new, how many fit no passage."""
    texts = _texts(store, library, {row["document"] for row in rows})
    good = [dict(row) for row in rows if not _wrong(row, texts)]
    added = _insert(store, library, good, origin, PROPOSED, by, "question.propose")
    return len(added), len(rows) - len(good)


def judge(store: Store, library: str, id: str, status: str, by: str, question: str = "") -> Question:
    """Approve or reject a question; `question` are better words for it."""
    old = get(store, library, id)
    words = question.strip() or old.question
    new = hashes.content(words, old.document, old.passage)
    with store.write(by, "question.judge", library, status=status) as cursor:
        if (
            new != id
            and cursor.execute("select 1 from question where library = ? and id = ?", [library, new]).fetchone()
        ):
            raise Problem("There is a question with these words already.", do="Reject this one.")
        cursor.execute(
            "update question set id = ?, question = ?, status = ? where library = ? and id = ?",
            [new, words, status, library, id],
        )
    return get(store, library, new)


def remove(store: Store, library: str, id: str, by: str) -> None:
    with store.write(by, "question.remove", library) as cursor:
        cursor.execute("delete from question where library = ? and id = ?", [library, id])


def get(store: Store, library: str, id: str) -> Question:
    row = store.row("select * from question where library = ? and id = ?", [library, id])
    if row is None:
        raise Problem(f"There is no question {id} in {library}.", do="Choose one from the list.")
    return Question(**row)


def lost(store: Store, library: str) -> list[Question]:
    """Approved questions whose passage no longer stands in the document, since that was changed."""
    known = approved(store, library)
    texts = _texts(store, library, {one.document for one in known})
    return [one for one in known if _wrong(one.known, texts)]


def _insert(
    store: Store, library: str, rows: Sequence[Mapping[str, str]], origin: str, status: str, by: str, verb: str
) -> list[str]:
    """The ids of those that were not there."""
    held = {one.id for one in listed(store, library)}
    fresh = {hashes.content(row["question"], row["document"], row["passage"]): row for row in rows}
    fresh = {id: row for id, row in fresh.items() if id not in held}
    if fresh:
        with store.write(by, verb, library, n=len(fresh)) as cursor:
            for id, row in fresh.items():
                told = [row["question"], row.get("answer", ""), row["document"], row["passage"]]
                cursor.execute(
                    "insert into question values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [library, id, *told, origin, status, by, now()],
                )
    return list(fresh)


def _texts(store: Store, library: str, names: Collection[str]) -> dict[str, str]:
    """The words of the documents so named. A chunk may put a bullet's sign or a table's header where it has none."""
    how = libraries.get(store, library).settings.chunking
    found = {}
    for one in libraries.documents(store, library):
        if one.name in names:
            whole = _words(one.text)
            pieces = (_words(chunk.text) for chunk in cut(one.read, how))
            found[one.name] = whole + "".join(piece for piece in pieces if piece not in whole)
    return found


def _row(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(values.get(name) or "").strip() for name in (*NEEDED, "answer")}


def _wrong(row: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """Why a row is no question about these documents; '' when it is one."""
    if empty := next((name for name in NEEDED if not row[name].strip()), ""):
        return f"It has no {empty}."
    if row["document"] not in texts:
        return f"There is no document {row['document']} in this library."
    if _words(row["passage"]) not in texts[row["document"]]:
        return f"These words do not stand in {row['document']}."
    return ""


def _words(text: str) -> str:
    """The words alone, with a space around each, so that a part of a word is none."""
    return f" {' '.join(WORD.findall(plain(text)))} "
