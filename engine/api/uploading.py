"""Uploading: a form with a file, written to disk as it comes and counted, then judged by its content.

Nothing is unpacked, executed or guessed: what is not JSONL is refused, and so is what is larger than the limit,
whatever the sender says about its size.
"""

import hashlib
import json
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from engine.api import stored
from engine.api.refusals import Refusal
from engine.api.stored import BYTES, PURPOSES, Stored
from engine.data import rows
from engine.problems import Problem

ENVELOPE = 64 * 1024  # bytes that the form may add around the file
SIGNS = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "gzip data",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ": "xz data",
    b"\x28\xb5\x2f\xfd": "zstandard data",
    b"7z\xbc\xaf": "a 7z archive",
    b"GGUF": "a GGUF model",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\x7fELF": "a program",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
}
LIKE_THIS = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'


@dataclass(frozen=True)
class Sent:
    """A file of a form, and the words that came with it."""

    upload: UploadFile
    purpose: str


async def received(request: Request, limit: int) -> Sent:
    """The form of an upload. Refused before anything is read where the sender says it is too large already."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > limit + ENVELOPE:
        raise _too_large(limit)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refusal(
            422, 'Send the file as a form (multipart/form-data) with the fields "file" and "purpose".', "file"
        )
    counted = _counted(request, limit + ENVELOPE)
    try:
        form = await MultiPartParser(request.headers, counted, max_files=1, max_fields=8).parse()
    except (MultiPartException, KeyError) as error:
        raise Refusal(400, f"The form cannot be read: {getattr(error, 'message', 'it has no boundary')}") from error
    except ClientDisconnect as error:
        raise Refusal(400, "The upload broke off.") from error
    return await _sent(form, limit)


def kept(home: Path, sent: Sent, by: str) -> Stored:
    """The file on disk. Refused, and gone again, when it is not JSONL."""
    draft = stored.new_folder(home)
    try:
        with (draft / BYTES).open("wb") as file:
            shutil.copyfileobj(sent.upload.file, file, 1 << 20)
        name = plain_name(sent.upload.filename or "")
        first = check(draft / BYTES, name)
        return stored.keep(
            draft,
            filename=name,
            purpose=sent.purpose,
            bytes=(draft / BYTES).stat().st_size,
            mimetype=sent.upload.content_type or "application/jsonl",
            sample_type=_sample(sent.purpose, first),
            by=by,
            **_read_through(draft / BYTES),
        )
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def plain_name(given: str) -> str:
    """What a file is called, without a way to anywhere: the last part, printable, of at most 120 characters."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    return shown[:120] or "file.jsonl"


def check(path: Path, name: str) -> dict[str, object]:
    """The first row. Refused with a sentence when the content is no JSONL, whatever its name says."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if sign := next((what for sign, what in SIGNS.items() if head.startswith(sign)), None):
        raise _no_jsonl(name, f"it is {sign}.")
    try:
        rows.check_file(path, name)
    except Problem as problem:
        raise Refusal(422, str(problem), "file") from problem
    if b"\x00" in head:
        raise _no_jsonl(name, "it holds bytes that no text holds.")
    with path.open("rb") as file:
        line = next((line for line in iter(lambda: file.readline(rows.LONGEST_LINE + 1), b"") if line.strip()), b"")
    try:
        first = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise _no_jsonl(name, f"its first line cannot be read ({str(error)[:100]}).") from error
    if not isinstance(first, dict):
        raise _no_jsonl(name, "its first line is no JSON object.")
    return first


def _read_through(path: Path) -> dict[str, object]:
    """Lines that are not blank, and the hash of the bytes, read once."""
    lines, total = 0, hashlib.sha256()
    with path.open("rb") as file:
        blank = True
        while piece := file.read(1 << 20):
            total.update(piece)
            *whole, rest = piece.split(b"\n")
            for part in whole:
                lines += not blank or bool(part.strip())
                blank = True
            blank = blank and not rest.strip()
    return {"lines": lines + (not blank), "sha256": total.hexdigest()}


def _sample(purpose: str, first: dict[str, object]) -> str:
    if purpose == "batch":
        return "batch_request"
    return "pretrain" if "text" in first and "messages" not in first else "instruct"


async def _counted(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    came = 0
    async for piece in request.stream():
        came += len(piece)
        if came > limit:
            raise _too_large(limit - ENVELOPE)
        yield piece


async def _sent(form: FormData, limit: int) -> Sent:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise Refusal(422, 'The form has no file in its field "file".', "file")
    if (upload.size or 0) > limit:
        raise _too_large(limit)
    purpose = str(form.get("purpose") or "fine-tune")
    if purpose not in PURPOSES:
        raise Refusal(422, f"A file for {purpose!r} is of no use here; {' and '.join(PURPOSES)} are.", "purpose")
    if unknown := sorted(set(form) - {"file", "purpose", "expiry", "visibility"}):
        raise Refusal(422, f"The form has fields that nobody knows: {', '.join(unknown)}.", unknown[0])
    if form.get("visibility", "workspace") != "workspace":
        raise Refusal(422, "Whoever has a key with the scope files sees every file here.", "visibility")
    if form.get("expiry"):
        raise Refusal(422, "Files do not expire here; delete it when it is no longer needed.", "expiry")
    return Sent(upload, purpose)


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413,
        f"The file is larger than {limit / 2**20:,.0f} MB, the most that this engine takes. Split it, for example with "
        "`split -l 100000`, and name all parts in training_files.",
        "file",
    )


def _no_jsonl(name: str, why: str) -> Refusal:
    return Refusal(422, f"{name} is not JSONL: {why} Send one JSON object a line, such as {LIKE_THIS}", "file")
