"""A newcomer's first hour in a real browser: import, mend, freeze, train, watch, ask, compare, judge, decide."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from engine.data.conversations import parse
from studio.folders import SAMPLE, STARTER, Home
from tests import browsing
from tests.browsing import drawn

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (STARTER / "model.safetensors").exists(), reason="the starter model is not built yet"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("journey") / "home")


@pytest.fixture(scope="module")
def url(home: Home) -> Iterator[str]:
    with browsing.studio(home) as studio:
        yield studio.url


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Page]:
    with browsing.tab(url) as page:
        yield page


def place(page: Page, name: str) -> None:
    """Go there by the navigation, as a person does."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def no_traceback(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 of the sample's tone rows, and one line that lost its end."""
    lines = (SAMPLE / "tone" / "train.jsonl").read_text().splitlines()[:96]
    broken = lines[2][: len(lines[2]) // 2]
    path = tmp_path_factory.mktemp("rows") / "my-tone.jsonl"
    path.write_text("\n".join([*lines[:2], broken, *lines[3:]]) + "\n")
    return path


def test_a_file_is_imported_and_its_broken_line_is_told_and_mended(page: Page, rows: Path):
    place(page, "Datasets")
    page.get_by_role("button", name="Bring in your first examples").click()
    page.locator("input[type=file]").set_input_files(rows)
    page.get_by_label("Name of the dataset").fill("my tone")
    page.get_by_label("Name of the dataset").press("Enter")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("95 added to my tone")).to_be_visible()
    page.get_by_role("link", name="Mend 1 row").click()
    expect(page.get_by_text("It is not JSON")).to_be_visible()
    mended = {
        "messages": [{"role": "user", "content": "It is late."}, {"role": "assistant", "content": "Oopsie, petal!"}]
    }
    page.get_by_label("The row as it stands").fill(json.dumps(mended))
    page.get_by_role("button", name="Save this row").click()
    expect(page.get_by_text("Line 3 is an example now.")).to_be_visible()
    no_traceback(page)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jsonl", b"", "is empty"),
        ("wide.jsonl", '{"messages": []}'.encode("utf-16"), "UTF-16"),
        ("latin.jsonl", '{"messages": "caf\xe9"}\n'.encode("latin-1"), "It is not UTF-8 text"),
        ("silent.jsonl", b'{"messages": [{"role": "user", "content": "Hello?"}]}\n', "has no assistant message"),
    ],
)
def test_a_bad_file_gets_one_clear_sentence(page: Page, tmp_path: Path, name: str, content: bytes, said: str):
    path = tmp_path / name
    path.write_bytes(content)
    place(page, "Home")
    place(page, "Datasets")
    page.get_by_role("button", name="Bring in", exact=True).click()
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text(said).first).to_be_visible()
    no_traceback(page)


def test_an_example_is_edited_and_what_it_was_stays_in_its_history(page: Page, url: str, rows: Path):
    first = parse(json.loads(rows.read_text().splitlines()[0]))
    page.goto(f"{url}/examples?dataset=my+tone&entry={first.id}")
    words = page.get_by_label("Words of turn 2")
    expect(words).to_have_value(first.messages[-1]["content"])
    words.fill("Ta-da, petal! Your parcel is here.")
    words.press("Control+s")
    page.get_by_text("History: 2 versions").click()
    for version in ("Version 2", "Version 1"):
        expect(page.get_by_text(version, exact=True)).to_be_visible()
    no_traceback(page)


def test_a_run_is_launched_watched_and_ends_as_a_model(page: Page, url: str):
    page.goto(f"{url}/datasets?dataset=my+tone")
    page.get_by_role("link", name="Freeze and take out").click()
    page.get_by_role("button", name="Freeze", exact=True).click()
    page.get_by_role("button", name="Train on it").click()
    page.get_by_label("Name of the run, and of the model it makes").fill("my-voice")
    page.get_by_label("Name of the run, and of the model it makes").press("Enter")
    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page.get_by_role("heading", name="my-voice")).to_be_visible()
    expect(page.get_by_text("Loss: how surprised it is")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text(re.compile("my-voice (can be asked|is ready)"))).to_be_visible()
    tab = page.get_by_role("tab", name="First batch")
    expect(tab).to_have_count(1)  # while the page is drawn anew, what was there before is there too
    drawn(page)
    tab.click()
    expect(page.get_by_text("Marked is what it learns to say")).to_be_visible()
    no_traceback(page)


def test_base_and_tuned_model_are_asked_side_by_side(page: Page):
    page.get_by_role("link", name="Ask it in the playground").click()
    expect(page.get_by_role("heading", name="Playground")).to_be_visible()
    box = page.get_by_placeholder("Ask something")
    box.fill("Your parcel arrives on Tuesday.")
    box.press("Enter")
    expect(page.get_by_text(re.compile(r"\d+ tokens"))).to_have_count(2)
    no_traceback(page)


def test_candidates_are_compared_on_the_frozen_test_items(page: Page):
    place(page, "Evaluations")
    page.get_by_label("Name", exact=True).fill("base or tuned")
    for option in ("starter", "my-voice"):
        page.get_by_label("Candidates", exact=True).click()
        page.get_by_role("option", name=option).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", name="base or tuned")).to_be_visible()
    expect(page.get_by_role("button", name="Judge these blind")).to_be_visible()
    expect(page.get_by_role("tab", name="Answers")).to_be_visible()
    no_traceback(page)


def test_answers_are_judged_blind_with_the_keyboard(page: Page):
    page.get_by_role("button", name="Judge these blind").click()
    page.get_by_role("button", name="Deal the pairs").click()
    expect(page.get_by_text("Which would you rather send")).to_be_visible()
    content = page.content()
    assert "my-voice" not in content and "starter" not in content, "a name is on the page before the verdict"
    for number, key in enumerate(("1", "2", "3"), 1):
        drawn(page)
        page.locator("body").press(key)
        expect(
            page.get_by_text(re.compile(rf"^{number} of \d+ judged")).or_(page.get_by_text("All judged"))
        ).to_be_visible()
    no_traceback(page)


def test_the_dashboard_says_what_the_figures_allow(page: Page):
    place(page, "Dashboard")
    expect(page.get_by_text(re.compile(r"n\s=\s\d+")).locator("visible=true").first).to_be_visible()
    expect(page.get_by_text("Quality and cost")).to_be_visible()
    no_traceback(page)


def test_the_api_answers_beside_the_pages(url: str):
    assert httpx.get(f"{url}/v1/health").json()["status"] == "ok"


def test_a_run_waits_in_a_paused_queue_is_moved_and_stopped(page: Page):
    place(page, "Runs")
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_text("Nothing new starts.")).to_be_visible()
    page.get_by_text("Launch a run", exact=True).click()
    name = page.get_by_label("Name of the run, and of the model it makes")
    name.fill("later")
    name.press("Enter")
    page.get_by_text("low", exact=True).click()
    drawn(page)
    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page.get_by_role("heading", name="later")).to_be_visible()
    expect(page.get_by_text("The queue is paused: nothing new starts until it goes on.")).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("It is paused.")).to_be_visible()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    drawn(page)
    page.get_by_role("button", name="Stop", exact=False).first.click()
    page.get_by_role("button", name="Stop the run").click()
    expect(page.get_by_text("later is stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    place(page, "Runs")
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()
    no_traceback(page)
