"""Imports: a JSONL file becomes conversations and rejects, line by line, and nothing else.

Every line of the file ends up in one of the two: valid + rejected = lines that are not blank.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.conversations import Conversation, Unusable, parse
from engine.problems import Problem

LARGEST = 1_500_000_000  # bytes; beyond it an import would hold the writer for many minutes
LONGEST_LINE = 5_000_000  # bytes


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

    def __str__(self) -> str:
        return f"Line {self.line}: {self.why}"


def read(
    path: Path, name: str = "", progress: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Valid | Reject]:
    """The lines of a JSONL file. Problem when the file as a whole cannot be read.

    `name` is what the person calls the file, when `path` is a copy of it. `progress` hears (bytes done, of).
    """
    name = name or path.name
    _check_file(path, name)
    size, done = path.stat().st_size, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            done += len(line)
            if number % 1000 == 0 or done == size:
                progress(done, size)
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # Excel and Windows editors leave a mark of UTF-8
            if line.strip():
                yield read_line(number, line)


def read_line(number: int, line: bytes) -> Valid | Reject:
    """One line, judged on its own."""
    if len(line) > LONGEST_LINE:
        return Reject(number, "too-long", f"It is {len(line) / 1e6:.1f} MB long; 5 MB is the most.", "")
    text = line.decode("utf-8", errors="replace").rstrip("\r\n")
    try:
        line.decode("utf-8")
        return Valid(number, parse(json.loads(text)))
    except UnicodeDecodeError as error:
        why = f"It is not UTF-8 text: byte {error.start + 1} is 0x{line[error.start]:02x}. Save the file as UTF-8."
        return Reject(number, "not-utf8", why, text)
    except json.JSONDecodeError as error:
        return Reject(number, "broken-json", f"It is not JSON: {error.msg} at column {error.colno}.", text)
    except RecursionError:
        return Reject(number, "broken-json", "It is nested too deeply to be a conversation.", text)
    except Unusable as unusable:
        return Reject(number, unusable.code, unusable.why, text)


def _check_file(path: Path, name: str) -> None:
    if not path.is_file():
        raise Problem(f"There is no file {name}.", do="Check the path and its spelling.")
    size = path.stat().st_size
    if size == 0:
        raise Problem(f"{name} is empty.", do="Choose a file with one conversation a line.")
    if size > LARGEST:
        raise Problem(
            f"{name} is {size / 1e9:.1f} GB; the most is {LARGEST / 1e9:.1f} GB.",
            do="Split it, for example with `split -l 100000`, and import the parts one after the other.",
        )
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem(f"{name} is UTF-16 text.", "Atelier reads UTF-8.", "Save it again with the encoding UTF-8.")
    if b"\x00" in head:
        raise Problem(f"{name} is not a text file.", do="Choose a JSONL file: one JSON object a line, as UTF-8.")
    if not head.strip():
        raise Problem(f"{name} holds only blank lines.", do="Choose a file with one conversation a line.")
