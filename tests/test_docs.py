"""What the documents claim, read and checked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.scoring.stats import Estimate
from studio import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


CLOSED = {"formats", "parsing", "corpus", "cli", "schema", "ui"}  # packages that tell of themselves within


def rooms(floor: str) -> set[str]:
    """The modules of a floor and of its packages, and these packages."""
    place = ROOT / floor
    packages = {path.parent for path in place.rglob("__init__.py")} - {place}
    open_ones = {place} | {package for package in packages if package.name not in CLOSED}
    found = {path.stem for package in open_ones for path in package.glob("*.py")}
    found |= {package.name for package in packages if package.parent in open_ones}
    return found - {"__init__", "__main__"}


def told(floor: str) -> set[str]:
    """The rooms that the architecture page lists for a floor."""
    if floor == "pages":
        section = re.search(r"\*\*pages/\*\*: (.*?)\n\n", ARCHITECTURE, re.S)
        assert section
        return set(re.findall(r"`(\w+)`", section[1])) | {"home"}
    found = {folder.rpartition("/")[2] for folder, _ in rows(floor)} - {floor}
    return found | {name for _, modules in rows(floor) for name, _ in modules}


def rows(floor: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """The folder of each row of a floor's table, and its modules with what each knows."""
    section = re.search(rf"\*\*{floor}/\*\*\n\| room \| [^|\n]+ \|\n\|---\|---\|\n(.*?)\n\n", ARCHITECTURE, re.S)
    assert section, f"no table of rooms for {floor}"
    found = []
    for row in section[1].splitlines():
        _, room, modules, _ = row.split("|")
        told_of = [re.fullmatch(r"\s*`(\w+)/?` (.*?)\s*", module) for module in modules.split(" · ")]
        assert all(told_of), f"a module without a word on what it knows: {modules}"
        found.append((room.split("`")[1].rstrip("/"), [(one[1], one[2]) for one in told_of if one]))
    return found


@pytest.mark.parametrize("floor", ["engine", "studio", "pages"])
def test_the_architecture_page_names_every_room_and_no_other(floor):
    assert told(floor) == rooms(floor)


@pytest.mark.parametrize("floor", ["engine", "studio"])
def test_the_architecture_page_tells_of_each_module_where_it_stands(floor):
    for folder, modules in rows(floor):
        places = [ROOT / floor] if folder == floor else [path for path in (ROOT / floor).rglob(folder) if path.is_dir()]
        for name, _ in modules:
            there = [path for path in places if (path / f"{name}.py").exists() or (path / name).is_dir()]
            assert there or folder == name, f"{name} is not in {folder}"


@pytest.mark.parametrize("page", [README, ARCHITECTURE], ids=["README", "architecture"])
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page):
        assert (ROOT / target).exists(), target


def test_the_readme_lists_every_command_and_no_other():
    listed = set(re.findall(r"^\| `atelier ([\w-]+)", README, re.M))
    there = {command.name or command.callback.__name__ for command in cli.app.registered_commands if command.callback}
    assert listed == there


def test_the_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?<!atelier )make (\w+)", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_functions_named_on_the_walks_exist():
    walks = ARCHITECTURE[ARCHITECTURE.index("## First walk") :]
    named = set(re.findall(r"`(?!engine\.)(\w+)\.(?!jsonl?`)(\w+)`", walks))
    assert len(named) > 10
    for module, function in named:
        files = [path for floor in ("studio", "engine") for path in (ROOT / floor).rglob(f"{module}.py")]
        assert any(re.search(rf"^def {function}\(", path.read_text(), re.M) for path in files), f"{module}.{function}"


def test_the_changelog_speaks_of_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "0.1.0" in changelog and 'version = "0.1.0"' in (ROOT / "pyproject.toml").read_text()


def test_the_figures_of_the_readme_are_those_of_the_demo():
    figures = json.loads((ROOT / "docs" / "figures" / "demo.json").read_text())

    def told(estimate: dict[str, Any]) -> str:
        return str(Estimate(**{key: estimate[key] for key in ("value", "low", "high", "n", "of") if key in estimate}))

    rows = {
        "prompt": "base + best prompt",
        "rag": "base + RAG",
        "tuned": "tuned",
        "tuned_rag": "tuned + RAG",
    }
    for key, name in rows.items():
        arm = figures["arms"][key]
        assert f"| {name} | {told(arm['facts'])} | {told(arm['tone'])} |" in README
    for side in ("base", "tuned", "majority"):
        assert told(figures["triage"][side]) in README
    assert f"took {figures['seconds']:.0f} s" in README
    both = [key for key, arm in figures["arms"].items() if min(arm["facts"]["low"], arm["tone"]["low"]) > 0.5]
    assert "only the two together bring both" in README and both == ["tuned_rag"]
