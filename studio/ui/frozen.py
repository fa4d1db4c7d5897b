"""Frozen: what one snapshot shows of itself. Its sides, its leaks, who looked at its test, and the way out."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from engine.data.conversations import SPLITS
from studio.freezing import changes, exports, leaks, snapshots
from studio.freezing.changes import Change
from studio.freezing.snapshots import Snapshot
from studio.judging import reach, sources
from studio.judging.reach import Reach
from studio.store import Store
from studio.ui import chat, freezing, leaking, nav, notices, parts, state

SHOWN = 20  # examples of a kind of change
HERE, DOWNLOAD = "A folder on this machine", "A download"


def sides(store: Store, snapshot: Snapshot) -> None:
    """How many on each side, how they were chosen, and what the test can show."""
    parts.facts({split: f"{getattr(snapshot, split):,}" for split in SPLITS})
    seen = _reach(store, snapshot.id)
    st.markdown(freezing.smallest(seen.asked, seen.shows))
    st.caption(freezing.ASSUMED)
    placed = "" if not snapshot.new else f" {parts.count(snapshot.new, 'example')} got a side in this freeze."
    st.caption(exports.said(snapshot.how) + placed)
    if snapshot.torn:
        st.warning(
            f"{parts.count(snapshot.torn, 'group')} stand on more than one side since an earlier freeze.",
            icon=":material/call_split:",
        )


@st.cache_data(ttl=60, max_entries=40, show_spinner=False)
def _reach(_store: Store, id: str) -> Reach:
    return reach.of(_store, sources.frozen(_store, id, "test"))


def unlocked(store: Store, snapshot: Snapshot, me: str, what: str, key: str) -> bool:
    """Whether this person may see test rows: after saying why, which is kept."""
    if snapshot.id in state.value(state.UNLOCKED, ()):
        return True
    with st.form(f"unlock-{key}", border=True):
        st.markdown(f":material/lock: **{what} of the test set.** A test that is looked at often stops being one.")
        why = st.text_input("Why do you look?", key=f"why-{key}", placeholder="A customer says that a label is wrong")
        if st.form_submit_button("Look, and leave a note of it", key=f"look-{key}"):
            with notices.told():
                snapshots.look(store, snapshot.id, "test", me, why or "")
                state.keep(state.UNLOCKED, (*state.value(state.UNLOCKED, ()), snapshot.id))
                st.rerun()
    return False


def shared(store: Store, snapshot: Snapshot, me: str) -> None:
    n = snapshot.train + snapshot.validation + snapshot.test
    if n > leaks.SMALL and not st.checkbox(f"Compare {n:,} examples; this takes a while", key="leaks-go"):
        return
    found = leaking.found(store, snapshot)
    if not found:
        st.success(leaking.NONE, icon=":material/water_drop:")
        return
    leaking.counted(found)
    out = leaks.remedy(found)
    if out and st.button(f"Freeze again without {parts.count(len(out), 'example')}", key="leak-again"):
        state.keep(state.EXCLUDED, (snapshot.dataset, leaks.entries(store, snapshot.dataset, out)))
        nav.goto("snapshots", dataset=snapshot.dataset)
    tested = [leak for leak in found if leak.split == "test"]
    leaking.pairs([leak for leak in found if leak.split != "test"], "validation")
    if tested and unlocked(store, snapshot, me, f"{parts.count(len(tested), 'pair')} with an item", "leaks"):
        leaking.pairs(tested, "test")


def looks(store: Store, snapshot: Snapshot, me: str) -> None:
    """Who looked when and why, and the rows for who has said why."""
    found, asked = snapshots.looks(store, snapshot.id), snapshots.evaluations(store, snapshot.id)
    kept = f"**{parts.count(len(found), 'look')}** at it {'is' if len(found) == 1 else 'are'} kept"
    st.markdown(
        f"**{parts.count(asked, 'evaluation')}** asked items of this test set; {kept}. The more often it steers a "
        "choice, the less it says about anything new."
    )
    if found:
        columns = [
            {"who": one.made_by, "why": one.why, "how": one.how, "items": one.n, "when (UTC)": one.made_at}
            for one in found
        ]
        st.dataframe(columns, hide_index=True)
    if snapshot.test and unlocked(store, snapshot, me, "The items", "rows"):
        rows = snapshots.examples(store, snapshot.id, "test")  # unlocked: the look is kept
        st.dataframe(
            [
                {"question": row["messages"][-2].get("content"), "answer": row["messages"][-1].get("content")}
                for row in rows
            ],
            hide_index=True,
        )


def differences(store: Store, snapshot: Snapshot, me: str) -> None:
    """This snapshot against another one of the dataset."""
    others = [one for one in snapshots.listed(store, snapshot.dataset) if one.id != snapshot.id]
    if not others:
        st.markdown("There is no other snapshot of this dataset to compare it with.")
        return
    older = next((one for one in others if one.made_at < snapshot.made_at), others[0])
    other = st.selectbox(
        "Against", others, index=others.index(older), key=f"diff-{snapshot.id}", width=420,
        format_func=lambda one: f"{one.id[:8]}, {parts.ago(one.made_at)} by {one.made_by}",
    )  # fmt: skip
    first, second = sorted((other, snapshot), key=lambda one: one.made_at)
    found = changes.between(store, first, second)
    st.caption(f"From {first.id[:8]} to {second.id[:8]}; {parts.count(found.same, 'example')} are the same in both.")
    kinds = {"added": found.added, "removed": found.removed, "other words": found.changed, "other tags": found.tagged}
    table = [{"what": name, **changes.counts(rows), "in all": len(rows)} for name, rows in kinds.items()]
    st.dataframe(
        [*table, {"what": "moved", **changes.counts(found.moved), "in all": len(found.moved)}], hide_index=True
    )
    if found.moved:
        st.error("An example has changed sides. That must not happen: tell who looks after this studio.")
    else:
        st.caption("None has moved from one side to another.")
    listed = [(name, row) for name, rows in kinds.items() for row in rows[:SHOWN] if name != "other tags"]
    tested = [(name, row) for name, row in listed if "test" in (row.before, row.after)]
    for name, row in listed:
        if (name, row) not in tested:
            change(name, row)
    if tested and unlocked(store, second, me, f"{parts.count(len(tested), 'change')}", "diff"):
        for name, row in tested:
            change(name, row)
    cut = sum(max(0, len(rows) - SHOWN) for name, rows in kinds.items() if name != "other tags")
    if cut:
        st.caption(f"{cut:,} more are not shown; the counts above hold all of them.")


def change(name: str, row: Change) -> None:
    """One example that differs: before and after, with the words marked."""
    with st.container(border=True):
        st.markdown(f"{name} :gray[· {row.after or row.before}]")
        before, after = (changes.spoken(one) if one else "" for one in (row.old, row.new))
        if not (before and after):
            st.html(f'<div class="diff">{chat.html.escape(before or after)}</div>')
            return
        columns: Sequence = st.columns(2, gap="medium")
        for column, body in zip(columns, chat.compared(before, after), strict=True):
            column.html(body)


def out(store: Store, snapshot: Snapshot, me: str) -> None:
    """The way out of a snapshot."""
    leave(store, exports.frozen(store, snapshot.id), me)


def leave(store: Store, cargo: exports.Cargo, me: str) -> None:
    """What leaves is said, with the personal data in it, before anything does."""
    form = st.segmented_control(
        "As",
        list(exports.FORMS),
        default="mistral",
        required=True,
        key="out-form",
        format_func=exports.FORMS.__getitem__,
    )
    left, right = st.columns(2, gap="large")
    with left:
        way = st.segmented_control("Where to", [DOWNLOAD, HERE], default=DOWNLOAD, required=True, key="out-way")
        path = st.text_input("Its path", key="out-path", placeholder="/data/export") if way == HERE else "this browser"
    with right:
        licence = st.text_input("Licence", key="out-licence", placeholder="apache-2.0; empty says: not stated") or ""
        hidden = st.checkbox("Put stand-ins in the place of personal data", key="out-hidden")
    if not path:
        st.caption("Name the folder, and what leaves is said here.")
        return
    with st.spinner("Looking for personal data"):
        leaving = exports.announce(store, cargo, form, path, hidden=hidden)
    st.info(leaving.sentence, icon=":material/outbox:")
    risky = bool(leaving.open) or not leaving.found.complete
    accepted = st.checkbox("I have read this, and it may leave", key=f"out-{form}-{path}") if risky else True
    what = cargo.snapshot.id[:8] if cargo.snapshot else cargo.dataset
    name = f"{cargo.dataset}-{form}.zip" if what == cargo.dataset else f"{cargo.dataset}-{what}-{form}.zip"
    if way == HERE:
        if st.button("Write it", type="primary", icon=":material/outbox:", key="out-go", disabled=not accepted):
            exports.write(store, leaving, Path(path), me, licence=licence, accepted=accepted)
            st.success(f"It is in {path}.", icon=":material/check_circle:")
    elif st.button("Make the file", type="primary", icon=":material/outbox:", key="out-go", disabled=not accepted):
        body = exports.packed(store, leaving, me, licence=licence, accepted=accepted)
        st.download_button("Download it", body, name, icon=":material/download:", on_click="ignore")
    words = ["atelier", "export", what, "--to", path if way == HERE else "FOLDER", "--as", form]
    words += ["--licence", licence] if licence else []
    parts.command(*words, *(["--stand-ins"] if hidden else []))
