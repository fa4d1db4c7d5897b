"""Navigation: every page by name, and the ways to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from studio.folders import CODE

PAGES = CODE / "pages"


@dataclass(frozen=True)
class Place:
    name: str  # of pages/, without .py; also its URL
    title: str
    icon: str
    group: str
    help: str
    hidden: bool = False  # reached from another page, not from the sidebar

    @property
    def path(self) -> Path:
        return PAGES / f"{self.name}.py"

    @property
    def symbol(self) -> str:
        return f":material/{self.icon}:"


PLACES = (
    Place("home", "Home", "cottage", "", "What exists, what runs now, and what to do next."),
    Place("datasets", "Datasets", "inventory_2", "Write", "Named sets of examples, and what to do with each next."),
    Place(
        "bring_in", "Bring in", "upload_file", "Write", "Files, tables and pasted text become examples.", hidden=True
    ),
    Place("rejects", "Rows to mend", "build", "Write", "Rows that could not be used, each with a repair.", hidden=True),
    Place("examples", "Examples", "edit_note", "Write", "Find, read and edit examples, with their history."),
    Place(
        "workbench", "Tone workbench", "draw", "Write", "Write in the brand's voice, with the style guide beside you."
    ),
    Place("making", "Make data", "auto_awesome", "Write", "A model drafts examples; people approve them."),
    Place(
        "health",
        "Data health",
        "ecg_heart",
        "Write",
        "Duplicates, contradictions, gaps, personal data; what to do next.",
    ),
    Place("snapshots", "Snapshots", "ac_unit", "Write", "Freeze, split, compare, and take data out."),
    Place("runs", "Runs", "model_training", "Build", "All training runs, and the form to launch one."),
    Place("run", "Run", "monitoring", "Build", "One run: progress, loss, samples, log.", hidden=True),
    Place("rewards", "Rewards", "paid", "Build", "What an answer is paid for, tried before a model learns from it."),
    Place("models", "Models", "deployed_code", "Build", "What can be asked and what a run can start from."),
    Place("model", "Model", "deployed_code", "Build", "One model: is it sound, its card, where it goes.", hidden=True),
    Place("libraries", "Libraries", "menu_book", "Build", "Documents in which a model looks things up."),
    Place("library", "Library", "menu_book", "Build", "One library: documents, search, quality.", hidden=True),
    Place("serving", "Serving", "dns", "Build", "Which models answer now, how they do, and who has the GPU."),
    Place("playground", "Playground", "forum", "Build", "Ask one to four candidates the same, side by side."),
    Place("arena", "Arena", "balance", "Judge", "Two answers without names, and one verdict."),
    Place("evaluations", "Evaluations", "checklist", "Judge", "The same questions for every candidate, scored."),
    Place("evaluation", "Evaluation", "checklist", "Judge", "One evaluation: what it found.", hidden=True),
    Place("grid", "Four arms", "grid_view", "Decide", "Prompt, retrieval, fine-tuning, or both? Compared fairly."),
    Place("dashboard", "Dashboard", "insights", "Decide", "Quality against cost and time, with its doubt."),
    Place("engines", "Engines & keys", "key", "Admin", "Where runs can train, and who may use this machine's API."),
)


def place(name: str) -> Place:
    return next(place for place in PLACES if place.name == name)


def navigation() -> Any:
    """The sidebar's menu; returns the page to run."""
    groups: dict[str, list[Any]] = {}
    for found in PLACES:
        if found.path.exists():
            groups.setdefault(found.group, []).append(
                st.Page(
                    found.path,
                    title=found.title,
                    icon=found.symbol,
                    url_path=found.name,
                    default=found.name == "home",
                    visibility="hidden" if found.hidden else "visible",
                    help=found.help,
                )
            )
    return st.navigation(groups, expanded=True)


def goto(name: str, **ids: str) -> None:
    """Leave for another page, with what to look at there: goto("run", run=run.id)."""
    st.switch_page(place(name).path, query_params=ids)


def link(label: str, name: str, icon: str = "", **ids: str) -> None:
    """A link to another page, with what to look at there."""
    there = place(name)
    if there.path.exists():
        symbol = f":material/{icon}:" if icon else there.symbol
        st.page_link(there.path, label=label, icon=symbol, query_params=ids)


def back(label: str, name: str, **ids: str) -> None:
    """The way up, to a page without anything chosen on it but what is named."""
    if st.button(label, icon=":material/arrow_back:", type="tertiary", key=f"back-{name}"):
        goto(name, **ids)
