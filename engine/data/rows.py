"""Rows: a JSONL file becomes conversations and rejects, line by line, and nothing else.

Every line of the file ends up in one of the two: valid + rejected = lines that are not blank. A file is read in
one process (`read`), or by several, each of which gets whole lines and their exact numbers (`parsed`).
"""

import json
import multiprocessing
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import msgspec

from engine import sizes
from engine.checking import repairs
from engine.data.conversations import Conversation, Unusable, is_whole, parse
from engine.data.unusable import shown
from engine.problems import Problem

LARGEST = 1_500_000_000  # bytes; beyond it an import would hold the writer for many minutes
LONGEST_LINE = 5_000_000  # bytes
CHUNK = 4_000_000  # bytes: large enough that a process is busy for a while, small enough that memory stays flat
ALONE = 8_000_000  # bytes; smaller files are read before other processes have even started

PLAIN = (int, float, bool, type(None))

T = TypeVar("T")
decode = msgspec.json.Decoder().decode


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    content: str


class _Texts(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row of texts alone, as nearly all rows are."""

    messages: list[_Text]


decode_texts = msgspec.json.Decoder(_Texts).decode


@dataclass(frozen=True)
class Valid:
    line: int
    conversation: Conversation


@dataclass(frozen=True)
class Reject:
    line: int
    code: str
    why: str
    content: str  # the line as it stands, so that it can be mended

    @property
    def repair(self) -> str | None:
        """The line as it could be, or None when nobody knows."""
        return repairs.propose(self.code, self.content)

    def __str__(self) -> str:
        return f"Line {self.line}: {self.why}"


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a file: where they start, how many bytes they are, and the number of the first."""

    path: Path
    start: int
    size: int
    first: int

    def rows(self) -> Iterator[Valid | Reject]:
        for number, line in enumerate(self._lines(), self.first):
            if isinstance(line, int):
                yield _too_long(number, line)
                continue
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # Excel and Windows editors leave a mark of UTF-8
            if line and not line.isspace():
                yield read_line(number, line)

    def _lines(self) -> Iterator[bytes | int]:
        """Each line, or only its length where it is so long that it had better not be read."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            if self.size <= CHUNK + LONGEST_LINE:
                yield from file.read(self.size).split(b"\n")
                return
            while file.tell() < self.start + self.size:
                start, line = file.tell(), file.readline(LONGEST_LINE + 1)
                if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
                    yield line
                    continue
                _skip_line(file)
                yield file.tell() - start


def read(
    path: Path, name: str = "", progress: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Valid | Reject]:
    """The rows of a JSONL file. Problem when the file as a whole cannot be read.

    `name` is what the person calls the file, when `path` is a copy of it. `progress` hears (bytes done, of).
    """
    check_file(path, name)
    of = path.stat().st_size
    for chunk in chunks(path):
        yield from chunk.rows()
        progress(chunk.start + chunk.size, of)


def parsed(
    path: Path,
    work: Callable[[Chunk], T],
    name: str = "",
    progress: Callable[[int, int], None] = lambda done, of: None,
    workers: int = 2,
) -> Iterator[T]:
    """What `work` makes of each chunk of a file, in the order of the file, done by `workers` processes.

    `work` and what it returns travel between processes: a function of a module (or a partial of one), and little
    or columnar data. A small file is done here and now. Leaving the iteration early ends the processes.
    """
    check_file(path, name)
    of = path.stat().st_size
    if of < ALONE or workers < 2:
        for chunk in chunks(path):
            yield work(chunk)
            progress(chunk.start + chunk.size, of)
        return
    # a fresh process, as a copy of one with threads may hang
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    waiting: deque[tuple[Chunk, Future[T]]] = deque()
    try:
        for chunk in chunks(path):
            with _nameless():
                waiting.append((chunk, pool.submit(work, chunk)))
            if len(waiting) > 2 * workers:
                yield _done(*waiting.popleft(), of, progress)
        while waiting:
            yield _done(*waiting.popleft(), of, progress)
    except BrokenProcessPool as broken:
        raise Problem(
            f"A process that read {name or path.name} was ended from outside.",
            "Most often the machine has run out of memory.",
            "Close what needs memory and start again.",
        ) from broken
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _nameless() -> Iterator[None]:
    """Processes that start now do not import the program that started them: it takes seconds, they need none of it,
    and a page of the studio must not be run by them."""
    program = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


def _done(chunk: Chunk, future: Future[T], of: int, progress: Callable[[int, int], None]) -> T:
    found = future.result()
    progress(chunk.start + chunk.size, of)
    return found


def chunks(path: Path, size: int = CHUNK) -> Iterator[Chunk]:
    """A file cut behind line ends; a line longer than `size` is a chunk of its own."""
    with path.open("rb") as file:
        start, first = 0, 1
        while block := file.read(size):
            if not block.endswith(b"\n"):
                _skip_line(file)
            end = file.tell()
            yield Chunk(path, start, end - start, first)
            start, first = end, first + block.count(b"\n") + (not block.endswith(b"\n"))


def _skip_line(file: BinaryIO) -> None:
    """Go on to behind the next line end, without holding what lies between."""
    while (piece := file.readline(CHUNK)) and not piece.endswith(b"\n"):
        pass


def read_line(number: int, line: bytes) -> Valid | Reject:
    """One line, judged on its own."""
    if len(line) > LONGEST_LINE:
        return _too_long(number, len(line))
    if (messages := _texts(line)) is not None:
        return Valid(number, Conversation(messages))
    try:
        row = decode(line)
        if not _each_key_once(row, line):
            row = _decoded(line)
        return Valid(number, parse(row))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass  # the slow reader has the better words for what is wrong
    except Unusable as unusable:
        return Reject(number, unusable.code, unusable.why, _text(line))
    try:
        return Valid(number, parse(_decoded(line)))
    except RecursionError:
        return Reject(number, "broken-json", "It is nested too deeply to be a conversation.", _text(line))
    except Unusable as unusable:
        return Reject(number, unusable.code, unusable.why, _text(line))


def _texts(line: bytes) -> list[dict[str, Any]] | None:
    """The messages of a row of texts in the plain order; None for any other row, and wherever there is doubt.

    The short way through `decode`, `_each_key_once` and `parse`, which have the last word on what it leaves to them.
    """
    try:
        said = decode_texts(line).messages
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    turns = len(said) - 1 if said and said[0].role == "system" else len(said)
    if turns < 2 or turns % 2:
        return None
    expected = "user"
    for text in said[-turns:]:
        if text.role != expected:
            return None
        expected = "assistant" if expected == "user" else "user"
    marks = 2 + 8 * len(said)  # quotation marks around each key and text
    escaped = b"\\" in line
    if escaped and b"\\u0022" in line:
        return None
    for text in said:
        content = text.content
        if not content or content.isspace() or not is_whole(content):
            return None
        if escaped:
            marks += content.count('"')
    if line.count(b'"') != marks:  # a key is there twice
        return None
    return [{"role": text.role, "content": text.content} for text in said]


def _too_long(number: int, size: int) -> Reject:
    return Reject(number, "too-long", f"It is {sizes.in_words(size)} long; 5 MB is the most.", "")


def _each_key_once(row: Any, line: bytes) -> bool:
    """Whether no key of a row is there twice, as the fast reader would lose the first of the two.

    Told by the quotation marks: two for each key and text that was read, and those within the texts. Where the line
    has others, or holds more than texts and numbers in messages and labels, it is doubtful and the slow reader decides.
    """
    if type(row) is not dict or (b"\\" in line and b"\\u0022" in line):
        return False
    marks = 0
    for key, value in row.items():
        marks += 2
        if type(value) is str:
            marks += 2 + value.count('"')
        elif type(value) is not list:
            return False
        elif key == "messages":
            for message in value:
                if type(message) is not dict:
                    return False
                marks += 2 * len(message)
                for inner in message.values():
                    if type(inner) is str:
                        marks += 2 + inner.count('"')
                    elif type(inner) not in PLAIN:
                        return False
        else:
            for inner in value:
                if type(inner) is not str:
                    return False
                marks += 2 + inner.count('"')
    return line.count(b'"') == marks


def _decoded(line: bytes) -> Any:
    """A line of JSON, read strictly. Unusable with the place of what is wrong."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        why = f"It is not UTF-8 text: byte {error.start + 1} is 0x{line[error.start]:02x}. Save the file as UTF-8."
        raise Unusable("not-utf8", why) from error
    except json.JSONDecodeError as error:
        raise Unusable("broken-json", f"It is not JSON: {error.msg} at column {error.colno}.") from error
    except ValueError as error:  # a number of thousands of digits
        raise Unusable("bad-number", "It holds a number that is too long to be one.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise Unusable("key-twice", f"It says {shown(twice)} twice in one place; only one of the two could be kept.")
    return found


def _no_number(name: str) -> Any:
    raise Unusable("bad-number", f"It holds {name}, which is no number in JSON.")


def _text(line: bytes) -> str:
    """The line as text; bytes that are no UTF-8 stand in it as \\xe9, so that none is lost."""
    return line.rstrip(b"\r\n").decode("utf-8", errors="backslashreplace")


def check_file(path: Path, name: str = "") -> None:
    """Problem when a file is certainly no JSONL: missing, empty, too large, in another encoding, or not text."""
    name = name or path.name
    if not path.is_file():
        raise Problem(f"There is no file {name}.", do="Check the path and its spelling.")
    size = path.stat().st_size
    if size == 0:
        raise Problem(f"{name} is empty.", do="Choose a file with one conversation a line.")
    if size > LARGEST:
        raise Problem(
            f"{name} is {sizes.in_words(size)}; the most is {sizes.in_words(LARGEST)}.",
            do="Split it, for example with `split -l 100000`, and import the parts one after the other.",
        )
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise Problem(f"{name} cannot be read.", f"The system says: {error.strerror}.") from error
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem(f"{name} is UTF-16 text.", "Atelier reads UTF-8.", "Save it again with the encoding UTF-8.")
    if b"\x00" in head:
        raise Problem(f"{name} is not a text file.", do="Choose a JSONL file: one JSON object a line, as UTF-8.")
    if not head.strip():
        raise Problem(f"{name} holds only blank lines.", do="Choose a file with one conversation a line.")
