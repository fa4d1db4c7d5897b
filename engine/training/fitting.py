"""Fitting: whether a machine could train a base at all, said before there are examples or settings."""

from dataclasses import dataclass

from engine.training import memory
from engine.training.anatomy import Anatomy
from engine.training.machine import Machine
from engine.training.memory import Load, Memory
from engine.training.settings import LORA, QLORA, TrainSpec

FITS, TIGHT, PACKED, TOO_LARGE = "fits", "tight", "fits with QLoRA", "does not fit"
TOKENS = 2048  # of the one row that is reckoned with, or as many as the model reads
LEARNED = 0.5  # share of them that is the assistant's


@dataclass(frozen=True)
class Fit:
    """`lora` and `qlora` are what one row at a time takes with an adapter of rank 16; qlora is None without a GPU."""

    verdict: str
    lora: Memory
    qlora: Memory | None
    room: int  # bytes that there are


def of(anatomy: Anatomy, machine: Machine) -> Fit:
    """With LoRA if that fits, else with QLoRA if that does; `tight` where the estimate's error decides."""
    length = min(TOKENS, anatomy.context)
    load = Load(1, length, round(LEARNED * length))
    lora = _needs(anatomy, LORA, load, machine)
    qlora = _needs(anatomy, QLORA, load, machine) if machine.gpus else None
    if lora.high <= machine.room:
        verdict = FITS
    elif qlora is not None and qlora.high <= machine.room:
        verdict = PACKED
    elif min(found.low for found in (lora, qlora) if found) <= machine.room:
        verdict = TIGHT
    else:
        verdict = TOO_LARGE
    return Fit(verdict, lora, qlora, machine.room)


def _needs(anatomy: Anatomy, tuning: str, load: Load, machine: Machine) -> Memory:
    spec = TrainSpec(base="", train="", tuning=tuning, batch_size=1, accumulation=16, max_tokens=load.longest)
    return memory.estimate(anatomy, spec, load, machine.device, machine.bf16)
