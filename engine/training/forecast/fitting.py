"""Fitting: whether a machine could train a base at all, said before there are examples or settings."""

from dataclasses import dataclass

from engine.training.bases.anatomy import Anatomy
from engine.training.forecast import memory
from engine.training.forecast.machine import Machine
from engine.training.forecast.memory import Load, Memory
from engine.training.settings import LORA, QLORA, TrainSpec

FITS, TIGHT, PACKED, TOO_LARGE = "fits", "tight", "fits with QLoRA", "does not fit"
TOKENS = 2048  # of the one row that is reckoned with, or as many as the model reads
LEARNED = 0.5  # share of them that is the assistant's


@dataclass(frozen=True)
class Fit:
    """What one row at a time takes with an adapter of rank 16: `here` with LoRA on this machine, `lora` and `qlora` on
    a GPU, which needs less, as it keeps less of the way."""

    verdict: str
    here: Memory
    lora: Memory
    qlora: Memory
    room: int  # bytes that there are


def of(anatomy: Anatomy, machine: Machine) -> Fit:
    """With LoRA if that fits, else with QLoRA if that does; `tight` where the estimate's error decides."""
    length = min(TOKENS, anatomy.context)
    load = Load(1, length, round(LEARNED * length))
    lora, qlora = (_needs(anatomy, tuning, load, "cuda") for tuning in (LORA, QLORA))
    here = _needs(anatomy, LORA, load, machine.device, machine.bf16)
    least = min(here.low, qlora.low) if machine.gpus else here.low
    if here.high <= machine.room:
        verdict = FITS
    elif machine.gpus and qlora.high <= machine.room:
        verdict = PACKED
    else:
        verdict = TIGHT if least <= machine.room else TOO_LARGE
    return Fit(verdict, here, lora, qlora, machine.room)


def _needs(anatomy: Anatomy, tuning: str, load: Load, device: str, bf16: bool = True) -> Memory:
    spec = TrainSpec(base="", train="", tuning=tuning, batch_size=1, accumulation=16, max_tokens=load.longest)
    return memory.estimate(anatomy, spec, load, device, bf16)
