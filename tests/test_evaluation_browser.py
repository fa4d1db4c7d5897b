"""In a browser: an evaluation is read on a wide and a narrow screen, an item is opened, and its figures taken out."""

import json
import os

import pytest
from playwright.sync_api import Page, expect

from engine.scoring import metrics
from studio import members
from studio.folders import Home
from studio.store import close_all, opened
from tests import browsing, judged

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PICTURES = os.environ.get("ATELIER_PICTURES", "")  # a folder, for whoever wants to look
LABELS = ["delivery / late", "delivery / lost", "payment / refund"]


def begin(home: Home) -> str:
    """Two candidates on 30 labelled questions; one of them is wrong now and then."""
    store = opened(home)
    members.welcome(store, "ada", "evaluator", "ada")
    asked = [item | {"label": LABELS[n % 3], "tags": [f"shop {n % 2}"]} for n, item in enumerate(judged.items(30))]
    lines = []
    for who, wrong in zip(judged.two(store), (2, 7), strict=True):
        for n, item in enumerate(asked):
            said = LABELS[(n + 1) % 3] if n % wrong == 0 else item["label"]
            scores = {
                name: {"value": one.value, "why": one.why}
                for name in ("label", "levels")
                for one in [metrics.score(name, said, item)]
            }
            lines.append(judged.answer(who, item["id"], said, scores=scores))
    made = judged.evaluation(store, asked, lines, name="Which label?", metrics=("label", "levels"))
    close_all()
    return made.id


def settled(page: Page) -> None:
    browsing.drawn(page, browsing.SLOW)
    page.wait_for_timeout(1500)  # what is drawn into a canvas comes after the rest
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"{main}.scrollWidth - {main}.clientWidth") <= 0, "the page is wider than the screen"


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def test_an_evaluation_is_read_on_any_screen_opened_and_taken_out(home):
    id = begin(home)
    with browsing.studio(home) as studio, browsing.tab(f"{studio.url}/evaluation?evaluation={id}") as page:
        expect(page.get_by_text("50 % (33-67, n = 30)")).to_be_visible()
        for width, scheme in ((1440, "light"), (1440, "dark"), (390, "dark"), (390, "light")):
            page.set_viewport_size({"width": width, "height": 1200})
            page.emulate_media(color_scheme=scheme)
            for view in ("Figures", "Slices", "Mistakes", "Answers"):
                page.get_by_role("tab", name=view).click()
                settled(page)
                picture(page, f"{view.lower()}-{width}-{scheme}")
        page.set_viewport_size({"width": 1440, "height": 1200})
        settled(page)
        page.get_by_test_id("stDataFrame").first.click(position={"x": 18, "y": 54})
        expect(page.get_by_text("Question", exact=True).last).to_be_visible()
        expect(page.get_by_text("1 of 2 levels of “delivery / late”.").first).to_be_visible()
        settled(page)
        assert "item=i000" in page.url
        rows = page.locator(".verdicts.each .verdict")
        widths = [rows.nth(at).bounding_box()["width"] for at in range(rows.count())]
        assert len(widths) == 4 and max(widths) - min(widths) < 40, "scores of an answer do not stand in columns"
        picture(page, "item")
        page.get_by_role("button", name="Close", exact=True).click()
        expect(page.get_by_role("button", name="Close", exact=True)).to_have_count(0)
        assert "item=" not in page.url
        page.get_by_role("button", name="Export").click()
        page.get_by_text("The figures alone").click()
        browsing.drawn(page)
        with page.expect_download() as waited:
            page.get_by_role("button", name="Download", exact=True).click()
        told = json.loads(waited.value.path().read_text())
        assert [one["n"] for one in told["metrics"]["label"]["figures"].values()] == [30, 30]
