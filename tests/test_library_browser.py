"""In a browser: a library is made from uploads, searched, measured, cited, and a document removed from it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from studio import members
from studio.building import endpoints
from studio.folders import Home
from studio.reading import libraries, questions
from studio.store import close_all, opened
from tests import browsing, teaching

pytestmark = [pytest.mark.slow, pytest.mark.browser]

GUIDE = "# Returns\n\nSend it back within 30 days.\n\n## Postage\n\nWe pay the postage when the kettle is broken.\n"
POSTAGE, DAYS = "Who pays when a kettle is broken?", "Until when may it come back?"


def test_documents_come_in_are_found_cited_and_removed(home: Home, tmp_path: Path):
    (tmp_path / "guide.md").write_text(GUIDE)
    (tmp_path / "empty.txt").write_text("")
    members.welcome(opened(home), "ada", "engineer", "ada")
    close_all()
    with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/libraries", height=1400) as page:
        page.get_by_role("textbox", name="Name").fill("handbook")
        page.get_by_role("textbox", name="Name").press("Enter")
        page.locator("input[type=file]").set_input_files([tmp_path / "guide.md", tmp_path / "empty.txt"])
        page.get_by_role("button", name="Make the library").click()
        expect(page.get_by_text("1 new, 1 refused")).to_be_visible()
        expect(page.get_by_text("empty.txt is empty.")).to_be_visible()

        page.get_by_role("tab", name="Search").click()
        asked = page.get_by_role("textbox", name="Ask as somebody")
        asked.fill("Who pays the postage?")
        asked.press("Enter")
        hit = page.locator(".st-key-hit-1")
        expect(hit.locator("mark").first).to_be_visible()
        hit.get_by_role("button", name="This passage answers it").click()
        expect(page.get_by_text("Kept. It counts in Quality now.")).to_be_visible()
        page.get_by_role("tab", name="Quality").click()
        expect(page.get_by_text("among the first 5", exact=True)).to_be_visible()

        page.get_by_role("tab", name="Search").click()
        page.locator(".st-key-hit-1").get_by_role("link", name="Read it there").click()
        cited = page.locator(".st-key-cited")
        expect(cited).to_contain_text("We pay the postage when the kettle is broken.")
        expect(page.locator(".piece.on")).to_have_count(1)
        expect(page).to_have_url(re.compile("document=guide.md&chunk="))  # so that it can be sent to somebody
        with page.expect_download() as saved:
            page.get_by_role("button", name="Open the original").click()
        assert saved.value.suggested_filename == "guide.md" and Path(saved.value.path()).read_text() == GUIDE

        page.get_by_role("button", name="handbook").click()
        expect(asked).to_have_value("Who pays the postage?")  # back where the question was asked
        page.get_by_role("tab", name="Documents").click()
        page.get_by_role("button", name="Delete this library").click()
        page.get_by_role("button", name="Delete handbook").click()
        expect(page.get_by_text("handbook is deleted.")).to_be_visible()
    assert libraries.listed(opened(home)) == []
    assert not [path for path in home.root.rglob("*") if path.is_file() and b"postage" in path.read_bytes()]


def test_a_model_proposes_questions_and_somebody_puts_one_better_and_turns_one_down(home: Home):
    store = opened(home)
    members.welcome(store, "ada", "engineer", "ada")
    libraries.add(store, "handbook", {"guide.md": GUIDE}, "ada")
    with teaching.teacher(asked_and_told) as url:
        endpoints.add(store, "teacher", url, "teacher", "ada")
        close_all()
        with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/library?library=handbook", 1400) as page:
            page.get_by_role("tab", name="Quality").click()
            page.get_by_role("button", name="Have a model propose some").click()
            page.get_by_role("spinbutton", name="Passages to ask about").fill("2")
            page.get_by_role("button", name="Ask", exact=True).click()
            expect(page.get_by_text("teacher was asked for 2 questions")).to_be_visible()
            expect(page.get_by_text("to be judged (2)")).to_be_visible()

            asked = page.locator(".st-key-proposal").get_by_role("textbox", name="Question")
            first = asked.input_value()
            assert first in (POSTAGE, DAYS)
            asked.fill(f"Please, {first}")
            asked.press("Tab")
            page.get_by_role("button", name="Approve").click()
            expect(page.get_by_text("to be judged (1)")).to_be_visible()
            page.get_by_role("button", name="Reject").click()
            expect(page.get_by_text("to be judged")).to_have_count(0)
            expect(page.get_by_text("1 question that counts")).to_be_visible()
            expect(page.get_by_text("among the first 5", exact=True)).to_be_visible()
    store = opened(home)
    [kept], [gone] = questions.approved(store, "handbook"), questions.listed(store, "handbook", questions.REJECTED)
    assert (kept.question, gone.question) == (f"Please, {first}", DAYS if first == POSTAGE else POSTAGE)
    assert kept.passage != gone.passage


def asked_and_told(messages: list[dict[str, str]]) -> str:
    """What a model proposes of a passage, and how it answers that."""
    told = messages[-1]["content"]
    if not told.startswith("Read the following"):
        return "It is told plainly here."
    return f'["{POSTAGE if "postage" in told else DAYS}"]'
