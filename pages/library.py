"""Library: one library. Its documents, how they are cut and found, a search to try, how well it works; or one
document, with the passage marked that a citation means."""

import streamlit as st

from engine.data import language
from studio.reading import indexes, libraries, readings, upkeep
from studio.reading.libraries import Library
from studio.reading.readings import READ
from studio.ui import cutting, finding, leaf, nav, notices, parts, questioning, recall, stacks, state

store, me = state.store(), state.me()
upkeep.catch_up(store)


def head(library: Library, found: list[libraries.Document]) -> None:
    nav.back("All libraries", "libraries")
    parts.heading(library.name, "A model looks things up here before it answers.", "Library")
    figures = {"documents": f"{library.documents:,}", "chunks": f"{library.chunks:,}"}
    if pages := sum(one.pages for one in found):
        figures["pages"] = f"{pages:,}"
    spoken = dict.fromkeys(language.name(one.language) for one in found if one.language)
    if spoken:
        figures["languages"] = ", ".join(list(spoken)[:3]) + (f" and {len(spoken) - 3} more" if len(spoken) > 3 else "")
    parts.facts(figures)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.caption(f"Searched {indexes.words(library.settings)}.")
        if library.chunks:
            nav.link("Ask a model with it, and without", "playground", library=library.name)


def documents(library: Library, found: list[libraries.Document]) -> None:
    stacks.arrived(store, library.name)
    stacks.gone(store, library.name, me)
    if found:
        stacks.documents(store, library, found, me)
    stacks.refused(store, library.name, me)
    busy = bool(readings.live(store, library.name, READ))
    if busy and not found:
        st.caption("They are being read. You may leave this page; it goes on.")
    label, key = ("Bring in more", "bring") if found or busy else ("Bring in documents", "bring-first")
    with st.expander(label, icon=":material/library_add:", expanded=not (found or busy), key=key):
        bring_in(library)
    stacks.places(store, library.name, me)
    parts.command("atelier", "read", library.name, "/data/handbook")
    stacks.remove_all(store, library.name, me)


def bring_in(library: Library) -> None:
    """Files or a path; the form is empty again once they are being read."""
    asked = len(readings.listed(store, library.name, READ))
    chosen = stacks.intake(f"{library.name}-{asked}")
    busy = bool(readings.live(store, library.name, READ))
    clicked = st.button(
        "Read them", type="primary", icon=":material/download:", key="read", disabled=busy or not chosen
    )
    if clicked and chosen:
        with notices.told():
            stacks.begin(store, library.name, chosen, me)
            st.rerun()
    st.caption("A document that comes again under its name takes the place of the old one.")


def settings(library: Library, found: list[libraries.Document]) -> None:
    cutting.form(store, library, found, me)


def unread(library: Library) -> None:
    """Why there is nothing to search, and the way on."""
    words = "There is nothing to search yet. Bring in a document first."
    if library.documents:
        words = "The documents are not indexed yet. Settings has a button for that."
    if running:
        words = "The documents are being read. You can search them as soon as that is done."
    st.info(words, icon=":material/menu_book:")


def search(library: Library, found: list[libraries.Document]) -> None:
    if not library.chunks:
        unread(library)
        return
    finding.show(store, library, me)


def quality(library: Library, found: list[libraries.Document]) -> None:
    if not library.chunks:
        unread(library)
        return
    with st.container():  # what is below stays where it is when the last one is judged, and is not drawn twice
        questioning.judge(store, library.name, me)
    figures = st.container()
    questioning.more(store, library, me)
    with figures:  # above, and drawn after: what was imported just now counts in them
        lost = recall.show(store, library)
    questioning.listing(store, library.name, me, lost)
    parts.command("atelier", "recall", library.name)


TABS = {"Documents": documents, "Search": search, "Quality": quality, "Settings": settings}


def one_document(library: Library, name: str) -> None:
    nav.back(library.name, "library", library=library.name, part="Search" if finding.asked(library.name) else "")
    document = libraries.document(store, library.name, name)
    state.ask(document=name)  # a link from this page to itself leaves the browser's address as it was
    leaf.show(store, document, library.settings.chunking, state.asked("chunk"), state.asked("words"))


if not state.asked("library"):
    nav.back("All libraries", "libraries")
    notices.empty("No library is chosen", "Choose one from the list.", "menu_book", "libraries", "To the libraries")
else:
    running = readings.live(store, state.asked("library"))  # asked first: what ends after it is seen by the timer
    chosen = libraries.get(store, state.asked("library"))
    if state.asked("document"):
        one_document(chosen, state.asked("document"))
    else:
        held = libraries.documents(store, chosen.name)
        head(chosen, held)
        stacks.working(store, chosen.name, running, me)
        for tab, draw in zip(st.tabs(list(TABS), key="part", bind="query-params"), TABS.values(), strict=True):
            if tab.open:  # each searches or cuts; the others wait until somebody asks
                with tab:
                    draw(chosen, held)
