"""Freezing: the form that chooses who learns and who tests, with what it would do before it is done."""

import datetime

import pandas as pd
import streamlit as st

from engine.data.conversations import SPLITS
from engine.scoring import sizing
from studio.data.datasets import Dataset
from studio.freezing import leaks, placements, splits
from studio.freezing.placements import Choices
from studio.freezing.splits import Decision, Plan
from studio.store import Store
from studio.ui import leaking as shown
from studio.ui import notices, parts

WORDS = {
    splits.RANDOM: (
        "By chance",
        "Each example goes where its hash falls. Good when examples do not depend on each other.",
    ),
    splits.STRATIFIED: (
        "Held even",
        "Each kind has the same share on every side. Good for labels and topics, also rare ones.",
    ),
    splits.GROUPED: (
        "Groups together",
        "What belongs together never parts. Good for several examples of one customer or document.",
    ),
    splits.TIME: ("By time", "The newest are the test. Good when tomorrow differs from yesterday."),
}
ASSUMED = (
    "For two candidates that answer one question in five differently, asked the same items; a larger difference "
    "is found four times out of five (Connor 1987)."
)
STRATA = 12  # rows of the preview; the rest are summed up


def plan(store: Store, dataset: Dataset) -> Plan:
    """The plan as it is chosen now."""
    can = placements.choices(store, dataset.name)
    offered = [kind for kind in splits.KINDS if kind != splits.STRATIFIED or can.answers or can.prefixes]
    kind = st.segmented_control(
        "How new examples are placed", offered, default=splits.RANDOM, required=True, key="plan-kind",
        format_func=lambda kind: WORDS[kind][0],
    )  # fmt: skip
    st.caption(WORDS[kind][1])
    left, right = st.columns(2, gap="large")
    by, dates = "", ("", "")
    with left:
        if kind == splits.STRATIFIED:
            names = {splits.ANSWER: f"the answer ({can.answers} labels)"} if can.answers else {}
            names |= {prefix: f"the tag {prefix} ({n} different)" for prefix, n in can.prefixes.items()}
            by = st.selectbox("What is held even", list(names), format_func=names.__getitem__, key="plan-strata")
        elif kind == splits.GROUPED:
            by = st.selectbox(
                "What stays together", list(grouped(can)), format_func=grouped(can).__getitem__, key="plan-groups"
            )
        elif kind == splits.TIME:
            by, dates = when(store, dataset, can)
        alike = st.checkbox(
            "Near-duplicates stay on one side", key="plan-alike",
            help="Otherwise a test can ask what was learned by heart. It holds for examples that have no side yet.",
        )  # fmt: skip
    test, validation = splits.TEST, splits.VALIDATION
    with right:
        if kind != splits.TIME:
            test = st.slider("For the test, in percent", 0, 50, round(100 * test), key="plan-test") / 100
            validation = st.slider("To validate, in percent", 0, 40, round(100 * validation), key="plan-val") / 100
    return Plan(kind, test, validation, by, *dates, look_alikes=alike, exclude=shown.excluded(dataset.name))


def grouped(can: Choices) -> dict[str, str]:
    names = {splits.GROUP: f"groups that the source named ({can.groups})"} if can.groups else {}
    names |= {prefix: f"the tag {prefix} ({n} different)" for prefix, n in can.prefixes.items()}
    if can.sources > 1:
        names[splits.SOURCE] = f"the source document ({can.sources})"
    return {**names, splits.TEMPLATE: "prompts of one template, alike but for names and numbers"}


def when(store: Store, dataset: Dataset, can: Choices) -> tuple[str, tuple[str, str]]:
    """What a date is, and from which days on; by default the newest 15 and 25 percent."""
    names = {"": "when it was written", **{prefix: f"the tag {prefix}" for prefix in can.prefixes}}
    by = st.selectbox("What the date is", list(names), format_func=names.__getitem__, key="plan-date")
    days = [day for day in placements.dates(store, dataset.name, by) if len(day) == 10 and day[:4].isdecimal()]
    at = [days[min(len(days) - 1, int(len(days) * share))] for share in (0.75, 0.85)] if days else ["2026-01-01"] * 2
    try:
        early, late = (datetime.date.fromisoformat(day) for day in at)
    except ValueError:  # a tag of another kind: the plan will say so
        early = late = datetime.date.today()
    validation = st.date_input("Validation begins on", early, key=f"plan-validation-{by}")
    test = st.date_input("The test begins on", late, key=f"plan-from-{by}")
    return by, (validation.isoformat(), test.isoformat())


def preview(decision: Decision, plan: Plan) -> None:
    """What the freeze would make: sizes, kinds, who is new, and the smallest difference that the test can show."""
    fresh = sum(entry in decision.fresh for entry in decision.sides)
    parts.facts({split: f"{decision.count(split):,}" for split in SPLITS} | {"new": f"{fresh:,}"})
    seen = sizing.visible(decision.count("test"), decision.kin("test"))
    st.markdown(smallest(seen.items, seen.shows))
    st.caption(ASSUMED)
    if not fresh:
        st.caption("Every example has its side from an earlier freeze and keeps it; a plan places new ones only.")
    elif fresh < len(decision.sides):
        kept = len(decision.sides) - fresh
        st.caption(f"{parts.count(kept, 'example')} had a side before and {'keeps' if kept == 1 else 'keep'} it.")
    if decision.excluded:
        st.caption(f"{parts.count(len(decision.excluded), 'example')} will be left out of training, as chosen.")
    if decision.torn:
        st.warning(
            f"{parts.count(len(decision.torn), 'group')} stand on more than one side since an earlier freeze. Nothing "
            "is moved; what is new in them follows the majority.",
            icon=":material/call_split:",
        )
    if plan.kind == splits.STRATIFIED:
        rows = sorted(decision.strata.items(), key=lambda pair: -sum(pair[1].values()))
        table = [{"kind": name or "without", **counts} for name, counts in rows[:STRATA]]
        if rest := rows[STRATA:]:
            table.append({"kind": f"{len(rest)} more", **{s: sum(c[s] for _, c in rest) for s in SPLITS}})
        st.dataframe(pd.DataFrame(table), hide_index=True)


def smallest(items: str, shows: str) -> str:
    """What a test of `1,190 items of 240 documents` can show, in one sentence."""
    return f"**A test of {items}**: {notices.plain(shows)}."


def leaking(store: Store, dataset: Dataset, decision: Decision) -> None:
    """What the test would share with training, looked for when asked, and at once where that is quick."""
    if len(decision.sides) > leaks.SMALL and not st.checkbox("Look for leaks; this takes a while", key="plan-leaks"):
        return
    found = shown.foreseen(store, dataset.name, decision)
    shown.remedied(dataset.name, found, decision)


def command(dataset: Dataset, plan: Plan) -> list[str]:
    """The command line that freezes by this plan."""
    words = ["atelier", "freeze", dataset.name]
    for name, value in (("plan", plan.kind), ("by", plan.by), ("test-from", plan.test_from)):
        words += [f"--{name}", value] if value and value != splits.RANDOM else []
    words += ["--validation-from", plan.validation_from] if plan.validation_from else []
    if plan.kind != splits.TIME:
        words += ["--test", f"{plan.test:g}", "--validation", f"{plan.validation:g}"]
    words += ["--look-alikes"] if plan.look_alikes else []
    for entry in plan.exclude:
        words += ["--exclude", entry]
    return words
