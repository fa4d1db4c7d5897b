"""Settings of a library: how its documents are cut, how their meaning is found, and how a search is answered."""

from dataclasses import asdict, dataclass, field
from typing import Any

LEXICAL, DENSE, HYBRID = "lexical", "dense", "hybrid"
OFFLINE = "offline"  # the embedder that needs no model: see engine.reading.embedders


@dataclass(frozen=True)
class Chunking:
    """`words` 0 leaves each paragraph a chunk of its own; else neighbours under one heading share a chunk up to so
    many words, and what is longer is cut between sentences with `overlap` words in common."""

    words: int = 0
    overlap: int = 0


@dataclass(frozen=True)
class LibrarySettings:
    """`embedder`: OFFLINE, a folder or hub id of sentence-transformers, or a URL of an embeddings API with the model
    after a `#`. `reranker`: empty for none, or a folder or hub id of a cross-encoder."""

    chunking: Chunking = field(default_factory=Chunking)
    embedder: str = OFFLINE
    reranker: str = ""
    search: str = HYBRID


def parse(values: dict[str, Any]) -> LibrarySettings:
    """Settings from what `told` made of them; what is missing has its default."""
    return LibrarySettings(**{**values, "chunking": Chunking(**values.get("chunking", {}))})


def told(settings: LibrarySettings) -> dict[str, Any]:
    return asdict(settings)
