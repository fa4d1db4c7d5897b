"""Choosing: who is asked in the playground: a model as it is, or a candidate that was kept, changed at will."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import streamlit as st

from engine.serving.asking.client import Decoding
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.deciding import grids
from studio.freezing import snapshots
from studio.judging import sources
from studio.reading import libraries
from studio.ui import notices, parts, reckoning, state

DRAWN = {
    "temperature": "temperature",
    "max_tokens": "longest answer",
    "top_p": "top p",
    "seed": "seed",
    "schema": "a JSON schema",
}
LABELS = ("Candidate", "Against", "And against", "And against that")


def candidate(
    side: int, held: Mapping[str, Candidate], names: list[str], default: str, narrow: bool = False
) -> Candidate:
    """One candidate in its column. `held` are arrangements by id, `names` models, `default` one of either."""
    offered = [*names, *held]
    kept = {one.id for one in candidates.listed(state.store())}
    with st.container(horizontal=not narrow, vertical_alignment="bottom", gap="small"):
        begins = _seated(side, state.value(f"who-{side}", default), held)
        if begins not in offered:
            st.warning(f"What was chosen here is no longer offered. {notices.plain(offered[0])} stands in its place.")
        chosen = st.selectbox(
            LABELS[side],
            offered,
            index=offered.index(begins) if begins in offered else 0,
            format_func=lambda one: _called(one, held, kept),
            key=f"who-{side}",
            persist_state="session",
        )
        start = held.get(chosen) or candidates.draft(state.store(), chosen, chosen, state.me())
        with st.popover("Settings", icon=":material/tune:"):
            made = settings(f"{side}-{chosen}", start)
    if told := beside(made):
        st.caption(f"With {notices.plain(', '.join(told))}.")
    for words in reckoning.leaves(state.store(), [made], ""):
        st.caption(f":material/outbound: {notices.plain(words)}")
    return made


def _seated(side: int, begins: str, held: Mapping[str, Candidate]) -> str:
    """Who is chosen in this column: the one that was just kept in it, if any."""
    key, kept = state.value(state.SEATED, ("", ""))
    if key != f"{side}-{begins}" or kept not in held:
        return begins
    state.keep(state.SEATED, ("", ""))
    state.keep(f"who-{side}", kept)
    return kept


def beside(made: Candidate) -> list[str]:
    """What it has that its model alone has not, in words: settings are folded away, and must not be forgotten there."""
    found = ["a system prompt"] if made.system else []
    if made.library:
        found.append(f"{parts.count(made.passages, 'passage')} of {made.library}")
    if made.shows:
        whose = f" of {snapshots.get(state.store(), made.nearest_from).name}" if made.nearest else ""
        found.append(f"{made.shows}{whose}")
    drawn, usual = Decoding(**made.decoding), Decoding()
    for name, words in DRAWN.items():
        if (now := getattr(drawn, name)) != getattr(usual, name):
            found.append(words if name == "schema" else f"{words} {now:g}")
    return found


def put(side: int, one: Candidate) -> None:
    """Have this one chosen in its column: the model itself where that is all there is to it."""
    state.keep(f"who-{side}", choice(one))


def names(standing: Sequence[Candidate]) -> list[str]:
    """The models that can be chosen: those on offer, and archived ones that stand here already."""
    here = {one.model for one in standing}
    return [model.name for model in models.listed(state.store()) if not model.archived or model.name in here]


def choice(one: Candidate) -> str:
    """What it is called among what can be chosen; one whose model is gone by the name of that, which nobody offers."""
    if one.model not in {model.name for model in models.listed(state.store())}:
        return one.model
    plain = candidates.draft(state.store(), one.model, one.model, state.me())
    return one.model if plain.id == one.id else one.id


def _called(one: str, held: Mapping[str, Candidate], kept: Collection[str]) -> str:
    if one not in held:
        return f"{one} · model"
    return f"{held[one].name} · kept" if one in kept else held[one].name


def settings(key: str, start: Candidate) -> Candidate:
    """The candidate with what the popover says. Its keys hold the choice, so each choice begins with its own values."""
    store, first = state.store(), key
    if times := state.value(state.FRESH, {}).get(first):
        key = f"{first}-{times}"
    system = st.text_area(
        "System prompt", start.system, key=f"system-{key}", persist_state="session", placeholder="None", height=100
    )
    told = {"system": system.strip(), **_read(key, start), **_shown(key, start)}
    made = candidates.like(store, start, state.me(), decoding=_decoding(key, start.decoding), **told)
    if made.id != start.id:
        made = replace(made, name=f"{start.name}, changed")
        st.button(
            "Undo these changes",
            icon=":material/undo:",
            type="tertiary",
            key=f"anew-{key}",
            on_click=_anew,
            args=(first,),
        )
    _keep(first, made)
    return made


def _read(key: str, start: Candidate) -> dict[str, Any]:
    """The library that is looked up, and how many passages of it are read."""
    held = ["", *(library.name for library in libraries.listed(state.store()))]
    gone = start.library if start.library not in held else ""
    library, passages = _so_many(
        f"library-{key}", "Library", held, "" if gone else start.library, lambda name: name or "none",
        f"passages-{key}", "Passages", start.passages or 2,
    )  # fmt: skip
    if gone:
        st.warning(f"Its library {notices.plain(gone)} is gone.", icon=":material/menu_book:")
    return {"library": library, "passages": passages}


def _shown(key: str, start: Candidate) -> dict[str, Any]:
    """The snapshot whose training examples are shown, and how many of those nearest to each question."""
    if start.examples:
        st.caption(f"Shows {parts.count(len(start.examples) // 2, 'example')} before each question, as it was kept.")
    held = {found.id: found.name for found in snapshots.listed(state.store()) if found.train}
    if not held:
        return {}
    chosen, nearest = _so_many(
        f"shown-{key}", "Examples from", ["", *held], start.nearest_from, lambda id: held.get(id, "none"),
        f"nearest-{key}", "Nearest", start.nearest or 3,
    )  # fmt: skip
    return {"nearest": nearest if chosen else 0, "nearest_from": chosen}


def _so_many(
    key: str, label: str, held: Sequence[str], first: str, called: Callable[[str], str],
    many_key: str, many: str, n: int,
) -> tuple[str, int]:  # fmt: skip
    """One of `held`, '' for none, and beside it how many of what it has."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(label, held, held.index(first), key=key, persist_state="session", format_func=called)
        count = st.number_input(many, 1, 8, n, key=many_key, persist_state="session", disabled=not chosen, width=120)
    return chosen, int(count)


def _anew(key: str) -> None:
    """Have the settings of a choice begin with its own values again."""
    fresh = state.value(state.FRESH, {})
    state.keep(state.FRESH, {**fresh, key: fresh.get(key, 0) + 1})


def _decoding(key: str, start: Mapping[str, Any]) -> Decoding:
    """How answers are drawn: the two settings that everybody needs, and the others folded away."""
    temperature = st.slider(
        "Temperature", 0.0, 1.5, float(start["temperature"]), 0.1, key=f"temperature-{key}", persist_state="session",
        help="0 takes the likeliest word each time; higher is more varied.",
    )  # fmt: skip
    most = st.number_input(
        "Longest answer in tokens", 8, 4096, int(start["max_tokens"]), key=f"most-{key}", persist_state="session"
    )
    with st.expander("More", type="compact"):
        chance = st.slider(
            "Top p", 0.05, 1.0, float(start["top_p"]), 0.05, key=f"top-{key}", persist_state="session",
            disabled=not temperature,
        )  # fmt: skip
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, int(start["seed"]), key=f"seed-{key}", persist_state="session",
            disabled=not temperature,
        )  # fmt: skip
        given = json.dumps(start["schema"], indent=1) if start.get("schema") else ""
        typed = st.text_area(
            "The answer as JSON, by this schema", given, key=f"schema-{key}", persist_state="session",
            placeholder="None",
        )  # fmt: skip
    return Decoding(temperature, chance, int(most), int(seed), _schema(typed, start.get("schema")))


def _schema(typed: str, before: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema that was typed; the one before where that is none, with a sentence."""
    if not typed.strip():
        return None
    try:
        found = json.loads(typed)
        jsonschema.Draft202012Validator.check_schema(found)
    except (ValueError, jsonschema.SchemaError) as error:
        said = error.message if isinstance(error, jsonschema.SchemaError) else str(error)
        st.error(f"This is no JSON schema, so it is not used: {notices.plain(said)}", icon=":material/error:")
        return before
    return found if isinstance(found, dict) else before


def _keep(key: str, made: Candidate) -> None:
    """Make it a candidate that evaluations can ask."""
    store, me = state.store(), state.me()
    known = {candidate.id: candidate for candidate in candidates.listed(store)}
    if made.id in known:
        st.caption(f"Kept as {notices.plain(known[made.id].name)}.")
        return
    with st.form(f"keep-{key}", border=False):
        name = st.text_input("Name", placeholder=_suggested(made), key=f"name-{key}")
        if st.form_submit_button("Keep as candidate", icon=":material/bookmark_add:"):
            found = candidates.keep(store, replace(made, name=name.strip() or _suggested(made)), me)
            state.keep(state.SEATED, (key, found.id))
            _anew(key)
            notices.later(f"Kept as {found.name}. Evaluations can ask it now.")
            st.rerun()


def _suggested(made: Candidate) -> str:
    given = (("prompt", made.system), ("examples", made.shows), (f"{made.library} library", made.library))
    ways = [way for way, there in given if there]
    return f"{made.model} + {' + '.join(ways)}" if ways else made.model


def defaults(n: int) -> list[str]:
    """Whom to ask first: the newest tuned model that needs no prompt against its base, then the ones before it."""
    found = models.offered(state.store())
    tuned = [model for model in reversed(found) if model.kind == models.ADAPTER] or found[-1:]
    tuned.sort(key=lambda model: _prompted(model.name))
    order = [tuned[0].base or found[0].name, *(model.name for model in tuned), *(model.name for model in found)]
    return list(dict.fromkeys(order))[:n]


def _prompted(model: str) -> bool:
    """Whether it learned under a system prompt: asked without it, it would answer oddly."""
    learned = grids.shown_from(state.store(), model)
    first = sources.watched(state.store(), learned, 1) if learned else []
    return any(turns[0]["role"] == "system" for turns in first)
