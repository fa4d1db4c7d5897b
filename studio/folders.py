"""Folders: the home folder of a studio and every path below it."""

import os
from dataclasses import dataclass
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]
SAMPLE = CODE / "sample"
STARTER = CODE / "starter"


@dataclass(frozen=True)
class Home:
    """`ATELIER_HOME`, by default `~/.atelier`."""

    root: Path

    @classmethod
    def default(cls) -> "Home":
        return cls(Path(os.environ.get("ATELIER_HOME", "~/.atelier")).expanduser().resolve())

    @property
    def database(self) -> Path:
        return self.root / "studio.duckdb"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def servers(self) -> Path:
        return self.root / "servers"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def libraries(self) -> Path:
        return self.root / "libraries"

    @property
    def corpora(self) -> Path:
        """Documents frozen to be read on, a folder each."""
        return self.root / "corpora"

    @property
    def evaluations(self) -> Path:
        return self.root / "evaluations"

    @property
    def kept(self) -> Path:
        """Answers to earlier requests, so that the same one is not paid twice."""
        return self.root / "kept.sqlite"

    @property
    def pseudonyms(self) -> Path:
        """Who is behind which stand-in, a file for each dataset, readable by its owner alone."""
        return self.root / "pseudonyms"

    @property
    def demo(self) -> Path:
        return self.root / "demo"

    @property
    def search(self) -> Path:
        """The index of words: derived, so it may be deleted at any time."""
        return self.root / "search"

    @property
    def intake(self) -> Path:
        """What an import has read and not saved yet."""
        return self.root / "intake"

    @property
    def traces(self) -> Path:
        """There as long as the database may still hold bytes of what was deleted for good."""
        return self.root / "traces"

    @property
    def running(self) -> Path:
        """Where the running studio leaves its address and key, readable by its owner alone."""
        return self.root / "studio.json"
