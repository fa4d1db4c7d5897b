"""Merge: an adapter put into its base for good. The job that leaves a whole model, and the deed itself.

The folder `model` holds safetensors, tokenizer, chat template and a card: whatever reads Hugging Face's format can
load it without peft. Memory needed: four bytes for each weight of the base.
"""

import copy
import json
import os
import shutil
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import load_peft_weights
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from engine import specs
from engine.problems import Problem
from engine.training.after.errands import MergeSpec
from engine.training.bases import weights

MODEL = "model"
ORIGIN = "base.json"  # beside an adapter: which base it was made for


def run(folder: Path) -> dict[str, Any]:
    """Merge as `folder/spec.json` says; leaves `folder/model`. Started again, it starts anew."""
    spec = specs.read(folder, MergeSpec)
    whole = write(spec.base, Path(spec.adapter), folder / MODEL)
    if spec.card:
        (whole / "README.md").write_text(spec.card)
    return {"path": str(whole), "bytes": weights.size(whole)}


def write(base: str, adapter: Path, into: Path) -> Path:
    """The whole model in `into`, which is there only when it is whole."""
    draft = into.with_name(f".{into.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    model = load_base(base)
    dtype = model.dtype
    _folded(model.float(), adapter, dtype).save_pretrained(draft)
    AutoTokenizer.from_pretrained(speaks(base, str(adapter))).save_pretrained(draft)
    shutil.rmtree(into, ignore_errors=True)
    draft.rename(into)
    return into


def load_base(base: str) -> PreTrainedModel:
    """The base as it was saved, safetensors only."""
    weights.check_base(base)
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(base, dtype="auto", use_safetensors=True)
    return model.eval()


def with_adapter(base: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """A copy of `base` with the adapter in `folder` added to it. Problem when the adapter is not for this base."""
    return _folded(copy.deepcopy(base).float(), folder, base.dtype)


def _folded(base: PreTrainedModel, folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """`base`, in float32, with the adapter added; rounded once, to `dtype`. The base itself is used up."""
    if not (folder / "adapter_config.json").is_file():
        raise Problem(f"There is no adapter in {folder}.", "It holds no adapter_config.json.")
    weights.check(folder)
    _meant_for(base, folder)
    try:
        tuned = PeftModel.from_pretrained(base, str(folder))
    except (RuntimeError, ValueError) as error:
        raise Problem(f"The adapter in {folder} does not fit this base.", str(error).splitlines()[0]) from error
    saved, needed = load_peft_weights(str(folder), device="cpu"), get_peft_model_state_dict(tuned)
    if astray := sorted(needed.keys() ^ saved.keys()):  # peft only warns, and the rest would answer as if whole
        raise Problem(
            f"The adapter in {folder} does not fit this base.",
            f"Its file and the base have {len(astray)} weights not in common, {astray[0]} among them.",
        )
    merged = cast(PreTrainedModel, tuned.merge_and_unload(safe_merge=True)).eval()
    for weight in merged.parameters():  # not merged.to(...): that would also round the rotary frequencies
        weight.data = weight.data.to(dtype)
    merged.config.dtype = dtype
    return merged


def speaks(base: str, adapter: str) -> str:
    """Where the tokenizer is: with the adapter, whose it is since training, else with the base."""
    return adapter if adapter and (Path(adapter) / "tokenizer_config.json").is_file() else base


def sign(adapter: Path, base: str) -> None:
    """Note beside an adapter which base it was made for, so that no other of the same shape takes it unnoticed."""
    known = weights.fingerprint(Path(base)) if Path(base).is_dir() else ""
    (adapter / ORIGIN).write_text(json.dumps({"base": Path(base).name if known else base, "weights": known}))


def _meant_for(base: PreTrainedModel, folder: Path) -> None:
    """Problem when the adapter says that it was made for other weights. One that says nothing is believed."""
    here, wanted = base.name_or_path or "", _made_for(folder)
    if wanted and here and Path(here).is_dir() and weights.fingerprint(Path(here)) != wanted:
        raise Problem(
            f"The adapter in {folder} was made for another base than {Path(here).name}.",
            "Both have the same shape, so it would load, and answer wrongly.",
            "Choose the base that it was trained on.",
        )


def _made_for(folder: Path) -> str:
    """The fingerprint of the base's weights as noted beside the adapter, else of the folder that its config names."""
    if (folder / ORIGIN).is_file():
        return str(json.loads((folder / ORIGIN).read_text()).get("weights", ""))
    named = str(json.loads((folder / "adapter_config.json").read_text()).get("base_model_name_or_path") or "")
    return weights.fingerprint(Path(named)) if named and (Path(named) / "config.json").is_file() else ""
