"""Card: the README of an adapter or a model, which says what it was made of and how well that went."""

from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.training.material.batches import Data
from engine.training.settings import CPT, TrainSpec

SHOWN_ELSEWHERE = {"base", "train", "validation"}


def text(spec: TrainSpec, train: Data, validation: Data | None, result: dict[str, Any]) -> str:
    """The card in Markdown, with the front matter that model hubs read."""
    kept = f"those after step {result['best_step']} of {result['steps']}"
    if validation:
        kept += f", where the validation loss was lowest ({result['validation_loss']}, n = {len(validation.rows)})"
    named = [f for f in fields(spec) if f.name not in SHOWN_ELSEWHERE]
    settings = "\n".join(f"| {f.name} | {getattr(spec, f.name)} |" for f in named)
    files = "\n".join(_line(data) for data in (train, validation) if data)
    used = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    return f"""---
base_model: {spec.base}
library_name: {"transformers" if spec.whole else "peft"}
pipeline_tag: text-generation
tags: [{"full-tuning" if spec.whole else "lora"}]
---

# {"A model made of" if spec.whole else "Adapter for"} {Path(spec.base).name}

{_what(spec)} It has not been tested beyond what its makers tested: ask them.

## Made of

| file | examples | tokens | learned tokens | SHA-256 |
|---|---|---|---|---|
{files}

## Figures

The weights kept are {kept}. The mean training loss of the last ten steps was {result["loss"]} nats a token.
{result["tokens"]} tokens were read in {result["seconds"]} seconds.

## Settings

| setting | value |
|---|---|
{settings}

Made with {used}.
"""


def _what(spec: TrainSpec) -> str:
    learned = "It read on in its documents" if spec.method == CPT else "It learned to answer as its examples do"
    if spec.whole:
        return f"The base model `{spec.base}` with every weight moved; it stands on its own. {learned}."
    return f"An adapter ({spec.tuning}) for the base model `{spec.base}`; it does nothing without it. {learned}."


def _line(data: Data) -> str:
    return f"| {data.path.name} | {len(data.rows)} | {data.n_tokens} | {data.n_trained} | `{data.sha256}` |"
