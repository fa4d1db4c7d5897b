"""Runs: every training run, and the form that launches one."""

from dataclasses import Field, asdict, fields
from typing import Any

import streamlit as st

from engine.training import plan
from engine.training.plan import Plan
from engine.training.settings import TrainSpec
from studio.building import models, runs
from studio.building.runs import Run
from studio.freezing import snapshots
from studio.freezing.snapshots import Snapshot
from studio.ui import course, live, nav, notices, parts, privacy, state

DIALS = ("epochs", "learning_rate", "rank")
GIVEN = ("base", "train", "validation", "method")  # the form above settles these

store, me = state.store(), state.me()
runs.catch_up(store)


def launch(known: list[Run], frozen: list[Snapshot]) -> None:
    """The form: what to train on what, the dials, what it will do, and the button."""
    asked = state.asked("snapshot")
    if asked:
        snapshots.get(store, asked)  # a Problem if the link is wrong
    left, middle, right = st.columns(3)
    ids = [snapshot.id for snapshot in frozen]
    chosen = left.selectbox(
        "Learn from",
        frozen,
        index=ids.index(asked) if asked else 0,
        format_func=lambda snapshot: f"{snapshot.name} ({snapshot.train:,} examples)",
        key="launch-snapshot",
    )
    base = middle.selectbox(
        "Start from", [model.name for model in models.listed(store, models.BASE)], key="launch-base"
    )
    name = right.text_input("Name of the run, and of the model it makes", proposal(chosen, known), key="launch-name")
    settings = dials()
    ready = False
    with notices.told():
        ready = forecast(runs.spec_for(store, base, chosen.id, settings), known, base)
        told = ("train", "validation")  # what a run reads
        ready &= privacy.cleared(store, chosen.id, chosen.dataset, f"launch-{chosen.id}", splits=told)
    if st.button("Launch", type="primary", icon=":material/rocket_launch:", key="launch", disabled=not ready):
        with notices.told():
            run = runs.launch(store, name, base, chosen.id, me, settings)
            nav.goto("run", run=run.id)
    changed = [f"--set={key}={value}" for key, value in settings.items()]
    parts.command("atelier", "train", chosen.id, "--name", name, "--base", base, *changed)


def proposal(snapshot: Snapshot, known: list[Run]) -> str:
    taken = {run.name for run in known} | {model.name for model in models.listed(store)}
    return next(name for n in range(1, len(taken) + 2) if (name := f"{snapshot.dataset}-{n}") not in taken)


def dials() -> dict[str, Any]:
    """The settings that differ from their defaults."""
    known = {field.name: field for field in fields(TrainSpec) if field.name not in GIVEN}
    chosen = {}
    for column, name in zip(st.columns(3), DIALS, strict=True):
        with column:
            chosen[name] = dial(known[name])
    with st.expander("All other settings", icon=":material/tune:"), st.grid(4, min_column_width=190):
        for name, field in known.items():
            if name not in DIALS:
                chosen[name] = dial(field)
    return {name: value for name, value in chosen.items() if value != known[name].default}


def dial(field: Field[Any]) -> Any:
    default: Any = field.default
    label, help = field.name.replace("_", " ").capitalize(), field.metadata["help"]
    if isinstance(default, int):
        return st.number_input(label, min_value=0, value=default, step=1, help=help, key=f"dial-{field.name}")
    step = 0.5 if field.name == "epochs" else 0.0005 if field.name == "learning_rate" else 0.01
    form = "%.4f" if field.name == "learning_rate" else "%.2f"
    return st.number_input(
        label, min_value=0.0, value=default, step=step, format=form, help=help, key=f"dial-{field.name}"
    )


def forecast(spec: TrainSpec, known: list[Run], base: str) -> bool:
    """What the run would do, counted exactly, and what would keep it from starting; False when something would."""
    found = planned(**asdict(spec))
    speed = next((told["tokens_per_second"] for run in known if run.base == base and (told := run.last("step"))), None)
    facts = {
        "examples": f"{found.examples:,}",
        "tokens": f"{found.tokens:,}",
        "of these learned": f"{found.trained_tokens:,}",
        "longest": f"{found.longest:,} tokens",
        "steps": f"{found.steps:,}",
        "validation examples": f"{found.validation_examples:,}",
    }
    if speed:
        facts["about"] = parts.lasting(found.tokens * found.epochs / speed)
    with st.container(border=True):
        parts.facts(facts)
    for refused in [*found.refused, *found.validation_refused][:5]:
        st.warning(notices.plain(str(refused)), icon=":material/block:")
    return found.ready


@st.cache_data(max_entries=50, show_spinner="Counting tokens")
def planned(**settings: Any) -> Plan:
    """Snapshots never change, so neither does what a run on one would do."""
    return plan.plan(TrainSpec(**settings))


def listing(ids: list[str]) -> bool:
    """The runs, newest first; False when none goes on any more."""
    found = [runs.get(store, id) for id in ids]
    names = {snapshot.id: snapshot.name for snapshot in snapshots.listed(store)}
    for run in found:
        with st.container(border=True, key=f"run-{run.id}"):
            left, middle, right = st.columns([4, 4, 3], vertical_alignment="center")
            with left:
                nav.link(f"**{notices.plain(run.name)}**", "run", run=run.id)
                st.caption(f"{run.base} · {names.get(run.snapshot, run.snapshot)}")
            with middle:
                st.markdown(parts.badge_text(run.state))
                if run.live:
                    st.progress(course.share(run), course.left(run) or None)
                else:
                    st.caption(losses(run))
            right.caption(f"{run.made_by}  \n{parts.ago(run.made_at)}")
    return any(run.live for run in found)


def losses(run: Run) -> str:
    told, seen = course.steps(run), course.looks(run)
    words = []
    if len(told):
        words.append(f"training loss {told['loss'].tail(course.RECENT).mean():.3f}")
    if len(seen):
        words.append(f"validation {seen['loss'].iloc[-1]:.3f} (n = {seen['n'].iloc[-1]:,})")
    return ", ".join(words) or "no step was made"


parts.heading("Runs", "A run teaches a base model from one snapshot and leaves a tuned model.", "Build")
frozen, known = snapshots.listed(store), runs.listed(store)
if not frozen:
    text = "A run learns from a frozen dataset. Freeze one first; it takes a second."
    notices.empty("Nothing to learn from yet", text, "ac_unit", "datasets", "To the datasets")
else:
    form = st.expander(
        "Launch a run",
        icon=":material/rocket_launch:",
        expanded=not known or bool(state.asked("snapshot")),
        key="launching",
        on_change="rerun",
    )
    if form.open:
        with form:
            launch(known, frozen)
if known:
    pages = -(-len(known) // 20)
    page = st.pagination(pages, key="runs-page") if pages > 1 else 1
    shown = known[(page - 1) * 20 : page * 20]
    live.watch(listing, [run.id for run in shown], live=any(run.live for run in shown))
