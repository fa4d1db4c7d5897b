"""Ending: the servers that a benchmark starts end with it, also when it is killed.

`python -m benchmarks.ending FOLDER` waits until whoever started it is gone, and stops the servers in that folder.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.serving import servers

ROOT = Path(__file__).parents[1]


@contextmanager
def ending(running: Path) -> Iterator[Path]:
    """A folder for servers, which are all stopped at the end."""
    command = [sys.executable, "-m", "benchmarks.ending", str(running.resolve())]
    # in a group of its own: an interrupted benchmark must not take it along before its work is done
    waiting = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)
    try:
        yield running
    finally:
        waiting.communicate()  # closes its input, as the end of this process does


if __name__ == "__main__":
    sys.stdin.read()
    for server in servers.listed(Path(sys.argv[1])):
        servers.stop(server)
