"""Encodings: which one a text is written in. UTF-8 is the rule; spreadsheets and old systems know others."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from engine.data.formats import codepages
from engine.data.formats.table import Source

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SCANNED = 200_000_000  # bytes; a file is at most judged by so many
CHUNK = 1 << 20
TELLING = 4_000  # bytes of lines that tell the code page
WORDS = {**codepages.WORDS, "utf-16": "UTF-16", "utf-32": "UTF-32"}


def of(source: Source) -> str:
    """The name of the encoding, for Python's decoders.

    Without a mark it is UTF-8, unless more lines break its rules than use its longer forms: then it is one of the code
    pages in which every byte is a sign. Lines that break the rules of a file in UTF-8 are their readers' to reject.
    """
    head = source.head(4)
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    with source.open() as file:
        if _clean(file):
            return "utf-8"
    with source.open() as file:
        longer = broken = 0
        sample = b""
        for line in _lines(file):
            if not line.isascii():
                try:
                    line.decode()
                    longer += 1
                except UnicodeDecodeError:
                    broken += 1
                    sample += line[: TELLING - len(sample)]
    return codepages.of(sample) if broken > longer else "utf-8"


def text(file: BinaryIO, name: str) -> TextIO:
    """The file as text. Bytes that break the rules of UTF-8 stay recognisable, so that their row can be rejected."""
    errors = "surrogateescape" if name.startswith("utf-8") else "replace"
    return io.TextIOWrapper(file, encoding=name, errors=errors, newline="")


def whole(value: str) -> bool:
    """Whether a text has no byte in it that broke the rules, so that it can be written again."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def bare(value: str) -> str:
    """A text that is not whole, with what broke the rules as \\xe9, so that nothing is lost."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def said(name: str) -> str:
    """The encoding in a sentence; '' for UTF-8, which needs none. A code page is concluded, never told by the file."""
    verb = "was read as" if name in codepages.WORDS else "is written in"
    return f"It {verb} {WORDS[name]}." if name in WORDS else ""


def _clean(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    left = SCANNED
    try:
        while left > 0 and (chunk := file.read(CHUNK)):
            decoder.decode(chunk)
            left -= len(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _lines(file: BinaryIO) -> Iterator[bytes]:
    left = SCANNED
    while left > 0 and (line := file.readline(CHUNK)):
        yield line
        left -= len(line)
