"""Files: upload, list, look at, download and delete what jobs learn from."""

import asyncio
import hashlib
import hmac
import time
from typing import Any

from starlette.responses import FileResponse, Response

from engine.api import cards, shapes, stored, uploading
from engine.api.refusals import Refusal
from engine.api.routing import TEXT, TRUTH, WHOLE, Asked, Call, Parameter, page
from engine.checking import check

TAG = "Files"
BAD_ROWS = 20  # that a check names


async def upload(asked: Asked) -> dict[str, Any]:
    sent = await uploading.received(asked.request, asked.desk.limits.upload_bytes)
    try:
        return cards.file(await asyncio.to_thread(uploading.kept, asked.desk.home, sent, asked.by.id))
    finally:
        await sent.upload.close()


def listed(asked: Asked) -> dict[str, Any]:
    wanted = asked.query
    found = [
        one
        for one in stored.listed(asked.desk.home)
        if (not wanted["purpose"] or one.purpose == wanted["purpose"])
        and (not wanted["search"] or wanted["search"].lower() in one.filename.lower())
        and (not wanted["sample_type"] or one.sample_type in wanted["sample_type"])
        and (not wanted["source"] or "upload" in wanted["source"])
        and (not wanted["mimetypes"] or one.mimetype in wanted["mimetypes"])
    ]
    start = wanted["page"] * wanted["page_size"]
    shown = [cards.file(one) for one in found[start : start + wanted["page_size"]]]
    return {"object": "list", "data": shown, "total": len(found) if wanted["include_total"] else None}


def retrieve(asked: Asked) -> dict[str, Any]:
    return cards.file(stored.get(asked.desk.home, asked.path["file_id"]), deleted=False)


def content(asked: Asked) -> Response:
    """The bytes as they came. Either a key or a signature opens it."""
    if asked.key is None:
        _signed(asked)
    elif not asked.key.may("files"):
        raise Refusal(403, f"The key {asked.key.name} may not download files: it lacks the scope files.")
    file = stored.get(asked.desk.home, asked.path["file_id"])
    return FileResponse(file.path, media_type="application/octet-stream", filename=file.filename)


def signed_url(asked: Asked) -> dict[str, Any]:
    id = stored.get(asked.desk.home, asked.path["file_id"]).id
    expires = int(time.time()) + asked.query["expiry"] * 3600
    url = asked.request.url.replace(query=f"expires={expires}&signature={_signature(asked, id, expires)}")
    return {"url": str(url.replace(path=url.path.removesuffix("/url") + "/content"))}


def delete(asked: Asked) -> dict[str, Any]:
    id = asked.path["file_id"]
    stored.remove(asked.desk.home, id)
    return {"id": id, "object": "file", "deleted": True}


def checked(asked: Asked) -> dict[str, Any]:
    """Every row judged by Mistral's published format, and the first bad ones named."""
    file = stored.get(asked.desk.home, asked.path["file_id"])
    report = check.check(file.path, workers=1, name=file.filename, keep=BAD_ROWS)
    bad = [{"line": one.line, "code": one.code, "message": one.message} for one in report.problems]
    return {"object": "file.check", "id": file.id, **check.as_json(report), "first_problems": bad}


def _signature(asked: Asked, id: str, expires: int) -> str:
    secret = asked.desk.secret("signing")
    return hmac.new(secret.encode(), f"{id} {expires}".encode(), hashlib.sha256).hexdigest()


def _signed(asked: Asked) -> None:
    expires, given = asked.query["expires"], asked.query["signature"]
    if expires is None or not given:
        raise Refusal(401, "Send a key as `Authorization: Bearer ...`, or use the address that .../url gives.")
    if not hmac.compare_digest(_signature(asked, asked.path["file_id"], expires), given) or expires < time.time():
        raise Refusal(401, "This address is not signed by this engine, or no longer valid. Ask for a new one.")


CALLS = [
    Call("POST", "/files", "files", upload, "Upload a JSONL file.", form=True, gives=shapes.FILE, tag=TAG),
    Call(
        "GET",
        "/files",
        "read",
        listed,
        "List the files, newest first.",
        query=(
            *page(),
            Parameter("include_total", TRUTH, True, "Whether to count them all."),
            Parameter("sample_type", TEXT, says="instruct, pretrain or batch_request.", many=True),
            Parameter("source", TEXT, says="upload, the only one here.", many=True),
            Parameter("search", TEXT, says="Part of the name."),
            Parameter("purpose", TEXT, says="fine-tune or batch."),
            Parameter("mimetypes", TEXT, says="As the upload said.", many=True),
        ),
        gives=shapes.listing(shapes.FILE),
        tag=TAG,
    ),
    Call("GET", "/files/{file_id}", "read", retrieve, "Look at a file.", gives=shapes.FILE, tag=TAG),
    Call("DELETE", "/files/{file_id}", "files", delete, "Delete a file.", gives=shapes.DELETED, tag=TAG),
    Call(
        "GET",
        "/files/{file_id}/content",
        "",
        content,
        "Download a file, with a key (scope files) or by a signed address.",
        query=(
            Parameter("expires", WHOLE, says="From a signed address."),
            Parameter("signature", TEXT, says="From a signed address."),
        ),
        streams="application/octet-stream",
        tag=TAG,
    ),
    Call(
        "GET",
        "/files/{file_id}/url",
        "files",
        signed_url,
        "An address that opens a file without a key, for a while.",
        query=(Parameter("expiry", WHOLE, 24, "Hours until it closes.", least=1, most=168),),
        gives=shapes.URL,
        tag=TAG,
    ),
    Call(
        "GET",
        "/atelier/files/{file_id}/check",
        "read",
        checked,
        "Judge every row of a file and name the first bad ones.",
        gives=shapes.ANY,
        tag="Atelier's own",
    ),
]
