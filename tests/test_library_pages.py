"""The pages of libraries, empty and full: what can be done on them. Through AppTest, from the entry."""


import pytest

from engine.reading.settings import HYBRID, LibrarySettings
from studio.building import libraries
from studio.store import Store
from tests.conftest import look, words

KETTLE = "# Kettle\n\nThe copper kettle holds 1.5 litres.\n\n## Warranty\n\nIts warranty lasts 24 months.\n"
LAMP = "# Lamp\n\nThe lamp shines for 14 hours.\n\nIts warranty lasts 12 months.\n"


@pytest.fixture
def shop(store: Store) -> Store:
    """A small library, searched by words and letters."""
    libraries.add(store, "shop", {"kettle.md": KETTLE, "lamp.md": LAMP}, "ada")
    libraries.change(store, "shop", LibrarySettings(search=HYBRID), "ada")
    libraries.index(store, "shop")
    return store


def test_without_a_library_the_form_for_the_first_one_is_open(app):
    found = look(app, "libraries")
    assert not found.exception
    assert found.button(key="make").disabled and "New library" in words(found)


def test_every_library_stands_in_the_list_with_what_it_holds_and_how_it_is_searched(shop, app):
    said = words(look(app, "libraries"))
    assert "shop" in said and "2 documents · 4 chunks · searched by words and by likeness of letters" in said


def test_an_unknown_library_or_document_is_told(shop, app):
    assert "There is no library nowhere" in look(app, "library", library="nowhere").error[0].value
    found = look(app, "library", library="shop", document="none.md")
    assert "There is no document none" in found.error[0].value


def test_a_library_shows_its_documents(shop, app):
    found = look(app, "library", library="shop")
    assert not found.exception and not found.error
    assert list(found.dataframe[0].value["name"]) == ["kettle.md", "lamp.md"]
    assert list(found.dataframe[0].value["chunks"]) == [2, 2]
