"""What a studio on another machine needs beyond Mistral's calls: a job's own events and log, to pause it, and to fetch
what it made.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from engine import events, jobs
from engine.api import cards, shapes, tunings
from engine.api.refusals import Refusal
from engine.api.routing import WHOLE, Asked, Call, Parameter
from engine.api.tunings import Tuning
from engine.jobs import Job
from engine.problems import Problem

TAG = "Atelier's own"


def health(asked: Asked) -> dict[str, Any]:
    found = [job.state for job in jobs.listed(asked.desk.jobs)]
    return {"status": "ok", "jobs": {state: found.count(state) for state in (jobs.QUEUED, jobs.RUNNING)}}


def happened(asked: Asked) -> dict[str, Any]:
    """Every event as the job wrote it, from a byte on, and the byte to go on from."""
    tuning = _found(asked)
    found, offset = events.read(tuning.job_folder, asked.query["offset"])
    job = tuning.job
    return {"object": "list", "data": found, "offset": offset, "state": job.state if job else tuning.status.lower()}


def log(asked: Asked) -> Response:
    return PlainTextResponse(jobs.log(_found(asked).job_folder, asked.query["lines"]))


def pause(asked: Asked) -> dict[str, Any]:
    _told(_job(asked), jobs.pause)
    return cards.detailed(_found(asked))


def resume(asked: Asked) -> dict[str, Any]:
    _told(_job(asked), jobs.resume)
    return cards.detailed(_found(asked))


def model_files(asked: Asked) -> Response:
    """The files of a model that a job made, as a tar archive, written while it is sent."""
    tuning = tunings.by_name(asked.desk.home, asked.path["model_id"])
    if tuning.closed:
        raise Refusal(409, tuning.closed, "model_id")
    return StreamingResponse(_tar(tuning.made), media_type="application/x-tar")


def _tar(folder: Path) -> Iterator[bytes]:
    """A tar archive of a folder's plain files, piece by piece."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        head = tarfile.TarInfo(path.relative_to(folder).as_posix())
        head.size, head.mtime, head.mode = path.stat().st_size, int(path.stat().st_mtime), 0o644
        yield head.tobuf(tarfile.PAX_FORMAT)
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece
        yield b"\0" * (-head.size % tarfile.BLOCKSIZE)
    yield b"\0" * tarfile.BLOCKSIZE * 2


def _told(job: Job, deed: Any) -> None:
    try:
        deed(job)
    except Problem as problem:
        raise Refusal(409, str(problem)) from problem


def _found(asked: Asked) -> Tuning:
    return tunings.get(asked.desk.home, asked.path["job_id"])


def _job(asked: Asked) -> Job:
    tuning = _found(asked)
    if tuning.job is None:
        raise Refusal(409, f"The job {tuning.id} is {tuning.status}: it has not been started.")
    return tuning.job


CALLS = [
    Call("GET", "/health", "", health, "Say whether the engine is well.", gives=shapes.ANY, tag=TAG),
    Call(
        "GET",
        "/atelier/jobs/{job_id}/events",
        "read",
        happened,
        "The raw events of a job from a byte on, with its state and the byte to go on from.",
        query=(Parameter("offset", WHOLE, 0, "Bytes that were read before.", least=0),),
        gives=shapes.listing(shapes.ANY),
        tag=TAG,
    ),
    Call(
        "GET",
        "/atelier/jobs/{job_id}/log",
        "read",
        log,
        "The end of what a job printed.",
        query=(Parameter("lines", WHOLE, 200, "How many lines.", least=1, most=10000),),
        streams="text/plain",
        tag=TAG,
    ),
    Call(
        "POST",
        "/atelier/jobs/{job_id}/pause",
        "train",
        pause,
        "Have a job save where it is and give up its place.",
        gives=shapes.DETAILED,
        tag=TAG,
    ),
    Call(
        "POST",
        "/atelier/jobs/{job_id}/resume",
        "train",
        resume,
        "Put a paused, failed or cancelled job back in the queue.",
        gives=shapes.DETAILED,
        tag=TAG,
    ),
    Call(
        "GET",
        "/atelier/models/{model_id}/files",
        "files",
        model_files,
        "The files of a model that a job made, as a tar archive.",
        streams="application/x-tar",
        tag=TAG,
    ),
]
