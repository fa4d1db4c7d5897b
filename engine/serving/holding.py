"""Holding: who has this machine's GPU, a run or a server, and who makes way for whom. Read off their folders.

Two that learn or answer on one GPU fight over its memory, and the loser ends with an error. So whoever comes second
waits, has the other one stopped, or is told no, as the rules of the queue say (engine.queue.Rules). On a machine
without a GPU nobody holds anything.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import events, processes, queue, specs
from engine.problems import Problem
from engine.queue import REFUSE, STOP, WAIT
from engine.scaling import cluster
from engine.serving import health
from engine.serving.settings import ServeSpec
from engine.training.forecast import machine

SERVER, RUN = "server", "run"
LEARNING = ("train", "pretrain")  # kinds of job that compute on the GPU where there is one
QUIET = 300.0  # seconds without a question after which a server makes way for a run that waits


@dataclass(frozen=True)
class Holder:
    """Who has the GPU. `name` is a run's id, or the base that a server answers for; `share` of the GPU's memory."""

    kind: str
    name: str
    folder: Path
    asked_at: float = 0.0  # when a server was last asked, in seconds since the epoch
    lasting: bool = False  # a server that runs until somebody ends it
    share: float = 1.0

    @property
    def quiet(self) -> bool:
        return self.kind == SERVER and not self.lasting and time.time() - self.asked_at > QUIET

    def __str__(self) -> str:
        return f"the run {self.name}" if self.kind == RUN else f"the server of {self.name}"


def servers(home: Path) -> list[Holder]:
    """The living servers that answer on the GPU: vLLM, as our own answer on the processor."""
    found = []
    for path in sorted((home / "servers").glob(f"[!.]*/{specs.FILE}")):
        spec, folder = json.loads(path.read_text()), path.parent
        if spec.get("program") and (processes.find(folder) or processes.find(folder, "child.json")):
            asked = health.found(folder).asked_at or processes.noted_at(folder) or 0.0
            name = spec.get("name") or Path(spec["model"]).name
            lasting = not spec.get("idle_minutes")
            found.append(Holder(SERVER, name, folder, asked, lasting, spec.get("share", 1.0)))
    return found if found and machine.here().gpu else []


def runs(home: Path) -> list[Holder]:
    """The jobs that learn here now."""
    found = []
    for path in sorted((home / "jobs").glob("[!.]*/job.json")):
        folder = path.parent
        if processes.find(folder) and json.loads(path.read_text())["kind"] in LEARNING:
            found.append(Holder(RUN, folder.name, folder))
    return found if found and machine.here().gpu else []


def said(home: Path) -> str:
    """Who has the GPU, in a sentence for people; '' on a machine without one."""
    gpu = machine.here().gpu
    if gpu is None:
        return ""
    holders = [*runs(home), *servers(home)]
    if not holders:
        return f"Nobody uses the {gpu.name} now."
    who = " and ".join(map(str, holders))
    return f"{who[0].upper()}{who[1:]} {'have' if len(holders) > 1 else 'has'} the {gpu.name}."


def stands_in_the_way(home: Path, kind: str) -> str:
    """Why a job of this kind would have to wait for the GPU now, in a sentence; '' when it would not.

    What the rules say to stop, or to let go because nobody asks it, stands in nobody's way.
    """
    if not _wants(home, kind):
        return ""
    rules = queue.rules(home / "jobs")
    busy = [] if rules.server_has_gpu == STOP else [one for one in servers(home) if not one.quiet]
    if not busy:
        return ""
    until = (
        "it runs until somebody stops it on the page Serving"
        if busy[0].lasting
        else f"it makes way when nobody has asked it for {QUIET / 60:.0f} minutes, or is stopped on the page Serving"
    )
    return f"Waits for the GPU, which {busy[0]} has: {until}."


def check(home: Path, kind: str) -> None:
    """Problem when a job of this kind is to be refused because a server has the GPU."""
    if not _wants(home, kind) or queue.rules(home / "jobs").server_has_gpu != REFUSE:
        return
    if holders := servers(home):
        raise Problem(
            f"The GPU is in use: {holders[0]} has it.",
            "The rules of the queue say to refuse a run then.",
            "Stop the server on the page Serving, or change the rule there.",
        )


def clear(home: Path, kind: str) -> bool:
    """Make way for a job of this kind as the rules say; whether the GPU is its own now."""
    if not _wants(home, kind):
        return True
    if stands_in_the_way(home, kind):
        return False
    for holder in servers(home):
        end(holder, "A run needs the GPU.")
    return True


def end(holder: Holder, why: str) -> None:
    """End a server for good, whether it is watched or not."""
    events.append(holder.folder, "end", why=why)
    processes.end(holder.folder)
    processes.end(holder.folder, file="child.json")
    processes.sweep(holder.folder, "child.json")


def wait_for_gpu(home: Path, spec: ServeSpec, patience: float) -> Sequence[Path]:
    """Wait, for `patience` seconds at most, until a server may have the GPU. The folders of runs that have to make way.

    Other servers make way when nobody asks them and the memory does not do for all. Problem when it cannot be had.
    """
    rules = queue.rules(home / "jobs")
    until = time.monotonic() + (patience if rules.run_has_gpu == WAIT else 0.0)
    while (held := runs(home)) and rules.run_has_gpu != STOP:
        if time.monotonic() >= until:
            raise Problem(
                f"The GPU is in use: {held[0]} has it, and {Path(spec.model).name} needs it to be served.",
                do="Wait until the run has ended, or pause it on its page; the page Serving says what the rule is.",
            )
        time.sleep(0.5)
    others = servers(home)
    for other in sorted(others, key=lambda one: one.asked_at):
        if sum(one.share for one in others) + spec.share <= 1:
            break
        if not other.quiet:
            raise Problem(
                f"The GPU has no room for {Path(spec.model).name}: {other} takes {other.share:.0%} of its memory.",
                do="Stop that server on the page Serving, or start both with smaller shares.",
            )
        end(other, "Another server needs the GPU.")
        others = [one for one in others if one is not other]
    return [one.folder for one in held]


def _wants(home: Path, kind: str) -> bool:
    """Whether jobs of a kind compute on this machine's GPU; where there is a cluster, its nodes do that."""
    return kind in LEARNING and cluster.read(home / "jobs") is None
