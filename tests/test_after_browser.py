"""In a browser: a run ends, its model is checked by itself, merged, pushed, archived and deleted."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.building import models, runs
from studio.data import datasets
from studio.folders import SAMPLE, Home
from studio.freezing import snapshots
from studio.store import close_all, opened
from tests import browsing

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def begin(home: Home, folder: Path) -> str:
    """A studio in which a small run waits for its turn."""
    store = opened(home)
    models.add_starter(store)
    file = folder / "tone.jsonl"
    file.write_text("".join((SAMPLE / "tone" / "train.jsonl").read_text().splitlines(keepends=True)[:150]))
    datasets.bring_in(store, file, "tone", "ada")
    frozen = snapshots.freeze(store, "tone", "ada")
    run = runs.launch(store, "tone-1", "starter", frozen.id, "ada", {"epochs": 1.0})
    close_all()
    return run.id


def whole(page: Page) -> None:
    """The page drawn anew, to its end: a popover that is opened while it is drawn may close again."""
    page.reload()
    expect(page.get_by_text("Made with Atelier")).to_be_visible()


def test_a_model_is_checked_merged_pushed_and_put_away(home, tmp_path):
    run = begin(home, tmp_path)
    target = tmp_path / "for the others" / "tone"
    with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/run?run={run}") as page:
        page.get_by_role("link", name="Its page").click()
        expect(page.locator(".st-key-verdict").get_by_role("heading", name="PASS")).to_be_visible()
        expect(page.get_by_text("merged into its base")).to_be_visible()
        page.get_by_role("button", name="Merge into its base").click()
        merged = page.get_by_text("Merged ·")
        expect(merged).to_be_visible()
        whole(page)
        page.get_by_role("button", name="Push").last.click()
        page.get_by_role("textbox", name="To", exact=True).fill("hub:team/tone")
        page.get_by_role("textbox", name="To", exact=True).press("Enter")
        expect(page.get_by_text("This leaves your machine.")).to_be_visible()
        page.get_by_role("textbox", name="To", exact=True).fill(str(target))
        page.get_by_role("textbox", name="To", exact=True).press("Enter")
        expect(page.get_by_text("This leaves your machine.")).not_to_be_visible()
        page.get_by_role("button", name="Push it").click()
        expect(page.get_by_text("Pushed to")).to_be_visible()
        assert (target / "model.safetensors").is_file() and "PASS" in (target / "README.md").read_text()
        page.get_by_role("button", name="Archive").click()
        expect(page.get_by_role("button", name="Offer it again")).to_be_visible()
        whole(page)
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete tone-1").click()
        expect(page.get_by_text("tone-1 is deleted.")).to_be_visible()
    assert "tone-1" not in [model.name for model in models.listed(opened(home))]
    assert (target / "model.safetensors").is_file(), "what was pushed is not ours any more"
