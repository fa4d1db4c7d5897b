"""`python -m engine.training.member FOLDER`: one worker, not the first, of several that learn a run together."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from engine import waking
from engine.problems import Problem


def main(folder: Path) -> None:
    # asked to stop, the first worker still needs the others for the step that it is in; it ends them itself
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with waking.modules():
        from engine.training import together, train
    threading.Thread(target=_follow, args=(int(os.environ[together.FIRST]),), daemon=True).start()
    try:
        train.run(folder)
    except Problem as problem:
        sys.exit(str(problem))


def _follow(first: int) -> None:
    """End with the first worker, however that ends: nobody else would ever speak to this one."""
    while os.getppid() == first:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
