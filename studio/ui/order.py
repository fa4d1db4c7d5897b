"""Order: the form in which a making is ordered: what it starts from, who writes, how many, and what that would take."""

from dataclasses import replace
from typing import Any

import streamlit as st

from studio.building import endpoints, models
from studio.data import datasets
from studio.data.datasets import Dataset
from studio.reading import libraries
from studio.ui import notices, parts, state
from studio.writing import makings
from studio.writing.makings import DISTIL, DOCUMENTS, LOGS, VARY, Estimate, Plan

SAYS = {
    DOCUMENTS: "A passage is turned into questions, and each question is answered from that passage alone.",
    DISTIL: "A stronger model answers your prompts. What you tell it does not become part of the example.",
    VARY: "New ones in the manner of your approved examples, a few of them shown at a time.",
    LOGS: "Logged conversations become examples, with the logged answer or a new one.",
}
PASTED = "Pasted lines"


def form(dataset: Dataset) -> Plan | None:
    """What is ordered as it stands now; None as long as something is missing."""
    recipe = st.segmented_control(
        "How",
        list(makings.RECIPES),
        format_func=makings.RECIPES.__getitem__,
        default=DOCUMENTS,
        required=True,
        key="how",
    )
    st.caption(SAYS[recipe])
    left, right = st.columns(2, gap="large")
    with left:
        start = _from(recipe, dataset)
    with right:
        written = _by(dataset, recipe)
    if not start or not written:
        return None
    name = f"{makings.RECIPES[recipe]} {len(makings.listed(state.store())) + 1}"
    plan = Plan(name=name, dataset=dataset.name, recipe=recipe, **start, **written)
    named = st.text_input("Name", name, key=f"name-{name}", help="Its drafts can be found by it.")
    return replace(plan, name=named or "")


def endpoint() -> None:
    """A model that answers elsewhere, by address and the name of the variable that holds its key."""
    with st.popover("Add a model by its address", icon=":material/add_link:"), st.form("endpoint", border=False):
        st.markdown("Any server that speaks the chat protocol of OpenAI or Mistral: vLLM, a hosted model, a gateway.")
        url = st.text_input("Address", placeholder="https://api.mistral.ai/v1")
        served = st.text_input("Model, as it is called there", placeholder="mistral-large-latest")
        variable = st.text_input(
            "Environment variable that holds the key",
            placeholder="MISTRAL_API_KEY",
            help="The key itself is never typed here, nor kept. Empty for a server that asks for none.",
        )
        with st.container(horizontal=True):
            read = st.number_input("Euros a million tokens read", 0.0, value=None, step=0.1)
            written = st.number_input("and written", 0.0, value=None, step=0.1)
        source = st.text_input("Where these prices come from", placeholder="the price list of 1 November")
        if st.form_submit_button("Add it", type="primary"):
            with notices.told():
                made = endpoints.add(
                    state.store(), served or "", url or "", served or "", state.me(), key_from=variable or ""
                )
                if read is not None and written is not None:
                    endpoints.rate(state.store(), made.name, read, written, source or "", state.me())
                notices.later(f"{made.name} can be asked now.")
                st.rerun()


def takes(estimate: Estimate) -> str:
    """An estimate in a sentence."""
    if not estimate.calls:
        return f"**{parts.count(estimate.tasks, 'conversation')}**, and no call of a model."
    euros = f"{estimate.euros:.2f} €" if estimate.euros else "nothing but the time of this machine"
    if estimate.euros is None:
        euros = "what that costs is not known: nobody has set a price"
    return (
        f"**{parts.count(estimate.calls, 'call')}**, about {estimate.tokens_in:,} tokens read and "
        f"{estimate.tokens_out:,} written: **{euros}** :gray[({estimate.how})]."
    )


def _from(recipe: str, dataset: Dataset) -> dict[str, Any] | None:
    """Where a recipe starts; None when that is missing."""
    store = state.store()
    if recipe == DOCUMENTS:
        names = [library.name for library in libraries.listed(store)]
        if not names:
            st.info(
                "There is no library yet. Its documents are what questions are made from.", icon=":material/menu_book:"
            )
            return None
        source = st.selectbox("Library", names, key="library")
        return {"source": source, **_many(3)}
    if recipe == LOGS:
        path = st.text_input("Path of the log file", placeholder="/data/chat-log.jsonl", key="log")
        again = st.toggle("Ask for new answers", value=True, key="again", help="Otherwise the logged answers stand.")
        return {"source": path, "keep_answers": not again, **_many(1)} if path else None
    names = datasets.names(store)
    if recipe == VARY:
        source = st.selectbox("Examples of", names, index=names.index(dataset.name), key="like")
        return {"source": source, **_many(3)}
    source = st.selectbox("Prompts of", [*names, PASTED], index=len(names), key="prompts")
    if source != PASTED:
        return {"source": source, **_many(1)}
    text = st.text_area("Prompts, one a line", key="lines", height=150)
    lines = tuple(line for line in (text or "").splitlines() if line.strip())
    return {"lines": lines, "n": len(lines)} if lines else None


def _many(each: int) -> dict[str, int]:
    with st.container(horizontal=True):
        n = st.number_input("Drafts wanted", 1, 100_000, 20, key=f"n-{each}")
        if each > 1:
            each = int(st.number_input("of each passage" if each == 3 else "a call", 1, 20, each, key="each"))
    return {"n": int(n), "each": each}


def _by(dataset: Dataset, recipe: str) -> dict[str, Any] | None:
    store = state.store()
    names = [model.name for model in models.listed(store)]
    if not names:
        return None
    model = st.selectbox(
        "Who writes",
        names,
        key="writer",
        help="The small model that Atelier ships shows the way; it cannot write well.",
    )
    told = st.text_area(
        "What it is told", key="told", height=80, placeholder="You are our kindest colleague. Answer in two sentences."
    )
    with st.expander("What is held back before a person sees it, and limits", type="compact"):
        guided = st.toggle("Keep to the style guide of this dataset", value=False, key="guided")
        with st.container(horizontal=True):
            fewest = st.number_input("Words, at least", 0, value=0, key="fewest")
            most = st.number_input("at most (0: any)", 0, value=0, key="most")
        judge = st.selectbox(
            "A model that grades them 0 to 3", ["", *names], key="judge", format_func=lambda x: x or "none"
        )
        least = st.slider("Fewest points", 1, 3, 2, key="least", disabled=not judge)
        keep = st.text_input("System prompt that the examples carry", key="keep", placeholder="none")
        with st.container(horizontal=True):
            budget = st.number_input("End at so many euros (0: no limit)", 0.0, value=0.0, step=1.0, key="budget")
            warmth = st.number_input("Temperature", 0.0, 2.0, 0.7, 0.1, key="warmth")
    endpoint()
    return {
        "model": model,
        "instructions": (told or "").strip(),
        "keep_system": (keep or "").strip(),
        "use_guide": guided,
        "fewest_words": int(fewest),
        "most_words": int(most),
        "judge": judge or "",
        "least_grade": least,
        "budget": float(budget),
        "temperature": float(warmth),
    }
