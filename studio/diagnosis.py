"""Diagnosis: what this machine has, for `atelier doctor`. Nothing is changed and nothing leaves the machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from engine import sizes
from engine.training.forecast import machine
from studio import running
from studio.building import serving
from studio.folders import STARTER, Home

PACKAGES = ("streamlit", "duckdb", "torch", "transformers", "peft", "bm25s")


def look(home: Home) -> dict[str, Any]:
    """Name and finding, in the order in which they are shown."""
    studio, here = running.find(home), machine.here()
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memory": sizes.in_words(psutil.virtual_memory().total),
        "GPU": f"{here}" if here.gpu else "none: models learn and answer on the processor",
        "disk free": sizes.in_words(machine.free_disk(home.root)),
        "home": f"{home.root}" if _writable(home.root) else f"{home.root}, which cannot be written to: choose another",
        "studio": studio["url"] if studio else "not running",
        "vLLM": serving.vllm() or "not here, the small server answers in its place: `make serving` brings it",
        "starter model": "here" if (STARTER / "model.safetensors").exists() else "missing: run `atelier pretrain`",
        **{name: _version(name) for name in PACKAGES},
    }


def _writable(folder: Path) -> bool:
    """Whether a folder can be filled, or made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing: run `make install`"
