"""Questioning: the questions whose passage is known: imported, proposed by a model, judged one by one, taken away."""

import html
from collections.abc import Collection
from pathlib import Path

import streamlit as st

from studio.building import models
from studio.data import incoming
from studio.reading import questions, readings
from studio.reading.libraries import Library
from studio.reading.questions import APPROVED, PROPOSED, REJECTED, Question
from studio.reading.readings import ASK
from studio.store import Store
from studio.ui import cited, nav, notices, order, parts
from studio.writing import proposals

SHOWN = 20


def judge(store: Store, library: str, me: str) -> None:
    """The proposals of a model, one by one: the question may be put better before it counts."""
    waiting = questions.listed(store, library, PROPOSED)
    if not waiting:
        return
    one = waiting[0]
    parts.section(f"Proposed by a model, to be judged ({len(waiting):,})")
    with st.container(border=True, key="proposal"):
        words = st.text_input("Question", one.question, key=f"words-{one.id}")
        _passage(library, one)
        if one.answer:
            parts.label("The model's answer")
            st.html(f'<div class="said">{html.escape(one.answer)}</div>')
        with st.container(horizontal=True):
            good = st.button("Approve", type="primary", icon=":material/check:", key=f"approve-{one.id}")
            bad = st.button("Reject", icon=":material/close:", key=f"reject-{one.id}")
        st.caption("Approve what somebody could really ask, and what this passage answers.")
    if good or bad:
        with notices.told():
            questions.judge(store, library, one.id, APPROVED if good else REJECTED, me, words)
            st.rerun()


def more(store: Store, library: Library, me: str) -> None:
    """The ways to more questions: a file, or a model."""
    left, right = st.columns(2, gap="large")
    with left, st.popover("Import questions", icon=":material/upload_file:", width="stretch"):
        _import(store, library.name, me)
    with right, st.popover("Have a model propose some", icon=":material/auto_awesome:", width="stretch"):
        _propose(store, library, me)
    last = readings.newest(store, library.name, ASK)
    if last is not None and last.taken is not None:
        n = last.taken
        why = f" The first failure: {notices.plain(n['why'])}" if n.get("why") else ""
        gone = f", {n['unplaced']:,} whose passage is gone by now" if n.get("unplaced") else ""
        who = notices.plain(last.body["model"])
        st.caption(
            f"{who} was asked for {last.body['n']:,} questions {parts.ago(last.made_at)}: "
            f"{n['proposed']:,} proposed, {n['known']:,} known already{gone}, {n['failed']:,} failed.{why}"
        )


def listing(store: Store, library: str, me: str, lost: Collection[str] = ()) -> None:
    """Those that count, with the way to their passage and out; first those whose passage is `lost`."""
    held = sorted(questions.approved(store, library), key=lambda one: one.id not in lost)
    if not held:
        return
    with st.expander(f"{parts.count(len(held), 'question')} that count{'s' * (len(held) == 1)}", key="held"):
        n = max(1, -(-len(held) // SHOWN))
        page = st.pagination(n, key="held-page") if n > 1 else 1
        for one in held[(page - 1) * SHOWN : page * SHOWN]:
            with st.container(horizontal=True, vertical_alignment="center", key=f"held-{one.id}"):
                origin = f" · {notices.plain(one.origin)}" if one.origin else ""
                origin += " · :orange[its passage is gone]" if one.id in lost else ""
                st.markdown(
                    f"{notices.plain(one.question)}  \n:gray[{notices.plain(one.document)}{origin}]", width="stretch"
                )
                there = {"library": library, "document": one.document, **cited.asked(one.passage)}
                nav.link("Passage", "library", icon="menu_book", **there)
                if st.button("Remove", key=f"drop-{one.id}", type="tertiary", icon=":material/delete:"):
                    questions.remove(store, library, one.id, me)
                    st.rerun()


def _passage(library: str, one: Question) -> None:
    parts.label("The passage that answers it")
    st.html(f'<div class="said">{cited.laid(html.escape(one.passage))}</div>')
    link = cited.citation(one.document, library, one.document, one.passage)
    st.html(f'<div class="where">{link}</div>')


def _import(store: Store, library: str, me: str) -> None:
    st.markdown(
        "A JSONL or CSV file with the columns **question**, **document**, **passage** and, if you like, answer."
    )
    file = st.file_uploader("File", type=["jsonl", "csv", "tsv", "json"], key="questions-file")
    if st.button("Import", type="primary", key="questions-import", disabled=file is None) and file is not None:
        with notices.told():
            path = incoming.spool(store, file.name, file.getbuffer())
            try:
                found = questions.bring_in(store, library, path, me, file.name)
            finally:
                Path(path).unlink(missing_ok=True)
            said = [f"{found.added:,} added", f"{found.known:,} were here already", f"{len(found.refused):,} refused"]
            st.success(", ".join(said) + ".", icon=":material/check:")
            for reject in found.refused[:SHOWN]:
                st.caption(f"Line {reject.line:,}: {notices.plain(reject.why)}")


def _propose(store: Store, library: Library, me: str) -> None:
    names = [model.name for model in models.listed(store)]
    model = st.selectbox(
        "Who writes",
        names,
        key="questioner",
        help="The small model that Atelier ships shows the way; it cannot write good questions.",
    )
    n = st.number_input("Passages to ask about", 1, 1000, 20, key="passages-asked")
    allowed = True
    if model and (address := proposals.leaving(store, model)):
        st.warning(f"**This leaves your machine.** The passages are sent to {notices.plain(address)}.")
        allowed = st.checkbox("I may send them there", key="may-ask")
    busy = bool(readings.live(store, library.name, ASK))
    if st.button("Ask", type="primary", key="questions-ask", disabled=busy or not model or not allowed):
        with notices.told():
            proposals.start(store, library.name, str(model), int(n), me)
            st.rerun()
    order.endpoint()
