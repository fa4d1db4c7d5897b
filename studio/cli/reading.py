"""Commands for libraries: documents in, search, how well that works, and out again."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from engine import jobs
from engine.problems import Problem
from engine.scoring.stats import Estimate
from studio import progress
from studio.cli.shell import HomeOption, Json, app, console, home_of, run, say
from studio.folders import Home

Named = Annotated[str, typer.Argument(help="Name of the library.")]


@app.command()
def read(
    library: Named,
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or ZIP archives.")],
    words: Annotated[int, typer.Option(help="A new library: words in a chunk at most; 0: each paragraph.")] = 180,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Read documents into a library and index them; what is known and unchanged stays. A new name makes a library."""
    place = home_of(home)
    sources = [str(path.expanduser().absolute()) for path in paths]
    begun = run(place, "library-read", library=library, paths=sources, words=words, by=getpass.getuser())
    _follow(place, begun["reading"], "reading")
    found = run(place, "library-taken", reading=begun["reading"])
    if found["index"]:
        _follow(place, found["index"], "indexing")
        run(place, "library-taken", reading=found["index"])
    if not as_json:
        for one in found["refused"]:
            console.print(f"not read: {one['why']}", markup=False, highlight=False)
    say(found, as_json, "{library}: {said}.")


@app.command()
def index(library: Named, home: HomeOption = None, as_json: Json = False) -> None:
    """Bring the index of a library up to its documents and settings; only what is new is done."""
    place = home_of(home)
    begun = run(place, "library-index", library=library, by=getpass.getuser())
    _follow(place, begun["reading"], "indexing")
    say(run(place, "library-taken", reading=begun["reading"]), as_json, "{library}: {said}.")


@app.command()
def search(
    library: Named,
    question: Annotated[str, typer.Argument(help="What somebody would ask.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1)] = 5,
    by: Annotated[str, typer.Option(help="lexical, dense or hybrid; the library's own way otherwise.")] = "",
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Find the passages of a library that answer a question, with their scores."""
    found = run(home_of(home), "library-search", library=library, question=question, k=k, how=by)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for rank, hit in enumerate(found["hits"], 1):
        halves = [
            f"{name} {hit[name]['score']:.2f} (rank {hit[name]['rank']})" for name in ("lexical", "dense") if hit[name]
        ]
        page = f", page {hit['page']}" if hit["page"] else ""
        console.print(
            f"{rank}. {hit['source']}{page}: {', '.join(halves)}", style="bold", markup=False, highlight=False
        )
        console.print(f"   {hit['text']}", markup=False, highlight=False)
    if not found["hits"]:
        console.print("Nothing shares a word with this question.")


@app.command()
def recall(library: Named, home: HomeOption = None, as_json: Json = False) -> None:
    """Measure how well a library is searched, by its approved questions: recall, MRR, nDCG, each with its interval."""
    found = run(home_of(home), "library-quality", library=library)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table("", *found["ways"])
    for name in next(iter(found["ways"].values())):
        table.add_row(name, *(str(Estimate(**way[name])) for way in found["ways"].values()))
    console.print(table)
    for sentence in found["says"]:
        console.print(sentence, markup=False, highlight=False)
    for question in found["lost"]:
        said = f"Counts as not found, since its passage does not stand in its document any more: {question}"
        console.print(said, style="yellow", markup=False, highlight=False)


@app.command()
def forget(
    library: Named,
    documents: Annotated[list[str] | None, typer.Argument(help="Names of documents; without any: the library.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Remove documents, or a whole library, for good: texts, chunks, vectors and questions."""
    place = home_of(home)
    names = documents or []
    for sentence in run(place, "library-uses", library=library)["sentences"]:
        progress.console.print(sentence, style="yellow", markup=False, highlight=False)
    if not yes:
        what = ", ".join(names) or f"the library {library}"
        if not sys.stdin.isatty():
            raise Problem(f"Nobody was asked whether to remove {what}.", do="Add --yes.")
        if not typer.confirm(f"Remove {what} for good?", err=True):
            raise typer.Exit(1)
    found = run(place, "library-forget", library=library, documents=names, by=getpass.getuser())
    say(found, as_json, "{said}")


def _follow(place: Home, id: str, what: str) -> None:
    with progress.bars() as bars:
        progress.watch(jobs.get(place.jobs, id), what, bars)
