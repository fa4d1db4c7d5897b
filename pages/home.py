"""Home: what exists, what runs now, what each role could do next, and what was done lately."""

import streamlit as st

from engine import jobs
from studio import audit, sample, steps
from studio.building import models, runs
from studio.data import datasets
from studio.data.datasets import Dataset
from studio.judging import evaluations
from studio.judging.orders import COMPARISON
from studio.store import Store
from studio.ui import course, deeds, live, nav, notices, parts, state


def welcome(store: Store) -> None:
    parts.heading(
        "Welcome to the workshop",
        "Here your team turns its own examples into a model that it can trust: you write and review examples, train a "
        "model on them, and compare it blind with what you had. Everything stays on this machine.",
    )
    st.space("small")
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        st.markdown("### :material/science: Look around first", anchors=False)
        st.markdown(
            "A small made-up company with two datasets, its product documents and its questions. "
            "Good for a first tour, and easy to leave behind."
        )
        st.space("stretch")
        if st.button("Load the sample project", type="primary", icon=":material/download:"):
            load_sample(store)
    with right.container(border=True, height="stretch"):
        st.markdown("### :material/upload_file: Start with your own", anchors=False)
        st.markdown(
            "A file, a table or pasted text: JSONL, JSON, CSV, Excel, Parquet. Every row is checked; what cannot be "
            "used is shown with its reason and a repair."
        )
        st.space("stretch")
        if st.button("Bring your own file", icon=":material/upload_file:"):
            nav.goto("bring_in")


def load_sample(store: Store) -> None:
    bar = st.progress(0.0, "Loading the sample project")

    def progress(what: str, done: int, of: int) -> None:
        bar.progress(min(1.0, done / of) if of else 1.0, f"Reading {what}")

    sample.load(store, state.me(), progress)
    notices.later("The sample project is here.")
    st.rerun()


def counts(store: Store, found: list[Dataset]) -> None:
    tuned = models.listed(store, models.ADAPTER)
    parts.facts(
        {
            "examples": f"{sum(dataset.examples for dataset in found):,}",
            "datasets": f"{len(found):,}",
            "runs": f"{len(runs.listed(store)):,}",
            "tuned models": f"{len(tuned):,}",
            "evaluations": f"{sum(one.purpose == COMPARISON for one in evaluations.listed(store)):,}",
        }
    )


def working(store: Store) -> bool:
    """What runs now; False when nothing does."""
    found = [job for job in jobs.listed(store.home.jobs) if job.live]
    parts.section("Running now")
    if not found:
        st.caption("Nothing. The machine is free.")
    named = {run.id: run.name for run in runs.listed(store)} | {e.id: e.name for e in evaluations.listed(store)}
    for job in found:
        share, left = course.progress(job)
        words = " · ".join(word for word in (named.get(job.id, job.kind), job.state, left, job.by) if word)
        st.progress(share, notices.plain(words))
        if job.kind == "train":
            nav.link("Watch it", "run", run=job.id)
    return bool(found)


def next_steps(store: Store) -> None:
    parts.section("What next")
    mine = state.role()
    found = sorted(steps.next_steps(store), key=lambda step: step.role != mine)
    with st.grid(len(found), min_column_width=230, gap="small"):
        for step in found:
            with st.container(border=True, height="stretch", gap="xsmall", key=f"step-{step.role}"):
                parts.label(step.role + (" · you" if step.role == mine else ""))
                st.markdown(f"**{step.text}**")
                st.caption(step.why)
                st.space("stretch")
                if step.page != "home":
                    nav.link("Go there", step.page, **step.ids)
                elif st.button("Load it", key="sample", type="tertiary", icon=":material/download:"):
                    load_sample(store)


def lately(store: Store) -> None:
    parts.section("Lately")
    done = [
        f"**{notices.plain(event.made_by)}** {deeds.said(event)} :gray[{parts.ago(event.made_at)}]"
        for event in audit.listed(store, 8)
    ]
    st.markdown("  \n".join(done))


store = state.store()
known = datasets.listed(store)
if not known and not runs.listed(store):
    welcome(store)
else:
    parts.heading("Home", "What is here, what runs, and what to do next.")
    counts(store, known)
    next_steps(store)
    left, right = st.columns([3, 2], gap="large")
    with left:
        lately(store)
    with right:
        live.watch(working, store, live=any(job.live for job in jobs.listed(store.home.jobs)))
