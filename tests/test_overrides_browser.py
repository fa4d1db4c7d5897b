"""In a browser: a person overrules a judge with one click, sees the figures follow, and checks claims blind by keys."""

import os

import pytest
from playwright.sync_api import Page, expect

from studio import members
from studio.folders import Home
from studio.judging import draws
from studio.store import close_all, opened
from tests import browsing, test_overrides

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PICTURES = os.environ.get("ATELIER_PICTURES", "")  # a folder, for whoever wants to look
SCREENS = [(390, "dark"), *([(390, "light"), (1440, "dark")] if PICTURES else []), (1440, "light")]
KEYS = {"14 hours": "1", "95 minutes": "2", "blue": "0", "colour": "0"}


def begin(home: Home) -> str:
    store = opened(home)
    members.welcome(store, "ada", "evaluator", "ada")
    made = test_overrides.begin(store, 3)
    close_all()
    return made.id


def settled(page: Page, name: str) -> None:
    browsing.drawn(page, browsing.SLOW)
    main = "document.querySelector('[data-testid=stMain]')"
    page.wait_for_function(f"{main}.scrollWidth <= {main}.clientWidth")  # else it is wider than the screen
    if PICTURES:
        page.wait_for_timeout(1200)
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def on_any_screen(page: Page, name: str) -> None:
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 2000})
        page.emulate_media(color_scheme=scheme)
        settled(page, f"{name}-{width}-{scheme}")


def test_a_judge_is_overruled_by_a_click_and_checked_blind_by_keys(home):
    id = begin(home)
    there = f"/evaluation?evaluation={id}&item=i000"
    with browsing.studio(home) as studio, browsing.tab(f"{studio.url}{there}", 2000) as page:
        page.get_by_text("Claim by claim").first.click()
        second = page.get_by_role("radiogroup", name="Your verdict on claim c2").first
        second.get_by_text("[2]", exact=True).click()
        expect(page.get_by_text("1 verdict by people; the judge alone: 25 %.").first).to_be_visible()
        page.get_by_placeholder("Why?").fill("It says 95.")
        page.keyboard.press("Enter")
        expect(page.get_by_text("“It says 95.”")).to_be_visible()
        on_any_screen(page, "ledger")
        second.get_by_text("[2]", exact=True).click()  # once more takes it back
        expect(page.get_by_text("1 verdict by people")).to_have_count(0)
        page.get_by_role("tab", name="The judge").click()
        page.get_by_role("button", name="Check 20 claims drawn at random").click()
        for number in range(draws.A_DRAW):
            expect(page.get_by_text(f"{number} of 20 checked")).to_be_visible()
            browsing.drawn(page)
            if number == 2:
                on_any_screen(page, "card")
            claim = page.locator(".said.large").last.inner_text()
            page.keyboard.press(next(key for words, key in KEYS.items() if words in claim))
        expect(page.get_by_text("Beyond chance")).to_be_visible()
        expect(page.get_by_text("Judge alone: 25 %").first).to_be_visible()
        if PICTURES:
            on_any_screen(page, "judge")
    store = opened(home)
    found = draws.agreed(store, id)
    assert found.n + found.unsure == 20 and found.people == ("ada",) and len(found.differ) > 0
    assert {one.row["id"] for one in found.differ} == {"c2"}
