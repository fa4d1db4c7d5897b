"""Terms: the form for the terms of an evaluation: how often each item is asked, for how much money, and whether answers
to earlier, identical requests may be used."""

import streamlit as st

from engine import sizes
from engine.serving.asking.kept import DAYS
from studio.judging import evaluations
from studio.judging.orders import Terms
from studio.store import Store
from studio.ui import notices, parts


def chosen(store: Store, me: str) -> Terms:
    """What the form says, folded away: most people need none of it."""
    with st.expander("Repeats, budget, earlier answers", type="compact", icon=":material/tune:"):
        one, two, three, four = st.columns(4, vertical_alignment="bottom")
        repeats = one.number_input(
            "Ask each item so often", 1, 20, 1, key="new-repeats",
            help="For candidates above temperature 0: each answer is drawn anew, and figures count items, not answers.",
        )  # fmt: skip
        budget = two.number_input(
            "Euros at the most", 0.0, step=1.0, key="new-budget",
            help="0 for no limit. It ends before a question that might go beyond; what was answered stays.",
        )  # fmt: skip
        reuse = three.toggle(
            "Use earlier answers", value=True, key="new-reuse",
            help="An identical request, to the letter and to the weights, is not asked again.",
        )  # fmt: skip
        days = four.number_input(
            "Days, of models elsewhere", 0.0, value=DAYS, step=1.0, format="%g", key="new-days", disabled=not reuse,
            help="How long their answers are used again: what a name such as mistral-small-latest stands for may "
            "change without anybody being told. Answers of models whose weights are here are good for ever.",
        )  # fmt: skip
        forget(store, me)
    return Terms(int(repeats), float(budget), reuse, float(days))


def forget(store: Store, me: str) -> None:
    """How many answers are kept to be used again, and the way to delete them."""
    held = evaluations.kept_answers(store)
    if not held.answers:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{parts.count(held.answers, 'answer')} kept to be used again, {sizes.in_words(held.bytes)}.")
        question = "Evaluations keep theirs; only identical requests would be asked anew."
        if notices.sure("Delete them", question, "Delete", key="forget-answers", icon="delete_sweep"):
            gone = evaluations.forget_answers(store, me)
            notices.later(f"{parts.count(gone, 'kept answer')} deleted.")
            st.rerun()
