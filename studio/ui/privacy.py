"""Privacy: what is said of personal data before it is learned from or leaves, the tick that goes on, and stand-ins."""

from collections.abc import Iterable

import streamlit as st

from engine.privacy import personal
from studio.data import examples
from studio.data.examples import Example
from studio.quality import privacy, pseudonyms
from studio.quality.privacy import Content, Verdict
from studio.store import Store
from studio.ui import nav, notices, parts


def cleared(
    store: Store,
    what: Iterable[Content | Example],
    dataset: str,
    key: str,
    *,
    go_on: str = "I know. Train on them as they are.",
) -> bool:
    """What personal data is there, scanned now where it is quick; True when there is none or somebody ticked it off.

    `what` is read several times; `dataset` may be ''.
    """
    with st.spinner("Looking for personal data", show_time=True):
        verdict = privacy.check(store, what, most=privacy.AT_ONCE)
    if verdict.waiting:
        verdict = _rest(store, what, verdict, key)
    if verdict.complete and not verdict.n:
        st.caption(f":material/verified_user: {verdict} Names are seen only where a word introduces them.")
        return True
    st.warning(f"{verdict}", icon=":material/privacy_tip:")
    left, right = st.columns([3, 2], vertical_alignment="center")
    with right:
        if dataset:
            nav.link("See them in Data health", "health", dataset=dataset)
    return left.checkbox(go_on if verdict.complete else "Go on without the rest of the scan.", key=f"{key}-known")


def _rest(store: Store, what: Iterable[Content | Example], verdict: Verdict, key: str) -> Verdict:
    lasting = parts.lasting(verdict.seconds)
    if not st.button(
        f"Scan the other {verdict.waiting:,} (about {lasting})", icon=":material/search:", key=f"{key}-rest"
    ):
        return verdict
    bar = st.progress(0.0, "Looking for personal data. What is scanned stays scanned if you leave.")

    def tell(done: int, of: int) -> None:
        bar.progress(done / max(of, 1), f"{done:,} of {of:,}")

    return privacy.check(store, what, progress=tell)


def stand_ins(store: Store, dataset: str, me: str) -> None:
    """The panel that puts stand-ins in the place of personal data: choose kinds, look, do; and the key."""
    kinds = st.pills(
        "What gets a stand-in",
        list(pseudonyms.KINDS),
        default=list(pseudonyms.KINDS),
        format_func=lambda kind: personal.plural(kind),
        selection_mode="multi",
        key="stand-in-kinds",
    )
    chosen = pseudonyms.chosen(store, dataset)
    if not chosen:
        st.caption("No scanned example of this dataset holds personal data.")
        if st.button("Look through all of them", icon=":material/search:", key="stand-ins-scan"):
            _scan(store, dataset)
            st.rerun()
    elif kinds:
        found = pseudonyms.preview(store, chosen, kinds)
        st.markdown(notices.plain(str(found)))
        for change in found.changes[:5]:
            _shown(change)
        if len(found.changes) > 5:
            st.caption(f"The first 5 of {len(found.changes):,} are shown.")
        if found.changes:
            st.info(pseudonyms.STILL_THERE, icon=":material/history:")
            question = "A new version of each example, with stand-ins. The key goes into a file of its own."
            if notices.sure("Put the stand-ins in", question, "Do it", "stand-ins", "masks"):
                done = pseudonyms.replace(store, found, me)
                left_alone = f"; {len(done.overtaken)} changed meanwhile and were left alone" if done.overtaken else ""
                notices.later(f"{parts.count(done.examples, 'example')} got stand-ins{left_alone}.")
                st.rerun()
    if pseudonyms.exists(store, dataset):
        _key(store, dataset, me)


def _scan(store: Store, dataset: str) -> None:
    """Every example as it stands now; what was scanned before is not scanned again."""
    bar, done = st.progress(0.0, "Looking for personal data"), 0
    while True:
        found, of = examples.find(store, dataset, limit=privacy.AT_ONCE, offset=done)
        if not found:
            return
        privacy.check(store, found)
        done += len(found)
        bar.progress(min(done / max(of, 1), 1.0), f"{done:,} of {of:,}")


def _shown(change: pseudonyms.Change) -> None:
    """Before and after, the turns that change alone."""
    with st.container(border=True):
        for old, new in zip(change.example.messages, change.messages, strict=True):
            if old != new:
                left, right = st.columns(2)
                left.text(str(old.get("content") or ""))
                right.text(str(new.get("content") or ""))


def _key(store: Store, dataset: str, me: str) -> None:
    file = pseudonyms.path(store, dataset)
    st.caption(
        f"The key to {parts.count(pseudonyms.size(store, dataset), 'stand-in')} is in {notices.plain(str(file))}, "
        "readable by the account that runs the studio alone. It is in no snapshot and no export."
    )
    question = (
        "Without the key nobody can tell who is behind a stand-in, you neither. It cannot be brought back. "
        + pseudonyms.STILL_THERE
    )
    if notices.sure("Delete the key", question, "Delete it for ever", "forget-key", "key_off"):
        n = pseudonyms.forget(store, dataset, me)
        notices.later(f"The key to {parts.count(n, 'stand-in')} is gone.")
        st.rerun()
