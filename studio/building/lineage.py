"""Lineage: a model's card. Where it comes from, how it was made, what it is worth, and what that is known from.

Markdown with the front matter that model hubs read. Names no example and no path of this machine.
"""

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.problems import Problem
from studio import prices
from studio.building import material, models, parity, runs
from studio.building.models import Model
from studio.building.runs import Run
from studio.folders import CODE
from studio.store import Store

PATHS = ("base", "train", "validation")
UNKNOWN = "unknown"
POINTS = 8  # of a curve that are told


def card(store: Store, model: Model) -> str:
    """The card of a model as it stands today."""
    run = runs.get(store, model.run) if model.run else None
    base = models.get(store, model.base) if model.base else None
    parts = [_front(model, base), f"# {model.name}", _what(model, base), _checked(store, model)]
    if run is not None:
        parts += [_made(store, run), _course(run)]
    parts += [_worth(store, model)]
    if run is not None:
        parts += [_settings(run)]
    parts += [f"Made with Atelier {code_version()}. Weights are safetensors; no code comes with them."]
    return "\n\n".join(part for part in parts if part) + "\n"


def licence(model: Model) -> str:
    """What the model's own card or configuration says; a model that says nothing is not guessed at."""
    readme = Path(model.path) / "README.md"
    lines = readme.read_text(errors="replace").splitlines() if readme.is_file() else []
    front = lines[1 : lines.index("---", 1)] if lines[:1] == ["---"] and "---" in lines[1:] else []
    said = [line.partition(":")[2].strip() for line in front if line.startswith("license:")]
    return said[0] if said and said[0] else UNKNOWN


@cache
def code_version() -> str:
    """The version of the package, and the commit where the code stands in a checkout."""
    try:
        asked = ["git", "-C", str(CODE), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        commit = ""
    return version("atelier") + (f" (commit {commit})" if commit else "")


def _front(model: Model, base: Model | None) -> str:
    from_ = base or model
    lines = [f"license: {licence(from_)}"] if licence(from_) != UNKNOWN else []
    lines += [f"base_model: {base.name}", "library_name: peft"] if base else ["library_name: transformers"]
    tags = json.dumps(["atelier", *model.tags], ensure_ascii=False)
    return "\n".join(["---", *lines, "pipeline_tag: text-generation", f"tags: {tags}", "---"])


def _what(model: Model, base: Model | None) -> str:
    if base is None:
        return f"A whole model. Its licence: {licence(model)}."
    return (
        f"An adapter for the base `{base.name}`; it does nothing without it, merged or beside it. "
        f"The licence of the base: {licence(base)}."
    )


def _checked(store: Store, model: Model) -> str:
    """The verdict on whether what is served is what was trained, with its figures."""
    found = parity.verdict(store, model)
    lines = [f"## Served as trained: {found.state}", found.why]
    told = [side for side in found.sides if side["difference"] is not None]
    if told:
        rows = [
            f"| {side['name']} | {side['same_ids']} of {side['n']} | {side['difference']:.4f} | {side['kl']:.5f} "
            f"| {side['same_first']} of {side['n']} |"
            for side in told
        ]
        head = "| | same tokens | largest difference | KL, nats | same first word |\n|---|---|---|---|---|"
        lines.append("\n".join([head, *rows]))
        lines.append(f"n = {found.n} prompts; a difference of up to {found.tolerance:g} in probability passes.")
    return "\n\n".join(lines)


def _made(store: Store, run: Run) -> str:
    rows = {"run": f"`{run.id}`", "base": run.base, "method": f"{run.method}, {run.tuning}"}
    rows["learned from"] = _learned(store, run)
    plan, begun, end = run.last("plan"), run.last("start"), run.last("end")
    if plan:
        rows["examples"] = f"{plan['examples']:,}, {plan['trained_tokens']:,} learned tokens a pass"
    if begun and end:
        seconds = end["at"] - begun["at"]
        price = prices.assume(store)
        rows["took"] = f"{seconds:,.0f} s"
        rows["cost"] = f"{prices.cost(seconds, price):.4f} euros ({price.amount:g} {price.unit}; {price.source})"
    rows["made by"] = f"{run.made_by}, {run.made_at:%Y-%m-%d}"
    return "## Made of\n\n" + _table("what", "is", rows)


def _learned(store: Store, run: Run) -> str:
    try:
        found = material.of(store, run.snapshot)
    except Problem:  # deleted since: its hash still says which it was
        return f"`{run.snapshot}`"
    return f"{found.name}, `{run.snapshot}`"


def _course(run: Run) -> str:
    """The curve of the losses in a few points, in nats for each learned token."""
    steps = {event["step"]: event["loss"] for event in run.of("step") if "loss" in event}
    if not steps:
        return ""
    looks = {event["step"]: event for event in run.of("validation")}
    some = sorted(steps)
    shown = some if len(some) <= POINTS else [some[n * (len(some) - 1) // (POINTS - 1)] for n in range(POINTS)]
    lines = ["| step | training loss |", "|---|---|", *(f"| {step} | {steps[step]:.3f} |" for step in shown)]
    told = "## Losses\n\nNats for each learned token.\n\n" + "\n".join(lines)
    if looks:
        best = min(looks.values(), key=lambda event: event["loss"])
        told += f"\n\nLowest validation loss: {best['loss']:.3f} after step {best['step']} (n = {best['n']} examples)."
    return told


def _worth(store: Store, model: Model) -> str:
    """Every evaluation that asked it: share right by metric, with its interval and n."""
    from studio.judging import evaluations, figures  # they ask candidates, which ask models

    rows = []
    for evaluation in evaluations.listed(store):
        for candidate in _asked(store, model.name, evaluation.candidates):
            for metric in evaluation.metrics:
                scores = figures.scores(store, evaluation.id, metric)
                found = scores.estimate(candidate["id"])
                if found.n:
                    rows.append(f"| {evaluation.name} | {candidate['name']} | {metric} | {scores.scale.text(found)} |")
    if not rows:
        return "## What it is worth\n\nNobody has evaluated it here yet."
    head = "| evaluation | asked as | metric | right |\n|---|---|---|---|"
    return "## What it is worth\n\nShares with their 95 % intervals.\n\n" + "\n".join([head, *rows])


def _asked(store: Store, model: str, ids: list[str]) -> list[dict[str, Any]]:
    rows = store.rows("select id, name from candidate where model = ? order by made_at", [model])
    return [row for row in rows if row["id"] in ids]


def _settings(run: Run) -> str:
    try:
        spec = run.spec
    except Problem:  # written by another version
        return ""
    rows = {name: json.dumps(value) for name, value in vars(spec).items() if name not in PATHS}
    return "## Settings\n\n" + _table("setting", "value", rows)


def _table(one: str, other: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {one} | {other} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines)
