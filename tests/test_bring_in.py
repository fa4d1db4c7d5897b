"""The way in, as people walk it: a file, a path or pasted text; what each column is; ten rows; and what came of it."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from studio import cli
from studio.data import datasets, examples, intake, mappings, rejects
from studio.folders import Home
from studio.store import Store, close_all
from tests import browsing
from tests.conftest import conversation, look, words
from tests.patience import until
from tests.test_mapping import CLINC

CSV = "frage;antwort;thema;datum\nWo ist es?;Hier.;Ort;2026-01-01\nWann kommt es?;Bald.;Zeit;2026-01-02\nUnd?;;;\n"


def upload(app, name: str, content: str | bytes, **asked: str):
    found = look(app, "bring_in", **asked)
    found.file_uploader(key="upload").upload(name, content.encode() if isinstance(content, str) else content)
    return found.run()


def imported(app, store: Store, dataset: str = ""):
    """Press Import, and wait until it is done."""
    if dataset:
        app.text_input(key="dataset-name").set_value(dataset).run()
    app.button(key="import-go").click().run()
    until(lambda: not intake.running(store))
    return app.run()


def test_a_jsonl_of_conversations_goes_straight_to_the_preview(app, store):
    found = upload(app, "mine.jsonl", json.dumps(conversation("Where?", "Here.")) + "\n{broken\n")
    assert not found.exception and not [one for one in found.selectbox if one.label.startswith("What ")]
    assert "**1** become examples, **1** would wait to be mended" in words(found)
    assert "It is not JSON" in found.warning[0].value and "Line 2" in found.warning[0].value
    found = imported(found, store, "mine")
    assert "1 added to mine, 1 rejected" in found.success[0].value
    assert "Mend 1 row" in words(found) and "Read the examples" in words(found)


def test_a_table_is_mapped_shown_and_brought_in_with_its_lines(app, store):
    found = upload(app, "fragen.csv", CSV)
    assert [one.value for one in found.selectbox if one.label.startswith("What ")] == ["user", "assistant", "tags", ""]
    assert "Wo ist es?" in words(found) and "separated by semicolons" in words(found)
    assert "Line 4" in found.warning[0].value and "'antwort' is empty" in found.warning[0].value
    found = imported(found, store, "fragen")
    (first, _), _ = examples.find(store, "fragen")
    assert (first.source, first.line, first.tags, first.status) == ("fragen.csv", 2, ["Ort"], "approved")
    assert [(one.line, one.code) for one in rejects.waiting(store, "fragen")] == [(4, "empty-cell")]
    assert not list((store.home.files / "incoming").glob("*/*")), "the copy is not kept"


def test_what_was_chosen_is_remembered_for_the_next_file_of_that_shape(app, store):
    found = upload(app, "a.csv", CSV)
    picked = next(one for one in found.selectbox if one.label == "What thema is")
    picked.select("group").run()
    imported(found, store, "fragen")
    found = upload(app, "b.csv", CSV.replace("Wo ist es", "Wo war es"), dataset="fragen", intake="")
    assert next(one for one in found.selectbox if one.label == "What thema is").value == "group"
    assert "as for the last file with these columns" in words(found)


def test_a_table_that_lacks_an_answer_says_so_and_cannot_be_imported(app, store):
    found = upload(app, "a.csv", CSV)
    next(one for one in found.selectbox if one.label == "What antwort is").select("").run()
    assert "No column is marked as the answer" in found.warning[0].value
    assert not [one for one in found.button if one.key == "import-go"]


def test_pasted_messages_become_drafts_to_be_written(app, store):
    found = look(app, "bring_in")
    found.segmented_control(key="way").set_value("Paste").run()
    found.text_area(key="paste").set_value("Your parcel is late.\nYour lamp is here.\n").run()
    found = imported(found, store, "rough")
    assert not found.exception
    rows, n = examples.find(store, "rough")
    assert (n, {row.status for row in rows}, rows[0].tags) == (2, {"draft"}, ["to write"])


def test_a_sheet_of_a_workbook_is_chosen(app, store, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["frage", "antwort"])
    book.active.append(["a?", "b"])
    other = book.create_sheet("Neu")
    other.append(["frage", "antwort"])
    other.append(["c?", "d"])
    book.save(tmp_path / "a.xlsx")
    found = upload(app, "a.xlsx", (tmp_path / "a.xlsx").read_bytes())
    assert "not Neu" in words(found)
    next(one for one in found.selectbox if one.label == "Sheet").select("Neu").run()
    assert "c?" in words(found)
    imported(found, store, "blatt")
    assert [one.prompt for one in examples.find(store, "blatt")[0]] == ["c?"]


BAD = {
    "nothing.jsonl": (b"", "is empty"),
    "wide.jsonl": ("{}".encode("utf-16"), "is UTF-16 text"),
    "binary.csv": (b"\x00\x01\x02", "is not a text file"),
    "blank.jsonl": (b"\n\n", "holds only blank lines"),
    "locked.xlsx": (b"\xd0\xcf\x11\xe0" * 9, "locked with a password"),
    "cut.json": (b'[{"a": 1}', "is not whole JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_gets_one_sentence_and_changes_nothing(app, store, name):
    content, said = BAD[name]
    found = upload(app, name, content)
    assert not found.exception
    assert said in found.error[0].value.replace("\\", "") and datasets.listed(store) == []


def test_a_file_by_path_that_is_not_there_is_told(app, store):
    found = look(app, "bring_in")
    found.segmented_control(key="way").set_value("A file on this machine").run()
    found.text_input(key="path").set_value("/nowhere/tone.jsonl").run()
    assert "There is no file" in found.error[0].value


def test_examples_that_are_not_reviewed_wait_for_it(app, store):
    found = upload(app, "mine.jsonl", json.dumps(conversation("Where?", "Here.")))
    found.checkbox(key="reviewed").uncheck()
    imported(found, store, "mine")
    assert datasets.get(store, "mine").approved == 0


def test_corrected_rows_come_back_by_the_same_door(app, full, tmp_path):
    rows = [json.loads(line) for line in rejects.download(full.store, "tone").splitlines()]
    rows[0]["content"] = json.dumps(conversation("?", "!"))
    found = upload(app, "fixed.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert "rows that were downloaded to be mended" in found.info[0].value
    found.button(key="return-go").click().run()
    assert datasets.get(full.store, "tone").rejects == 0


def test_the_command_line_maps_too_and_names_what_is_left_out(home: Home, tmp_path):
    (tmp_path / "fragen.csv").write_text(CSV)
    arguments = ["import", str(tmp_path / "fragen.csv"), "--dataset", "fragen", "--home", str(home.root)]
    done = CliRunner().invoke(cli.app, [*arguments, "--map", "user=frage", "--map", "assistant=antwort", "--json"])
    found = json.loads(done.stdout)
    assert (found["added"], found["rejected"], found["left_out"]) == (2, 1, ["thema", "datum"])
    guessed = CliRunner().invoke(cli.app, arguments)
    assert guessed.exit_code == 0 and "thema: left out" in guessed.stdout, "what was told is remembered"
    close_all()
    store = Store(home)
    assert mappings.remembered(store, "nothing") is None and datasets.get(store, "fragen").examples == 2
    store.close()


@pytest.fixture
def url(home: Home) -> Iterator[str]:
    with browsing.studio(home) as studio:
        yield studio.url


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    with browsing.tab(f"{url}/bring_in") as page:
        yield page


def small(path: Path) -> Path:
    """A file of the shape of CLINC150, with words of our own."""
    said = {"oos_val": [["sing me a lamp", "oos"]], "train": [[f"where is parcel {n}", "track"] for n in range(40)]}
    said["train"] += [[f"i want my money back {n}", "refund"] for n in range(40)]
    said["test"] = [["has it come", "track"]]
    path.write_text(json.dumps(said))
    return path


@pytest.mark.browser
@pytest.mark.slow
def test_intents_in_their_own_json_come_in_without_code_and_a_second_time_add_nothing(page: Page, tmp_path):
    for number, file in enumerate([small(tmp_path / "small.json"), *([CLINC] if CLINC.exists() else [])]):
        n = 82 if not number else 23_700
        for again in range(2):
            page.locator("input[type=file]").set_input_files(file)
            expect(page.get_by_text("What comes of it")).to_be_visible()
            if not again:
                page.get_by_label("Name of the dataset").fill(f"intents {number}")
                page.get_by_label("Name of the dataset").press("Enter")
            page.get_by_role("button", name="Import").click()
            told = page.get_by_text(re.compile(rf"([\d,]+) added to intents {number}"))
            expect(told).to_be_visible()
            counts = [int(one.replace(",", "")) for one in re.findall(r"\b[\d,]*\d\b", told.inner_text())]
            assert ("0 added" in told.inner_text()) == bool(again)
            assert n in (sum(counts), sum(counts) - number), told.inner_text()
            page.get_by_role("button", name="Bring in something else").click()
            expect(page.get_by_text("Where is it?")).to_be_visible()
        page.goto(re.sub(r"\?.*", "", page.url))
        time.sleep(0.5)
