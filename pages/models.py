"""Models: what can be asked, what made it, and what a run can start from."""

import streamlit as st

from engine import sizes
from engine.training.forecast import machine
from engine.training.forecast.machine import Machine
from studio.building import bases, models, runs
from studio.building.models import Model
from studio.ui import nav, notices, parts, shelf, state

KINDS = {models.BASE: "base", models.ADAPTER: "tuned", models.ENDPOINT: "answers elsewhere"}

store, me = state.store(), state.me()
runs.catch_up(store)


@st.cache_data(ttl=30, show_spinner=False)
def here() -> Machine:
    """Asking the driver for its GPUs takes a moment."""
    return machine.here()


def bring_in() -> None:
    """A base by folder or hub id."""
    with st.form("register", border=False):
        left, right = st.columns([2, 1])
        where = left.text_input(
            "Folder on this machine, or hub id",
            placeholder="mistralai/Mistral-7B-Instruct-v0.3",
            help="A folder in Hugging Face format: config.json, tokenizer, chat template, safetensors.",
            key="register-where",
        )
        name = right.text_input("Name here", placeholder="from the folder", key="register-name")
        if st.form_submit_button("Look at it and add it", type="primary", icon=":material/add:"):
            with notices.told():
                added = bases.register(store, name, where, me)
                notices.later(f"{added.name} is here. A run can start from it.")
                st.rerun()
    st.caption(
        "Only its small files are read now; weights of a hub id are downloaded when a run starts. What brings code of "
        "its own, pickled weights or no chat template is refused."
    )


def row(model: Model) -> None:
    """One model: what it is, where it comes from, what to do with it."""
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", gap="medium", key=f"model-{model.name}"
    ):
        with st.container(gap=None):
            tags = "".join(f" :gray-badge[{notices.plain(tag)}]" for tag in model.tags)
            nav.link(
                f"**{notices.plain(model.name)}** :blue-badge[{KINDS[model.kind]}]{tags}", "model", model=model.name
            )
            st.caption(origin(model))
        lineage(model)


def origin(model: Model) -> str:
    """Where it comes from and how large it is, in words."""
    disk = bases.on_disk(model)
    said = [
        f"on {notices.plain(model.base)}" if model.base else "",
        f"{sizes.in_words(disk)} on disk" if disk is not None else "",
    ]
    if disk is None:
        said.append(elsewhere(model))
    return " · ".join([*(one for one in said if one), f"{model.made_by}, {parts.ago(model.made_at)}"])


def elsewhere(model: Model) -> str:
    """Why there are no files of it here."""
    if model.kind == models.ENDPOINT:
        return "what it is asked leaves this machine" if model.leaves else "answers on this machine"
    return "not downloaded yet" if model.kind == models.BASE else "its files are gone"


def lineage(model: Model) -> None:
    if model.run:
        run = runs.get(store, model.run)
        nav.link("Its run", "run", run=run.id)
        nav.link("Learned from", "snapshots", snapshot=run.snapshot)
    if model.kind == models.BASE:
        nav.link("Train on it", "runs", icon="model_training", base=model.name)
    nav.link("Ask it", "playground", model=model.name)


parts.heading("Models", "What can be asked, what made it, and what a run can start from.", "Build")
known = [model for model in models.listed(store) if not model.archived]
tuned = [model for model in known if model.kind == models.ADAPTER]
others = [model for model in known if model.kind != models.ADAPTER]
with st.expander("Bring in a base", icon=":material/add:"):
    bring_in()
if tuned:
    parts.section(f"{parts.count(len(tuned), 'tuned model')}")
    for model in reversed(tuned):
        row(model)
parts.section("Here to start from and to compare with")
for model in others:
    row(model)
if not tuned:
    text = "A run teaches one of these models from your examples and leaves a tuned one here."
    notices.empty("Nothing is tuned yet", text, "model_training", "runs", "To the runs")
parts.section("Which one to start from?")
shelf.choose(here())
parts.section("Known families, smallest first")
st.caption(f"What each would need on this machine: {here()}.")
shelf.listed(here())
