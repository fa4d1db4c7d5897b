"""The pages of libraries, empty and full: what can be done on them. Through AppTest, from the entry."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from engine import jobs
from engine.reading import documents
from engine.reading.settings import HYBRID, LibrarySettings
from studio.reading import libraries, questions, readings, removal, upkeep
from studio.store import Store
from studio.ui import cited, stacks
from tests.conftest import look, words
from tests.patience import waited

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


def test_a_new_library_says_what_is_missing_and_keeps_what_was_typed_over_another_page(shop, app):
    assert look(app, "libraries").button(key="make").disabled
    app.segmented_control(key="way-new").set_value(stacks.HERE).run()
    app.text_input(key="path-new").set_value("/data/handbook").run()
    app.button(key="make").click().run()
    assert "The library has no name." in app.error[0].value
    app.text_input(key="library-name-1").set_value("shop").run()
    app.button(key="make").click().run()
    assert "There is a library shop already." in app.error[0].value
    look(look(app, "home"), "libraries")
    typed = app.text_input(key="library-name-1").value, app.text_input(key="path-new").value
    assert typed == ("shop", "/data/handbook") and not libraries.listed(shop)[1:]


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


def test_a_tick_does_not_pass_to_another_document_when_the_list_changes(shop, app):
    look(app, "library", library="shop")
    table = app.dataframe[0].proto.id.split("-", 2)[2]
    app.session_state[table] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert app.button(key="remove-picked").label == "Remove kettle.md"
    app.text_input(key="find-document").set_value("lamp").run()
    assert list(app.dataframe[0].value["name"]) == ["lamp.md"]
    assert not [button for button in app.button if button.key == "remove-picked"]


def test_a_citation_opens_its_passage_also_when_the_library_is_cut_otherwise_since(shop, app):
    passage = "Its warranty lasts 24 months."
    found = look(app, "library", library="shop", document="kettle.md", **cited.asked(passage))
    assert not found.exception and "The passage" in words(found)
    assert [html.value for html in found.html if "piece on" in html.value and passage in html.value]
    other = cited.asked("The copper kettle holds 1.5 litres. It is another cut.")
    found = look(
        app, "library", library="shop", document="kettle.md", chunk="0000", words="The copper kettle holds 1.5"
    )
    assert "The passage" in words(found) and other["words"].startswith("The copper kettle holds 1.5")
    found = look(app, "library", library="shop", document="kettle.md", **cited.asked("It whistles a song for you."))
    assert "does not stand in this document any more" in found.warning[0].value


def test_the_original_is_offered_to_be_saved_where_there_is_one_and_said_to_be_away_where_not(shop, app):
    look(app, "library", library="shop", document="kettle.md")
    assert not app.get("download_button")  # its text was handed over, there never was a file
    with shop.jot() as cursor:
        cursor.execute("update document set source = 'kettle.md'")
    assert "Its file was not kept" in words(look(app, "library", library="shop", document="kettle.md"))
    held = libraries.document(shop, "shop", "kettle.md")
    place = documents.original(held.folder, held.id)
    place.parent.mkdir()
    place.write_text(KETTLE)
    found = look(app, "library", library="shop", document="kettle.md")
    assert "It is kept here as it came." in words(found) and len(found.get("download_button")) == 1


def test_numbers_in_an_answer_become_links_to_the_passages_that_are_there():
    passages = [{"text": "a <b> c", "source": "x.md", "library": "shop"}, {"text": "kept", "source": "y.md"}]
    said = cited.numbered("So it is [1], and [2], and [3].", passages)
    assert 'href="library?library=shop&amp;document=x.md&amp;chunk=' in said and ">[1]</a>" in said
    assert said.endswith("and [2], and [3].")
    several = cited.numbered("So it is [1, 2; 3].", [*passages[:1], {**passages[0], "text": "Else."}])
    assert several.count('href="library?library=shop') == 2 and ">1</a>, <a" in several
    assert several.endswith(">2</a>; 3].")


def test_passages_say_whether_a_search_found_them_or_the_question_brought_them():
    def drawn() -> None:
        from studio.ui import chat

        chat.passages([{"text": "It holds 1.5 litres.", "source": "kettle.md"}], "shop")
        chat.passages([{"text": "It holds 1.5 litres.", "source": ""}] * 2)

    assert [one.label for one in AppTest.from_function(drawn).run().expander] == [
        "1 passage retrieved",
        "2 passages that the question brought",
    ]


def test_met_words_are_marked_and_nothing_in_a_text_is_markup():
    assert cited.lit("Two <kettles> charging", "kettle charges") == (
        "Two &lt;<mark>kettles</mark>&gt; <mark>charging</mark>"
    )


def test_a_table_in_a_passage_is_laid_out_as_one():
    table = "Prices:\n| Size | <b>Price</b> |\n|---|---|\n| small \\| S | 9,50 |"
    assert cited.lit(table, "small") == (
        'Prices:\n<div class="laid"><table><thead><tr><th>Size</th><th>&lt;b&gt;Price&lt;/b&gt;</th></tr></thead>'
        "<tbody><tr><td><mark>small</mark> | S</td><td>9,50</td></tr></tbody></table></div>"
    )
    assert cited.lit("| no table |\n| without a rule |", "x") == "| no table |\n| without a rule |"


def test_a_search_shows_both_scores_and_its_hit_becomes_a_question(shop, app):
    found = look(app, "library", library="shop")
    found.session_state["part"] = "Search"
    found.run()
    found.text_input(key="ask-shop").set_value("How long does the lamp shine?").run()
    assert not found.exception and not found.error
    said = words(found)
    assert "<mark>lamp</mark> <mark>shines</mark>" in said and "likeness <b>" in said and "words <b>" in said
    found.button(key="answers-1").click().run()
    [kept] = questions.approved(shop, "shop")
    assert (kept.document, kept.passage) == ("lamp.md", "The lamp shines for 14 hours.")
    found.session_state["part"] = "Quality"
    found.run()
    assert not found.exception and "by both · in use" in words(found) and "n = 1" in words(found)


def test_what_was_put_together_and_the_command_that_does_the_same_are_told(shop, app):
    asked = "How long does the lamp shine?"
    found = look(app, "library", library="shop", part="Search", question=asked)
    hits = [html.value for html in found.html if 'class="scores"' in html.value]
    assert hits and all("together <b>" in one for one in hits)  # by which they are in order
    assert [one.value for one in found.code] == [f"atelier search shop '{asked}'"]
    found.segmented_control(key="by-shop").set_value("dense").run()
    assert "together <b>" not in words(found)
    assert [one.value for one in found.code] == [f"atelier search shop '{asked}' --by dense"]


def test_a_table_in_the_passage_that_is_cited_is_laid_out_as_one(shop, app):
    table = "| Size | Price |\n|---|---|\n| small | 9,50 |\n"
    libraries.add(shop, "shop", {"prices.md": f"# Prices\n\n{table}"}, "ada")
    found = look(app, "library", library="shop", document="prices.md", **cited.asked(table.strip()))
    [passage] = [html.value for html in found.html if "said large" in html.value]
    assert "<td>9,50</td>" in passage and "|" not in passage


def test_questions_that_are_imported_count_at_once_and_broken_lines_are_told(shop, app):
    found = look(app, "library", library="shop", part="Quality")
    known = {"question": "How big?", "document": "kettle.md", "passage": "The copper kettle holds 1.5 litres."}
    found.file_uploader(key="questions-file").upload("known.jsonl", f"{json.dumps(known)}\n{{broken\n".encode())
    found.run()
    found.button(key="questions-import").click().run()
    assert not found.exception and "1 added" in words(found) and "Line 2: " in words(found)
    assert "n = 1" in words(found)


def test_a_refused_file_of_an_archive_says_of_which(shop, app):
    with shop.jot() as cursor:
        for name, source in (("a/photo.png", "post.zip"), ("empty.txt", "empty.txt"), ("old.md", "/data/old.md")):
            row = ["shop", name, source, f"{name} cannot be read.", "ada"]
            cursor.execute("insert into refusal values (?, ?, ?, ?, ?, now())", row)
    found = look(app, "library", library="shop")
    assert [one.value for one in found.markdown if "cannot be read" in one.value and "In " in one.value] == [
        "**a/photo.png** cannot be read.  \n:gray[In post.zip.]"
    ]


def test_the_preview_begins_with_the_document_of_most_chunks(shop, app):
    libraries.add(shop, "shop", {"all.md": "# All\n\n" + "\n\n".join(f"Lamp {n} shines." for n in range(9))}, "ada")
    libraries.add(shop, "shop", {"a.md": "# A\n\nLittle.\n"}, "ada")
    found = look(app, "library", library="shop", part="Settings")
    assert found.selectbox(key="preview").value == "all.md"
    assert "Its likeness finds letters" in words(found)


def test_a_reload_asks_the_same_question_again(shop, app):
    found = look(app, "library", library="shop", part="Search", question="How long does the lamp shine?")
    assert not found.exception and "<mark>lamp</mark>" in words(found)
    assert found.text_input(key="ask-shop").value == "How long does the lamp shine?"


def test_words_that_stand_everywhere_are_not_marked():
    assert cited.lit("Das Porto zahlt der Kunde", "Wer zahlt das Porto?", ("de",)) == (
        "Das <mark>Porto</mark> <mark>zahlt</mark> der Kunde"
    )


def test_a_question_whose_passage_is_gone_comes_first_and_says_so(shop, app):
    kept = questions.add(shop, "shop", "How long does it shine?", "lamp.md", "shines for 14 hours", "ada")
    gone = questions.add(shop, "shop", "How much does it hold?", "kettle.md", "holds 1.5 litres", "ada")
    libraries.add(shop, "shop", {"kettle.md": "# Kettle\n\nIt was melted down.\n"}, "ada")
    libraries.index(shop, "shop")
    found = look(app, "library", library="shop", part="Quality")
    assert "The passage of 1 question does not stand in its document any more" in found.warning[0].value
    told = [one.value for one in found.markdown if one.value.startswith(("How long", "How much"))]
    assert [("its passage is gone" in one, one[:8]) for one in told] == [(True, "How much"), (False, "How long")]
    found.button(key=f"drop-{gone.id}").click().run()
    assert not found.warning and questions.approved(shop, "shop") == [kept]


def test_proposed_questions_are_judged_one_by_one(shop, app):
    row = {"question": "How big?", "answer": "1.5", "document": "kettle.md", "passage": "holds 1.5 litres"}
    questions.propose(shop, "shop", [row], "teacher", "ada")
    [waiting] = questions.listed(shop, "shop")
    found = look(app, "library", library="shop")
    found.session_state["part"] = "Quality"
    found.run()
    found.text_input(key=f"words-{waiting.id}").set_value("How much does the kettle hold?")
    found.button(key=f"approve-{waiting.id}").click().run()
    assert [one.question for one in questions.approved(shop, "shop")] == ["How much does the kettle hold?"]


def test_settings_show_the_chunks_as_they_would_be_and_hold_after_a_job(shop, app):
    found = look(app, "library", library="shop")
    found.session_state["part"] = "Settings"
    found.run()
    assert not found.exception and "2 chunks, " in words(found) and "The index is up to date" in words(found)
    found.segmented_control(key="cut").set_value("Pieces of a size").run()
    found.button(key="index").click().run()
    assert libraries.get(shop, "shop").settings.chunking.words == 180
    [job] = readings.live(shop, "shop")
    assert waited(job.job) == jobs.DONE
    upkeep.catch_up(shop)
    assert libraries.current(shop, "shop")


def test_a_removed_document_is_gone_from_the_page(shop, app):
    found = look(app, "library", library="shop", document="lamp.md")
    assert "Lamp" in found.title[0].value
    removal.documents(shop, "shop", ["lamp.md"], "ada")
    assert "There is no document lamp" in look(app, "library", library="shop", document="lamp.md").error[0].value
