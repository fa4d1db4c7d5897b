"""Spread: one run over several workers of a Ray cluster, on as many of its nodes as that takes.

Ray Train finds places for the workers and lets them meet; what each does is `training.together`'s business, which is
the same as on one machine. Every node must see the run's folder. Runs in the job's own process, on a node.
"""

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.problems import Problem
from engine.scaling import cluster

TROUBLE = "worker.txt"  # what a worker has to say to people, as Ray tells of it in pages


def wanted(folder: Path) -> bool:
    """Whether this is the process that a cluster runs the job in; neither one of its workers nor one machine's job."""
    return cluster.sent(folder) and "RANK" not in os.environ


def run(folder: Path, workers: int, work: Callable[[Path], Any]) -> dict[str, Any]:
    """Have so many workers do `work` on a folder, all at once; the result that the first of them leaves there."""
    ray, train = importlib.import_module("ray"), importlib.import_module("ray.train")
    torch_train = importlib.import_module("ray.train.torch")
    (folder / TROUBLE).unlink(missing_ok=True)
    ray.init(address="auto", logging_level="warning", log_to_driver=True)
    gpus = int(ray.cluster_resources().get("GPU", 0))
    _fit(workers, gpus, int(ray.cluster_resources().get("CPU", 0)))
    trainer = torch_train.TorchTrainer(
        _work,
        train_loop_config={"folder": folder, "work": work},
        scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=gpus > 0),
        torch_config=torch_train.TorchConfig(backend="nccl" if gpus else "gloo"),
        run_config=train.RunConfig(name="ray", storage_path=str(folder)),
    )
    try:
        trainer.fit()
    except Exception as error:
        if (folder / TROUBLE).exists():
            raise Problem((folder / TROUBLE).read_text()) from error
        raise
    return dict(json.loads((folder / "result.json").read_text()))


def _work(given: dict[str, Any]) -> None:
    """What each worker does, somewhere in the cluster."""
    try:
        given["work"](given["folder"])
    except Problem as problem:
        (given["folder"] / TROUBLE).write_text(str(problem))
        raise


def _fit(workers: int, gpus: int, cpus: int) -> None:
    """Problem when the cluster could never place so many workers; Ray would wait for ever."""
    places, what = (gpus, "GPU") if gpus else (cpus, "CPU")
    if workers > places:
        raise Problem(
            f"The run wants {workers} workers, and the cluster has {places} {what}{'s' if places != 1 else ''}.",
            "Each worker needs one of its own.",
            f"Set workers to {places}, or add nodes: `ray start --address=...`.",
        )
