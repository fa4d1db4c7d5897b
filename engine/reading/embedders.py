"""Embedders: who makes texts into points: letters alone, a sentence-transformers model served here, or an API.

Chosen by `LibrarySettings.embedder`. Each has an id that changes with whatever changes its points, so that points of
two embedders are never compared. No model is loaded here: a model answers from a process of its own.
"""

import base64
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine import hashes
from engine.problems import Problem
from engine.reading import offline
from engine.reading.settings import OFFLINE
from engine.serving import servers
from engine.serving.asking import calls
from engine.serving.asking.calls import Endpoint

Vectors = npt.NDArray[np.float32]

MODULE = "engine.serving.small.embeds"
FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]  # of a model, weights that execute nothing
PASSAGE, QUERY = "passage", "query"


class Embedder(Protocol):
    """Texts in, float32 rows of unit length out; a text in which it finds nothing is all zeros."""

    @property
    def id(self) -> str: ...

    @property
    def says(self) -> str: ...

    def passages(self, texts: Sequence[str]) -> Vectors: ...

    def queries(self, texts: Sequence[str]) -> Vectors: ...


@dataclass(frozen=True)
class Served:
    """A sentence-transformers model in `folder`, answering from a server of ours; `servers` is where these live."""

    name: str
    folder: Path
    servers: Path
    _place: list[Endpoint] = field(default_factory=list, compare=False, repr=False)

    @property
    def id(self) -> str:
        return f"{self.name}@{hashes.content(servers.version(self.folder))[:8]}"

    @property
    def says(self) -> str:
        return f"finds meaning, by the model {self.name}"

    def passages(self, texts: Sequence[str]) -> Vectors:
        return self._embedded(texts, PASSAGE)

    def queries(self, texts: Sequence[str]) -> Vectors:
        return self._embedded(texts, QUERY)

    def ranked(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the query, by a cross-encoder; a higher score is better."""
        body = {"model": self.folder.name, "query": query, "documents": list(texts)}
        found = {row["index"]: float(row["relevance_score"]) for row in self._asked("rerank", body)["results"]}
        return [found[at] for at in range(len(texts))]

    def _embedded(self, texts: Sequence[str], kind: str) -> Vectors:
        body = _body(self.folder.name, texts) | {"encoding_format": "base64", "input_type": kind}
        return _embedded(self._endpoint(), self._asked("embeddings", body), len(texts))

    def _asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return _sent(self._endpoint(), path, body)
        except calls.Failure as failure:
            if failure.code != calls.UNREACHABLE:
                raise
        self._place.clear()  # it was idle and ended, or lives elsewhere by now
        return _sent(self._endpoint(), path, body)

    def _endpoint(self) -> Endpoint:
        if not self._place:
            wanted = servers.ServeSpec(model=str(self.folder), module=MODULE)
            self._place.append(servers.ready(servers.begin(self.servers, wanted)))
        return self._place[0]


@dataclass(frozen=True)
class Remote:
    """A model behind an embeddings API of OpenAI's or Mistral's kind. What is embedded leaves this machine."""

    endpoint: Endpoint
    model: str

    @property
    def id(self) -> str:
        return f"{self.model}@{self.endpoint.host}"

    @property
    def says(self) -> str:
        where = "on this machine" if self.endpoint.local else "outside: every text and every question is sent there"
        return f"finds meaning, by {self.model} at {self.endpoint} ({where})"

    def passages(self, texts: Sequence[str]) -> Vectors:
        body = _body(self.model, texts)
        return _embedded(self.endpoint, _sent(self.endpoint, "embeddings", body), len(texts))

    queries = passages


def of(name: str, running: Path, learned: offline.Offline | None = None) -> Embedder:
    """The embedder of a library's settings. `running`: our servers; `learned`: what OFFLINE learned for the library.

    Problem when it cannot be had: a model that is not there, a key that is not set, a library that is not installed.
    """
    if name == OFFLINE:
        if learned is None:
            raise Problem("The library has not been indexed with the offline embedder.", do="Index it anew.")
        return learned
    if "://" in name:
        return _remote(name)
    return served(name, running)


def served(name: str, running: Path) -> Served:
    """A model by its folder or hub id, a cross-encoder too. Problem when it cannot be had here."""
    if importlib.util.find_spec("sentence_transformers") is None:
        raise Problem(
            f"The model {name} needs sentence-transformers, which is not installed.",
            do="Install it with pip install 'atelier[embeddings]', or choose the offline embedder.",
        )
    folder = model_folder(name)
    # "model" is what many call the folder, and says nothing
    plain = "/".join(folder.parts[-2:]) if folder.name in ("model", "models") else folder.name
    return Served(plain if Path(name).expanduser().is_dir() else name, folder, running)


def model_folder(name: str) -> Path:
    """The folder of a sentence-transformers model: the one named, or that of a hub id, fetched unless it was before."""
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser().resolve()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    for known in (True, False):
        try:
            return Path(snapshot_download(name, allow_patterns=FILES, local_files_only=known)).resolve()
        except LocalEntryNotFoundError as error:
            trouble: Exception = error
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            trouble = error
            break
    raise Problem(
        f"The model {name} is neither a folder here nor to be had from the hub.",
        f"The hub's answer: {str(trouble).splitlines()[0]}",
        "Give the folder of a sentence-transformers model, or choose the offline embedder.",
    ) from trouble


def _remote(name: str) -> Remote:
    """`URL#model`, or `URL#model#VARIABLE` with the environment variable that holds the key."""
    url, _, rest = name.partition("#")
    model, _, variable = rest.partition("#")
    if not model:
        raise Problem(
            f"{name} names no model.", do="Write the model behind a #, as https://api.mistral.ai#mistral-embed."
        )
    return Remote(calls.keyed(url, variable), model)


def _body(model: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"model": model, "input": list(texts)}


def _sent(endpoint: Endpoint, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What it answers."""
    response = calls.send(endpoint, "POST", path, body)
    try:
        return dict(response.json())
    except ValueError as error:
        raise calls.strange(endpoint, response.text) from error


def _embedded(endpoint: Endpoint, body: dict[str, Any], n: int) -> Vectors:
    """The rows in the order of the `n` texts, of unit length."""
    try:
        rows = sorted(body["data"], key=lambda row: row["index"])
        vectors = np.array([_row(row["embedding"]) for row in rows], dtype=np.float32).reshape(n, -1)
    except (KeyError, TypeError, ValueError) as error:
        raise calls.strange(endpoint, str(body)) from error
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _row(given: str | list[float]) -> Any:
    return np.frombuffer(base64.b64decode(given), dtype=np.float32) if isinstance(given, str) else given
