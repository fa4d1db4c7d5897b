"""Stacks: what stands in a library, how it came in, what was refused, and how it goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from engine import hashes, jobs, sizes
from engine.data import language
from studio import work
from studio.data import incoming
from studio.reading import arrivals, libraries, readings, removal, upkeep
from studio.reading.arrivals import Refusal
from studio.reading.libraries import Document, Library
from studio.reading.readings import INDEX, READ, Reading
from studio.store import Store
from studio.ui import leaf, live, nav, notices, parts

UPLOAD, HERE = "Upload", "A path on this machine"
TYPES = ["pdf", "docx", "html", "htm", "md", "txt", "csv", "tsv", "zip"]
ROWS = 400  # height of the table in pixels
NOW = {"gather": "Reading files", "index": "Indexing", "make": "Asking a model for questions"}


@dataclass(frozen=True)
class Chosen:
    """What somebody wants read: files that were uploaded, or paths on this machine."""

    files: Sequence[Any] = ()
    paths: Sequence[Path] = ()
    keep: bool = False  # the files too, as they came


def intake(key: str) -> Chosen | None:
    """Files or a path, as they are chosen; None as long as nothing is."""
    way = st.segmented_control(
        "Where are they?", [UPLOAD, HERE], default=UPLOAD, required=True, key=f"way-{key}", persist_state="session"
    )
    if way == HERE:
        path = st.text_input(
            "File or folder",
            placeholder="/data/handbook",
            key=f"path-{key}",
            persist_state="session",
            help="It is only read, and stays where it is. It can be looked at again when it has changed.",
        )
        return Chosen(paths=[incoming.on_this_machine(path)]) if path.strip() else None
    files = st.file_uploader(
        "Files, as many as you like",
        type=TYPES,
        accept_multiple_files=True,
        key=f"files-{key}",
        help="A ZIP archive becomes a document for each file in it.",
    )
    st.caption("PDF, Word (DOCX), HTML, Markdown, text, CSV, or a ZIP of these. Nothing in a file is executed.")
    keep = st.toggle(
        "Keep the files too",
        True,
        key=f"keep-{key}",
        help="So that whoever follows a citation can open the original. Otherwise only what was read of it is kept: "
        "text, headings, tables, page numbers.",
    )
    where = "They stay on this machine, and go when their document goes."
    st.caption(where if keep else "Each file is deleted once it is read.")
    return Chosen(files=files, keep=keep) if files else None


def begin(store: Store, library: str, chosen: Chosen, me: str) -> Reading:
    """Have what was chosen read into a library."""
    spooled = [arrivals.spool(store, library, file.name, file.getbuffer()) for file in chosen.files]
    try:
        return arrivals.start(store, library, [*chosen.paths, *spooled], me, chosen.keep)
    except BaseException:
        arrivals.discard(store, library, spooled)
        raise


def working(store: Store, library: str, running: Sequence[Reading], me: str) -> None:
    """The jobs of a library that were `running` when the page was read, and those that did not come to their end."""
    before = [one.id for one in running]
    live.watch(_running, store, library, before, me, live=bool(before), every="1s")
    for kind in (READ, INDEX):
        last = readings.newest(store, library, kind)
        if last is not None and last.taken is None and last.state in jobs.OVER:
            _ended(store, last, me)


def _running(store: Store, library: str, before: list[str], me: str) -> bool:
    upkeep.catch_up(store)
    for one in readings.live(store, library):
        with st.container(border=True, key=f"reading-{one.id}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.progress(*_so_far(one))
                if one.job.live and st.button("Stop", icon=":material/stop_circle:", key=f"stop-{one.id}"):
                    work.stop(store, one, me)
                    st.rerun()
            if waits := jobs.waits_for(one.job):
                st.caption(notices.plain(waits))
    return [one.id for one in readings.live(store, library)] == before


def _so_far(one: Reading) -> tuple[float, str]:
    """The share of a job that is done, and words for it."""
    if not one.job.live:
        return 1.0, "Taking over what was found"
    told = one.progress or {}
    of, done = told.get("of") or 0, told.get("done") or 0
    if not of:
        return 0.0, f"{NOW[one.job.kind]} begins"
    left = f", {parts.lasting(told['seconds_left'])} left" if told.get("seconds_left") else ""
    return min(1.0, done / of), f"{NOW[one.job.kind]}: {done / of:.0%}{left}"


def _ended(store: Store, last: Reading, me: str) -> None:
    """A job that was stopped or failed: why, and the way on."""
    what = NOW[last.job.kind]
    if last.state == jobs.FAILED:
        st.error(f"**{what} failed.** {notices.plain(jobs.why(last.job.folder))}", icon=":material/error:")
    else:
        st.info(f"**{what} was stopped.** What it has done is kept.", icon=":material/stop_circle:")
    if st.button("Go on", icon=":material/play_arrow:", key=f"resume-{last.id}"):
        work.resume(store, last, me)
        st.rerun()


def arrived(store: Store, library: str) -> None:
    """What became of what was read last."""
    last = next((one for one in readings.listed(store, library, READ) if one.taken is not None), None)
    if last is not None and last.taken is not None and last.body["sources"]:
        counts = {name: n for name, n in last.taken.items() if name != "missing"}
        named = last.body["sources"][:3]
        more = f" and {len(last.body['sources']) - 3:,} more" if last.body["sources"][3:] else ""
        st.caption(
            f"{notices.plain(', '.join(named))}{more} read {parts.ago(last.made_at)}: **{readings.words(counts)}**."
        )


def documents(store: Store, library: Library, found: Sequence[Document], me: str) -> None:
    """The documents as a table: look for one, open it, or remove those that are picked."""
    words = st.text_input(
        "Look for", placeholder="Find a document by name or title", key="find-document", label_visibility="collapsed"
    )
    wanted = (words or "").casefold()
    shown = [one for one in found if wanted in f"{one.name} {one.title}".casefold()]
    picked = st.dataframe(
        _table(shown),
        hide_index=True,
        height="auto" if len(shown) < 10 else ROWS,
        key=f"documents-{hashes.content([one.name for one in shown])}",  # ticks are kept as places in this very list
        on_select="rerun",
        selection_mode="multi-row",
        alt=f"{len(shown)} documents of {library.name}",
    )
    chosen = [shown[at] for at in picked["selection"]["rows"] if at < len(shown)]
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) == 1:
            nav.link("Read it", "library", icon="menu_book", library=library.name, document=chosen[0].name)
        if chosen:
            _remove(store, library.name, [one.name for one in chosen], me)
        else:
            st.caption("Tick a document to read it, or several to remove them.")


def _table(shown: Sequence[Document]) -> pd.DataFrame:
    """A row a document; what none of them has is no column."""
    columns: dict[str, list[Any]] = {
        "name": [one.name for one in shown],
        "title": [one.title if one.title != one.name else "" for one in shown],
        "kind": [leaf.KINDS.get(one.kind, one.kind) for one in shown],
        "pages": [str(one.pages or "") for one in shown],
        "language": [language.name(one.language) for one in shown],
        "chunks": [one.chunks for one in shown],
        "size": [sizes.in_words(one.bytes) for one in shown],
        "remarks": [" ".join(one.remarks) for one in shown],
    }
    return pd.DataFrame({name: values for name, values in columns.items() if any(values) or name in ("name", "chunks")})


def refused(store: Store, library: str, me: str) -> None:
    """Each file that could not be read, with its sentence."""
    found = arrivals.refusals(store, library)
    if not found:
        return
    parts.section(f"Not read ({len(found):,})")
    for one in found[:20]:
        with st.container(border=True, key=f"refusal-{one.name}"):
            said, noted = st.columns([7, 1], vertical_alignment="center")
            begins = one.why.startswith(f"{one.name} ")  # most sentences name their file
            why = one.why.removeprefix(one.name) if begins else f": {one.why}"
            said.markdown(f"**{notices.plain(one.name)}**{notices.plain(why)}{_within(one)}")
            if noted.button("Noted", key=f"noted-{one.name}", type="tertiary", icon=":material/check:"):
                arrivals.dismiss(store, library, me, one.name)
                st.rerun()
    if len(found) > 20:
        st.caption(f"20 of {len(found):,} are shown.")
    if len(found) > 1 and st.button("All noted", key="noted-all", icon=":material/done_all:"):
        arrivals.dismiss(store, library, me)
        st.rerun()


def _within(one: Refusal) -> str:
    """The archive or folder that a file lies in; '' for one that was chosen by itself."""
    held = Path(one.source).name != one.name and one.source not in one.name
    return f"  \n:gray[In {notices.plain(one.source)}.]" if held else ""


def gone(store: Store, library: str, me: str) -> None:
    """Documents whose files are gone from where they were read: somebody decides."""
    for path, names in arrivals.gone(store, library).items():
        with st.container(border=True, key=f"gone-{path}"):
            st.markdown(
                f"**{parts.count(len(names), 'document')} {'are' if len(names) > 1 else 'is'} gone from "
                f"{notices.plain(path)}**: {notices.plain(', '.join(names[:10]))}"
            )
            with st.container(horizontal=True):
                _remove(store, library, names, me, key=f"gone-{path}")
                if st.button("Keep them here", key=f"keep-{path}"):
                    arrivals.keep_gone(store, library)
                    st.rerun()


def places(store: Store, library: str, me: str) -> None:
    """The paths that can be looked at again."""
    busy = bool(readings.live(store, library, READ))
    for one in arrivals.sources(store, library):
        with st.container(horizontal=True, vertical_alignment="center", key=f"source-{one.path}"):
            st.markdown(
                f":material/folder: {notices.plain(one.path)} "
                f":gray[{parts.count(one.documents, 'document')}, read {parts.ago(one.read_at)}]",
                width="stretch",
            )
            if st.button("Look again", icon=":material/refresh:", key=f"again-{one.path}", disabled=busy):
                with notices.told():
                    arrivals.look_again(store, library, one.path, me)
                    st.rerun()


def _remove(store: Store, library: str, names: Sequence[str], me: str, key: str = "picked") -> None:
    quoted = removal.uses(store, library).sentences
    what = names[0] if len(names) == 1 else f"{len(names):,} documents"
    question = "\n\n".join(
        [
            f"**{notices.plain(what)}** and every word of it will be gone for good: text, chunks, vectors, the "
            "questions about it, and its file where it is kept here. A file that was read by its path is not touched.",
            *map(notices.plain, quoted),
        ]
    )
    if notices.sure("Remove", question, f"Remove {what}", key=f"remove-{key}", icon="delete"):
        with notices.told(), st.spinner("Removing every trace"):
            removal.documents(store, library, names, me)
            notices.later(f"{what} is gone." if len(names) == 1 else f"{what} are gone.")
            st.rerun()


def remove_all(store: Store, library: str, me: str) -> None:
    """The whole library."""
    found = libraries.get(store, library)
    question = "\n\n".join(
        [
            f"**{notices.plain(library)}** with its {parts.count(found.documents, 'document')} will be gone for good.",
            *map(notices.plain, removal.uses(store, library).sentences),
        ]
    )
    if notices.sure("Delete this library", question, f"Delete {library}", key="delete-library", icon="delete_forever"):
        with notices.told(), st.spinner("Removing every trace"):
            removal.library(store, library, me)
            notices.later(f"{library} is deleted.")
            nav.goto("libraries")
