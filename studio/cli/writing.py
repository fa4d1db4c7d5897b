"""Commands about data: check, import, scan, make, freeze, export."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engine import jobs
from engine.problems import Problem
from engine.reading.grounding import NOT_FOUND
from studio import progress
from studio.cli.shell import HomeOption, Json, app, console, fail, home_of, run, say
from studio.freezing.splits import TEST, VALIDATION


@app.command()
def check(
    file: Path,
    tokenizer: Annotated[str, typer.Option(help="Count tokens by v1, v2, v3, v7, tekken or starter.")] = "",
    max_tokens: Annotated[int, typer.Option(help="Say what a cut at so many tokens would lose.")] = 0,
    epochs: Annotated[float, typer.Option(help="Plan: how often each row is to be seen.")] = 3.0,
    batch_size: Annotated[int, typer.Option(help="Plan: rows in a batch.")] = 8,
    seq_len: Annotated[int, typer.Option(help="Plan: tokens in a row of the batch.")] = 2048,
    machines: Annotated[int, typer.Option(help="Plan: machines (GPUs) that train.")] = 1,
    max_steps: Annotated[int, typer.Option(help="Plan: so many steps; 0 lets the epochs decide.")] = 0,
    tokens_per_second: Annotated[float | None, typer.Option(help="Plan: speed of one machine.")] = None,
    price_per_hour: Annotated[float | None, typer.Option(help="Plan: price of an hour of one machine.")] = None,
    price_per_million: Annotated[float | None, typer.Option(help="Plan: price of a million training tokens.")] = None,
    limit: Annotated[int | None, typer.Option(help="With --json: list at most so many problems.")] = None,
    as_json: Json = False,
) -> None:
    """Check a JSONL file row by row. Exit status 0: all valid; 1: some aren't; 2: it cannot be read."""
    from engine.checking import check as checks
    from studio import checking

    rate = checks.Rate(tokens_per_second, price_per_hour, price_per_million)
    plan: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "seq_len": seq_len,
        "machines": machines,
        "max_steps": max_steps,
        "rate": rate,
    }
    try:
        checks.cost(0, **plan)  # figures that make no sense are said before the work
        if tokenizer and not as_json and file.is_file() and file.stat().st_size > checks.AT_ONCE:
            checking.show_sample(checks.sample(file, tokenizer), progress.console)
        with progress.reading(f"Checking {file.name}") as heard:
            asked: dict[str, Any] = {"tokenizer": tokenizer, "max_tokens": max_tokens, "progress": heard}
            if as_json:
                report = checking.as_json(file, sys.stdout, limit, plan, **asked)
            else:
                report = checks.check(file, **asked)
    except Problem as problem:
        fail(problem, 2)
    if not as_json:
        checking.show(report, console)
        if report.tokens:
            checking.show_plan(checks.cost(report.tokens, **plan), console)
    raise typer.Exit(1 if report.rejected else 0)


@app.command("import")
def import_file(
    file: Path,
    dataset: Annotated[str, typer.Option(help="Dataset to add to; made if it does not exist.")],
    split: Annotated[str, typer.Option(help="train, validation or test, if the whole file belongs there.")] = "",
    map_: Annotated[list[str] | None, typer.Option("--map", help="What a column is, as user=text; repeated.")] = None,
    system: Annotated[str, typer.Option(help="System prompt for rows without one.")] = "",
    unanswered: Annotated[bool, typer.Option("--unanswered", help="Answers are still to be written.")] = False,
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook; the first with rows otherwise.")] = "",
    status: Annotated[str, typer.Option(help="draft, in review or approved.")] = "approved",
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Import JSONL, JSON, CSV, XLSX, Parquet or text into a dataset; every rejected row is named."""
    arguments: dict[str, Any] = {"file": str(file.resolve()), "dataset": dataset, "by": getpass.getuser()}
    arguments |= {"split": split, "status": status, "pairs": map_ or [], "system": system}
    arguments |= {"unanswered": unanswered, "sheet": sheet}
    from studio import commands  # two seconds of imports, which other commands are spared

    with commands.session(home_of(home)) as ask, progress.reading(f"Importing {file.name}") as hear:
        begun = ask("import", **arguments)
        found = {**begun, **progress.followed(ask, begun["intake"], hear)}
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    columns = [f"{name}: {what or 'left out'}" for name, what in found["columns"].items()]
    for line in [*found["notes"], *columns]:
        console.print(line, markup=False, highlight=False)
    for reject in found["rejects"]:
        console.print(f"Line {reject['line']}: {reject['why']}", markup=False, highlight=False)
    console.print(f"{found['added']:,} added to {dataset}, {found['known']:,} known, {found['rejected']:,} rejected.")


@app.command()
def scan(dataset: str, home: HomeOption = None, as_json: Json = False) -> None:
    """Look through a dataset: repeats, contradictions, gaps, personal data; say how ready it is."""
    place = home_of(home)
    made = run(place, "scan", dataset=dataset, by=getpass.getuser())
    with progress.bars() as bars:
        progress.watch(jobs.get(place.jobs, made["scan"]), f"scan {dataset}", bars)
    found = run(place, "health", dataset=dataset)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for kind, n in sorted(found["found"].items(), key=lambda pair: -pair[1]):
        console.print(f"{kind:<16}{n:>9,}", highlight=False)
    table = Table("part", "", "points to win", box=None)
    for part in found["parts"]:
        table.add_row(part["name"], part["says"], f"{part['gain']:+.0f}" if part["gain"] >= 0.5 else "")
    console.print(table)
    score = "cannot tell" if found["readiness"] is None else f"{found['readiness']:.0f} of 100"
    console.print(f"Readiness: {score}." + (f" Next: {found['next']}." if found["next"] else ""))


@app.command()
def make(
    dataset: Annotated[str, typer.Argument(help="Dataset that the drafts go to, for review.")],
    recipe: Annotated[str, typer.Option(help="documents, distil, vary or logs.")],
    source: Annotated[str, typer.Option("--from", help="A library, a dataset, or a file of logs, by the recipe.")],
    model: Annotated[str, typer.Option(help="Who writes.")] = "starter",
    n: Annotated[int, typer.Option("-n", help="Drafts wanted.")] = 20,
    each: Annotated[int, typer.Option(help="Drafts of each passage or call.")] = 3,
    name: Annotated[str, typer.Option(help="Name; its drafts can be found by it.")] = "",
    instructions: Annotated[str, typer.Option(help="What the model is told; not kept in the examples.")] = "",
    judge: Annotated[str, typer.Option(help="A model that grades the drafts 0 to 3.")] = "",
    budget: Annotated[float, typer.Option(help="End at so many euros; 0 for no limit.")] = 0.0,
    yes: Annotated[
        bool, typer.Option("--yes", help="Start without asking, also when texts leave this machine.")
    ] = False,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Let a model draft examples; they wait for people to approve them."""
    place, by = home_of(home), getpass.getuser()
    plan = {"dataset": dataset, "recipe": recipe, "source": source, "model": model, "n": n, "each": each}
    plan |= {"name": name or f"{recipe} of {source}", "instructions": instructions, "judge": judge, "budget": budget}
    told = run(place, "make", plan=plan, by=by, start=False)
    if not as_json:
        euros = "unknown: nobody has set a price" if told["euros"] is None else f"{told['euros']:.2f} euros"
        tokens = f"{told['tokens_in']:,} tokens read, {told['tokens_out']:,} written"
        console.print(f"{told['calls']:,} calls, {tokens}: {euros} ({told['how']}).")
    if told["leaves"] and not yes:
        progress.console.print(f"This leaves your machine, to {told['leaves']}. {told['personal']}", markup=False)
        typer.confirm("Send it there?", abort=True, err=True)
    found = run(place, "make", plan=plan, by=by, start=True)
    with progress.bars() as bars:
        progress.watch(jobs.get(place.jobs, found["making"]), f"make {plan['name']}", bars)
    sentence = "{taken:,} drafts wait for review in " + dataset + ", {held:,} were held back, {failed:,} failed."
    say(run(place, "made", making=found["making"]), as_json, sentence)


@app.command()
def ground(
    dataset: Annotated[str, typer.Argument(help="Approved questions and answers.")],
    library: Annotated[str, typer.Option(help="Library that holds the answers.")],
    into: Annotated[str, typer.Option(help="Dataset that the examples go to; made if it does not exist.")] = "",
    k: Annotated[int, typer.Option("-k", help="Passages with each question.")] = 3,
    absent: Annotated[float, typer.Option(help="Share of examples without the right passage, 0 to 0.5.")] = 0.2,
    unknowing: Annotated[
        list[str] | None, typer.Option(help="What is answered then, in the dataset's words; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same examples.")] = 0,
    status: Annotated[str, typer.Option(help="draft, in review or approved.")] = "in review",
    yes: Annotated[bool, typer.Option("--yes", help="Write them without asking.")] = False,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Give answers the passages that they are read from, among wrong ones; in some the right one is missing."""
    place = home_of(home)
    plan: dict[str, Any] = {"dataset": dataset, "library": library, "into": into or f"{dataset} with passages", "k": k}
    plan |= {"absent": absent, "seed": seed, "unknowing": unknowing or [NOT_FOUND], "status": status}
    with progress.console.status(f"Looking for the passages of {dataset}"):
        found = run(place, "ground", plan=plan, by=getpass.getuser(), write=False)
    if not as_json:
        for one in found["preview"]:
            where = f"The right passage is [{one['place']}]." if one["place"] else "The right passage is missing."
            text = "\n\n".join(str(message.get("content") or "") for message in one["messages"][-2:])
            console.print(f"{text}\n", markup=False, highlight=False)
            console.print(f"{where}\n", style="dim")
        at = ", ".join(f"{n:,} at place {at}" for at, n in found["places"].items())
        console.print(f"{found['present']:,} with their passage ({at}), {found['absent']:,} without.", highlight=False)
        for kind, n in found["left"].items():
            console.print(f"Left out: {n:,}, {kind}.", markup=False, highlight=False)
        if found["sideless"]:
            console.print(f"{found['sideless']:,} questions have no side of the split yet; freeze {dataset} first to "
                          "keep its test apart.", markup=False, highlight=False)  # fmt: skip
    if not yes:
        if as_json:
            print(json.dumps(found, ensure_ascii=False))
            return
        typer.confirm(f"Write them to {found['into']}?", abort=True, err=True)
    found = run(place, "ground", plan=plan, by=getpass.getuser(), write=True)
    say(found, as_json, "{added:,} examples brought into {into}.")


@app.command()
def freeze(
    dataset: str,
    plan: Annotated[
        str, typer.Option(help="How new examples are placed: random, stratified, grouped, time.")
    ] = "random",
    by: Annotated[
        str,
        typer.Option(help="stratified: answer or topic: - grouped: group, source, template or customer: - time: date:"),
    ] = "",
    test: Annotated[float, typer.Option(help="Share for the test.")] = TEST,
    validation: Annotated[float, typer.Option(help="Share to validate.")] = VALIDATION,
    test_from: Annotated[str, typer.Option(help="time: the test begins on this day, as 2026-11-20.")] = "",
    validation_from: Annotated[str, typer.Option(help="time: validation begins on this day.")] = "",
    look_alikes: Annotated[bool, typer.Option("--look-alikes", help="Near-duplicates stay together.")] = False,
    exclude: Annotated[list[str] | None, typer.Option(help="Entry to leave out of training; may be repeated.")] = None,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Freeze a dataset into a hashed snapshot with its split. Who has a side keeps it; the plan places the new ones."""
    chosen = {
        "kind": plan,
        "by": by,
        "test": test,
        "validation": validation,
        "test_from": test_from,
        "validation_from": validation_from,
        "look_alikes": look_alikes,
        "exclude": exclude or [],
    }
    with progress.console.status(f"Freezing {dataset}"):
        found = run(home_of(home), "freeze", dataset=dataset, by=getpass.getuser(), plan=chosen)
    say(found, as_json, "Snapshot {snapshot}: {train:,} train, {validation:,} validation, {test:,} test.")
    if as_json:
        return
    console.print(f"A test of {found['shows']}.")
    if found["torn"]:
        console.print(f"{found['torn']:,} groups stand on more than one side; nothing was moved.")
    for leak, n in (found["leaks"] or {}).items():
        console.print(f"Leak: {leak}: {n:,} of them; the snapshot's page shows which.", markup=False)


@app.command("freeze-library")
def freeze_library(library: str, home: HomeOption = None, as_json: Json = False) -> None:
    """Freeze the documents of a library, to be read on by continued pretraining."""
    found = run(home_of(home), "freeze-library", library=library, by=getpass.getuser())
    say(found, as_json, "Corpus {corpus}: {train:,} documents to read, {validation:,} to watch.")


@app.command()
def export(
    what: Annotated[str, typer.Argument(help="A snapshot, or a dataset (then what is approved of it).")],
    to: Annotated[Path, typer.Option(help="Folder to write; it must not be there yet.")],
    as_: Annotated[str, typer.Option("--as", help="mistral, pairs, huggingface or csv.")] = "mistral",
    licence: Annotated[str, typer.Option(help="Under which licence, as apache-2.0.")] = "",
    stand_ins: Annotated[bool, typer.Option("--stand-ins", help="Replace personal data; the key stays here.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; personal data may leave.")] = False,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Take examples out as a folder with a data card, after saying what leaves and what personal data is in it."""
    place, folder = home_of(home), str(to.expanduser().absolute())
    arguments = {"what": what, "form": as_, "to": folder, "hidden": stand_ins}
    with progress.console.status("Looking for personal data"):
        told = run(place, "announce-export", **arguments)
    progress.console.print(told["sentence"], markup=False, highlight=False, soft_wrap=True)
    accepted = yes
    if not yes and sys.stdin.isatty():
        accepted = typer.confirm("Write it?")
        if not accepted:
            raise typer.Exit(1)
    found = run(place, "export", **arguments, by=getpass.getuser(), licence=licence, accepted=accepted)
    say(found, as_json, "It is in {folder}.")
