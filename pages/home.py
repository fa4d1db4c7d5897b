"""Home: what exists, what runs now, what each role could do next, and what was done lately."""

import streamlit as st

from engine import events, jobs
from studio import audit, datasets, evaluations, models, runs, steps
from studio.store import Store
from studio.ui import live, nav, notices, parts, state


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
            "A JSONL file with one conversation a line. Every line is checked; what cannot be used is shown "
            "with its reason, and you can mend it right there."
        )
        st.space("stretch")
        if st.button("Bring your own file", icon=":material/upload_file:"):
            nav.goto("datasets")


def load_sample(store: Store) -> None:
    from studio import sample

    bar = st.progress(0.0, "Loading the sample project")
    sample.load(
        store, state.me(), lambda what, done, of: bar.progress(min(1.0, done / of) if of else 1.0, f"Reading {what}")
    )
    notices.later("The sample project is here.")
    st.rerun()


def counts(store: Store) -> None:
    found = datasets.listed(store)
    tuned = models.listed(store, models.ADAPTER)
    parts.facts(
        {
            "examples": f"{sum(dataset.examples for dataset in found):,}",
            "datasets": f"{len(found):,}",
            "runs": f"{len(runs.listed(store)):,}",
            "tuned models": f"{len(tuned):,}",
            "evaluations": f"{len(evaluations.listed(store)):,}",
        }
    )


def working(store: Store) -> bool:
    """What runs now; False when nothing does."""
    found = [job for job in jobs.listed(store.home.jobs) if job.live]
    parts.label("Running now")
    if not found:
        st.caption("Nothing. The machine is free.")
    for job in found:
        told = events.last(job.folder, "step") or {}
        share = told.get("step", 0) / told["steps"] if told.get("steps") else 0.0
        left = f", {parts.lasting(told['seconds_left'])} left" if told.get("seconds_left") else ""
        st.progress(share, f"{job.kind} · {job.state}{left} · {job.by}")
    return bool(found)


def next_steps(store: Store) -> None:
    parts.label("What next")
    mine = state.role()
    found = sorted(steps.next_steps(store), key=lambda step: step.role != mine)
    with st.grid(len(found), min_column_width=230, gap="small"):
        for step in found:
            with st.container(border=True, height="stretch", gap="xsmall"):
                parts.label(step.role + (" · you" if step.role == mine else ""))
                st.markdown(f"**{step.text}**")
                st.caption(step.why)
                st.space("stretch")
                nav.link("Go there", step.page)


def lately(store: Store) -> None:
    parts.label("Lately")
    for event in audit.listed(store, 8):
        st.markdown(f"**{event.made_by}** · {event.verb} · {event.subject} :gray[· {parts.ago(event.made_at)}]")


store = state.store()
if not datasets.listed(store) and not runs.listed(store):
    welcome(store)
else:
    parts.heading("Home", "What is here, what runs, and what to do next.")
    counts(store)
    next_steps(store)
    left, right = st.columns([3, 2], gap="large")
    with left:
        lately(store)
    with right:
        live.watch(working, store, live=any(job.live for job in jobs.listed(store.home.jobs)))
