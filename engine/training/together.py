"""Together: several processes learn one run. Each takes its share of the rows of each batch; their gradients are added.

A step is then the same step as that of one process alone, only sooner. The job's own process is the first worker and
starts the others; whoever starts workers by other means (Ray, torchrun) sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR
and MASTER_PORT for each, as torch.distributed asks for, and has each of them `train.run` a folder that all can read.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist

from engine.problems import Problem

MEMBER = "engine.training.member"  # the module that another worker runs
MEETING, FIRST = "ATELIER_MEETING", "ATELIER_FIRST_WORKER"  # a file through which they meet, and who started them
INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
BUCKET = 16_000_000  # numbers that travel at once
T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """Who this process is among those that learn together; alone unless said otherwise."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the worker that speaks and saves for all."""
        return self.rank == 0

    def share(self, of: list[T]) -> list[T]:
        """This worker's part of what all shall do."""
        return of[self.rank :: self.size]

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Make each tensor the sum of what all workers hold."""
        if self.size > 1:
            for bucket in _buckets(tensors):
                flat = torch.cat([tensor.flatten() for tensor in bucket])
                dist.all_reduce(flat)
                for tensor, part in zip(bucket, flat.split([tensor.numel() for tensor in bucket]), strict=True):
                    tensor.copy_(part.view_as(tensor))

    def agree(self, value: int, device: torch.device) -> None:
        """Problem unless all workers hold the same number."""
        held = torch.zeros(self.size, dtype=torch.float64, device=device)
        held[self.rank] = value
        self.add_up([held])
        if len(set(held.tolist())) > 1:
            raise Problem(
                "The workers do not stand at the same step.",
                "They see different folders of this run.",
                "Put the run's folder where every machine can read it.",
            )


ALONE = Team()


@contextlib.contextmanager
def gathered(folder: Path, workers: int) -> Iterator[Team]:
    """The team that learns the run in a folder: the one that the environment names, or one that is started here."""
    if dist.is_initialized() or {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        yield _join()
    elif workers == 1:
        yield ALONE
    else:
        with _started(folder, workers):
            yield _join()


def _join() -> Team:
    local = int(os.environ.get("LOCAL_RANK", 0))
    if torch.cuda.is_available():
        torch.cuda.set_device(local)
    if not dist.is_initialized():
        meeting = os.environ.get(MEETING)
        dist.init_process_group(
            "nccl" if torch.cuda.is_available() else "gloo",
            init_method=f"file://{meeting}" if meeting else "env://",
            rank=int(os.environ["RANK"]),
            world_size=int(os.environ["WORLD_SIZE"]),
        )
    return Team(dist.get_rank(), dist.get_world_size())


@contextlib.contextmanager
def _started(folder: Path, workers: int) -> Iterator[None]:
    """The other workers run as long as this lasts; this process is the first. Problem when one of them dies."""
    _check(workers)
    threads = torch.get_num_threads()
    share = max(1, threads // workers)
    meeting = folder / ".meeting"
    meeting.unlink(missing_ok=True)
    # they meet over a file and talk over the loopback: nothing of this machine is opened to others
    given = {MEETING: str(meeting), "WORLD_SIZE": str(workers), **dict.fromkeys(INTERFACES, "lo")}
    others = [_start(folder, rank, {**given, "OMP_NUM_THREADS": str(share)}) for rank in range(1, workers)]
    torch.set_num_threads(share)
    try:
        with _environment({**given, "RANK": "0", "LOCAL_RANK": "0"}):
            yield
            dist.destroy_process_group()
        _wait(others)
    except Exception as error:
        if isinstance(error, Problem) or not (lost := _lost(others)):
            raise
        raise Problem(
            f"Worker {lost[0]} of {workers} ended in the middle of the run.",
            "Most likely the memory of the machine is too small for all of them; the log may say more.",
            "Resume the run, or start one with fewer workers.",
        ) from error
    finally:
        torch.set_num_threads(threads)
        for other in others:
            other.kill()
            other.wait()
        meeting.unlink(missing_ok=True)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables of this process for as long as this lasts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _check(workers: int) -> None:
    devices = torch.cuda.device_count()
    if devices and workers > devices:
        raise Problem(
            f"There are {workers} workers for {devices} GPU{'s' if devices > 1 else ''}.",
            "Each needs one of its own.",
            f"Set workers to {devices}.",
        )


def _start(folder: Path, rank: int, given: dict[str, str]) -> subprocess.Popen[bytes]:
    own = {"RANK": str(rank), "LOCAL_RANK": str(rank), FIRST: str(os.getpid())}
    return subprocess.Popen([sys.executable, "-m", MEMBER, str(folder)], env={**os.environ, **given, **own})


def _lost(others: list[subprocess.Popen[bytes]]) -> list[int]:
    """Numbers of the workers that have died, the first worker being number 1."""
    time.sleep(1)  # one that dies cuts its connections before it is gone
    return [rank for rank, other in enumerate(others, 2) if other.poll()]


def _wait(others: list[subprocess.Popen[bytes]]) -> None:
    """Give them time to end by themselves."""
    for other in others:
        with contextlib.suppress(subprocess.TimeoutExpired):
            other.wait(30)


def _buckets(tensors: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Tensors of one kind in groups that are neither many nor large."""
    bucket: list[torch.Tensor] = []
    held = 0
    for tensor in tensors:
        if bucket and (held + tensor.numel() > BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, held = [], 0
        bucket.append(tensor)
        held += tensor.numel()
    if bucket:
        yield bucket
