"""Remarks: what a preflight has to say about a run: what cannot work, what to think about, what is good to know."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.sizes import in_words
from engine.training.bases.families import between
from engine.training.bases.families import rate as written
from engine.training.forecast import memory
from engine.training.forecast.case import Case
from engine.training.forecast.plan import OURS
from engine.training.settings import FULL, GRPO, KTO, LORA, QLORA

FEW, SOME = 50, 500  # examples
MANY_EPOCHS = 5.0  # beyond them overfitting grows quickly (Tensoria; see families.toml)
FAR = 3.0  # how many times a learning rate may be off what is recommended
SHOWN = 3  # lines that are named


@dataclass(frozen=True)
class Remark:
    """`about` is one of data, memory, disk, machine, base, settings, overfitting, licence; `do` may be ''."""

    about: str
    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.do}".strip()


def stops(case: Case) -> Iterator[Remark]:
    """What keeps the run from working, each with what would."""
    yield from _unusable_rows(case)
    yield from _unable(case)
    yield from _too_large(case)
    if case.disk.needed > case.disk.free:
        what = f"It will write up to {in_words(case.disk.needed)}, and {in_words(case.disk.free)} are free."
        yield Remark("disk", what, "Make room, or move the home folder to a larger disk.")


def warnings(case: Case) -> Iterator[Remark]:
    """What will work and may not be what is wanted."""
    yield from _tight(case)
    yield from _rates(case)
    yield from _by_heart(case)
    yield from _watching(case)


def notes(case: Case) -> Iterator[Remark]:
    """What is good to know."""
    if case.family:
        held = "" if case.family.commercial else "It allows research only; ask its maker before any commercial use."
        yield Remark("licence", f"{case.family.title} is under {case.family.licence}.", held)
        if case.family.note:
            yield Remark("base", case.family.note)
    else:
        yield Remark("licence", "The licence of this base is not known here.", "Read its model card before use.")


def _unusable_rows(case: Case) -> Iterator[Remark]:
    plan = case.plan
    for which, refused in (("training", plan.refused), ("validation", plan.validation_refused)):
        if refused:
            first = " ".join(str(one) for one in refused[:SHOWN])
            more = f" And {len(refused) - SHOWN:,} more." if len(refused) > SHOWN else ""
            rows = "1 row of the" if len(refused) == 1 else f"{len(refused):,} rows of the"
            yield Remark("data", f"{rows} {which} file cannot be learned from. {first}{more}", "Mend or reject them.")
    if not plan.examples and not plan.refused:
        yield Remark("data", "There is nothing to learn from.", "Give at least one example.")


def _unable(case: Case) -> Iterator[Remark]:
    spec = case.spec
    if case.anatomy and case.anatomy.sees:
        what = "This base sees as well as reads, and its text model cannot be loaded apart from its vision tower."
        yield Remark("base", what, "Save the text model on its own (docs/models.md shows how) and train that.")
    if spec.tuning == QLORA and not case.machine.gpus:
        yield Remark("machine", "QLoRA needs an NVIDIA GPU, and there is none here.", f"Choose {LORA}.")
    elif spec.tuning == QLORA and importlib.util.find_spec("bitsandbytes") is None:
        yield Remark("machine", "QLoRA needs the package bitsandbytes.", "Install it with pip install 'atelier[gpu]'.")
    if spec.workers > 1 and spec.method not in OURS:
        yield Remark("settings", f"{spec.method} learns in one process.", "Set workers to 1.")
    elif case.machine.gpus and spec.workers > len(case.machine.gpus):
        what = f"{spec.workers} workers need as many GPUs, and there are {len(case.machine.gpus)}."
        yield Remark("machine", what, f"Set workers to {len(case.machine.gpus)}.")
    if spec.method == KTO and spec.batch_size < 2:
        yield Remark("settings", "kto compares the answers of a batch, so one is too few.", "Set batch_size to 2.")
    if spec.method == GRPO and not spec.rewards:
        yield Remark("settings", "grpo has no reward, so no answer is better than another.", "Name at least one.")


def _too_large(case: Case) -> Iterator[Remark]:
    """Only where even the least that it may take is more than the whole machine has."""
    if case.memory is None or case.memory.low <= case.machine.room:
        return
    have, need = in_words(case.machine.room), in_words(case.memory.total)
    where = f"the {case.machine.gpu.name} has" if case.machine.gpu else "this machine has"
    yield Remark("memory", f"It needs about {need} of memory, and {where} {have}.", _smaller(case))


def _tight(case: Case) -> Iterator[Remark]:
    if case.memory is None or case.memory.low > case.machine.room:
        return
    need = f"It needs about {in_words(case.memory.total)} of"
    if case.memory.high > case.machine.room:
        what = f"{need} the {in_words(case.machine.room)} of memory here: it may not fit."
        yield Remark("memory", what, _smaller(case))
    elif case.memory.total > case.machine.free_room:
        what = f"{need} memory; {in_words(case.machine.free_room)} are free now."
        yield Remark("memory", what, "Stop what else runs here, such as a model that is served.")


def _smaller(case: Case) -> str:
    """What would need less: named only where the estimate says that it would fit."""
    assert case.anatomy and case.memory
    spec, load, here = case.spec, case.plan.largest, case.machine
    if load.rows > 1:
        half = memory.Load((load.rows + 1) // 2, load.longest, (load.trained + 1) // 2)
        if memory.estimate(case.anatomy, spec, half, here.device, here.bf16).high <= here.room:
            small, more = (spec.batch_size + 1) // 2, spec.accumulation * 2
            return f"Set batch_size to {small} and accumulation to {more}: that learns the same."
    one = memory.Load(1, load.longest, -(-load.trained // max(1, load.rows)))
    for tuning in (LORA, QLORA) if here.gpus else (LORA,):
        if tuning == spec.tuning and load.rows == 1:
            continue
        other = replace(spec, tuning=tuning, batch_size=1)
        if memory.estimate(case.anatomy, other, one, here.device, here.bf16).high <= here.room:
            return (
                f"Choose the tuning {tuning} with batch_size 1 and accumulation {spec.batch_size * spec.accumulation}."
            )
    return "Choose a smaller base, shorter examples, or a machine with more memory."


def _rates(case: Case) -> Iterator[Remark]:
    found = case.family.learning_rates if case.family else None
    if found is None or case.spec.tuning == FULL or case.spec.method not in OURS:
        return
    low, high = found
    rate = case.spec.learning_rate
    if low / FAR <= rate <= high * FAR:
        return
    side, danger = ("above", "forget what it knew") if rate > high else ("below", "hardly learn")
    assert case.family
    who = "; ".join(
        f"{between(advice.learning_rate, written)} ({advice.source.publisher})"
        for advice in case.family.advice
        if advice.learning_rate
    )
    what = f"A learning rate of {written(rate)} is far {side} what is recommended for {case.family.title}: {who}."
    yield Remark("settings", what, f"The model may {danger}; try {written(high if rate > high else low)}.")


def _by_heart(case: Case) -> Iterator[Remark]:
    """How likely it is that the examples are learned by heart, in words."""
    plan, n = case.plan, case.plan.examples
    if case.spec.method == GRPO or not n:
        return
    if n < FEW:
        what = f"{n} examples are few: the model will soon know them by heart, and little else of them."
        yield Remark("overfitting", what, f"Some {FEW} show a style; for a task, gather some hundreds.")
    elif n < SOME and plan.epochs > MANY_EPOCHS:
        what = f"Each of {n:,} examples is seen {plan.epochs:g} times: it may learn them by heart."
        yield Remark("overfitting", what, "2 to 5 epochs mostly do; watch the validation loss.")
    if case.anatomy and plan.trained_tokens:
        moving = memory.trained_parameters(case.anatomy, case.spec)
        if moving > 1000 * plan.trained_tokens:
            what = f"{moving:,} weights move for {plan.trained_tokens:,} learned tokens."
            yield Remark("overfitting", what, "A smaller rank would do as well and remember less by heart.")


def _watching(case: Case) -> Iterator[Remark]:
    plan, spec = case.plan, case.spec
    if not plan.validation_examples and spec.method != GRPO:
        what = "There are no validation examples: nobody will see when it stops getting better."
        yield Remark("data", what, "Freeze a snapshot with a validation split.")
    if 0 < plan.steps < 10:
        what = f"There are only {plan.steps} steps, so it can hardly learn."
        yield Remark("settings", what, "Take a smaller batch, or more epochs.")
    if case.machine.gpus == () and spec.workers > case.machine.cores:
        what = f"{spec.workers} workers share {case.machine.cores} processor cores."
        yield Remark("machine", what, "More workers than cores only slow each other down.")
