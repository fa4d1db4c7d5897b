"""The page of models: what is here, which to begin with, and a base brought in."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from studio.building import models
from studio.store import Store, close_all
from tests import browsing, tiny
from tests.conftest import Full, look, words


def test_what_is_here_is_told_with_its_run_and_what_it_learned_from(full: Full, app):
    said = words(look(app, "models"))
    assert not app.exception
    assert "tone\\-1" in said or "tone-1" in said
    assert "Its run" in said and "Learned from" in said


def test_without_a_tuned_model_the_way_to_one_is_shown(store: Store, app):
    models.add_starter(store)
    said = words(look(app, "models"))
    assert "Nothing is tuned yet" in said and "starter" in said


def test_every_family_is_shown_with_its_licence_and_whether_it_fits(store: Store, app):
    said = words(look(app, "models"))
    for title in ("Ministral 3 3B", "Mistral 7B v0.3", "Mistral Large 123B", "Mixtral 8x22B"):
        assert title in said
    assert "does not fit" in said and "MRL-0.1" in said


def test_a_folder_becomes_a_base_and_a_second_one_of_its_name_is_refused(store: Store, app, tmp_path: Path):
    base = tiny.base(tmp_path / "Small One")
    for _ in range(2):
        look(app, "models")
        app.text_input(key="register-where").input(str(base))
        next(button for button in app.button if button.label == "Look at it and add it").click()
        app.run()
    assert [model.name for model in models.listed(store, models.BASE)] == [models.STARTER_NAME, "small-one"]
    assert "already" in words(app)


def test_a_link_to_train_on_a_base_has_it_chosen(full: Full, app):
    found = look(app, "runs", base="tiny")
    assert not found.exception and found.selectbox(key="launch-base").value == "tiny"


@pytest.mark.browser
@pytest.mark.slow
def test_a_newcomer_brings_in_a_base_and_goes_on_to_train_on_it(full: Full, home, tmp_path: Path):
    base = tiny.base(tmp_path / "kettle-voice")
    close_all()
    with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/models") as page:
        expect(page.get_by_text("Begin with Ministral 3 3B")).to_be_visible()
        page.get_by_text("Bring in a base").click()
        page.get_by_role("textbox", name="Folder on this machine").fill(str(tmp_path / "nothing"))
        page.get_by_role("button", name="Look at it and add it").click()
        expect(page.get_by_text("neither a folder here nor to be had from the hub")).to_be_visible()
        page.get_by_role("textbox", name="Folder on this machine").fill(str(base))
        page.get_by_role("button", name="Look at it and add it").click()
        card = page.locator(".st-key-model-kettle-voice")
        expect(card).to_be_visible()
        card.get_by_role("link", name="Train on it").click()
        expect(page.get_by_text("Launch a run")).to_be_visible()
        expect(page.get_by_role("combobox", name="Start from")).to_have_value("kettle-voice")
