"""Families: the base models that are known by name: licence, size, price, and what others advise, with who says so.

The facts stand in families.toml beside this file. What is not in it can be used all the same, by folder or hub id.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from engine.problems import Problem
from engine.training.bases import anatomy, template, weights
from engine.training.bases.anatomy import Anatomy

FILE = Path(__file__).with_name("families.toml")
Range = tuple[float, float]


@dataclass(frozen=True)
class Source:
    title: str
    publisher: str
    url: str
    read: str  # the day it said so


@dataclass(frozen=True)
class Advice:
    """What one source recommends; None and 0 where it says nothing."""

    source: Source
    why: str
    learning_rate: Range | None
    rank: Range | None
    epochs: Range | None
    sequence: int

    @property
    def words(self) -> str:
        """What it recommends, in one line."""
        told = {"learning rate": (self.learning_rate, rate), "rank": (self.rank, "{:g}".format)}
        told |= {"epochs": (self.epochs, "{:g}".format)}
        spans = [f"{name} {between(span, form)}" for name, (span, form) in told.items() if span]
        return ", ".join([*spans, *([f"rows of at most {self.sequence:,} tokens"] if self.sequence else [])])


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens of training where it was sold by the token."""

    amount: float
    source: Source


@dataclass(frozen=True)
class Family:
    name: str
    hub: str
    title: str
    licence: str
    commercial: bool
    tokenizer: str  # as engine.checking.tokens calls it
    gpu: str  # the smallest that is recommended for LoRA; '' where nobody says
    good_for: str
    checked: str  # card, layout: see families.toml
    anatomy: Anatomy
    note: str = ""
    licence_url: str = ""
    gpu_source: Source | None = None
    price: Price | None = None
    advice: tuple[Advice, ...] = field(default=())

    @property
    def learning_rates(self) -> Range | None:
        """From the least to the most that any source recommends."""
        found = [advice.learning_rate for advice in self.advice if advice.learning_rate]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def rate(value: float) -> str:
    """A learning rate as people write it: 2e-4."""
    digits, power = f"{value:.1e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def between(span: Range, form: Callable[[float], str]) -> str:
    low, high = form(span[0]), form(span[1])
    return low if low == high else f"{low} to {high}"


@cache
def listed() -> tuple[Family, ...]:
    """Every known family, smallest first."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    sources = {name: Source(**{**one, "read": str(one["read"])}) for name, one in told["sources"].items()}
    found = [_family(one, sources, told["advice"]) for one in told["family"]]
    return tuple(sorted(found, key=lambda family: family.anatomy.parameters))


def get(name: str) -> Family:
    """A family by its name or hub id."""
    found = next((family for family in listed() if name in (family.name, family.hub)), None)
    if found is None:
        raise Problem(f"There is no family {name}.", do=f"Choose one of {', '.join(one.name for one in listed())}.")
    return found


def of_base(base: str) -> Family | None:
    """The family of a base: by its hub id, else by the shape of the model in the folder. None for another."""
    named = next((family for family in listed() if family.hub and family.hub == base), None)
    if named:
        return named
    try:
        shape = anatomy.read(folder(base))
    except Problem:
        return None
    return next((family for family in listed() if _shape(family.anatomy) == _shape(shape)), None)


def folder(base: str) -> Path:
    """Where the small files of a base lie: its folder, or that of a hub id. Problem when neither is to be had."""
    return template.folder(base)


def examine(base: str) -> Anatomy:
    """The anatomy of a base that can learn here. Problem, with what would help, for one that cannot or must not."""
    place = folder(base)
    weights.check_base(base)
    if "auto_map" in _json(place / "config.json"):
        raise Problem(
            f"{base} wants to run code of its own (auto_map, trust_remote_code).",
            "Code from outside is never run here.",
            "Choose a model whose architecture transformers knows by itself.",
        )
    found = anatomy.read(place)
    template.load(base)
    return found


def _family(told: dict[str, Any], sources: dict[str, Source], advice: list[dict[str, Any]]) -> Family:
    price = told.get("price")
    own = {key: value for key, value in told.items() if key not in ("config", "price", "gpu_source")}
    return Family(
        **own,
        anatomy=anatomy.of(told["config"], told["name"]),
        gpu_source=sources[told["gpu_source"]] if "gpu_source" in told else None,
        price=Price(price["amount"], sources[price["source"]]) if price else None,
        advice=tuple(_advice(one, sources) for one in advice if told["name"] in one["families"]),
    )


def _advice(told: dict[str, Any], sources: dict[str, Source]) -> Advice:
    ranges = {name: tuple(told[name]) if name in told else None for name in ("learning_rate", "rank", "epochs")}
    return Advice(sources[told["source"]], told["why"], **ranges, sequence=told.get("sequence", 0))


def _shape(of: Anatomy) -> tuple[int, ...]:
    """What tells families apart; a vocabulary that somebody made longer, or a shorter context, is still the same."""
    return of.hidden, of.layers, of.heads, of.kv_heads, of.ffn, of.experts


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
