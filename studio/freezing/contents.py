"""Contents: what a snapshot holds, as it is scanned for personal data. Nobody is shown a row, so no look is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.data.conversations import SPLITS
from studio.freezing import snapshots
from studio.quality import privacy
from studio.quality.privacy import Content
from studio.store import Store


@dataclass(frozen=True)
class Contents:
    """Those of some sides, read line by line each time: a snapshot may be larger than memory."""

    store: Store
    snapshot: str
    splits: Sequence[str] = SPLITS

    def __iter__(self) -> Iterator[Content]:
        dataset = snapshots.get(self.store, self.snapshot).dataset
        for split in self.splits:
            for row in snapshots.each(self.store, self.snapshot, split):
                yield privacy.of_row(row, dataset)
