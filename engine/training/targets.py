"""Targets: which weights of a base get an adapter, found in its architecture or named by whoever knows better.

The experts of a mixture (Mixtral) are no layers in transformers 5 but two parameters of three dimensions:
`gate_up_proj`, in which w1 and w3 of every expert lie one on the other, and `down_proj`, which is w2. peft wraps them
as parameters. Names of older scripts (`w1,w2,w3`) are led to where these weights are now.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from peft import LoraConfig
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from engine.problems import Problem
from engine.training.settings import DORA, RSLORA, TrainSpec

EVERY = "all-linear"  # what other tools call an empty list
GATE, UP, DOWN = ("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj")
FUSED = {**dict.fromkeys((*GATE, *UP), "gate_up_proj"), **dict.fromkeys(DOWN, "down_proj")}


@dataclass(frozen=True)
class Targets:
    """The ends of the names of linear layers, and of the fused weights of experts."""

    layers: list[str]
    experts: list[str]


def find(model: PreTrainedModel, wanted: str = "") -> Targets:
    """What `wanted` names, separated by commas; every linear layer but the output and every expert when it is empty.

    A router, which sends a token to its experts, is left as it is unless it is named. Problem when a name fits nothing.
    """
    linear, experts = list(_linear(model)), sorted(set(_experts(model)))
    names = [name for name in re.split(r"[,\s]+", wanted) if name and name != EVERY]
    if not names:
        output = model.get_output_embeddings()
        return Targets(sorted({_end(name) for name, layer in linear if layer is not output}), experts)
    layers = [name for name in names if any(f".{full}".endswith(f".{name}") for full, _ in linear)]
    fused = {_fused(name, experts) for name in names if name not in layers}
    if None in fused:
        unknown = ", ".join(name for name in names if name not in layers and _fused(name, experts) is None)
        known = ", ".join(sorted({_end(name) for name, _ in linear} | {_end(name) for name in experts}))
        raise Problem(f"The base has no layer called {unknown}.", do=f"Its layers are {known}.")
    _whole(names, [name for name in fused if name])
    return Targets(layers, sorted(name for name in fused if name))


def lora(model: PreTrainedModel, spec: TrainSpec) -> LoraConfig:
    """What peft is asked for. Problem where peft cannot adapt experts so."""
    targets = find(model, spec.targets)
    _able(targets, spec)
    both = [name for name in targets.experts if name.endswith("gate_up_proj")]
    steady = spec.tuning == RSLORA
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        use_rslora=steady,
        use_dora=spec.tuning == DORA,
        target_modules=targets.layers,
        target_parameters=targets.experts or None,
        # w1 and w3 share one adapter, so it gets the rank of two; its strength stays that of the others
        rank_pattern={_pattern(name): 2 * spec.rank for name in both},
        alpha_pattern={_pattern(name): spec.alpha * (math.sqrt(2) if steady else 2) for name in both},
    )


def _linear(model: PreTrainedModel) -> Iterator[tuple[str, nn.Module]]:
    return ((name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D))


def _experts(model: PreTrainedModel) -> Iterator[str]:
    """Parameters of three dimensions, one matrix for each expert, as peft is told of them."""
    for name, module in model.named_modules():
        holder = name.rpartition(".")[2]
        if "experts" in holder:
            yield from (f"{holder}.{own}" for own, weight in module.named_parameters(recurse=False) if weight.ndim == 3)


def _end(name: str) -> str:
    """The last part of a name, unless that is a mere number."""
    last = name.rpartition(".")[2]
    return name if last.isdigit() else last


def _fused(name: str, experts: list[str]) -> str | None:
    ends = {_end(one): one for one in experts}
    return ends.get(name) or ends.get(FUSED.get(name, "")) or (name if name in experts else None)


def _whole(names: list[str], fused: list[str]) -> None:
    """Problem when only one of the two matrices that lie in one parameter is named."""
    gate, up = (any(name in half for name in names) for half in (GATE, UP))
    if gate != up and any(name.endswith("gate_up_proj") for name in fused):
        one, other = ("w1", "w3") if gate else ("w3", "w1")
        raise Problem(
            f"The experts' {one} cannot be adapted without {other}.",
            "Both lie in one parameter, gate_up_proj.",
            f"Name {other} as well, or neither.",
        )


def _able(targets: Targets, spec: TrainSpec) -> None:
    cannot = "DoRA" if spec.tuning == DORA else "an adapter with dropout" if spec.dropout else ""
    if targets.experts and cannot:
        remedy = "Choose lora or rslora" if spec.tuning == DORA else "Set dropout to 0"
        raise Problem(
            f"The experts of this base cannot have {cannot}.",
            "peft adapts them as bare parameters, which takes neither.",
            f"{remedy}, or name other targets: {','.join(targets.layers)}.",
        )


def _pattern(name: str) -> str:
    return rf".*\.{re.escape(name)}"
