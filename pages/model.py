"""Model: one model. Whether it is served as it was trained, its card, and where it goes from here."""

from typing import Any

import streamlit as st

from engine import jobs, sizes
from engine.training.after.errands import HUB, TYPES
from studio.building import keeping, lineage, models, parity, runs
from studio.building.keeping import Artefact, Deed
from studio.building.models import Model
from studio.building.parity import Verdict
from studio.ui import live, nav, notices, parts, state

SIDES = {"merged": "merged into its base", "server": "as it is served"}
FORMS = {models.ADAPTER: "Adapter", models.BASE: "Whole model", keeping.MERGE: "Merged", keeping.CONVERT: "GGUF"}
DOING = {keeping.MERGE: "Merging", keeping.CONVERT: "Writing GGUF", keeping.PUSH: "Pushing"}
LIGHTS = {
    parity.PASSED: ("green", "verified"),
    parity.FAILED: ("red", "gpp_bad"),
    parity.LIVE: ("primary", "autorenew"),
}

store, me = state.store(), state.me()


def head(model: Model) -> None:
    nav.back("All models", "models")
    parts.heading(model.name, above="Model")
    tags = "".join(f" :gray-badge[{notices.plain(tag)}]" for tag in model.tags)
    archived = " :orange-badge[:material/inventory: archived]" if model.archived else ""
    on = f"on {notices.plain(model.base)} · " if model.base else ""
    st.markdown(f"{tags}{archived} :gray[{on}{notices.plain(model.made_by)}, {parts.ago(model.made_at)}]")
    with st.container(horizontal=True):
        nav.link("Ask it", "playground", model=model.name)
        nav.link("Compare it", "evaluations", model=model.name)
        if model.run:
            nav.link("Its run", "run", run=model.run)


def body(name: str, before: str) -> bool:
    """The verdict and the jobs on it; False when something has ended since `before`."""
    model = models.get(store, name)
    verdict(model, parity.verdict(store, model))
    working(keeping.deeds(store, model))
    return stand(model) == before


def stand(model: Model) -> str:
    """Changes when a job on the model begins or ends."""
    return " ".join([parity.verdict(store, model).state, *(deed.job.state for deed in keeping.deeds(store, model))])


def verdict(model: Model, found: Verdict) -> None:
    """PASS or FAIL with its figures, or why there is neither."""
    color, icon = LIGHTS.get(found.state, ("gray", "help"))
    parts.section("Served as it was trained?")
    with st.container(border=True, key="verdict"):
        st.markdown(f"### :{color}-badge[:material/{icon}: {found.state}]", anchors=False)
        st.markdown(notices.plain(found.why))
        told = [side for side in found.sides if side["difference"] is not None]
        if told:
            st.table(figures(told), border="horizontal", width="content")
            st.caption(
                f"Against the trainer, n = {found.n} prompts of its own data. A difference of up to "
                f"{found.tolerance:g} in the probability of a first token passes; rounding alone makes about 0.01."
            )
        if model.run and found.state != parity.LIVE and st.button("Check now", icon=":material/fact_check:"):
            with notices.told():
                if parity.start(store, model, me) is None:
                    notices.later(found.why)
                st.rerun()


def figures(sides: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        "": [SIDES[side["name"]] for side in sides],
        "same tokens": [f"{side['same_ids']} of {side['n']}" for side in sides],
        "largest difference": [f"{side['difference']:.4f}" for side in sides],
        "KL, nats": [f"{side['kl']:.5f}" for side in sides],
        "same first token": [f"{side['same_first']} of {side['n']}" for side in sides],
    }


def working(deeds: list[Deed]) -> None:
    """Jobs that go on, those that failed, and where the last push went."""
    for deed in deeds[-6:]:
        if deed.job.live:
            st.info(f"{DOING[deed.kind]}: {deed.job.state}.", icon=":material/autorenew:")
        elif deed.job.state == jobs.FAILED:
            reason = jobs.why(deed.job.folder).partition("\n")[0]
            st.warning(f"**{DOING[deed.kind]} failed.** {notices.plain(reason)}", icon=":material/warning:")
        elif deed.kind == keeping.PUSH and deed.end.get("where"):
            st.success(f"Pushed to {notices.plain(deed.end['where'])}.", icon=":material/outbox:")


def files(model: Model) -> None:
    """What there is of it, and what can be made of it."""
    parts.section("Files")
    found = keeping.artefacts(store, model)
    if not found:
        st.caption("It has no files on this machine.")
        return
    for artefact in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"**{FORMS[artefact.kind]}** · {sizes.in_words(artefact.bytes)}", width="stretch")
            push(model, artefact)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if model.kind == models.ADAPTER and st.button("Merge into its base", icon=":material/merge:", key="merge"):
            begin(keeping.merge(store, model.name, me).kind)
        type = st.selectbox("Weights in GGUF", list(TYPES), help=" ".join(TYPES.values()), width=160, key="gguf-type")
        if st.button("Write as GGUF", icon=":material/file_export:", key="convert"):
            begin(keeping.convert(store, model.name, me, type).kind)


def push(model: Model, artefact: Artefact) -> None:
    """Where a folder shall go; what leaves the machine is announced before it does."""
    with st.popover("Push", icon=":material/outbox:", key=f"push-{artefact.folder}"):
        where = st.text_input(
            "To", placeholder=f"/models/{model.name} or {HUB}team/{model.name}", key=f"to-{artefact.folder}"
        )
        if where.startswith(HUB):
            st.warning("**This leaves your machine.** The files and the card are uploaded to the hub, as private.")
        if st.button("Push it", type="primary", disabled=not where.strip(), key=f"go-{artefact.folder}"):
            with notices.told():
                keeping.push(store, model.name, artefact, where.strip(), me)
                begin(keeping.PUSH)


def begin(kind: str) -> None:
    notices.later(f"{DOING[kind]} begins when its turn comes.")
    st.rerun()


def shelf(model: Model) -> None:
    """Tags, archive, delete."""
    parts.section("Keep")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tags = st.multiselect("Tags", model.tags, model.tags, accept_new_options=True, key="tags", width=420)
        if st.button("Save the tags", icon=":material/sell:", disabled=sorted(tags) == sorted(model.tags)):
            keeping.tag(store, model.name, tags, me)
            st.rerun()
        name = "Offer it again" if model.archived else "Archive"
        if st.button(name, icon=":material/inventory:", help="Archived, it is not offered any more, and still here."):
            keeping.archive(store, model.name, me, archived=not model.archived)
            st.rerun()
        if notices.sure("Delete", losing(model), f"Delete {model.name}", key="delete", icon="delete"):
            with notices.told():
                keeping.delete(store, model.name, me)
                notices.later(f"{model.name} is deleted.")
                nav.goto("models")


def losing(model: Model) -> str:
    """What a deletion takes with it, and what stays."""
    found = keeping.depends(store, model.name)
    count = len(keeping.artefacts(store, model))
    return (
        f"Its row and its files go ({parts.count(count, 'folder')}). "
        f"{parts.count(found['candidates'], 'candidate')} can be asked no more; "
        f"their {parts.count(found['answers'], 'answer')} in evaluations stay. "
        f"{parts.count(found['adapters'], 'model')} stand on it."
    )


model = state.current_model()
if model is None:
    nav.back("All models", "models")
    notices.empty("No model is chosen", "Choose one from the list.", "deployed_code", "models", "To the models")
else:
    if model.run:
        runs.catch_up(store)
    head(model)
    before = stand(model)
    on = any(state in before.split() for state in jobs.LIVE) or parity.LIVE in before
    live.watch(body, model.name, before, live=on)
    files(model)
    shelf(model)
    parts.section("Card")
    with st.container(border=True, key="card"):
        words = lineage.card(store, model).partition("---\n\n")[2].partition("\n\n")[2]
        st.markdown(words, anchors=False)  # without what only hubs read, and without its title
