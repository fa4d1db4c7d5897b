"""Editor: one example as a chat that is edited where it stands. What is typed is kept at once; a save is a version.

Two fragments stand side by side: the work, drawn anew as one types, and the watch, which asks every two seconds
whether somebody else has saved this example meanwhile. What they changed is merged, never overwritten.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from engine.problems import Problem
from engine.scoring import guide as rules
from studio.data import drafts, examples, facets, guides, merging, presence, versions
from studio.data.examples import APPROVED, IN_REVIEW, REJECTED, STATUSES, Example
from studio.data.merging import Merged
from studio.ui import clash, desk, effort, marks, notices, paper, parts, past, state, verdict
from studio.ui.paper import Clash, Paper


@dataclass(frozen=True)
class Beside:
    """The ways on from an example; '' where there is none."""

    previous: str
    following: str


def edit(example: Example, beside: Beside) -> None:
    """The editor of an example, and the entries to step to."""
    paper.lay(example.dataset, example)
    _again(example.dataset, _watch, every="2s")
    _again(example.dataset, _work, beside)
    newest = examples.get(state.store(), example.dataset, example.entry)
    _worse(newest)
    past.talk(newest)
    if wanted := past.history(newest):
        with notices.told():
            new = versions.restore(state.store(), newest, wanted, state.me())
            notices.later(f"Version {wanted.version} is back, as version {new.version}.")
            _done(new, new.entry)


def _worse(newest: Example) -> None:
    """A worse answer beside the good one, for models that learn by preference; it is saved by itself."""
    wanted = past.worse(newest)
    if wanted is None:
        return
    with notices.told():
        here: Paper = state.value(state.EDITING)
        if _unsaved(here):
            raise Problem("There are unsaved words here.", do="Save or discard them first; then the worse answer.")
        new = examples.edit(state.store(), newest, state.me(), worse=wanted)
        notices.later("The worse answer is saved." if wanted else "The worse answer is taken away.")
        _done(new, new.entry)


def write(dataset: str) -> None:
    """The editor of an example that does not exist yet."""
    paper.lay(dataset, None)
    _again(dataset, _work, Beside("", ""))


def _again(dataset: str, draw: Callable[..., None], *arguments: Any, every: str | None = None) -> None:
    """A part of the page that is drawn anew by itself; it finds its sheet where it lies now."""

    def drawn() -> None:
        here: Paper | None = state.value(state.EDITING)
        if here is not None and here.dataset == dataset:
            with notices.told():
                draw(here, *arguments)

    st.fragment(run_every=every)(drawn)()


def _watch(here: Paper) -> None:
    """Who else is here, and what they have saved since this was opened."""
    if here.seen is None:
        return
    store, me = state.store(), state.me()
    others = presence.here(str(store.home.root), here.dataset, here.entry, me, state.seat())
    newest = examples.get(store, here.dataset, here.entry)
    if newest.version != here.version:
        _overtaken(here, newest)
    elif others:
        typing = {draft.made_by for draft in drafts.of_others(store, here.dataset, here.entry, me)}
        said = [
            f"**{notices.plain(who)}** {'is writing here too' if who in typing else 'has this open'}" for who in others
        ]
        st.caption(f":material/group: {', '.join(said)}. What you both save is put together.")


def _overtaken(here: Paper, newest: Example) -> None:
    """Somebody saved: theirs is taken at once where nothing is unsaved, else offered; the words stay either way."""
    if here.clash and here.clash.newest.version == newest.version:
        return  # told already, with the choices below
    said = clash.meanwhile(here, newest)
    if not _unsaved(here):
        notices.later(f"{said}. You see version {newest.version} now.")
        state.keep(state.EDITING, paper.again(here, merging.state(newest), newest))
        st.rerun()
    st.warning(f"**{said}.** Your words are still here, theirs are saved.", icon=":material/group:")
    if st.button(
        "Bring theirs in", icon=":material/merge:", key=here.key(f"theirs-{newest.version}"), shortcut="Alt+M"
    ):
        _bring_in(here, newest)


def _bring_in(here: Paper, newest: Example) -> None:
    """Theirs and mine on one sheet, unsaved; where they clash, the choices."""
    merged = merging.merge(here.base, paper.mine(here), merging.state(newest))
    if merged.conflicts:
        state.keep(state.EDITING, replace(here, clash=Clash(merged, newest)))
    else:
        notices.later(f"{clash.meanwhile(here, newest)}: it is in your text now.")
        state.keep(state.EDITING, paper.again(here, merged.settled(), newest))
    st.rerun()


def _work(here: Paper, beside: Beside) -> None:
    effort.count(here.desk, here.dataset, here.entry)
    if here.seen:
        _head(here, here.seen, beside)
    else:
        _head_of_new()
    _acts(here, beside)
    if here.clash and (choices := clash.settle(here, here.clash)) is not None:
        settled = here.clash.merged.settled(choices)
        state.keep(state.EDITING, paper.again(here, settled, here.clash.newest))
        notices.later("Put together. Read it once more, and save.")
        st.rerun()
    if here.went_on:
        _went_on(here)
    paper.keep(here)
    desk.draw(
        here.desk,
        token=here.token,
        sheet=here.id,
        drawer=f"{state.me()}/{here.dataset}/{here.entry}",
        turns=here.turns,
        tools=here.tools,
        of=here.of,
        acked=paper.stamp(here),
        focus="" if here.seen else here.nonce,
    )
    _checks(here)
    _labels(here)
    effort.line(here.dataset, here.entry)


def _head(here: Paper, seen: Example, beside: Beside) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        ways = (
            ("Previous", "chevron_left", beside.previous, "Alt+Up"),
            ("Next", "chevron_right", beside.following, "Alt+Down"),
        )
        for label, icon, there, key in ways:
            if st.button(label, icon=f":material/{icon}:", type="tertiary", disabled=not there, shortcut=key):
                _leave(here, there)
        if st.button("Close", icon=":material/close:", type="tertiary", shortcut="Esc"):
            _leave(here, "")
    made = f"version {seen.version} by {notices.plain(seen.made_by)}, {parts.ago(seen.made_at)}; {past.hands(seen)}"
    st.markdown(f"{parts.badge_text(seen.status)} :gray[{made}]")


def _head_of_new() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("A new example", anchor=False, width="stretch")
        if st.button("Close", icon=":material/close:", type="tertiary", shortcut="Esc"):
            _leave(state.value(state.EDITING), "")


def _acts(here: Paper, beside: Beside) -> None:
    """What can be done with it. Each key stands on its button."""
    with st.container(horizontal=True):
        # one key for every round: who saves again while the saved version is being drawn is heard
        again = f"save-{here.entry}-{here.nonce}"
        if st.button("Save", type="primary", icon=":material/save:", key=again, shortcut="Ctrl+S"):
            _save(here, "", "" if here.seen is None else here.entry)
        if here.seen is None:
            return
        if st.button("Approve, next", icon=":material/done_all:", key=here.key("approve"), shortcut="Ctrl+Enter"):
            _save(here, APPROVED, beside.following or here.entry)
        if st.button("Reject, next", icon=":material/block:", key=here.key("reject"), shortcut="Alt+X"):
            _save(here, REJECTED, beside.following or here.entry)
        if here.seen.status != IN_REVIEW and st.button(
            "To review", icon=":material/visibility:", key=here.key("review"), shortcut="Alt+O"
        ):
            _save(here, IN_REVIEW, here.entry)
        if here.version > 1 and st.button(
            "Undo", icon=":material/undo:", type="tertiary", key=here.key("undo"), shortcut="Alt+U"
        ):
            _undo(here)


def _save(here: Paper, status: str, then: str) -> None:
    """Save what stands on the sheet, with what others saved meanwhile; then turn to the entry `then`."""
    store, me = state.store(), state.me()
    with notices.told():
        at = paper.mine(here)
        at = replace(at, status=status) if status else at
        if here.seen is None:
            new = examples.write(
                store, here.dataset, at.messages, me, tuple(at.tags), tools=at.tools, status=at.status, note=at.note
            )
            notices.later(f"The example is saved as {at.status}.")
            _done(new, new.entry)
            return
        saved = merging.save(store, here.seen, at, me)
        if isinstance(saved, Merged):
            newest = examples.get(store, here.dataset, here.entry)
            state.keep(state.EDITING, replace(here, clash=Clash(saved, newest)))
            notices.later("Not saved yet: somebody else changed the same words. Choose below.")
            st.rerun()
        _say_saved(here, saved)
        _done(saved, then)


def _say_saved(here: Paper, saved: Example) -> None:
    assert here.seen is not None
    if saved.version == here.version:
        notices.later("There was nothing new to save.")
        return
    before = next(
        v for v in examples.history(state.store(), saved.dataset, saved.entry) if v.version == saved.version - 1
    )
    theirs = f" Put together with theirs: {clash.meanwhile(here, before)}." if before.version > here.version else ""
    notices.later(f"Version {saved.version} is saved.{theirs}")


def _undo(here: Paper) -> None:
    with notices.told():
        if _unsaved(here):
            raise Problem("There are unsaved words here.", do="Save or discard them first; Ctrl+Z takes back typing.")
        assert here.seen is not None
        new = versions.undo(state.store(), here.seen, state.me())
        notices.later(f"Taken back, as version {new.version}.")
        _done(new, new.entry)


def _went_on(here: Paper) -> None:
    assert here.went_on is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/restore: You go on with what you had not saved, kept {parts.ago(here.went_on)}.",
            width="content",
        )
        if st.button("Discard it", type="tertiary", key=here.key("discard")):
            newest = examples.get(state.store(), here.dataset, here.entry) if here.seen else None
            drafts.drop(state.store(), here.dataset, here.entry, state.me())
            state.keep(state.EDITING, paper.fresh(here.dataset, newest, of=paper.stamp(here)))
            st.rerun()


def _checks(here: Paper) -> None:
    """What the rules and the style guide say about the words as they stand."""
    turns, tools = paper.words(here)
    answer = next((turn["content"] for turn in reversed(turns) if turn["role"] == "assistant"), "")
    guide = guides.get(state.store(), here.dataset)
    st.caption(f"The answer has {parts.count(len(answer.split()), 'word')}, {parts.count(len(answer), 'character')}.")
    verdict.under(desk.as_messages(turns), desk.as_tools(tools), here.key("verdict"))
    if rules.marks(answer, guide) or rules.missing(answer, guide):
        marks.text(answer, guide)


def _labels(here: Paper) -> None:
    """What stands beside the words: tags, status, note."""
    st.multiselect(
        "Tags",
        sorted({*facets.tags(state.store(), here.dataset), *here.tags}),
        here.tags,
        accept_new_options=True,
        key=here.key("tags"),
    )
    st.segmented_control("Status", STATUSES, default=here.status, required=True, key=here.key("status"))
    st.text_input(
        "Note", here.note, key=here.key("note"), placeholder="For your colleagues; never trained on", live=True
    )


def _unsaved(here: Paper) -> bool:
    try:
        return paper.mine(here) != here.base
    except Problem:  # half-typed JSON is no less unsaved
        return True


def _done(saved: Example, then: str) -> None:
    """It is saved: the draft goes, and the desk shows the saved version, or the next example."""
    here: Paper = state.value(state.EDITING)
    drafts.drop(state.store(), here.dataset, here.entry, state.me())
    state.keep(state.KEPT, None)
    state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)
    stays = then == saved.entry and here.seen is not None
    state.keep(state.EDITING, paper.again(here, merging.state(saved), saved) if stays else None)
    state.ask(entry=then or saved.entry)
    st.rerun()


def _leave(here: Paper, entry: str) -> None:
    """Turn to another entry ('' for none); what is unsaved here is kept as a draft."""
    paper.keep(here)
    if here.seen:
        presence.gone(str(state.store().home.root), here.dataset, here.entry, state.me(), state.seat())
    state.keep(state.EDITING, None)
    state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)
    state.ask(entry=entry)
    st.rerun()
