"""Candidates: what is compared. A model, what it is told and may look up, and how its answers are drawn."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.problems import Problem
from engine.reading import retrieval
from engine.reading.grounding import grounded, parted
from engine.reading.retrieval import Hit
from engine.scoring import shots
from engine.serving import servers
from engine.serving.asking import calls
from engine.serving.asking.client import Decoding, Endpoint

Message = dict[str, str]


@dataclass(frozen=True)
class Candidate:
    """`base` is the folder of a model that our own servers answer for; empty for a model at a foreign `endpoint`.

    With a base, `adapter` is the folder of its fine-tuning, and an empty `endpoint` means: find or start its server.
    Without, `model` is the name that the endpoint knows, and `key_from` names the environment variable of its key.
    """

    name: str
    model: str
    base: str = ""
    endpoint: str = ""
    adapter: str = ""
    system: str = ""
    examples: list[Message] = field(default_factory=list)  # questions and answers shown before the conversation
    nearest: int = 0  # how many more are shown that are nearest to the question
    nearest_from: str = ""  # file of the rows that these are taken from
    library: str = ""  # folder of a retrieval index
    passages: int = 0
    decoding: Decoding = field(default_factory=Decoding)
    key_from: str = ""


def parse(values: dict[str, Any]) -> Candidate:
    """A candidate from what `dataclasses.asdict` made of it. Problem when a key is unknown."""
    if unknown := values.keys() - {known.name for known in fields(Candidate)}:
        raise Problem(f"A candidate has no setting called {', '.join(sorted(unknown))}.")
    return Candidate(**{**values, "decoding": Decoding(**values.get("decoding", {}))})


def messages(candidate: Candidate, conversation: Sequence[Message]) -> tuple[list[Message], list[Hit]]:
    """What the model is sent for a conversation that ends with the user's turn, or a tool's, and the passages in it.

    The candidate's system prompt, if it has one, takes the place of the conversation's own; its examples follow it,
    those nearest to the question last. A question that brings its passages is asked with these, whatever the library.
    """
    if not conversation or conversation[-1]["role"] not in ("user", "tool"):
        raise Problem("A conversation must end with a question.", "Its last message is not the user's.")
    last = conversation[-1]
    hits = _found(candidate, last["content"]) if last["role"] == "user" else []
    return worded(candidate, conversation, [hit.text for hit in hits]), hits


def worded(candidate: Candidate, conversation: Sequence[Message], passages: Sequence[str]) -> list[Message]:
    """The same where the passages are known already, as those of an answer are."""
    *before, last = conversation
    if candidate.system:
        before = [message for message in before if message["role"] != "system"]
        before.insert(0, {"role": "system", "content": candidate.system})
    if examples := shown(candidate, conversation):
        spoken = next((n for n, message in enumerate(before) if message["role"] != "system"), len(before))
        before[spoken:spoken] = examples
    question, brought = parted(last["content"])
    return [*before, {**last, "content": grounded(question, list(passages) or brought)}]


def shown(candidate: Candidate, conversation: Sequence[Message]) -> list[Message]:
    """The examples that are shown before a conversation; near to it are those near to what the user said last."""
    asked = [message["content"] for message in conversation if message["role"] == "user"]
    if not (candidate.nearest and asked):
        return candidate.examples
    return [*candidate.examples, *shots.nearest(Path(candidate.nearest_from), candidate.nearest, asked[-1])]


def located(candidate: Candidate, running: Path) -> tuple[Endpoint, str]:
    """Where to ask, and by which name; starts the server and loads the adapter if need be. `running`: our servers."""
    if not candidate.base:
        return calls.keyed(candidate.endpoint, candidate.key_from), candidate.model
    base = Path(candidate.base)
    endpoint = Endpoint(candidate.endpoint) if candidate.endpoint else servers.ensure(running, base)
    if not candidate.adapter:
        return endpoint, base.resolve().name
    name = adapter_name(Path(candidate.adapter))
    servers.load(running, endpoint, name, Path(candidate.adapter).resolve())
    return endpoint, name


def named(candidate: Candidate) -> tuple[bytes, str]:
    """Who answers, as far as an answer depends on it, and by which name; nothing is started or asked for that.

    Of a model of ours: its files' version, who serves it, its adapter's weights. Elsewhere only the address is known.
    """
    if not candidate.base:
        return Endpoint(candidate.endpoint).api.encode(), candidate.model
    base = Path(candidate.base).resolve()
    name = adapter_name(Path(candidate.adapter)) if candidate.adapter else base.name
    served = "vllm" if os.environ.get(servers.VLLM) else "own"
    version = servers.version(base) if base.is_dir() else ""
    return f"{base}\n{version}\n{served}\n{name}".encode(), name


def adapter_name(folder: Path) -> str:
    """The name that an adapter is served under. Its weights are in it: one trained anew is not taken for the old."""
    path = folder / "adapter_model.safetensors"
    if not path.is_file():
        raise Problem(f"There is no adapter in {folder}.", f"It holds no {path.name}.")
    with path.open("rb") as file:
        return f"{folder.resolve().name}-{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"


def _found(candidate: Candidate, message: str) -> list[Hit]:
    question, brought = parted(message)
    if brought:
        return [Hit(text, "", "", position, 0.0) for position, text in enumerate(brought)]
    if not candidate.library:
        return []
    return retrieval.open_index(Path(candidate.library)).search(question, candidate.passages)
