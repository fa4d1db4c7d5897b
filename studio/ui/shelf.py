"""Shelf: the known families as cards: what each is for, whether this machine could train it, and what others advise."""

import streamlit as st

from engine import sizes
from engine.training.bases import families
from engine.training.bases.families import Family, Source
from engine.training.forecast import fitting
from engine.training.forecast.fitting import Fit
from engine.training.forecast.machine import Machine
from studio.building import advice
from studio.ui import notices, parts

COLOURS = {fitting.FITS: "green", fitting.PACKED: "blue", fitting.TIGHT: "yellow", fitting.TOO_LARGE: "red"}
CHECKED = {
    "card": "Licence, context and size stand in its maker's documentation.",
    "layout": "Its numbers add up to the published size; the configuration itself was not at hand.",
}


def choose(machine: Machine) -> None:
    """Two questions, and the smallest family that could do it."""
    left, right = st.columns(2)
    task = left.selectbox("What shall it do?", list(advice.TASKS), key="advice-task")
    n = right.number_input("Examples that you have", min_value=0, value=200, step=50, key="advice-examples")
    found = advice.of(task, int(n), machine)
    above = advice.larger(found.family)
    words = [f"Begin with **{found.family.title}**. {found.why}", found.examples, found.machine]
    if above:
        words.append(f"If your evaluation says that it falls short, try {above.title} next.")
    st.info(" ".join(word for word in words if word), icon=":material/lightbulb:")
    st.caption("A rule of thumb: only an evaluation on your own test set says whether a model does it.")


def card(family: Family, machine: Machine) -> None:
    """One family."""
    fit = fitting.of(family.anatomy, machine)
    with st.container(border=True, key=f"family-{family.name}", gap="small"):
        st.markdown(f"**{family.title}** {_badge(fit)}")
        st.caption(f"For {family.good_for}.")
        parts.facts(_facts(family, fit))
        if not family.commercial:
            st.warning(f"{family.licence}: {family.note}", icon=":material/gavel:")
        with st.expander("What others advise, and where the figures come from", type="compact"):
            _advised(family)
            _sources(family, fit)


def _badge(fit: Fit) -> str:
    needs = fit.qlora if fit.verdict == fitting.PACKED else fit.here
    return f":{COLOURS[fit.verdict]}-badge[{fit.verdict}: {sizes.in_words(needs.total)} of {sizes.in_words(fit.room)}]"


def _facts(family: Family, fit: Fit) -> dict[str, str]:
    found = {
        "weights": f"{family.anatomy.parameters / 1e9:,.1f} billion"
        if family.anatomy.parameters > 1e8
        else f"{family.anatomy.parameters / 1e6:,.1f} million",
        "reads": f"{family.anatomy.context:,} tokens",
        "licence": family.licence,
        "smallest GPU": family.gpu or "nobody says",
        "LoRA on a GPU": sizes.in_words(fit.lora.total),
        "QLoRA on a GPU": sizes.in_words(fit.qlora.total),
    }
    if family.price:
        found["was sold at"] = f"${family.price.amount:.2f} a million tokens"
    return found


def _advised(family: Family) -> None:
    """Every recommendation; they disagree, and that is shown."""
    if not family.advice:
        st.markdown("Nobody whom we know of has said what to train it with.")
    for one in family.advice:
        st.markdown(
            f"**{notices.plain(one.words)}**: {notices.plain(one.why)}  \n"
            f":small[{_linked(one.source)}, {notices.plain(one.source.publisher)}, read {one.source.read}]"
        )


def _sources(family: Family, fit: Fit) -> None:
    lines = [
        f"Memory is reckoned for one row of {min(fitting.TOKENS, family.anatomy.context):,} tokens at a time and an "
        "adapter of rank 16; it may be off by 15 %.",
        CHECKED[family.checked],
        family.note if family.commercial else "",
        f"On the hub as `{family.hub}`." if family.hub else "",
        f"Tokens are counted with the tokenizer {family.tokenizer}.",
    ]
    if family.gpu_source:
        lines.append(f"The smallest GPU is what {_linked(family.gpu_source)} names (read {family.gpu_source.read}).")
    if family.price:
        source = family.price.source
        lines.append(
            f"The price is what Mistral's retired training API took, says {_linked(source)} (read {source.read})."
        )
    st.caption("  \n".join(line for line in lines if line))


def _linked(source: Source) -> str:
    title = notices.plain(source.title)
    return f"[{title}]({source.url})" if source.url.startswith("https://") else title


def listed(machine: Machine) -> None:
    """All families, smallest first."""
    for family in families.listed():
        card(family, machine)
