"""Alone: files are opened in a process of their own, so that one that hangs or breaks its reader is a sentence too.

The process takes a request a line and answers in lines: how far it is, then a document, a list or a problem. It may
take so much memory and so long and no more; whoever is late is ended, and the next file gets a new process.
"""

import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.data.formats.table import Progress, nobody
from engine.problems import Problem
from engine.reading import documents
from engine.reading.documents import Document
from engine.reading.parsing import limits
from engine.reading.parsing.packed import Entry

AGAIN = "Open it in the program that made it, save it again, and choose that."
PIECE = 1 << 20


class Reader:
    """Reads one file after the other; not for several threads at once. Used with `with`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._space = tempfile.TemporaryDirectory(prefix="reading-")

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._space.cleanup()

    def read(self, path: Path, name: str, progress: Progress = nobody, member: int = -1) -> Document:
        """The document of a file, or of a member of an archive. Problem when it cannot be read, or not in time."""
        asked = {"path": str(path.absolute()), "name": name, "member": member}
        return documents.parse(self._ask(asked, name, progress)["document"])

    def entries(self, path: Path, name: str) -> list[Entry]:
        """The files of an archive, or the one that it is."""
        found = self._ask({"path": str(path.absolute()), "name": name, "list": True}, name, nobody)["entries"]
        return [Entry(one, size, number, hidden, tuple(why)) for one, size, number, hidden, why in found]

    def unpack(self, path: Path, name: str, member: int, into: Path) -> None:
        """Lay a member of an archive down as it is."""
        self._ask({"path": str(path.absolute()), "name": name, "member": member, "into": str(into)}, name, nobody)

    def _ask(self, asked: dict[str, Any], name: str, progress: Progress) -> dict[str, Any]:
        process = self._started()
        try:
            answer = _answered(process, asked, name, progress)
        except BaseException:  # what it still has to say would be taken for the answer to the next question
            self._end()
            raise
        if answer is None:
            code = process.wait()
            self._end()
            raise Problem(f"{name} broke the program that read it.", f"Its process ended with {code}.", AGAIN)
        if "problem" in answer:
            raise Problem(*answer["problem"])
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.reading.parsing.alone", self._space.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parents[3],
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # each thread asks for memory
                start_new_session=True,
            )
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()


def _answered(
    process: subprocess.Popen[bytes], asked: dict[str, Any], name: str, progress: Progress
) -> dict[str, Any] | None:
    """The answer to a request; None when the process ended instead."""
    assert process.stdin
    try:
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    for line in _lines(process, name):
        answer: dict[str, Any] = json.loads(line)
        if "done" not in answer:
            return answer
        progress(answer["done"], answer["of"])
    return None


def _lines(process: subprocess.Popen[bytes], name: str) -> Iterator[bytes]:
    """What the process says, line by line, as long as it says something in time."""
    assert process.stdout
    until = time.monotonic() + limits.LONGEST
    held: list[bytes] = []
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            patience = min(limits.QUIET, until - time.monotonic())
            if patience <= 0 or not ready.select(patience):
                late = limits.LONGEST if patience < limits.QUIET else limits.QUIET
                why = (
                    f"Its reader was stopped after {late:.0f} s: the file is damaged, too complex, or made to be slow."
                )
                raise Problem(f"{name} could not be read in time.", why, AGAIN)
            piece = os.read(process.stdout.fileno(), PIECE)
            if not piece:
                return
            *whole, rest = piece.split(b"\n")
            for line in whole:
                yield b"".join([*held, line])
                held = []
            held.append(rest)


def main(space: Path) -> None:
    """Answer requests until nobody asks any more."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    allowed = limits.MEMORY if most == resource.RLIM_INFINITY else min(limits.MEMORY, most)
    with suppress(ValueError, OSError):  # not every system knows this limit
        resource.setrlimit(resource.RLIMIT_AS, (allowed, most))

    def say(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        out.flush()

    for line in sys.stdin.buffer:
        asked = json.loads(line)
        _limit_time()
        try:
            say(_answer(asked, space, lambda done, of: say({"done": done, "of": of})))
        except Problem as problem:
            say({"problem": [problem.what, problem.why, problem.do]})
        except MemoryError:
            say({"problem": [f"{asked['name']} needs more memory than a file is given to be read.", "", AGAIN]})
        except RecursionError:
            say({"problem": [f"{asked['name']} is nested too deeply to be read.", "", AGAIN]})
        except Exception as error:  # the libraries raise whatever their parsers meet
            why = f"The reader says: {type(error).__name__}: {str(error)[:200]}."
            say({"problem": [f"{asked['name']} is damaged, or not what it seems.", why, AGAIN]})


def _limit_time() -> None:
    """The process ends by itself as well, should nobody be left to end it."""
    used = time.process_time()
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + limits.LONGEST) + 1, most))


def _answer(asked: dict[str, Any], space: Path, progress: Progress) -> dict[str, Any]:
    from engine.reading.parsing import packed, whole

    path, name = Path(asked["path"]), asked["name"]
    if asked.get("list"):
        if packed.is_archive(path, name):
            return {"entries": list(packed.told(packed.archive(path, name)))}
        return {"entries": list(packed.told([Entry(name, path.stat().st_size)]))}
    if asked["member"] < 0:
        return {"document": documents.told(whole.document(path, name, progress))}
    if asked.get("into"):
        with Path(asked["into"]).open("wb") as file:
            packed.unpack(path, asked["member"], file)
        return {}
    copy = space / "member"
    try:
        with copy.open("wb") as file:
            packed.unpack(path, asked["member"], file)
        return {"document": documents.told(whole.document(copy, name, progress))}
    finally:
        copy.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
