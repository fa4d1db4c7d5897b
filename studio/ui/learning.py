"""Learning: the form that makes preference pairs of an evaluation's verdicts, with what stays out and why."""

import streamlit as st

from studio.data import datasets
from studio.data.examples import APPROVED, IN_REVIEW
from studio.freezing import snapshots
from studio.judging import preferring
from studio.judging.evaluations import Evaluation
from studio.judging.preferring import Found
from studio.store import Store
from studio.ui import bubbles, nav, notices, parts

SHOWN = 3  # pairs in the preview
AGREED = {preferring.MAJORITY: "most say so", preferring.UNANIMOUS: "all say so"}
LEAD = (
    "Each verdict says which of two answers is better. Together they are examples that a model can learn from: "
    "the better answer to come closer to, the worse one to move away from."
)


def form(store: Store, evaluation: Evaluation, me: str) -> None:
    """Whose verdicts, what they make, and the dataset they go to."""
    parts.heading("Learn from these verdicts", LEAD, f"Arena · {evaluation.name}")
    known = preferring.judges(store, evaluation.id)
    if not known:
        notices.empty(
            "No verdict yet", "Judge some pairs first.", "balance", "arena", "Judge", evaluation=evaluation.id
        )
        return
    found = _found(store, evaluation, known)
    _counted(found)
    _preview(found)
    left, right = st.columns(2, vertical_alignment="bottom")
    name = left.text_input("Into the dataset", _proposal(store, evaluation), key="learn-dataset") or ""
    looks = right.checkbox(
        "Somebody reads them before they are approved",
        key="learn-review",
        help="Only approved examples can be frozen and learned from.",
    )
    if st.button(
        f"Make {parts.count(len(found.examples), 'pair')}",
        type="primary",
        icon=":material/school:",
        key="learn-go",
        disabled=not found.examples,
    ):
        with notices.told():
            made = preferring.learn(store, found, name.strip(), me, IN_REVIEW if looks else APPROVED)
            known_before = f"; {made.known:,} were there already" if made.known else ""
            notices.later(f"{parts.count(made.added, 'pair')} added to {made.dataset}{known_before}.")
            nav.goto("examples" if looks else "snapshots", dataset=made.dataset)
    st.caption("Next: freeze the dataset, then launch a run by a preference method (DPO, ORPO or KTO) on the snapshot.")


def _found(store: Store, evaluation: Evaluation, known: dict[str, int]) -> Found:
    left, right = st.columns([3, 2])
    whose = left.multiselect(
        "Whose verdicts",
        list(known),
        list(known),
        format_func=lambda judge: f"{judge} ({known[judge]:,})",
        key="learn-whose",
    )
    agreement = right.segmented_control(
        "Taken when",
        list(AGREED),
        default=preferring.MAJORITY,
        required=True,
        format_func=AGREED.__getitem__,
        key="learn-agreement",
        help="  \n".join(f"**{AGREED[name]}**: {text}" for name, text in preferring.AGREEMENTS.items()),
    )
    found = preferring.find(store, evaluation, whose or ["nobody"], agreement)
    if found.test:
        st.warning(
            f"**{parts.count(found.test, 'pair')} asked a question of a locked test set, and stay out.** A model that "
            "has learned from them knows the test by heart: whatever that test then says of it is not true.",
            icon=":material/lock:",
        )
        if st.checkbox("Take them anyway; this test set will not be used to judge what learns from them", key="leak"):
            return preferring.find(store, evaluation, whose or ["nobody"], agreement, with_test=True)
    return found


def _counted(found: Found) -> None:
    """What becomes of every judged pair; the figures add up."""
    out = {
        "ties, or both bad": found.ties,
        "judges disagree": found.disagreed,
        "of a test set": 0 if found.with_test else found.test,
        "skipped": found.skipped,
        "the same again": found.twice,
        "without words, or calling tools": found.unusable,
    }
    figures = {"pairs to learn from": f"{len(found.examples):,}", "judged pairs": f"{found.pairs:,}"}
    with st.container(border=True):
        parts.facts(figures | {f"left out: {why}": f"{n:,}" for why, n in out.items() if n})
    if found.validation:
        st.caption(
            f":material/info: {parts.count(found.validation, 'pair')} asked a question of a validation set. It can no "
            "longer tell fairly when a model that learns from them should stop."
        )
    if found.informed:
        st.caption(
            f":material/info: {found.informed:,} of the better answers were given with documents at hand, which the "
            "pairs do not hold. A model that learns such facts by heart may make up others."
        )


def _preview(found: Found) -> None:
    if not found.examples:
        return
    shown = found.examples[:SHOWN]
    with st.expander(f"The first {len(shown)} of them", icon=":material/visibility:"):
        for one in shown:
            bubbles.conversation(one.conversation.messages, worse=str(one.rejected[-1].get("content")))


def _proposal(store: Store, evaluation: Evaluation) -> str:
    """A dataset beside the one that was asked about, or the one that earlier verdicts went to."""
    frozen = [one for one in snapshots.listed(store) if evaluation.items.startswith(one.name)]
    base = frozen[0].dataset if frozen else evaluation.name
    taken = datasets.names(store)
    return f"{base} preferences" if base in taken or frozen else f"{base}, judged"
