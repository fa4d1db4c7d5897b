"""Orders: what somebody wants trained, in one run or several, before it is launched. The form and the command line
both make one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import queue
from engine.problems import Problem
from engine.queue import Place
from engine.training import trackers
from engine.training.settings import LORA, RATES, SFT, first_rate
from studio.building import engines, material, rewards, sweeps
from studio.building.material import Material
from studio.building.runs import Run
from studio.store import Store

BY_NAME = ("method", "tuning", "rewards", "trackers")  # settings that have an option of their own


@dataclass(frozen=True)
class Order:
    """`settings` hold for every run, `grid` holds several values of a setting each, `reward` is the name of a saved
    one, whose rules are among the settings."""

    name: str
    base: str
    learned: Material
    settings: dict[str, Any]
    grid: dict[str, list[Any]] = field(default_factory=dict)
    seeds: int = 1
    reward: str = ""
    place: Place = field(default_factory=Place)
    engine: str = engines.HERE

    @property
    def planned(self) -> list[dict[str, Any]]:
        """The settings of each run, as `sweeps.launch` takes them."""
        return sweeps.plan(self.settings, self.grid, self.seeds)

    def leaves(self, store: Store) -> list[str]:
        """What goes to other machines while it learns, in sentences."""
        judges = rewards.leaving(store, self.settings.get("rewards", []))
        said = [f"This leaves your machine: every question and answer that is tried goes to {url}." for url in judges]
        for name in trackers.named(self.settings.get("trackers", "")):
            if where := trackers.leaving(name):
                what = "the settings of the run without its files, and the figures of each step"
                said.append(f"This leaves your machine: {what}, to {where}. No text of any example does.")
        if self.engine:
            there = engines.get(store, self.engine)
            said.append(f"The examples are sent to {there.name}, {there.url}: what is sent there {there.announced}.")
        return said

    @property
    def command(self) -> list[str]:
        """The words of the command line that orders the same."""
        options = {f"--{name}": self.settings.get(name) for name in BY_NAME if name != "rewards"}
        options |= {"--engine": self.engine, "--reward": self.reward, "--seeds": self.seeds if self.seeds > 1 else None}
        words = ["atelier", "train", self.learned.id, "--name", self.name, "--base", self.base]
        words += [f"{option}={value}" for option, value in options.items() if value]
        words += [f"--set={key}={value}" for key, value in self.settings.items() if key not in BY_NAME]
        words += [f"--set={key}={','.join(map(str, values))}" for key, values in self.grid.items()]
        return words + _when(self.place)


def read(
    store: Store,
    name: str,
    base: str,
    snapshot: str,
    pairs: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    seeds: int = 1,
    reward: str = "",
    priority: str = queue.NORMAL,
    at: str = "",
    tonight: bool = False,
    engine: str = engines.HERE,
) -> Order:
    """An order as it is typed: `snapshot` may be the beginning of an id, `pairs` are like `rank=8,16`.

    `at` is a time such as 20:00. Problem when something in it cannot be.
    """
    single, grid = sweeps.read(pairs)
    chosen = {**(settings or {}), **single}
    if reward:
        chosen["rewards"] = list(rewards.get(store, reward).rewards)
    if seeds < 1:
        raise Problem(f"{seeds} seeds make no run.", do="Ask for one or more.")
    rate = first_rate(chosen.get("method", SFT), chosen.get("tuning", LORA))
    if "learning_rate" not in (*chosen, *grid) and rate != RATES[SFT]:
        chosen["learning_rate"] = rate
    place = Place(priority, not_before=queue.moment(at) if at else 0.0, night=tonight)
    return Order(name, base, material.named(store, snapshot), chosen, grid, seeds, reward, place, engine)


def launch(store: Store, order: Order, by: str) -> list[Run]:
    """Put it in the queue."""
    return sweeps.launch(store, order.name, order.base, order.learned, by, order.planned, order.place, order.engine)


def _when(place: Place) -> list[str]:
    words = ["--tonight"] if place.night else []
    if place.not_before > time.time():
        words.append(f"--at={datetime.fromtimestamp(place.not_before):%Y-%m-%d %H:%M}")
    return words if place.priority == queue.NORMAL else [*words, f"--priority={place.priority}"]
