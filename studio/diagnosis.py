"""Diagnosis: what this machine has, for `atelier doctor`. Nothing is changed and nothing leaves the machine."""

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

from engine import sizes
from studio import running
from studio.folders import STARTER, Home

PACKAGES = ("streamlit", "duckdb", "torch", "transformers", "peft", "bm25s")


def look(home: Home) -> dict[str, Any]:
    """Name and finding, in the order in which they are shown."""
    studio = running.find(home)
    free = shutil.disk_usage(home.root if home.root.exists() else home.root.anchor).free
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memory": sizes.in_words(psutil.virtual_memory().total),
        "disk free": sizes.in_words(free),
        "home": str(home.root),
        "studio": studio["url"] if studio else "not running",
        "starter model": "here" if (STARTER / "model.safetensors").exists() else "missing: run `atelier pretrain`",
        **{name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing: run `make install`"
