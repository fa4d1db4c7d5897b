"""Converting: a model as one GGUF file, for llama.cpp and what stands on it. A job.

The converter is llama.cpp's own convert_hf_to_gguf.py, which users know and which learns new models first. It is
fetched by `make gguf`, or ATELIER_LLAMA_CPP names a checkout. What comes out is read again and held against what
went in.
"""

import importlib
import json
import os
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

from engine import specs
from engine.problems import Problem
from engine.training.after import merge
from engine.training.after.errands import ConvertSpec
from engine.training.bases import weights

SETTING = "ATELIER_LLAMA_CPP"
FETCHED = Path(__file__).resolve().parents[3] / ".llama.cpp"  # where `make gguf` puts it
SCRIPT = "convert_hf_to_gguf.py"


def run(folder: Path) -> dict[str, Any]:
    """Convert as `folder/spec.json` says; leaves `folder/gguf/<model>-<type>.gguf`."""
    spec = specs.read(folder, ConvertSpec)
    checkout = converter()
    weights.check_base(spec.base)
    source = merge.write(spec.base, Path(spec.adapter), folder / "merged") if spec.adapter else Path(spec.base)
    place = folder / "gguf"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    file = place / f"{spec.model}-{spec.type}.gguf"
    _convert(checkout, source, file, spec.type)
    found = verify(checkout, file, source)
    if spec.card:
        (place / "README.md").write_text(spec.card)
    if spec.adapter:
        shutil.rmtree(source)
    return {"path": str(place), "file": str(file), "bytes": file.stat().st_size, **found}


def converter() -> Path:
    """The folder with llama.cpp's converter. Problem, with the way to it, when there is none."""
    named = os.environ.get(SETTING, "")
    place = Path(named) if named else FETCHED
    if not (place / SCRIPT).is_file():
        where = f"{SETTING} names {named}, which holds no {SCRIPT}." if named else "It is not part of Atelier."
        raise Problem(
            "llama.cpp's converter is not here.",
            where,
            f"Run `make gguf`, or set {SETTING} to the folder of a llama.cpp checkout.",
        )
    return place


def verify(checkout: Path, file: Path, source: Path) -> dict[str, Any]:
    """{tensors, tokens, architecture} of a GGUF file, read back. Problem unless it holds the model in `source`."""
    reader = _gguf(checkout).GGUFReader(file)
    told = {name: field.contents() for name, field in reader.fields.items()}
    vocabulary = json.loads((source / "tokenizer.json").read_text())["model"]["vocab"]
    known = told.get("tokenizer.ggml.tokens", [])
    config = json.loads((source / "config.json").read_text())
    layers = told.get(f"{told.get('general.architecture')}.block_count")
    wrong = [
        words
        for words, right in {
            f"it has {layers} layers, not {config['num_hidden_layers']}": layers == config["num_hidden_layers"],
            f"it knows {len(known)} tokens, not at least {len(vocabulary)}": len(known) >= len(vocabulary),
            "it has no chat template": bool(told.get("tokenizer.chat_template")),
            "it has no tensors": bool(reader.tensors),
        }.items()
        if not right
    ]
    if wrong:
        raise Problem(f"{file.name} is not the model that went in: {'; '.join(wrong)}.", do="Try a newer converter.")
    return {"tensors": len(reader.tensors), "tokens": len(known), "architecture": told["general.architecture"]}


def _convert(checkout: Path, source: Path, file: Path, type: str) -> None:
    """Run the converter in this process, which is the job's own."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # it would ask the hub for a model card
    sys.path[:0] = [str(checkout), str(checkout / "gguf-py")]
    _name_the_splitter(checkout, source)
    before, sys.argv = sys.argv, [SCRIPT, str(source), "--outfile", str(file), "--outtype", type]
    try:
        runpy.run_path(str(checkout / SCRIPT), run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise Problem("llama.cpp's converter refused the model.", f"Its status: {end.code}; see the log.") from end
    except NotImplementedError as error:
        raise Problem("llama.cpp's converter does not know this model.", f"It says: {error}") from error
    finally:
        sys.argv = before


def _name_the_splitter(checkout: Path, source: Path) -> None:
    """Tell the converter how the tokenizer splits text, where the tokenizer itself says so plainly.

    It knows tokenizers by a hash of what they make of a sample text, so it refuses every one that was trained anew,
    though it may split text by rules that llama.cpp has.
    """
    name = splitter(json.loads((source / "tokenizer.json").read_text()))
    if name and (checkout / "conversion" / "base.py").is_file():
        base = importlib.import_module("conversion.base")
        known = base.TextModel.get_vocab_base_pre

        def named(self: Any, tokenizer: Any) -> str:
            try:
                return str(known(self, tokenizer))
            except NotImplementedError:
                return name

        base.TextModel.get_vocab_base_pre = named


def splitter(tokenizer: dict[str, Any]) -> str:
    """llama.cpp's name for how a byte-level tokenizer.json splits text; '' where it is none that we know exactly."""
    found = tokenizer.get("pre_tokenizer") or {}
    steps = found.get("pretokenizers", [found])
    kinds = [step.get("type") for step in steps]
    byte_level = kinds[-1:] == ["ByteLevel"] and steps[-1].get("use_regex", True)
    if tokenizer.get("normalizer") or not byte_level or steps[-1].get("add_prefix_space"):
        return ""
    if kinds == ["ByteLevel"]:
        return "gpt-2"
    return "smollm" if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits") else ""


def _gguf(checkout: Path) -> Any:
    """The reader that belongs to the converter."""
    place = str(checkout / "gguf-py")
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module("gguf")
