"""Launching: the form that puts a run, or several, in the queue. It draws the choices and hands
back an Order."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from engine import queue
from engine.problems import Problem
from engine.queue import PRIORITIES, Place
from engine.serving import holding
from engine.training import settings as spec
from engine.training import trackers
from engine.training.settings import GRPO, METHODS, TUNINGS, TrainSpec
from studio import work
from studio.building import engines, material, models, rewards, sweeps
from studio.building.engines import Engine
from studio.building.material import Material
from studio.building.orders import Order
from studio.building.runs import Run
from studio.store import Store
from studio.ui import advised, nav, notices, state

DIALS = ("epochs", "learning_rate", "rank")  # what is turned most; of these, those that count
NOW, TONIGHT, LATER = "now", "tonight", "at a time"
FIELDS: dict[str, Field[Any]] = {field.name: field for field in fields(TrainSpec)}
SHORT = {
    "sft": "Supervised",
    "cpt": "Continued pretraining",
    "dpo": "DPO",
    "orpo": "ORPO",
    "kto": "KTO",
    "grpo": "GRPO",
}
MOVED = {"lora": "LoRA", "rslora": "rsLoRA", "dora": "DoRA", "qlora": "QLoRA, 4 bits", "full": "Every weight"}


def order(store: Store, sources: Sequence[Material], taken: set[str]) -> Order:
    """The whole form, from what to learn from to when. Problem when what is written in it makes no sense."""
    left, middle, right = st.columns(3)
    with left:
        learned = source(store, sources)
    with middle:
        method = _method(learned)
    with right:
        engine = _where(store)
        base = _base(store, engine)
    left, right = st.columns([1, 2])
    tuning = left.selectbox(
        "Which weights move", list(TUNINGS), format_func=MOVED.__getitem__, key="launch-tuning", on_change=_first_rate,
        help="  \n".join(f"**{MOVED[name]}**: {text}" for name, text in TUNINGS.items()),
    )  # fmt: skip
    name = right.text_input("Name of the run, and of the model it makes", proposal(learned, taken), key="launch-name")
    chosen: dict[str, Any] = {"method": method, "tuning": tuning}
    reward = ""
    if method == GRPO:
        reward, chosen["rewards"] = _reward(store)
    if not engine:
        advised.offer(models.get(store, base).path)
    chosen |= dials(method, tuning)
    grid, seeds = several(method, tuning, chosen)
    chosen |= _trackers()
    settings = {key: value for key, value in chosen.items() if value != sweeps.DEFAULTS.get(key)}
    return Order(name, base, learned, settings, grid, seeds, reward, when(store), engine)


def source(store: Store, sources: Sequence[Material]) -> Material:
    """What to learn from; the one that the address names is chosen beforehand. Problem when there is no such."""
    asked = state.asked("snapshot")
    ids = [one.id for one in sources]
    if asked:
        material.of(store, asked)
    found: Material = st.selectbox(
        "Learn from",
        sources,
        index=ids.index(asked) if asked else 0,
        format_func=lambda one: f"{one.name} ({one.examples:,} {_rows(one)})",
        key="launch-snapshot",
    )
    return found


def proposal(learned: Material, taken: set[str]) -> str:
    """The next free name, after what it learns from."""
    return next(name for n in range(1, len(taken) + 2) if (name := f"{learned.source}-{n}") not in taken)


def dials(method: str, tuning: str) -> dict[str, Any]:
    """The settings that count for a method and a tuning, as they stand."""
    counting = spec.counting(method, tuning)
    first = [name for name in DIALS if name in counting]
    chosen = {}
    for column, name in zip(st.columns(3), first, strict=False):
        with column:
            chosen[name] = dial(FIELDS[name])
    with st.expander("All other settings", icon=":material/tune:"), st.grid(4, min_column_width=190):
        for name in counting:
            if name not in first:
                chosen[name] = dial(FIELDS[name])
    return chosen


def dial(field: Field[Any]) -> Any:
    """One setting, with the help text that it carries and the range that it allows."""
    default: Any = field.default
    key, label, help = f"dial-{field.name}", field.name.replace("_", " ").capitalize(), field.metadata["help"]
    begins = state.value(key, default)
    if isinstance(default, bool):
        return st.toggle(label, begins, help=help, key=key)
    if isinstance(default, str):
        return st.text_input(label, begins, help=help, key=key).strip()
    least, most = field.metadata.get("least"), field.metadata.get("most")
    if isinstance(default, int):
        ends = None if most is None else int(most)
        return st.number_input(label, int(least or 0), ends, begins, step=1, help=help, key=key)
    step = 0.5 if field.name == "epochs" else 0.0001 if field.name == "learning_rate" else 0.01
    low, high = float(least or 0), None if most is None else float(most)
    return st.number_input(label, low, high, begins, step=step, format="%g", help=help, key=key)


def several(method: str, tuning: str, chosen: Mapping[str, Any]) -> tuple[dict[str, list[Any]], int]:
    """Values to compare, and how many seeds: a grid and a number."""
    with st.expander("Several runs: compare settings, or repeat with other seeds", icon=":material/apps:"):
        left, right = st.columns([3, 1])
        numbers = [name for name in spec.counting(method, tuning) if not isinstance(FIELDS[name].default, str)]
        picked = left.multiselect(
            "Settings to compare",
            [name for name in numbers if name != "seed"],
            format_func=lambda name: name.replace("_", " "),
            key="launch-grid",
            placeholder="None: one run with the settings above",
        )
        seeds = right.number_input(
            "Seeds", 1, 8, 1, key="launch-seeds",
            help="The same again with another order of the data. Two seeds show how much of a difference is chance.",
        )  # fmt: skip
        grid = {}
        for name in picked:
            text = st.text_input(
                f"Values of {name.replace('_', ' ')}, separated by commas", f"{chosen[name]}", key=f"grid-{name}"
            )
            grid[name] = sweeps.values(name, text)
    return grid, int(seeds)


def when(store: Store) -> Place:
    """Now, in the night or at a time; and how urgent."""
    rules = work.rules(store)
    if held := holding.stands_in_the_way(store.home.root, "train"):
        st.info(notices.plain(held), icon=":material/memory:")
    left, middle, right = st.columns([5, 4, 4])
    words = {NOW: "Now", TONIGHT: f"Tonight, from {rules.night_from}", LATER: "At a time"}
    start = left.segmented_control(
        "Start", list(words), default=NOW, format_func=words.__getitem__, required=True, key="launch-when"
    )
    priority = right.segmented_control(
        "Priority", PRIORITIES, default=queue.NORMAL, required=True, key="launch-priority",
        help="Who goes first when several wait. Nothing that runs is interrupted.",
    )  # fmt: skip
    if start != LATER:
        return Place(priority, night=start == TONIGHT)
    nearest = datetime.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    at = middle.datetime_input(
        "Not before", nearest, key="launch-at", help="In the local time of the machine that trains."
    )
    if at is None:
        raise Problem("The time to start is missing.", do="Choose it, or let it start now.")
    return Place(priority, not_before=at.timestamp())


def _where(store: Store) -> str:
    """The engine that trains; not asked where there is only this machine."""
    known = ["", *(engine.name for engine in engines.listed(store))]
    if len(known) == 1:
        return engines.HERE
    return str(st.selectbox("Where", known, format_func=lambda name: name or "This machine", key="launch-engine"))


def _base(store: Store, engine: str) -> str:
    """What to start from: a base that is here, or what the engine elsewhere has."""
    if engine:
        there = _there(engines.get(store, engine))
        return str(st.selectbox("Start from", there, key=f"launch-base-{engine}"))
    bases = [model.name for model in models.listed(store, models.BASE) if not model.archived]
    asked = state.asked("base")
    first = bases.index(asked) if asked in bases else 0
    return str(st.selectbox("Start from", bases, index=first, key="launch-base"))


@st.cache_data(ttl=60, show_spinner="Asking the engine what it has")
def _there(engine: Engine) -> list[str]:
    return engines.models(engine)


def _method(learned: Material) -> str:
    """How to learn, of what the material allows; the others are named with what they lack."""
    allowed = [name for name in METHODS if name in learned.methods]
    help = "  \n".join(f"**{SHORT[name]}**: {METHODS[name]}" for name in METHODS)
    method = st.selectbox(
        "Method", allowed, format_func=SHORT.__getitem__, key="launch-method", help=help, on_change=_first_rate
    )
    usable = learned.methods[method]
    st.caption(
        METHODS[method]
        if usable == learned.examples
        else f"{usable:,} of {learned.examples:,} {_rows(learned)} have a worse answer to learn from."
    )
    return str(method)


def _first_rate() -> None:
    """Another way of learning begins with another learning rate."""
    method, tuning = state.value("launch-method", spec.SFT), state.value("launch-tuning", spec.LORA)
    state.keep("dial-learning_rate", spec.first_rate(method, tuning))


def _reward(store: Store) -> tuple[str, list[dict[str, Any]]]:
    saved = rewards.listed(store)
    if not saved:
        st.info("GRPO learns from what its answers are paid. There is no reward yet.", icon=":material/paid:")
        nav.link("Make a reward", "rewards")
        return "", []
    chosen = st.selectbox("What an answer is paid for", saved, format_func=lambda one: one.name, key="launch-reward")
    return chosen.name, list(chosen.rewards)


def _trackers() -> dict[str, str]:
    """Where else the figures go; said aloud when that is another machine."""
    with st.expander("Show the figures elsewhere too", icon=":material/share:"):
        chosen = st.pills(
            "Trackers",
            list(trackers.KNOWN),
            selection_mode="multi",
            key="launch-trackers",
            label_visibility="collapsed",
        )
        text = ",".join(chosen)
        trackers.named(text)
        if here := [name for name in chosen if not trackers.leaving(name)]:
            st.caption(f"{' and '.join(here)}: the figures stay on this machine.")
    return {"trackers": text}


def how(run: Run) -> str:
    """The method and the weights that move, in a word or two."""
    return ", ".join(known.get(name, name) for known, name in ((SHORT, run.method), (MOVED, run.tuning)))


def _rows(learned: Material) -> str:
    return "documents" if learned.kind == material.CORPUS else "examples"
