"""State: the store, who sits here, and what is being looked at.

Three homes, no fourth: durable facts in the Store, what is being looked at in the URL (`?dataset=`, `?run=`,
`?evaluation=`, `?entry=`), half-finished typing in widgets. Every key of `session_state` that is not a widget's own
is declared here.
"""

import getpass
import time
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import streamlit as st

from studio import members
from studio.building import models, runs
from studio.building.models import Model
from studio.building.runs import Run
from studio.data import datasets
from studio.data.datasets import Dataset
from studio.folders import Home
from studio.judging import evaluations
from studio.judging.evaluations import Evaluation
from studio.members import Member
from studio.store import Store, opened

ME = "me"  # name of the member who sits here
TOASTS = "toasts"  # what to say once the page is drawn anew
DISCARDED = "discarded"  # the rejected rows that were put aside last: their dataset and ids
LISTED = "listed"  # the table in which the open example was last seen: its key and the entries of its rows
DRAWN = "drawn"  # the table of examples drawn last: its key and the entries of its rows
TURNED = "turned"  # the entry whose page was looked for last
LEFT = "left"  # the page number in the address that was for other rows, and holds no more
STEPS = "steps"  # how often a save or a key moved on; part of the keys of tables and popovers, so that they start anew
BENCH = "bench"  # the message on the tone workbench, as it was seen
EDITING = "editing"  # the sheet in the editor: the version that was seen and the words put on the desk
KEPT = "kept"  # what the draft of that sheet holds, so that nothing is written twice
ATTENDED = "attended"  # seconds of attention that are counted already, by desk
DONE = "done"  # the last deed on many examples, to be taken back: (dataset, words, bulk.Done)
CHOSEN = "chosen"  # entries picked in the table, over its pages
SEAT = "seat"  # this window among those of one person
SHOWN = "shown"  # the pair on the arena's screen, and since when
UNLOCKED = "unlocked"  # snapshots whose test set this person has given a reason to look at
EXCLUDED = "excluded"  # entries to leave out of training at the next freeze: (dataset, entries)
PAID = "paid"  # the rewards that are being tried: the name they are of, and the values of each under its number
TRIED = "tried"  # answers that a model gave to be paid, and for which model and snapshot
TURNS = "turns"  # what the playground has asked and been answered
VERDICTS = "verdicts"  # which answer was found best in the playground's blind mode, by question
ARRANGED = "arranged"  # the shared arrangement that was opened last in this window
STANDING = "standing"  # what the playground of this window began with
ASKING = "asking"  # questions of the playground that were asked and not answered yet
FOLLOWED = "followed"  # whether something has come at the end of the playground that shall be seen
SEATED = "seated"  # the candidate that was just kept in the playground: the key of its settings, and its id
FRESH = "fresh"  # how often the settings of a choice in the playground began anew, by the key that they had first
CLEARED = "cleared"  # what was taken away from the playground last: its turns and verdicts
TASTED = "tasted"  # the first drafts of a making that is being ordered: of which order, its rows, its calls
PREPARED = "prepared"  # examples with passages that were made and not written: the plan and what came of it
COOKIE = "atelier_me"


def store() -> Store:
    """The one Store of this process, with the model that Atelier ships."""
    return _ready(str(Home.default().root))


@st.cache_resource
def _ready(root: str) -> Store:
    found = opened(Home.default())
    models.add_starter(found)
    return found


def me() -> str:
    """Who sits here: the name chosen in the sidebar, by default the login name."""
    if ME not in st.session_state:
        st.session_state[ME] = remembered() or _login()
    return str(st.session_state[ME])


def remembered() -> str:
    """The name that this browser keeps, '' when it keeps none."""
    kept = st.context.cookies.get(COOKIE, "")
    return unquote(kept) if isinstance(kept, str) else ""  # AppTest has stand-ins for cookies


def member() -> Member | None:
    return next((member for member in members.listed(store()) if member.name == me()), None)


def role() -> str:
    """The role of who sits here, '' until one is chosen."""
    found = member()
    return found.role if found else ""


def sit_down(name: str) -> None:
    st.session_state[ME] = name


def asked(name: str) -> str:
    """A value of the URL, '' when it is not there."""
    return str(st.query_params.get(name, ""))


def ask(**values: str) -> None:
    """Put what is looked at into the URL; '' takes it out."""
    for name, value in values.items():
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)


def current_dataset() -> Dataset | None:
    """The dataset of the URL, None when it names none. Problem when there is no such dataset."""
    return datasets.get(store(), asked("dataset")) if asked("dataset") else None


def current_model() -> Model | None:
    """The model of the URL, None when it names none. Problem when there is no such model."""
    return models.get(store(), asked("model")) if asked("model") else None


def current_run() -> Run | None:
    """The run of the URL, None when it names none. Problem when there is no such run."""
    return runs.get(store(), asked("run")) if asked("run") else None


def current_evaluation() -> Evaluation | None:
    """The evaluation of the URL, None when it names none. Problem when there is no such evaluation."""
    return evaluations.get(store(), asked("evaluation")) if asked("evaluation") else None


def value(key: str, otherwise: Any = None) -> Any:
    """What `session_state` holds under one of the keys above, or under a widget's own.

    Whoever changes a widget from outside gives it this as its default too: a value that is set from here alone is lost
    when the page is drawn anew before the browser has heard of it, and the browser then answers with the default.
    """
    return st.session_state.get(key, otherwise)


def keep(key: str, what: Any) -> None:
    st.session_state[key] = what


def step() -> None:
    """Have the tables and popovers that follow these steps start anew. Also for use as a callback."""
    keep(STEPS, value(STEPS, 0) + 1)


def seat() -> str:
    """A name for this window, as long as its session lasts."""
    if SEAT not in st.session_state:
        st.session_state[SEAT] = uuid4().hex
    return str(st.session_state[SEAT])


def first_shown(what: str) -> float:
    """When `what` was put before this person, in seconds since the epoch; only the latest is remembered."""
    if value(SHOWN, ("", 0.0))[0] != what:
        keep(SHOWN, (what, time.time()))
    return float(value(SHOWN)[1])


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user without a name
        return "somebody"
