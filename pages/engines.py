"""Engines and keys: where runs can be trained besides here, and who may use this machine's engine from elsewhere."""

import streamlit as st

from engine.api import keys
from engine.api.keys import Key
from engine.remote import far
from studio.building import doors, engines
from studio.building.engines import Engine
from studio.ui import nav, notices, parts, state

store, me = state.store(), state.me()
USES = {
    "Train and ask (what a script of Mistral's fine-tuning API needs)": ["read", "files", "train", "chat"],
    "Ask models only": ["read", "chat"],
    "See what runs, change nothing": ["read"],
    "All of it": ["admin"],
}


def elsewhere(known: list[Engine]) -> None:
    parts.section("Engines elsewhere")
    if not known:
        st.caption(
            "A run trains on this machine. With a GPU machine in the house, start `atelier engine` there "
            "and add it here: the same runs, the same pages, trained over there."
        )
    for engine in known:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"engine-{engine.name}"):
            st.markdown(
                f"**{notices.plain(engine.name)}**  \n{notices.plain(engine.url)} · what is sent there "
                f"{engine.announced} · key from {notices.plain(engine.key_from) or 'nowhere'}",
                width="stretch",
            )
            if st.button("Is it there?", icon=":material/network_ping:", key=f"ask-{engine.name}"):
                with notices.told():
                    there = engines.models(engine)
                    st.toast(f"{engine.name} answers: {parts.count(len(there), 'model')}.", icon=":material/check:")
            question = f"Runs that {notices.plain(engine.name)} made stay. What it still trains goes on, unheard."
            if notices.sure("Forget", question, "Forget it", key=f"forget-{engine.name}", icon="delete"):
                engines.remove(store, engine.name, me)
                notices.later(f"{engine.name} is forgotten.")
                st.rerun()
    with st.expander("Add an engine", icon=":material/add:", expanded=False, key="adding"):
        add()


def add() -> None:
    kind = st.segmented_control(
        "What is it?",
        list(far.KINDS),
        format_func=lambda kind: {"atelier": "An Atelier engine", "mistral": "Mistral's cloud"}[kind],
        default=far.ATELIER,
        required=True,
        key="engine-kind",
    )
    if kind == far.MISTRAL:
        st.info(
            "Mistral takes new fine-tuning jobs from few accounts by now. Your examples leave this machine with each "
            "run; the launch form says what, and what personal data is in it, before anything is sent.",
            icon=":material/outbound:",
        )
    left, middle, right = st.columns([2, 3, 2])
    name = left.text_input("Its name here", "mistral" if kind == far.MISTRAL else "gpu-machine", key=f"name-{kind}")
    address = "https://api.mistral.ai/v1" if kind == far.MISTRAL else "http://127.0.0.1:8502/v1"
    url = middle.text_input("Address", address, key=f"url-{kind}")
    variable = right.text_input(
        "Environment variable with its key",
        "MISTRAL_API_KEY" if kind == far.MISTRAL else "ATELIER_GPU_KEY",
        help="The key itself is kept nowhere: start the studio with this variable set.",
        key=f"variable-{kind}",
    )
    if st.button("Add it", type="primary", key="add-engine", icon=":material/add:"):
        with notices.told():
            made = engines.add(store, name, kind, url, variable, me)
            notices.later(f"{made.name} answers. It can be chosen where a run is launched.")
            st.rerun()


def doorkeys(known: list[Key]) -> None:
    parts.section("Keys to this engine")
    address = st.context.url.split("/engines")[0].rstrip("/") if st.context.url else ""
    st.markdown(
        "This studio speaks the API of Mistral's retired fine-tuning service: a script changes its `server_url` to "
        f"`{address}` and its key, nothing else. [What it can do]({address}/v1/docs)."
    )
    secret = state.value("new-key", "")
    if secret:
        with st.container(border=True, key="shown-once"):
            st.success("Copy it now: it is shown this once, and kept nowhere.", icon=":material/key:")
            st.code(secret, language=None)
            if st.button("I have it", key="have-it"):
                state.keep("new-key", "")
                st.rerun()
    for key in reversed(known):
        entry(key)
    with st.form("make-key", border=True):
        left, right = st.columns([2, 3])
        name = left.text_input("Who or what will use it?", placeholder="the nightly script")
        use = right.selectbox("What for?", list(USES))
        if st.form_submit_button("Make a key", icon=":material/key:", type="primary"):
            with notices.told():
                _, made = doors.make(store, name, USES[use], me)
                state.keep("new-key", made)
                st.rerun()


def entry(key: Key) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"key-{key.id}"):
        used = f"last used {parts.ago(key.last_used)}" if key.last_used else "never used"
        words = ", ".join(key.scopes)
        name = notices.plain(key.name)
        title = f"~~{name}~~ revoked {parts.ago(key.revoked_at)}" if key.revoked_at else f"**{name}**"
        st.markdown(
            f"{title}  \n{words} · made by {notices.plain(key.made_by)}, {parts.ago(key.made_at)} · {used}",
            width="stretch",
        )
        if not key.revoked_at:
            question = "Whoever uses it is shut out at once. It cannot be given back."
            if notices.sure("Revoke", question, "Revoke it", key=f"revoke-{key.id}", icon="block"):
                doors.revoke(store, key.id, me)
                notices.later(f"{key.name} opens nothing any more.")
                st.rerun()


parts.heading(
    "Engines & keys", "Where runs can train besides here, and who may use this machine from elsewhere.", "Admin"
)
elsewhere(engines.listed(store))
doorkeys(keys.listed(store.home.root))
nav.link("Launch a run", "runs")
