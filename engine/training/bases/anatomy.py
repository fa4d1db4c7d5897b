"""Anatomy: what a base model is made of, read off its config.json. Counts parameters; loads nothing.

Counts are exact for the architectures in `KNOWN` (the tests build a small one of each and compare); vision towers of
models that also see are not counted, as they are neither learned nor used here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.problems import Problem

KNOWN = {  # model_type in config.json -> how it is called
    "mistral": "Mistral",
    "ministral": "Ministral",
    "ministral3": "Ministral 3",
    "mixtral": "Mixtral",
    "llama": "Llama",
    "qwen2": "Qwen 2",
    "qwen3": "Qwen 3",
}
SEEING = "mistral3"  # a vision tower before a text model, whose own config.json part is read


@dataclass(frozen=True)
class Linear:
    """One linear layer of a block, or `count` alike ones."""

    name: str
    into: int
    out: int
    count: int = 1


@dataclass(frozen=True)
class Anatomy:
    """The numbers that decide what a model weighs; `experts` and `active` are 1 where there is one feed-forward."""

    kind: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    ffn: int
    vocab: int
    context: int
    tied: bool = False
    experts: int = 1
    active: int = 1
    sees: bool = False

    @property
    def queries(self) -> int:
        return self.heads * self.head_size

    @property
    def keys(self) -> int:
        return self.kv_heads * self.head_size

    @property
    def linears(self) -> list[Linear]:
        """The linear layers of one block, without the router of experts. What lies fused is one layer."""
        h, f = self.hidden, self.ffn
        attention = [
            Linear("q_proj", h, self.queries),
            Linear("k_proj", h, self.keys),
            Linear("v_proj", h, self.keys),
            Linear("o_proj", self.queries, h),
        ]
        if self.experts > 1:
            own = [Linear("gate_up_proj", h, 2 * f, self.experts), Linear("down_proj", f, h, self.experts)]
        else:
            own = [Linear("gate_proj", h, f), Linear("up_proj", h, f), Linear("down_proj", f, h)]
        return attention + own

    @property
    def embedding(self) -> int:
        return self.vocab * self.hidden

    @property
    def linear_parameters(self) -> int:
        """Weights of all linear layers of all blocks: what an adapter stands beside."""
        return self.layers * sum(one.into * one.out * one.count for one in self.linears)

    @property
    def parameters(self) -> int:
        """All weights of the text model."""
        block = 2 * self.hidden + (self.hidden * self.experts if self.experts > 1 else 0)
        if self.kind == "qwen2":
            block += self.queries + 2 * self.keys  # biases
        if self.kind == "qwen3":
            block += 2 * self.head_size  # norms of queries and keys
        ends = self.embedding * (1 if self.tied else 2) + self.hidden
        return self.linear_parameters + self.layers * block + ends

    @property
    def active_parameters(self) -> int:
        """Weights that one token meets: of the experts only those that it is sent to."""
        own = sum(one.into * one.out * one.count for one in self.linears if one.count > 1)
        return self.parameters - self.layers * own * (self.experts - self.active) // self.experts

    def adapted(self, targets: str = "") -> list[Linear]:
        """The layers of a block that get an adapter: those named, all when none is."""
        names = [name for name in targets.replace(",", " ").split() if name != "all-linear"]
        return [one for one in self.linears if not names or _named(one.name, names)]

    def adapter(self, rank: int, targets: str = "") -> int:
        """Weights of a LoRA of this rank: rank x (into + out) for each layer that gets one."""
        # gate and up of the experts share an adapter of twice the rank
        return self.layers * sum(
            rank * (2 if one.name == "gate_up_proj" else 1) * (one.into + one.out) * one.count
            for one in self.adapted(targets)
        )


def read(base: str | Path) -> Anatomy:
    """The anatomy of a base in a folder. Problem when it has no config.json or an architecture nobody here knows."""
    file = Path(base) / "config.json"
    if not file.is_file():
        raise Problem(f"{base} has no config.json.", do="Give the folder of a model in Hugging Face format.")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Problem(f"The config.json of {base} is not JSON.", f"The reader says: {error}.") from error
    return of(config, str(base))


def of(config: dict[str, Any], name: str = "The base") -> Anatomy:
    """The anatomy that a config.json describes."""
    sees = config.get("model_type") == SEEING
    text = {**config.get("text_config", {}), **_tied(config)} if sees else config
    kind = text.get("model_type", "mistral" if sees else None)
    if kind not in KNOWN:
        raise Problem(
            f"{name} has the architecture {kind}, which is not known here.",
            "What it needs cannot be foretold, and its loss might come out wrong.",
            f"Choose a base of one of these: {', '.join(KNOWN.values())}.",
        )
    try:
        return _measured(kind, text, sees)
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(
            f"The config.json of {name} lacks {error}.", do="Fetch the model again: it is not whole."
        ) from error


def _measured(kind: str, config: dict[str, Any], sees: bool) -> Anatomy:
    heads = int(config["num_attention_heads"])
    moe = kind == "mixtral"
    return Anatomy(
        kind=kind,
        hidden=int(config["hidden_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_size=int(config.get("head_dim") or config["hidden_size"] // heads),
        ffn=int(config["intermediate_size"]),
        vocab=int(config["vocab_size"]),
        context=int(config["max_position_embeddings"]),
        tied=bool(config.get("tie_word_embeddings", False)),
        experts=int(config["num_local_experts"]) if moe else 1,
        active=int(config["num_experts_per_tok"]) if moe else 1,
        sees=sees,
    )


def _tied(config: dict[str, Any]) -> dict[str, bool]:
    """A model that also sees says outside of its text part whether input and output share their weights."""
    return {"tie_word_embeddings": config["tie_word_embeddings"]} if "tie_word_embeddings" in config else {}


def _named(name: str, names: list[str]) -> bool:
    """Whether a layer is named, also by the names that older scripts have for the experts' weights."""
    also = {"gate_up_proj": ("w1", "w3", "gate_proj", "up_proj"), "down_proj": ("w2",)}.get(name, ())
    return any(one.split(".")[-1] in (name, *also) for one in names)
