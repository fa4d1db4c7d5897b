"""Passages: the form in which a dataset's answers get passages to be read from, and what would come of it."""

import streamlit as st

from engine.reading.grounding import parted
from engine.reading.lessons import Lesson
from studio.data.datasets import Dataset
from studio.reading import libraries
from studio.ui import chat, notices, parts, state
from studio.writing import lessons
from studio.writing.lessons import Plan, Prepared

ARRIVE = {"in review": "for review", "draft": "as drafts", "approved": "as approved examples"}
LISTED = 50


def form(dataset: Dataset) -> Plan | None:
    """What is wanted as it stands now; None as long as something is missing."""
    names = [library.name for library in libraries.listed(state.store())]
    if not names:
        text = "Put the documents that answer these questions into a library first."
        notices.empty("No library yet", text, "menu_book", "libraries", "Bring documents in")
        return None
    left, right = st.columns(2, gap="large")
    with left:
        library = st.selectbox("Library that holds the answers", names, key="read-from")
        k = st.number_input(
            "Passages with each question", 1, 20, 3, key="passages", help="As many as it will get later."
        )
        absent = st.slider("Without the right passage", 0, 50, 20, format="%d %%", key="absent")
    with right:
        into = st.text_input("Goes to the dataset", f"{dataset.name} with passages", key="into")
        status = st.selectbox("They arrive", list(ARRIVE), format_func=ARRIVE.__getitem__, key="arrive")
        said = st.text_area(
            "What is answered when the passage is missing",
            lessons.NOT_FOUND,
            height=80,
            key="unknowing",
            disabled=not absent,
            help="In the words of this dataset; several lines are used in turn.",
        )
    words = tuple(line.strip() for line in (said or "").splitlines() if line.strip())
    with notices.told():
        plan = Plan(dataset.name, library, (into or "").strip(), int(k), absent / 100, 0, words, status)
        _ = plan.order  # says at once what makes no sense
        return plan
    return None


def outcome(prepared: Prepared) -> None:
    """What would be written, what would not and why, and five of them to read."""
    made = prepared.lessons
    figures = {"with the right passage": f"{prepared.present:,}", "without it": f"{prepared.absent:,}"}
    figures |= {f"right one at place {n}": f"{count:,}" for n, count in made.places.items() if n}
    parts.facts({**figures, "left out": f"{len(made.left):,}"})
    if made.twinless:
        st.caption(f"{parts.count(made.twinless, 'question')} more should have come without their passage, but the "
                   "search finds no wrong one for them.")  # fmt: skip
    if prepared.sideless:
        have = "has" if prepared.sideless == 1 else "have"
        st.info(
            f"{parts.count(prepared.sideless, 'question')} of {notices.plain(prepared.plan.dataset)} {have} no side of "
            "the split yet. If its test shall be asked of a model that learns from these, freeze that dataset first.",
            icon=":material/ac_unit:",
        )
    if made.left:
        with st.expander(f"Left out: {len(made.left):,}, and why", type="compact", icon=":material/block:"):
            for kind, n in prepared.reasons.items():
                st.markdown(f"**{n:,}** × {notices.plain(kind)}")
            for one in made.left[:LISTED]:
                st.caption(f"{notices.plain(one.question[:200])}  \n{notices.plain(one.why)}")
            if len(made.left) > LISTED:
                st.caption(f"{LISTED} of {len(made.left):,} are shown.")
    parts.section("Five of them, as they would come")
    for lesson in prepared.preview():
        example(lesson)


def example(lesson: Lesson) -> None:
    with st.container(border=True):
        question, shown = parted(str(lesson.messages[-2]["content"]))
        left, right = st.columns([3, 2], gap="medium")
        with left:
            parts.label("Question")
            chat.words(question)
            for n, passage in enumerate(shown, 1):
                parts.label(f"[{n}] {lesson.shown[n - 1].source}{' · the right one' if n == lesson.place else ''}")
                chat.words(passage)
        with right:
            if not lesson.place:
                st.badge("the right passage is missing", icon=":material/visibility_off:", color="orange")
            parts.label("Answer")
            chat.words(str(lesson.messages[-1]["content"]))


def command(plan: Plan) -> None:
    """The command line that does the same."""
    words = ["atelier", "ground", plan.dataset, "--library", plan.library, "--into", plan.into, "-k", str(plan.k)]
    words += ["--absent", f"{plan.absent:g}", "--status", plan.status]
    for said in plan.unknowing:
        words += ["--unknowing", said]
    parts.command(*words)
