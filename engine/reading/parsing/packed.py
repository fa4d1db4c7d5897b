"""Packed: the files of a folder or ZIP archive, each with a reason where it is not to be opened.

Nothing is ever written under a name that stands in an archive. What an archive says of its sizes may be a lie, so a
member is counted while it is unpacked.
"""

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO
from unicodedata import normalize

from engine import sizes
from engine.problems import Problem
from engine.reading.parsing import kinds, limits

LEFT_BEHIND = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
UTF8 = 0x800  # the flag of a member whose name is UTF-8
LOCKED = 0x1
SPLIT = "Split it, and bring in the parts one after the other."
TRUST = "Choose an archive from a source that you trust."


@dataclass(frozen=True)
class Entry:
    """One file. `member` is its place in the archive, -1 in a folder, where `path` is the name as the system has it;
    `why` are the parts of a Problem."""

    name: str
    bytes: int
    member: int = -1
    hidden: bool = False
    why: tuple[str, ...] = ()
    path: str = ""


def folder(root: Path) -> list[Entry]:
    """The files below a folder by name. Links are not followed."""
    found: list[Entry] = []
    for at, folders, files in os.walk(root, onerror=_unreadable):
        above = Path(at).relative_to(root)
        linked = [one for one in folders if (Path(at) / one).is_symlink()]
        folders[:] = [one for one in folders if one not in linked]
        for one in [*files, *linked]:
            found.append(_of_folder(Path(at) / one, (above / one).as_posix()))
        if len(found) > limits.MOST_FILES:
            raise _too_many(root.name)
    return sorted(found, key=lambda entry: entry.name)


def archive(path: Path, name: str) -> list[Entry]:
    """The files of a ZIP archive by name. Problem when all of it cannot be opened."""
    members = _opened(path).infolist()
    if len(members) > limits.MOST_FILES:
        raise _too_many(name)
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.MOST_UNPACKED:
        raise Problem(
            f"{name} unpacks to {sizes.in_words(unpacked)}; the most is {sizes.in_words(limits.MOST_UNPACKED)}.",
            do=SPLIT,
        )
    names: set[str] = set()
    found = []
    for number, member in enumerate(members):
        if not member.is_dir():
            entry = _of_archive(number, member, names)
            names.add(entry.name)
            found.append(entry)
    return sorted(found, key=lambda entry: entry.name)


def unpack(path: Path, number: int, into: BinaryIO) -> None:
    """One member of an archive, within the limits."""
    member = _opened(path).infolist()[number]
    name, most = _name(member), _most(member.compress_size)
    written = 0
    try:
        with _opened(path).open(member) as file:
            while piece := file.read(1 << 20):
                written += len(piece)
                if written > most:
                    raise Problem(*_bomb(name))
                into.write(piece)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise Problem(
            f"{name} is damaged in the archive.", f"It cannot be unpacked: {error}.", "Pack it anew."
        ) from error


def check(path: Path, name: str) -> None:
    """Problem when a file that is an archive inside unpacks to too much."""
    with zipfile.ZipFile(path) as found:
        members: Sequence[zipfile.ZipInfo] = found.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > limits.MOST_FILES or total > _most(sum(member.compress_size for member in members)):
        raise Problem(*_bomb(name))
    if total > limits.MOST_UNPACKED or any(member.file_size > _most(member.compress_size) for member in members):
        raise Problem(*_bomb(name))
    if any(member.flag_bits & LOCKED for member in members):
        raise Problem(*_locked(name))


@lru_cache(maxsize=1)
def _opened(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _of_folder(path: Path, under: str) -> Entry:
    name, size = _printable(under), 0
    why: tuple[str, ...] = ()
    try:
        found = path.lstat()
        size = found.st_size
        if stat.S_ISLNK(found.st_mode):
            why = (f"{name} is a link.", "Links are not followed.", "Bring in its target.")
        elif not stat.S_ISREG(found.st_mode):
            why = (f"{name} is a device or a pipe, not a file.", "", "Leave it out.")
    except OSError as error:
        why = (f"{name} cannot be read.", f"The system says: {error.strerror}.", "")
    return Entry(name, size, -1, _hidden(name), why, under)


def _of_archive(number: int, member: zipfile.ZipInfo, names: set[str]) -> Entry:
    name = _name(member)
    why: tuple[str, ...] = ()
    if _outside(member.orig_filename) or _outside(name):
        why = (f"{name} would be written outside of its folder.", "No honest archive holds such a name.", TRUST)
    elif stat.S_ISLNK(member.external_attr >> 16):
        why = (f"{name} is a link.", "Links are not followed.", "Pack its target instead.")
    elif member.flag_bits & LOCKED:
        why = _locked(name)
    elif member.file_size > _most(member.compress_size):
        why = _bomb(name)
    elif name in names:
        why = (f"{name} stands in the archive twice.", "Only the first was read.", "Rename one of the two.")
    elif member.file_size == 0:
        why = (f"{name} is empty.", "", "Leave it out, or put text in it.")
    return Entry(name, member.file_size, number, _hidden(name) and not why[:1], why)


def _name(member: zipfile.ZipInfo) -> str:
    """What a member is called; some programs write UTF-8 without saying so."""
    name = member.filename
    if not member.flag_bits & UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return _printable(name)


def _printable(name: str) -> str:
    return normalize("NFC", "".join(sign if sign.isprintable() else "�" for sign in name))


def _outside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or bool(PureWindowsPath(name).drive)


def _hidden(name: str) -> bool:
    """Whether people do not see it in their folders, or a program only keeps it while it runs."""
    parts = name.split("/")
    return any(part.startswith((".", "~$")) or part.lower() in LEFT_BEHIND for part in parts)


def _most(packed: int) -> int:
    """Bytes that something packed so small may unpack to."""
    return max(limits.BOMB, limits.MOST_RATIO * packed)


def _bomb(name: str) -> tuple[str, str, str]:
    why = f"It unpacks to more than {limits.MOST_RATIO} times its size, or to more than fits; written text never does."
    return f"{name} is packed like a bomb.", why, "Open it in the program that made it, and save it again."


def _locked(name: str) -> tuple[str, str, str]:
    return f"{name} is locked with a password.", "", "Save or pack it without the password."


def _too_many(name: str) -> Problem:
    return Problem(f"{name} holds more than {limits.MOST_FILES:,} files.", do=SPLIT)


def _unreadable(error: OSError) -> None:
    raise Problem(f"The folder {error.filename} cannot be read.", f"The system says: {error.strerror}.")


def is_archive(path: Path, name: str) -> bool:
    """Whether a file is an archive of files; Problem when it is nothing that can be read."""
    return kinds.of(path, name)[0] == kinds.ARCHIVE


def told(entries: Sequence[Entry]) -> Iterator[list[object]]:
    """Entries as JSON knows them; `Entry(*one)` is the way back."""
    return ([entry.name, entry.bytes, entry.member, entry.hidden, entry.why] for entry in entries)
