"""Train: the job that makes a model by a recipe, whichever its method is.

Reads a `TrainSpec`; leaves `adapter/` in peft's own format, or `model/` where every weight has moved, with the
tokenizer and a README that says where it comes from. Goes on from its checkpoint when it is started again.
"""

import importlib
import json
import warnings
from pathlib import Path
from typing import Any

from transformers.utils import logging

from engine import waking
from engine.scaling import spread
from engine.training import leaving, together, trackers
from engine.training.methods import supervised
from engine.training.settings import GRPO, PREFERENCES, of_job


def run(folder: Path) -> dict[str, Any]:
    """Train as `folder/spec.json` says. The fields of the result: see `leaving.result`."""
    folder = folder.resolve()
    spec = of_job(folder)
    if (folder / leaving.RESULT).exists():
        return dict(json.loads((folder / leaving.RESULT).read_text()))
    trackers.named(spec.trackers)
    if spec.method in (*PREFERENCES, GRPO):
        # TRL takes seconds to load, which supervised runs are spared
        name = "reinforce" if spec.method == GRPO else "preference"
        with waking.modules():
            method = importlib.import_module(f"engine.training.methods.{name}")
        return dict(method.run(folder, spec))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # peft asks by an old name
    if spec.workers > 1 and spread.wanted(folder):
        return spread.run(folder, spec.workers, run)
    with together.gathered(folder, spec.workers) as team:
        return supervised.run(folder, spec, team)
