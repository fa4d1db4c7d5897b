"""Show: how the commands that build models print what they found."""

import json
from typing import Any

from rich.table import Table

from engine import sizes
from engine.problems import Problem
from studio import progress
from studio.cli.shell import console


def forecast(ahead: dict[str, Any], as_json: bool) -> None:
    """What a run would take: figures, then what stops it, what to think about, and what is good to know."""
    if as_json:
        print(json.dumps(ahead, ensure_ascii=False, default=str))
        return
    table = Table(show_header=False, box=None)
    for name, value in (_figures(ahead["preflights"][0]) if ahead["preflights"] else _parcel(ahead)).items():
        table.add_row(name, value)
    console.print(table)
    if ahead["runs"] > 1 and ahead["preflights"]:
        console.print(f"{ahead['runs']} runs in all, {_lasting(ahead['seconds'])}, one after the other.")
    for kind, mark in (("stops", "cannot work:"), ("warnings", "think about:"), ("notes", "good to know:")):
        for words in dict.fromkeys(_said(remark) for one in ahead["preflights"] for remark in one[kind]):
            console.print(f"{mark} {words}", markup=False, highlight=False)
    for words in [*ahead["leaves"], ahead["personal_data"]]:
        console.print(words, markup=False, highlight=False)
    console.print("It can work as it stands." if ahead["ready"] else "It cannot start like this.")


def stops(ahead: dict[str, Any]) -> None:
    """Say what leaves and what to think about, and Problem when the run cannot work."""
    warnings = [_said(remark) for one in ahead["preflights"] for remark in one["warnings"]]
    for words in dict.fromkeys([*ahead["leaves"], *warnings]):
        progress.console.print(words, style="yellow", markup=False, highlight=False)
    found = [remark for one in ahead["preflights"] for remark in one["stops"]]
    if found:
        raise Problem(found[0]["what"], do=found[0]["do"])


def outcome(found: dict[str, Any]) -> None:
    """The trials of a sweep, best first."""
    table = Table("settings", found["measure"], "n", "verdict")
    for trial in found["trials"]:
        losses = trial["losses"]
        mean = f"{sum(losses) / len(losses):.3f}" if losses else "none"
        span = f" ({min(losses):.3f} to {max(losses):.3f}, {len(losses)} seeds)" if len(losses) > 1 else ""
        settings = ", ".join(f"{key}={value}" for key, value in trial["settings"].items()) or "the same"
        table.add_row(settings, mean + span, f"{trial['n']:,}", trial["verdict"])
    console.print(table)
    console.print(found["says"], markup=False)


def queue(found: dict[str, Any], as_json: bool) -> None:
    """The queue as it stands."""
    if as_json:
        print(json.dumps(found))
        return
    table = Table("", "name", "state", "priority", "what it waits for")
    for number, job in enumerate(found["jobs"], 1):
        table.add_row(str(number), job["name"], job["state"], job["priority"], job["says"])
    console.print(table if found["jobs"] else "Nothing runs and nothing waits.")
    if found["paused"]:
        console.print("The queue is paused; `atelier queue --go-on` lets it go on.")
    console.print(f"Night: {found['night_from']} to {found['night_until']}.")


def _parcel(ahead: dict[str, Any]) -> dict[str, str]:
    """What is sent to an engine elsewhere, which counts and checks it itself."""
    rows = {f"{name} rows": f"{n:,}" for name, n in ahead["rows"].items()}
    return {"sent to": f"{ahead['engine']}, at {ahead['address']}", **rows, "at most": sizes.in_words(ahead["bytes"])}


def _figures(one: dict[str, Any]) -> dict[str, str]:
    plan, memory, seconds, price = one["plan"], one["memory"], one["seconds"], one["price"]
    found = {
        "examples": f"{plan['examples']:,} ({plan['validation_examples']:,} to validate on)",
        "tokens": f"{plan['tokens']:,}, of these learned {plan['trained_tokens']:,}; longest {plan['longest']:,}",
        "steps": f"{plan['steps']:,}",
    }
    if memory:
        found["memory"] = f"{sizes.in_words(memory['low'])} to {sizes.in_words(memory['high'])}"
        for term in memory["terms"]:
            found[f"  {term['name']}"] = f"{sizes.in_words(term['size'])}: {term['why']}"
    if seconds:
        found["time"] = f"{_lasting(seconds['low'])} to {_lasting(seconds['high'])} ({one['pace']['source']})"
    if price:
        low, high = (f"{price[end]:,.2f}" for end in ("low", "high"))
        found["cost"] = f"{low} to {high} {one['currency']}" if price["high"] >= 0.01 else "less than a cent"
    found["disk"] = f"{sizes.in_words(one['disk']['needed'])}, of {sizes.in_words(one['disk']['free'])} free"
    return found


def _said(remark: dict[str, Any]) -> str:
    return f"{remark['what']} {remark['do']}".strip()


def _lasting(seconds: float | None) -> str:
    if seconds is None:
        return "a time that is not known"
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
