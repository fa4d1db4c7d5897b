"""Measuring: by what answers are scored: the metrics that fit the items first, in words, and what they are told."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engine.problems import Problem
from engine.scoring import asked, known
from engine.scoring.known import Known
from engine.scoring.score import Setting
from studio.building import models
from studio.judging.orders import Measures
from studio.judging.sources import Questions
from studio.store import Store
from studio.ui import parts

SAMPLE = 60  # items that are asked what they hold
MORE = {  # whom a score asks -> what such scores are called
    "": "more that read the answer",
    asked.JUDGE: "for which a model judges, asked once more or oftener for each answer",
    asked.CANDIDATE: "for which the candidate is asked how likely words are, once more for each answer",
}


def chosen(store: Store, questions: Questions, proposed: Sequence[str], guide: str) -> tuple[Measures, str]:
    """The form, and what has to be filled in before this can start, '' when nothing is. `guide` is the path of the
    style guide, '' for none. Items that lack what a metric needs, of a few that are looked at, are told with it."""
    items, key = questions.items[:SAMPLE], questions.source
    rules = json.loads(Path(guide).read_text(encoding="utf-8")) if guide else None
    found = known.known()
    lacking = {name: known.lacks(name, items, rules) for name in found}
    first = [name for name in proposed if name in found and not _hopeless(found[name], lacking[name], len(items))]
    rest = [name for name in found if name not in first]
    fitting = [name for name in rest if not _hopeless(found[name], lacking[name], len(items))]
    picked = [name for name in first if _offered(found[name], lacking[name], items, True, key)]
    for asks, called in MORE.items():
        group = [name for name in fitting if found[name].asks == asks]
        if group:
            with st.expander(f"{len(group)} {called}", icon=":material/add:"):
                picked += [name for name in group if _offered(found[name], lacking[name], items, False, key)]
    hopeless = [name for name in rest if name not in fitting]
    if hopeless:
        with st.expander(f"{len(hopeless)} that cannot be told here, and why", icon=":material/block:"):
            for name in hopeless:
                st.checkbox(f"**{name}** {found[name].words}", disabled=True, key=f"no-{name}-{key}", wrap=True)
                st.caption(lacking[name][1])
    settings, missing = _told([found[name] for name in picked], items, key)
    judge = _judge(store, [found[name] for name in picked], key)
    if any(found[name].judged for name in picked) and not judge:
        missing = missing or "Choose the model that judges."
    return Measures(picked, guide, judge, settings), missing


def _hopeless(one: Known, lacking: tuple[int, str], n: int) -> bool:
    """Whether no item has what it needs, and nothing that can be set would mend that."""
    return bool(n) and lacking[0] == n and not one.needed


def _offered(one: Known, lacking: tuple[int, str], items: Sequence[Any], proposed: bool, key: str) -> bool:
    on = st.checkbox(f"**{one.name}** {one.words}", value=proposed, key=f"metric-{one.name}-{key}", wrap=True)
    if 0 < lacking[0] < len(items) and not one.needed:
        st.caption(f"{lacking[0]} of {len(items)} items looked at: {lacking[1]} They are counted nowhere.")
    return on


def _told(picked: Sequence[Known], items: Sequence[Mapping[str, Any]], key: str) -> tuple[dict[str, Any], str]:
    """What is set for all items that say nothing themselves."""
    wanted = {setting.key: (one, setting) for one in picked for setting in one.settings}
    if not wanted:
        return {}, ""
    parts.label("For all items that say nothing of it themselves")
    settings, missing = {}, ""
    for name, (one, setting) in wanted.items():
        try:
            settings[name] = _field(setting, f"set-{name}-{key}")
        except ValueError as error:
            st.caption(f":material/error: That is no JSON: {error}")
            missing = f"Mend the {setting.words}."
            continue
        if setting.needed and not settings[name] and not all(item.get(name) for item in items):
            missing = missing or f"{one.name} needs: {setting.words.lower()}."
    return settings, missing


def _field(setting: Setting, key: str) -> Any:
    """What was typed, as the item would hold it. ValueError when it is no JSON where that is wanted."""
    if setting.kind == "choice":
        return st.selectbox(setting.words, setting.choices, key=key)
    if setting.kind == "lines":
        return [line.strip() for line in (st.text_area(setting.words, key=key) or "").splitlines() if line.strip()]
    if setting.kind == "json":
        typed = st.text_area(setting.words, key=key, placeholder='{"type": "object", "required": ["price"]}') or ""
        return json.loads(typed) if typed.strip() else None
    return (st.text_input(setting.words, key=key) or "").strip()


def _judge(store: Store, picked: Sequence[Known], key: str) -> str:
    """The model that judges, where a metric needs one."""
    if not any(one.judged for one in picked):
        return ""
    names = [model.name for model in models.listed(store)]
    judge = st.selectbox(
        "Which model judges",
        names,
        index=None,
        key=f"judge-{key}",
        help="A stronger model than those that are compared, and of another family: a model prefers its own answers.",
    )
    return judge or ""


def check(measures: Measures) -> None:
    """Problem when something that was chosen cannot work, such as a pattern that is none."""
    from engine.scoring import rates

    if pattern := measures.settings.get("pattern"):
        rates.Regex(pattern=pattern)
    if schema := measures.settings.get("schema"):
        if not isinstance(schema, dict):
            raise Problem("The JSON schema is no object.", do='Begin it with {"type": ...}.')
        rates.Json(schema=schema)
