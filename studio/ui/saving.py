"""Saving: the button by which a conversation of the playground becomes an example, as it stands."""

import streamlit as st

from engine.problems import Problem
from studio.data import datasets, examples
from studio.ui import notices, parts, state


def button(messages: list[dict[str, str]], name: str, key: str) -> None:
    """Asks for the dataset, and whether it is approved; the example says which candidate wrote the answer."""
    store, me = state.store(), state.me()
    names = datasets.names(store)
    with st.popover(
        "Save as example",
        icon=":material/library_add:",
        type="tertiary",
        key=f"save-{key}-{state.value(state.STEPS, 0)}",
    ):
        st.caption(f"{parts.count(len(messages), 'message')}, to learn from once approved.")
        where = st.selectbox(
            "Dataset", names, key=f"save-where-{key}", accept_new_options=True, placeholder="Choose, or name a new one"
        )
        approved = st.toggle("I approve of it as it stands", key=f"save-approve-{key}")
        if st.button("Save", type="primary", key=f"save-go-{key}", disabled=not where):
            try:
                made = examples.write(
                    store, str(where), [dict(message) for message in messages], me, ("playground",),
                    status=examples.APPROVED if approved else examples.DRAFT, origin=f"{name}, in the playground",
                )  # fmt: skip
            except Problem as problem:
                notices.tell(problem)
                return
            state.step()
            notices.later(f"Saved in {made.dataset} as {'an approved example' if approved else 'a draft'}.")
            st.rerun()
