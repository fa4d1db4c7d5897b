"""Advice: which base to begin with, in words. The smallest that could do it: the next larger one can always be tried.

A rule of thumb, not a measurement: only an evaluation on one's own test set says whether a model does it.
"""

from dataclasses import dataclass

from engine.training.bases import families
from engine.training.bases.families import Family
from engine.training.forecast import fitting
from engine.training.forecast.machine import Machine

STEPS = ("ministral-3b", "ministral-8b", "mistral-7b", "mistral-nemo", "mistral-small")  # upwards
TASKS = {  # what it shall do -> the first that mostly can, examples that are worth a start, what to know
    "sort, route or tag texts": ("ministral-3b", 200, "Short answers from a fixed list are the easiest to learn."),
    "pull facts out of texts": ("ministral-3b", 300, "A fixed form of the answer matters more than a large model."),
    "write in our tone": ("mistral-7b", 300, "Tone is behaviour: some hundreds of good examples mostly do."),
    "answer questions of our field": ("mistral-7b", 500, "Facts belong into a library; train how to use them."),
    "use tools": ("ministral-8b", 500, "Each tool needs its own examples, and some where none is called."),
    "draft long or difficult texts": ("mistral-small", 500, "Long drafts and reasoning need a larger model."),
}


@dataclass(frozen=True)
class Advice:
    """What to begin with, why, and what to know before. `examples` is empty when there are enough."""

    family: Family
    why: str
    examples: str
    machine: str


def of(task: str, examples: int, machine: Machine) -> Advice:
    """For one of `TASKS` and so many examples, on a machine."""
    name, wanted, why = TASKS[task]
    first = families.get(name)
    few = f"You have {examples:,} examples; around {wanted} are a good start." if examples < wanted else ""
    return Advice(first, why, few, _here(first, machine))


def larger(family: Family) -> Family | None:
    """What to try when it falls short."""
    above = STEPS[STEPS.index(family.name) + 1 :] if family.name in STEPS else ()
    return families.get(above[0]) if above else None


def _here(family: Family, machine: Machine) -> str:
    fit = fitting.of(family.anatomy, machine)
    if not machine.gpus:
        return (
            f"This machine has no GPU. Try the whole loop with the starter first; {family.title} then needs "
            f"{'one such as ' + family.gpu if family.gpu else 'one'}."
        )
    if fit.verdict == fitting.FITS:
        return "This machine can train it with LoRA."
    if fit.verdict == fitting.PACKED:
        return "This machine can train it with QLoRA."
    return (
        f"This machine is too small for it; use one such as {family.gpu}."
        if family.gpu
        else "It is too large for here."
    )
