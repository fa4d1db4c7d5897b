"""`python -m engine.job FOLDER`: run the job in a folder and leave its last word.

A kind is one of those below or the dotted name of a module. Each has `run(folder)`, continues from its own
checkpoint if there is one, and returns the fields of its `end` event.
"""

import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from engine import events, jobs, processes, waking
from engine.problems import Problem

KINDS = {
    "pretrain": "engine.pretraining.pretrain",
    "train": "engine.training.train",
    "evaluate": "engine.scoring.evaluate",
    "scan": "engine.quality.scan",
    "index": "engine.reading.indexing",
    "make": "engine.drafting.make",
    "gather": "engine.reading.gathering",
    "remote": "engine.remote.mirror",
    "parity": "engine.training.after.parity",
    "merge": "engine.training.after.merge",
    "convert": "engine.training.after.converting",
    "push": "engine.training.after.pushing",
}


class Stop(BaseException):
    """Raised in the job when it is asked to end; not an Exception, so that no handler swallows it."""


def main(folder: Path) -> int:
    signal.signal(signal.SIGTERM, _stop)
    processes.remember(folder, os.getpid())  # whoever started this may have died before it could
    kind = json.loads((folder / "job.json").read_text())["kind"]
    events.append(folder, "start")
    try:
        with waking.modules():
            module = importlib.import_module(KINDS.get(kind, kind))
        result = module.run(folder)
    except Stop:
        events.append(folder, "end", state=jobs.STOPPED)
        return 0
    except Problem as problem:
        print(problem, flush=True)
        events.append(folder, "end", state=jobs.FAILED, why=str(problem))
        return 1
    except Exception as error:
        traceback.print_exc()
        events.append(folder, "end", state=jobs.FAILED, why=f"{type(error).__name__}: {error}")
        return 1
    events.append(folder, "end", state=jobs.DONE, **(result or {}))
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
