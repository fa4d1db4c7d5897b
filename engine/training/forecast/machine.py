"""Machine: what stands here to learn on: GPUs, memory, cores, disk. Asks the system; loads no torch."""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

GB = 1e9
ASK = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # what processors call their circuits for it
PRECISION = "ATELIER_PRECISION"  # "float32" asks for that everywhere, to compare two ways of computing the same


@dataclass(frozen=True)
class Gpu:
    """Memory in bytes."""

    name: str
    memory: int
    free: int


@dataclass(frozen=True)
class Machine:
    """Memory in bytes. `bf16`: whether it computes in bfloat16 by itself, so that weights take two bytes."""

    gpus: tuple[Gpu, ...]
    memory: int
    free: int
    cores: int
    bf16: bool

    @property
    def gpu(self) -> Gpu | None:
        """The one that a run of one worker learns on."""
        return self.gpus[0] if self.gpus else None

    @property
    def device(self) -> str:
        """`cuda` or `cpu`, as torch calls them."""
        return "cuda" if self.gpus else "cpu"

    @property
    def room(self) -> int:
        """Bytes that a run can have at most."""
        return self.gpu.memory if self.gpu else self.memory

    @property
    def free_room(self) -> int:
        """Bytes of these that nobody uses now."""
        return self.gpu.free if self.gpu else self.free

    def __str__(self) -> str:
        if self.gpu:
            many = f"{len(self.gpus)} x " if len(self.gpus) > 1 else ""
            return f"{many}{self.gpu.name} with {self.gpu.memory / GB:.0f} GB"
        return f"{self.cores} processor cores without a GPU, {self.memory / GB:.0f} GB of memory"


def here() -> Machine:
    """This machine as it is now."""
    memory = psutil.virtual_memory()
    gpus = _gpus()
    return Machine(gpus, memory.total, memory.available, _cores(), _computes_bf16(gpus))


def free_disk(folder: Path) -> int:
    """Free bytes on the disk that holds a folder, or will."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _gpus() -> tuple[Gpu, ...]:
    """What the driver's own tool lists; none where it is not installed or finds nothing."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "" or shutil.which(ASK[0]) is None:
        return ()
    try:
        told = subprocess.run(ASK, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(listed(told))


def listed(told: str) -> list[Gpu]:
    """The GPUs in the tool's lines: name, total and free memory in MiB, separated by commas."""
    rows = [line.rsplit(",", 2) for line in told.splitlines() if line.count(",") >= 2]
    return [
        Gpu(name.strip(), int(total) << 20, int(free) << 20) for name, total, free in rows if total.strip().isdigit()
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _computes_bf16(gpus: tuple[Gpu, ...]) -> bool:
    if gpus:
        return True  # every one since 2020; an older one computes in float32 and needs twice as much
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.is_file() else []
    return bool(BF16 & set(flags))
