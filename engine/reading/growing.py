"""Growing: vectors on their way to an index, a file a batch, so that a job that was killed goes on.

Kept apart by embedder in the library's folder, and gone once an index holds them.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import hashes

Vectors = npt.NDArray[np.float32]

FOLDER = ".growing"


class Growing:
    """Vectors by key: those that an index holds, those that an earlier attempt left, and those to come."""

    def __init__(self, library: Path, embedder: str) -> None:
        self.folder = library / FOLDER / hashes.content(embedder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._found: dict[str, Vectors] = {}
        self.files = 0
        for path in sorted(self.folder.glob("[!.]*.npz")):
            with np.load(path) as batch:
                self.hold(batch["keys"].tolist(), batch["vectors"])
            self.files = int(path.stem) + 1

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def hold(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Know these, which lie elsewhere already."""
        self._found |= dict(zip(keys, vectors, strict=True))

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keep a batch; it is there whole or not at all."""
        draft = self.folder / ".batch.npz"
        np.savez(draft, keys=np.array(keys, dtype="U16"), vectors=vectors)
        draft.rename(self.folder / f"{self.files:06d}.npz")
        self.files += 1
        self.hold(keys, vectors)

    def of(self, keys: Sequence[str]) -> Vectors:
        """(keys, size)."""
        return np.stack([self._found[key] for key in keys]).astype(np.float32, copy=False)


def clear(library: Path) -> None:
    shutil.rmtree(library / FOLDER, ignore_errors=True)
