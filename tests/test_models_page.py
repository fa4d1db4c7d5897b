"""The page of models: what is here, which to begin with, and a base brought in."""

from pathlib import Path

from studio.building import models
from studio.store import Store
from tests import tiny
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
