"""What a model can learn from, in a real browser: verdicts that become pairs, and a reward that is tried and kept."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from studio import members
from studio.building import models
from studio.folders import STARTER, Home
from studio.judging import judgements, pairs
from studio.store import Store
from tests import browsing, judged

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browsing.CHROMIUM is None, reason="no Chromium here"),
    pytest.mark.skipif(not (STARTER / "model.safetensors").exists(), reason="the starter model is not built yet"),
]
N = 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Forty judged pairs, of which one in five is a tie."""
    made = Home(tmp_path_factory.mktemp("lessons") / "home")
    store = Store(made)
    members.welcome(store, "noor", "engineer", "noor")
    plain, tuned = judged.two(store)
    with store.jot() as cursor:
        cursor.execute("update model set path = ? where kind = ?", [str(STARTER), models.BASE])
    items = judged.items(N)
    lines = [judged.answer(who, item["id"], f"{who.name} {item['id']}") for who in (plain, tuned) for item in items]
    found = judged.evaluation(store, items, lines, name="voices")
    pairs.deal(store, found.id, plain.id, tuned.id, "noor")
    for number, row in enumerate(store.rows("select id from pair order by id")):
        said = judgements.TIE if number % 5 == 0 else judgements.LEFT
        judgements.record(store, row["id"], "noor", said, seconds=5.0)
    store.close()
    return made


@pytest.fixture(scope="module")
def page(home: Home, monkeypatch_module: None) -> Iterator[Page]:
    with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/arena", height=1400) as opened:
        yield opened


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOGNAME", "noor")
        yield


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def test_from_verdicts_to_a_run_that_can_learn_by_preference(page: Page) -> None:
    click(page, "Who was who")
    click(page, "Learn from these verdicts")
    expect(page.get_by_text("left out: ties, or both bad")).to_be_visible()
    click(page, f"Make {N - N // 5} pairs")
    expect(page).to_have_url(re.compile("/snapshots.*voices"))
    browsing.drawn(page)
    if not page.get_by_role("button", name="Freeze", exact=True).is_visible():
        page.get_by_text("Freeze what is approved now").click()
    click(page, "Freeze")
    click(page, "Train on it")
    browsing.drawn(page)
    page.get_by_test_id("stSelectbox").filter(has_text="Method").locator("input").click()
    expect(page.get_by_role("option", name="DPO")).to_be_visible()


def test_a_reward_is_begun_tried_changed_and_kept(page: Page, home: Home) -> None:
    page.goto(page.evaluate("location.origin") + "/rewards")
    browsing.drawn(page)
    page.get_by_role("button", name="Begin with this").nth(3).click()  # right and short
    expect(page.get_by_text("Nothing speaks against it", exact=False)).to_be_visible()
    answers = page.get_by_label("Answers to it, one a line")
    answers.fill("broken\nnever")
    answers.press("Control+Enter")
    expect(page.get_by_text("All 2 answers are paid the same", exact=False)).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Labels")
    page.get_by_label("Name", exact=True).press("Enter")
    browsing.drawn(page)
    click(page, "Save")
    expect(page.get_by_role("heading", name="Labels")).to_be_visible()
    click(page, "All rewards")
    expect(page.get_by_text("pays for: the expected answer, length", exact=False)).to_be_visible()
