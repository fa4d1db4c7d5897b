"""Make data: order drafts from a model, follow the job, see what was held back; or give answers the passages that they
are read from. People approve, never a machine."""

from collections import Counter
from typing import Any

import streamlit as st

from engine import jobs
from studio import work
from studio.data.datasets import Dataset
from studio.ui import chat, course, live, nav, notices, order, parts, passages, rooms, state
from studio.writing import lessons, makings
from studio.writing.makings import Making, Plan

SHOWN = 20
DRAFT, GROUND = "A model drafts", "Answers get passages"

store, me = state.store(), state.me()


def overview(dataset: Dataset) -> None:
    way = st.segmented_control("Way", [DRAFT, GROUND], default=DRAFT, required=True, label_visibility="collapsed")
    if way == GROUND:
        grounding(dataset)
    else:
        drafting(dataset)


def grounding(dataset: Dataset) -> None:
    """Questions and answers of this dataset with passages of a library: made, looked at, written."""
    with st.container(border=True):
        st.markdown("#### A model learns to read, and to say what isn't there", anchors=False)
        st.markdown(
            "Each question gets passages as it will get them later: the right one anywhere among wrong ones that the "
            "same search finds. In some the right one is missing, and the answer says so.",
            width=680,
        )
        plan = passages.form(dataset)
        if plan is None:
            return
        if st.button("Make them, to look at", icon=":material/visibility:", key="prepare"):
            bar = st.progress(0.0, "Looking for the passages")

            def hear(done: int, of: int) -> None:
                if done % max(1, of // 100) == 0:
                    bar.progress(done / of, f"{done:,} of {of:,} questions")

            with notices.told():
                state.keep(state.PREPARED, lessons.prepare(store, plan, hear))
            bar.empty()
        passages.command(plan)
    prepared = state.value(state.PREPARED)
    if prepared is None or prepared.plan != plan:
        return
    passages.outcome(prepared)
    label = f"Write all {len(prepared.lessons.made):,} to {plan.into}"
    if st.button(label, type="primary", icon=":material/add_task:", key="write"):
        with notices.told():
            new = lessons.write(store, prepared, me)
            state.keep(state.PREPARED, None)
            notices.later(f"{parts.count(new, 'example')} brought in, {passages.ARRIVE[plan.status]}.")
            nav.goto("examples", dataset=plan.into)


def drafting(dataset: Dataset) -> None:
    found = makings.listed(store, dataset.name)
    with st.container(border=True):
        st.markdown("#### A model drafts, people approve", anchors=False)
        with notices.told():
            plan = order.form(dataset)
            if plan is not None:
                ordered(plan)
    if found:
        parts.section("Made so far")
    for making in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
            who = f"by {notices.plain(making.model)}, {parts.ago(making.made_at)}"
            st.markdown(f"**{notices.plain(making.name)}** :gray[{who}]", width="stretch")
            parts.badge(making.state)
            if making.taken is not None:
                st.markdown(f"{making.taken:,} brought in")
            nav.link("Open", "making", icon="arrow_forward", dataset=dataset.name, making=making.id)


def ordered(plan: Plan) -> None:
    """What it takes, where it goes, and the two buttons."""
    tasted = state.value(state.TASTED)
    same = tasted is not None and tasted[0] == _taste_key(plan)
    st.markdown(order.takes(makings.estimate(store, plan, tasted[2] if same else ())))
    allowed = True
    if address := makings.leaving(store, plan):
        allowed = leaves(plan, address)
    with st.container(horizontal=True):
        first = st.button("Make the first ones", icon=":material/looks_one:", disabled=not allowed, key="taste")
        whole = st.button(
            "Make them all", type="primary", icon=":material/play_arrow:", disabled=not allowed, key="make"
        )
    if first:
        with st.spinner("The model is writing"):
            state.keep(state.TASTED, (_taste_key(plan), *makings.taste(store, plan)))
        st.rerun()
    if whole:
        made = makings.start(store, plan, me)
        nav.goto("making", dataset=plan.dataset, making=made.id)
    if same:
        parts.section("The first ones, as they would come")
        rows(tasted[1], "taste")


def leaves(plan: Plan, address: str) -> bool:
    """Says what leaves this machine and what personal data is in it; whether the person allows that."""
    found = makings.personal(store, plan)
    said = f"**This leaves your machine.** What the model reads is sent to {notices.plain(address)}. {found}"
    st.warning(said, icon=":material/outbound:")
    return st.checkbox("It may be sent there", key=f"allow-{address}")


def _taste_key(plan: Plan) -> Any:
    return (
        plan.recipe,
        plan.source,
        plan.lines,
        plan.model,
        plan.each,
        plan.instructions,
        plan.temperature,
        plan.judge,
    )


def detail(dataset: Dataset, making: Making) -> None:
    nav_back(dataset)
    st.subheader(making.name, anchor=False)
    st.caption(f"{making.plan.origin} · ordered by {making.made_by}, {parts.ago(making.made_at)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        question = "Calls that are paid stay, and it can go on from there."
        if making.live and notices.sure("Stop", question, "Stop it", key="stop", icon="stop_circle"):
            work.stop(store, making, me)
            st.rerun()
        if making.state in (jobs.FAILED, jobs.STOPPED) and st.button("Go on", icon=":material/play_arrow:"):
            work.resume(store, making, me)
            st.rerun()
        if making.taken and st.button("Review them", type="primary", icon=nav.place("examples").symbol):
            nav.goto("examples", dataset=dataset.name, source=making.name, status="in review")
    if making.state == jobs.FAILED:
        with st.expander("Why it failed", icon=":material/error:", expanded=True):
            st.code(jobs.why(making.job.folder), language=None, wrap_lines=True)
    live.watch(progress, making.id, live=making.live)


def nav_back(dataset: Dataset) -> None:
    if st.button("All makings", icon=":material/arrow_back:", type="tertiary"):
        nav.goto("making", dataset=dataset.name)


def progress(id: str) -> bool:
    """How it stands; whether more is coming."""
    makings.catch_up(store)
    making = makings.get(store, id)
    parts.badge(making.state)
    told = making.last("end") or making.progress or {}
    if making.live:
        share, left = course.progress(making.job)
        st.progress(
            share, " · ".join(word for word in (f"{told.get('done', 0):,} of {told.get('of', 0):,}", left) if word)
        )
    facts = {
        "calls": f"{told.get('calls', 0):,}",
        "tokens": f"{told.get('tokens_in', 0) + told.get('tokens_out', 0):,}",
    }
    euros = told.get("euros", 0.0)
    facts["cost so far"] = "not known: no price is set" if euros is None else f"{euros:.2f} €"
    if making.live and told.get("ahead") is not None:
        facts["still to come"] = f"about {told['ahead']:.2f} €"
    parts.facts(facts)
    if told.get("unsure"):
        st.caption(f"Calls of which nobody told what they took may have cost up to {told['unsure']:.2f} € more.")
    if told.get("spent"):
        st.info(
            "The budget was used up before all were made. What was made until then is here.", icon=":material/savings:"
        )
    if making.state == jobs.DONE:
        results(making)
    return making.live


def results(making: Making) -> None:
    found = making.rows
    passed = [row for row in found if not row["held"] and not row["failed"]]
    held = [row for row in found if row["held"]]
    failed = [row for row in found if row["failed"]]
    tabs = st.tabs([f"Passed ({len(passed):,})", f"Held back ({len(held):,})", f"Failed ({len(failed):,})"])
    with tabs[0]:
        st.caption("They wait for review in the dataset; each says in its source and origin where it comes from.")
        rows(passed, "passed")
    with tabs[1]:
        reasons = Counter(row["held"].split(":")[0].split('"')[0].strip(" .") for row in held)
        st.caption("  \n".join(f"{n:,} × {notices.plain(why)}" for why, n in reasons.most_common()) or "None.")
        rows(held, "held")
        if held and st.button("Take these in after all", icon=":material/add_task:", key="after-all"):
            n = makings.take(store, making, held, me)
            notices.later(f"{parts.count(n, 'draft')} brought in, for review.")
            st.rerun()
    with tabs[2]:
        st.caption("What could not become a draft, and why." if failed else "None.")
        for row in failed[:SHOWN]:
            with st.container(border=True):
                st.markdown(notices.plain(row["failed"]))
                if row["said"]:
                    chat.words(row["said"])


def rows(found: list[dict[str, Any]], key: str) -> None:
    """Drafts beside what they were made from."""
    for row in found[:SHOWN]:
        with st.container(border=True):
            left, right = st.columns([3, 2], gap="medium")
            with left:
                for message in row["messages"]:
                    parts.label(message["role"])
                    chat.words(message.get("content") or "")
                if row["failed"]:
                    chat.words(row["said"])
            with right:
                if row["held"] or row["failed"]:
                    st.badge(row["held"] or row["failed"], icon=":material/block:", color="orange")
                if row["points"] is not None:
                    st.caption(f"The judge gave {row['points']} of 3: {notices.plain(row['reason'])}")
                if row["shown"]:
                    parts.label("Made from")
                    st.caption(notices.plain(row["shown"]))
    if len(found) > SHOWN:
        st.caption(f"{SHOWN} of {len(found):,} are shown.")


chosen = rooms.enter(
    "making", "A model drafts examples from documents, prompts or a few of your own; people approve them."
)
if chosen is not None:
    asked = state.asked("making")
    if asked:
        detail(chosen, makings.get(store, asked))
    else:
        overview(chosen)
