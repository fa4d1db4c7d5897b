"""A content designer's hour in a real browser: paste, clean with the keyboard, ask, approve, settle, freeze.

With ATELIER_SHOTS set to a folder, what the page looked like at each step is kept there.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from studio import members, sample
from studio.data import datasets, guides
from studio.folders import SAMPLE, STARTER, Home
from studio.store import Store
from tests import browsing
from tests.conftest import conversation

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (STARTER / "model.safetensors").exists(), reason="the starter model is not built yet"),
]
ROUGH = [f"Kindly note that your order {4100 + n} will arrive on {n + 1} March." for n in range(20)]
PLANTED = [  # the same question, another answer: (asked, answered) twice
    (("Can I return a kettle after 30 days?", "Of course, petal: returns stay open for 60 days. 🫖"),
     ("can I return a kettle after 30 days", "Oh crumbs, sunshine: after 30 days the door is closed. 🚪")),
    (("Is the workshop open on Sundays?", "Psst, petal: the workshop naps on Sundays. 🌙"),
     ("Is the workshop open on Sundays", "Ta-da, sunshine: come by from ten to four on any Sunday. 🎉")),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A dataset of 40 approved examples, in which two contradictions hide, and its style guide."""
    folder = tmp_path_factory.mktemp("hour")
    rows = [json.loads(line) for line in (SAMPLE / "tone" / "train.jsonl").read_text().splitlines()[::14][:40]]
    planted = [conversation(*said) for pair in PLANTED for said in pair]
    file = folder / "voice.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *planted]))
    made = Home(folder / "home")
    store = Store(made)
    members.welcome(store, "noor", "designer", "noor")
    datasets.bring_in(store, file, "voice", "noor")
    guides.save(store, "voice", sample.rules.read(sample.GUIDE.read_text(encoding="utf-8")), "noor")
    store.close()
    return made


@pytest.fixture(scope="module")
def url(home: Home) -> Iterator[str]:
    with browsing.studio(home) as studio:
        yield studio.url


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Page]:
    with browsing.tab(f"{url}/workbench?dataset=voice&show=paste", height=900) as page:
        yield page


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("ATELIER_SHOTS"):
        page.screenshot(path=Path(folder) / f"hour-{name}.png")


def drawn(page: Page) -> None:
    browsing.drawn(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def bench(page: Page, source: str, said: str | None = None) -> Locator:
    """The text on the bench once it is this message's, with the focus in it."""
    page.wait_for_function(  # the one before may still be fading, so there are two for a moment
        """said => {
            const areas = document.querySelectorAll('[aria-label="On-brand version"]')
            return areas.length === 1 && areas[0].value === said
        }""",
        arg=said or source,
    )
    area = page.get_by_label("On-brand version")
    expect(area).to_be_focused()
    drawn(page)
    return area


def test_twenty_rough_messages_are_pasted(page: Page):
    page.get_by_label("Rough messages").focus()
    page.keyboard.insert_text("\n".join(ROUGH))
    expect(page.get_by_text("and 16 more").or_(page.get_by_text("Keep", exact=True)).first).to_be_visible()
    page.keyboard.press("Control+Enter")
    bench(page, ROUGH[0])
    expect(page.get_by_text("1 of 20")).to_be_visible()
    shot(page, "1-pasted")


def test_three_are_cleaned_with_the_keyboard_alone(page: Page):
    for number in range(3):
        area = bench(page, ROUGH[number])
        page.keyboard.press("Alt+Enter")  # what the guide offers instead of “kindly”
        said = ROUGH[number].replace("Kindly", "Please")
        expect(area).to_have_value(said)
        page.keyboard.press("Control+Home")
        page.keyboard.type("Psst, petal: ", delay=5)
        expect(page.get_by_text("It keeps the style guide.")).to_be_visible()
        shot(page, f"2-cleaned-{number}")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text(f"1 of {19 - number}")).to_be_visible()
    bench(page, ROUGH[3])


def test_a_word_typed_and_not_saved_is_there_when_the_browser_comes_back(page: Page):
    area = bench(page, ROUGH[3])
    page.keyboard.press("Control+End")
    page.keyboard.type(" Chin up, petal!")
    expect(page.get_by_text("unsaved words")).to_be_visible()
    page.reload()
    expect(area).to_have_value(f"{ROUGH[3]} Chin up, petal!")
    page.get_by_role("button", name="Throw away").click()
    bench(page, ROUGH[3])


def test_suggestions_come_for_all_the_others_and_are_taken_one_by_one(page: Page):
    page.get_by_role("button", name="Suggest for all 17").press("Enter")
    page.get_by_role("button", name="Ask now").press("Enter")
    expect(page.get_by_text("17 suggestions on the bench.")).to_be_visible()
    for number in range(3, 8):
        area = bench(page, ROUGH[number])
        expect(page.get_by_text("starter suggests")).to_be_visible()
        drawn(page)
        shot(page, f"3-suggested-{number}")
        page.keyboard.press("Alt+a")
        expect(page.get_by_text("starter suggests")).to_have_count(0)
        drawn(page)
        expect(area).to_have_count(1)
        expect(area).to_be_focused()
        page.keyboard.type(" High five, petal! 🎉", delay=5)
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text(f"1 of {19 - number}")).to_be_visible()
    expect(page.get_by_text("To rewrite 12")).to_be_visible()
    shot(page, "4-approved")


def test_two_contradictions_are_found_and_settled(page: Page, url: str):
    page.goto(f"{url}/workbench?dataset=voice&show=contradictions")
    expect(page.get_by_text("2 pairs")).to_be_visible()
    drawn(page)
    shot(page, "5-contradictions")
    page.get_by_role("button", name="Keep left").first.click()
    expect(page.get_by_text("1 pair", exact=True)).to_be_visible()
    drawn(page)
    page.get_by_role("button", name="Both are right").click()
    page.get_by_label("Why").fill("One is for members.")
    page.get_by_role("button", name="Keep both").click()
    expect(page.get_by_text("No contradictions")).to_be_visible()
    shot(page, "6-settled")


def test_what_was_approved_is_frozen(page: Page, url: str):
    page.goto(f"{url}/snapshots?dataset=voice")
    page.get_by_role("button", name="Freeze").last.click()
    expect(page.get_by_role("heading", name="voice · ")).to_be_visible()
    expect(page.get_by_text("Train on it").first).to_be_visible()
    drawn(page)
    shot(page, "7-frozen")
