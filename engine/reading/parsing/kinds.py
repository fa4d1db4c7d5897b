"""Kinds: what a file is, by what stands in it; its name is only a hint, and a wrong one is remarked upon."""

import re
import zipfile
from pathlib import Path

from engine.problems import Problem

PDF, DOCX, HTML, MARKDOWN, TEXT, SHEET, ARCHIVE = "pdf", "docx", "html", "markdown", "text", "table", "archive"
KNOWN = "PDF, Word (DOCX), HTML, Markdown, plain text and CSV can be read, alone, in a folder or in a ZIP archive."
WORDS = {
    PDF: "a PDF", DOCX: "a Word document", HTML: "HTML", MARKDOWN: "Markdown", TEXT: "plain text",
    SHEET: "a table", ARCHIVE: "a ZIP archive",
}  # fmt: skip
ENDINGS = {
    "pdf": PDF, "docx": DOCX, "docm": DOCX, "dotx": DOCX, "html": HTML, "htm": HTML, "xhtml": HTML,
    "md": MARKDOWN, "markdown": MARKDOWN, "txt": TEXT, "text": TEXT, "log": TEXT, "rst": TEXT, "": TEXT,
    "csv": SHEET, "tsv": SHEET, "tab": SHEET, "zip": ARCHIVE,
}  # fmt: skip
NO_DOCUMENT = set(
    "js mjs ts jsx tsx css scss json jsonl ndjson xml xsl svg yaml yml toml ini cfg conf env py pyc rb php pl java kt"
    " c h cc cpp cs go rs swift sh bash zsh bat cmd ps1 sql lock map ipynb".split()
)
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"BM")
PACKED = (b"7z\xbc\xaf", b"Rar!", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
OLD = b"\xd0\xcf\x11\xe0"  # Word before 2007, and any Office file that is locked with a password
LOCKED = "EncryptedPackage".encode("utf-16-le")
MARKS = re.compile(r"<!doctype html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
WIDE = (b"\xff\xfe", b"\xfe\xff")
HEAD = 8192


def of(path: Path, name: str) -> tuple[str, str]:
    """The kind of a file, and a remark where its name says another. Problem when it is nothing that can be read."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = _signed(path, name, head) or _written(name, head)
    hint = ENDINGS.get(ending(name))
    if hint is None:
        return found, f"Its name does not say what it is; it was read as {WORDS[found]}."
    if hint == found or (found, hint) in ((TEXT, MARKDOWN), (MARKDOWN, TEXT)):
        return found, ""
    called = f"is called .{ending(name)}" if ending(name) else "has a name without an ending"
    return found, f"It {called} but is {WORDS[found]}, and was read as that."


def ending(name: str) -> str:
    """What follows the last dot of a name, '' without one."""
    last = name.rsplit("/", 1)[-1]
    return last.rsplit(".", 1)[-1].lower() if "." in last.lstrip(".") else ""


def _signed(path: Path, name: str, head: bytes) -> str:
    """The kind of a file that begins as only its kind does; '' for others."""
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path, name)
    if head.startswith(OLD):
        raise _old(path, name)
    if head.startswith(b"{\\rtf"):
        raise Problem(f"{name} is an RTF document.", do="Save it as DOCX or PDF, and choose that.")
    if head.startswith(PICTURES) or head[8:12] == b"WEBP" or head[4:8] == b"ftyp":
        raise Problem(
            f"{name} is a picture or a film.",
            "Text in pictures is not recognised here (no OCR).",
            "Choose a document with its text in it.",
        )
    if head.startswith(PACKED) or head[257:262] == b"ustar":
        raise Problem(f"{name} is an archive, but not a ZIP.", do="Unpack it and choose the folder, or pack it as ZIP.")
    return ""


def _zipped(path: Path, name: str) -> str:
    """Word documents are ZIP archives, and so is much else."""
    try:
        with zipfile.ZipFile(path) as packed:
            names = set(packed.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        what = "Word document" if ENDINGS.get(ending(name)) == DOCX else "archive"
        raise Problem(
            f"{name} is a damaged {what}.",
            f"It cannot be unpacked: {error}.",
            "Save or copy it again, and choose that.",
        ) from error
    if "[Content_Types].xml" in names:
        if any(one.startswith("word/") for one in names):
            return DOCX
        what, instead = ("a workbook", "CSV") if any(one.startswith("xl/") for one in names) else ("a file", "PDF")
        raise Problem(f"{name} is {what} of an office program that is not read here.", do=f"Save it as {instead}.")
    if "mimetype" in names and ("content.xml" in names or "META-INF/container.xml" in names):
        raise Problem(f"{name} is an OpenDocument file or an e-book.", do="Save it as DOCX, PDF or HTML.")
    return ARCHIVE


def _old(path: Path, name: str) -> Problem:
    with path.open("rb") as file:
        locked = LOCKED in file.read(1 << 22)
    if locked:
        return Problem(
            f"{name} is locked with a password.", do="Open it in Word, save it without the password, and choose that."
        )
    return Problem(
        f"{name} is a Word or Excel file of the time before 2007.",
        do="Open it, save it as DOCX or CSV, and choose that.",
    )


def _written(name: str, head: bytes) -> str:
    """The kind of a text, by its first lines and its name."""
    wide = head.startswith(WIDE)
    strange = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if not wide and (b"\x00" in head or strange > len(head) / 20):
        raise Problem(f"{name} is not a text, nor a document that is known here.", do=KNOWN)
    text = head.decode("utf-16" if wide else "utf-8", "replace").lstrip("\ufeff \t\r\n")
    hint = ENDINGS.get(ending(name))
    if MARKS.search(text) and hint not in (MARKDOWN, TEXT, SHEET):
        return HTML
    if ending(name) in NO_DOCUMENT or text.startswith("<?xml"):
        raise Problem(
            f"{name} holds code or data, not a document.", do=f"{KNOWN} To read it all the same, call it .txt."
        )
    if MARKS.match(text):
        return HTML
    return hint if hint in (HTML, MARKDOWN, SHEET) else TEXT
