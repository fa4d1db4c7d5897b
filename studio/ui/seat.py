"""Seat: who sits here, chosen in the sidebar and remembered by the browser."""

import json
from urllib.parse import quote

import streamlit as st

from studio import members
from studio.ui import state


def choose() -> None:
    """A popover with the members, and a form for a new one."""
    store, name = state.store(), state.me()
    known = {member.name: member for member in members.listed(store)}
    role = known[name].role if name in known else "no role yet"
    with st.popover(f"{name} · {role}", icon=":material/person:", width="stretch"):
        if known:
            st.selectbox(
                "Who sits here?",
                list(known),
                index=list(known).index(name) if name in known else None,
                format_func=lambda name: f"{name} · {known[name].role}",
                key="seat-member",
                on_change=_sit,
            )
        with st.form("seat-new", border=False):
            new = st.text_input("Your name", value="" if name in known else name)
            chosen = st.selectbox("You", list(members.ROLES), format_func=lambda role: f"{role}: {members.ROLES[role]}")
            if st.form_submit_button("Sit down here", type="primary"):
                welcomed = members.welcome(store, new, chosen, by=new.strip() or name)
                state.sit_down(welcomed.name)
                st.rerun()
    _remember(name)


def _sit() -> None:
    state.sit_down(st.session_state["seat-member"])


def _remember(name: str) -> None:
    if state.remembered() != name:
        said = json.dumps(f"{state.COOKIE}={quote(name)}; path=/; max-age=31536000; samesite=lax")
        st.html(f"<script>document.cookie = {said}</script>", unsafe_allow_javascript=True)
