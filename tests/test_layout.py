"""The house keeps its order: who may import whom, and what never loads in the process that serves the pages."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.job import KINDS
from studio.folders import CODE

FLOORS = {"pages": ("studio", "engine"), "studio": ("engine",), "engine": ()}  # each may import itself and these
ROOMS = ("data", "quality", "reading", "freezing", "building", "judging", "writing", "deciding", "ui")
BACK = {"building/lineage.py": "judging"}  # the card of a model tells what it was worth, asked for when it is written
HEAVY = ("torch", "transformers", "peft", "trl", "accelerate")
LATE = ("sklearn", "scipy.stats", "mistral_common")  # seconds of processor time, for the few that need them
LIGHT = ("gather", "index", "make", "scan", "evaluate")  # jobs that leave models to processes of their own
SETTINGS = tomllib.loads((CODE / "pyproject.toml").read_text())
LIFTED = set(SETTINGS["tool"]["ruff"]["lint"]["per-file-ignores"])


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CODE / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also within its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(path: Path) -> str:
    return path.relative_to(CODE).as_posix()


def offenders(packages: tuple[str, ...], where: list[Path]) -> set[str]:
    return {named(path) for path in where for module in imports(path) if module.split(".")[0] in packages}


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_only_point_down(floor):
    above = tuple(other for other in FLOORS if other != floor and other not in FLOORS[floor])
    assert offenders(above, files(floor)) == set()


def room(module: str) -> str:
    """Of a module of the studio; one that stands in none of its rooms is its own."""
    return module.split(".")[1]


def stairs() -> Iterator[tuple[str, str, str]]:
    """Every import of the studio that leads out of a room: the file, its room, and where it leads."""
    for path in files("studio"):
        file = path.relative_to(CODE / "studio").as_posix()
        here = file.split("/")[0].removesuffix(".py")
        leads = {room(module) for module in imports(path) if module.startswith("studio.")} - {here, BACK.get(file, "")}
        yield from ((file, here, there) for there in sorted(leads) if _is_module(f"studio.{there}"))


def test_rooms_of_the_studio_import_only_from_rooms_before_them():
    back = [
        (file, there)
        for file, here, there in stairs()
        if here in ROOMS and there in ROOMS and ROOMS.index(there) > ROOMS.index(here)
    ]
    assert back == []


def test_no_room_of_the_studio_imports_itself_by_way_of_others():
    leads: dict[str, set[str]] = {}
    for _, here, there in stairs():
        leads.setdefault(here, set()).add(there)
    graphlib.TopologicalSorter(leads).prepare()  # raises a CycleError that names them


def test_the_rooms_of_the_studio_are_told_in_their_order():
    table = (CODE / "docs" / "architecture.md").read_text().split("**studio/**")[1].split("**pages/**")[0]
    told = [one for one in dict.fromkeys(re.findall(r"^\| `(\w+)/`", table, re.M)) if one != "studio"]
    assert told == list(ROOMS)


def test_the_domain_does_not_know_its_pages():
    """studio/ui is the shell of the pages; only it, the pages and the server may import it."""
    domain = [path for path in files("studio") if "ui" not in path.relative_to(CODE).parts]
    found = {named(path) for path in domain for module in imports(path) if module.startswith("studio.ui")}
    assert found - {"studio/server.py"} == set()


def test_streamlit_lives_in_the_pages_their_shell_and_the_server():
    domain = [path for path in files("studio", "engine") if "ui" not in path.relative_to(CODE).parts]
    assert offenders(("streamlit",), domain) - {"studio/server.py"} == set()


def test_duckdb_lives_in_the_store():
    assert offenders(("duckdb",), files("pages", "studio", "engine")) == {"studio/store.py"}


def test_what_loads_a_model_lives_in_engine_modules_that_are_processes_of_their_own():
    allowed = {path for path in LIFTED if path.startswith("engine/")}
    assert offenders(HEAVY, files("pages", "studio", "engine")) <= allowed


def test_every_lifted_ban_is_of_a_file_that_is_there():
    assert [path for path in sorted(LIFTED) if not list(CODE.glob(path))] == []


def brought(modules: Sequence[str], looked_for: Sequence[str]) -> str:
    """Which of these a clean interpreter has loaded once it has imported the modules, as it prints them."""
    program = (
        "import importlib, sys\n"
        f"for module in {list(modules)!r}: importlib.import_module(module)\n"
        f"print(sorted(set({tuple(looked_for)!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=CODE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_serving_the_pages_loads_no_torch():
    """In a clean interpreter: all that the pages, their shell and the server import."""
    shell = [path for path in files("pages", "studio") if path.name not in ("app.py", "__main__.py")]
    wanted = sorted({module for path in shell for module in imports(path) if _is_module(module)})
    assert brought(wanted, HEAVY) == "[]"


def test_a_studio_and_a_job_without_a_model_start_without_what_they_may_never_need():
    assert brought([*(KINDS[kind] for kind in LIGHT), "studio.server"], (*HEAVY, *LATE)) == "[]"


def _is_module(name: str) -> bool:
    """Of ours, and a module rather than something in one."""
    path = CODE.joinpath(*name.split("."))
    return name.split(".")[0] in FLOORS and (path.with_suffix(".py").exists() or (path / "__init__.py").exists())


def test_no_file_grows_beyond_what_can_be_read_in_one_go():
    long = {named(path): n for path in files("pages", "studio", "engine") if (n := path.read_text().count("\n")) > 400}
    assert long == {}


def test_every_key_of_the_session_is_declared_in_one_place():
    """Pages and parts ask `state` for what is kept; they may read a widget's own value by its key."""
    writers = set()
    for path in files("pages", "studio"):
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any("session_state" in ast.unparse(target) for target in targets):
                writers.add(named(path))
    assert writers <= {"studio/ui/state.py"}
