"""The demo on a small sample and a tiny base: every step real, its report whole, and nothing done twice."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import jobs
from studio import demo, sample
from studio.building import models
from studio.folders import SAMPLE, Home
from tests import tiny

pytestmark = pytest.mark.slow


def cut(source: Path, target: Path, lines: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(source.read_text().splitlines(keepends=True)[:lines]))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few lines of each file of the sample project, with the documents that its questions need."""
    folder = tmp_path_factory.mktemp("sample")
    for file in [file for files in sample.FILES.values() for file in files]:
        cut(SAMPLE / file, folder / file, 8)
    for split in ("validation", "test"):
        cut(SAMPLE / "questions" / f"{split}.jsonl", folder / "questions" / f"{split}.jsonl", 6)
    (folder / "documents").mkdir()
    for path in sorted((SAMPLE / "documents").glob("*.md"))[:5]:
        shutil.copy(path, folder / "documents")
    return folder


@pytest.fixture(scope="module")
def home(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    place = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "STARTER", tiny.base(place / "starter"))
        patch.setattr(sample, "SAMPLE", small)
        patch.setattr(demo, "TONE_SETTINGS", {"epochs": 1.0, "rank": 2})
        patch.setattr(demo, "TRIAGE_SETTINGS", {"epochs": 1.0, "rank": 2})
        yield Home(place / "home")


def test_the_demo_ends_with_a_whole_report_and_the_second_time_repeats_nothing(home):
    first = demo.run(home, serve=False)
    written = json.loads((home.demo / "report.json").read_text())
    for arm in ("prompt", "rag", "tuned", "tuned_rag"):
        for metric in ("facts", "tone"):
            assert written["arms"][arm][metric].keys() == {"value", "low", "high", "n", "of"}
            assert written["arms"][arm][metric]["n"] == 6
    for side in ("base", "tuned"):
        assert written["triage"][side]["n"] == 8 and written["rewriting"][side]["n"] == 8
    assert all(change["n"] == 6 and change["words"] for change in written["differences"])
    assert written["seconds"] > 0
    page = (home.demo / "report.html").read_text()
    assert "<script src" not in page and "http://" not in page.replace("http://www.w3.org", "")

    done = {job.id for job in jobs.listed(home.jobs)}
    second = demo.run(home, serve=False)
    assert {job.id for job in jobs.listed(home.jobs)} == done, "no job was run again"
    assert second["arms"] == first["arms"] and second["triage"] == first["triage"]


def test_the_arms_carry_their_own_names(home):
    written = json.loads((home.demo / "report.json").read_text())
    names = [arm["name"] for arm in written["arms"].values()]
    assert names == ["Base + best prompt", "Base + RAG", "Tuned", "Tuned + RAG"]
