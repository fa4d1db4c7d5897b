"""Scratch: where a vLLM keeps its sockets and other passing files: a folder made for each start, and gone with it.

One that is killed cleans up nothing. A socket's path must stay below a hundred letters, of which vLLM takes forty: so
the folder is no folder of the server's, which only links to it.
"""

import shutil
import tempfile
from pathlib import Path

LINK = "scratch"
LONGEST = 40  # letters of the place for passing files; beyond that it is /tmp


def made(server: Path) -> Path:
    """A new one for the server in a folder; the one before is removed."""
    remove(server)
    place = tempfile.gettempdir()
    found = Path(tempfile.mkdtemp(prefix="atelier-", dir=place if len(place) <= LONGEST else "/tmp"))
    (server / LINK).symlink_to(found)
    return found


def remove(server: Path) -> None:
    """Nothing where there is none."""
    link = server / LINK
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()
