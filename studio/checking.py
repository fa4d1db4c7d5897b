"""Checking: what `atelier check` says of a file, for a person or for a program."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from engine.checking import check, repairs
from engine.checking.check import Estimate, Found, Report, Sample

NAMED = 20  # problems told one by one


def as_json(path: Path, out: TextIO, limit: int | None, plan: dict[str, Any], **asked: Any) -> Report:
    """The report as one JSON object, written as it is found: a million problems need no memory."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        kept = 0

        def told(found: Found) -> None:
            nonlocal kept
            if limit is None or kept < limit:
                spool.write(("," if kept else "") + json.dumps(asdict(found), ensure_ascii=False))
                kept += 1

        report = check.check(path, keep=0, told=told, **asked)
        values = {**check.as_json(report), "problems_left_out": report.rejected - kept}
        if report.tokens:
            values["plan"] = asdict(check.cost(report.tokens, **plan))
        out.write(json.dumps(values, ensure_ascii=False)[:-1] + ', "problems": [')
        spool.seek(0)
        while piece := spool.read(1 << 20):
            out.write(piece)
        out.write("]}\n")
    return report


def show(report: Report, console: Console) -> None:
    """The commonest problems first, then how many rows, how long they are, and what would be cut."""
    kinds = sorted(report.kinds.items(), key=lambda item: -item[1].count)
    for code, kind in kinds:
        lines = ", ".join(f"{line:,}" for line in kind.lines) + (" and so on" if kind.count > len(kind.lines) else "")
        console.print(f"[bold]{kind.count:,} x {code}[/]  line {lines}")
        console.print(f"  Line {kind.lines[0]}: {kind.message}", markup=False, highlight=False)
        if kind.mended:
            words = f"{kind.mended:,} can be repaired: {repairs.SAID[code]}"
            console.print(f"  {words}", style="green", markup=False, highlight=False)
    if any(kind.mended for _, kind in kinds):
        console.print(repairs.BESIDES, style="dim")
    if len(kinds) > 1:
        _one_by_one(report, console)
    if report.tokenizer and report.valid:
        _lengths(report, console)
    console.print(f"{report.valid:,} of {report.rows:,} rows are valid.")


def _one_by_one(report: Report, console: Console) -> None:
    console.print()
    for found in report.problems[:NAMED]:
        console.print(f"Line {found.line}: {found.message}", markup=False, highlight=False)
    if more := report.rejected - min(NAMED, len(report.problems)):
        console.print(f"{more:,} more are not shown; --json gives all of them.", style="dim")


def _lengths(report: Report, console: Console) -> None:
    table = Table(title=f"Tokens of a row ({report.tokenizer})", title_justify="left", box=None)
    table.add_column("Tokens", justify="right")
    table.add_column("Rows", justify="right")
    table.add_column()
    most = max(n for _, _, n in report.histogram)
    for low, high, n in report.histogram:
        table.add_row(f"{low:,}-{high:,}", f"{n:,}", "█" * round(30 * n / most) or ("▏" if n else ""))
    console.print()
    console.print(table)
    tokens, trained = report.tokens or 0, report.trained_tokens or 0
    console.print(
        f"{tokens:,} tokens, {trained:,} of them learned ({trained / max(1, tokens):.0%}); "
        f"the longest row has {report.longest:,}."
    )
    if report.truncated:
        console.print(
            f"{report.truncated:,} rows are longer than {report.max_tokens:,} tokens; "
            f"a cut there would lose {report.cut_tokens:,} tokens.",
            style="yellow",
        )
    elif report.max_tokens:
        console.print(f"No row is longer than {report.max_tokens:,} tokens.")


def show_sample(found: Sample, console: Console) -> None:
    """A first estimate, while the exact count runs."""
    if found.tokens is not None and found.tokens.value is not None:
        low, high = (f"{value:,.0f}" if value is not None else "?" for value in (found.tokens.low, found.tokens.high))
        console.print(f"About {found.tokens.value:,.0f} tokens ({low} to {high}), {found}.", style="dim")


def show_plan(plan: Estimate, console: Console) -> None:
    for line in plan_lines(plan):
        console.print(line, highlight=False)


def plan_lines(plan: Estimate) -> Iterator[str]:
    """Steps, epochs, time and cost of learning from the data, a sentence each."""
    yield f"{plan.steps:,} steps make {plan.epochs:.2f} epochs: {plan.formula}."
    if plan.tokens and plan.data_tokens * plan.steps < plan.tokens:
        yield "The data fills less than one step: a smaller batch or sequence length suits it better."
    if plan.seconds is not None:
        yield f"That takes about {duration(plan.seconds)}."
    if plan.price is not None:
        yield f"That costs about {plan.price:,.2f} {plan.currency}."
    if plan.seconds is None and plan.price is None:
        yield "Time and cost: give --tokens-per-second with --price-per-hour, or --price-per-million."


def duration(seconds: float) -> str:
    """`3 h 20 min`, `4 min`, `20 s`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"
