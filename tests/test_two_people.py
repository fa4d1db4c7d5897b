"""Two browsers on one example, a third that takes its tag, a studio that is killed in the middle: nothing is lost."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from engine.data.conversations import Conversation, parse
from studio import members
from studio.data import datasets, drafts, examples
from studio.folders import Home
from studio.store import Store
from tests import browsing
from tests.browsing import Studio, drawn

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ANSWER = "It is on the way. It comes on Tuesday. Keep the kettle warm."


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = Home(tmp_path_factory.mktemp("two") / "home")
    store = Store(home)
    for name in ("ada", "bo", "cy"):
        members.welcome(store, name, "designer", name)
    rows = [{"messages": turns(f"Where is parcel {n}?"), "tags": ["parcel", "late"]} for n in range(30)]
    path = home.root.parent / "tone.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, path, "tone", "ada", status="draft")
    store.close()
    with browsing.studio(home) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.chromium() as found:
        yield found


@pytest.fixture
def sit(browser: Browser, studio: Studio) -> Iterator:  # type: ignore[type-arg]
    """Sit down as somebody, in a browser of their own."""
    opened = []

    def down(name: str) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.add_cookies([{"name": "atelier_me", "value": name, "url": studio.url}])
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(browsing.SLOW)
        return page

    yield down
    for context in opened:
        context.close()


def entry(studio: Studio, n: int) -> str:
    """The example `n` of the list by its name; asked of the rows that came in."""
    return conversation(n).id


def conversation(n: int) -> Conversation:
    return parse({"messages": turns(f"Where is parcel {n}?")})


def turns(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": ANSWER}]


def open_example(page: Page, studio: Studio, n: int) -> Locator:
    """Open it; the box of its answer."""
    page.goto(f"{studio.url}/examples?dataset=tone&entry={entry(studio, n)}")
    box = page.get_by_label("Words of turn 2")
    expect(box).to_have_value(re.compile("."))
    drawn(page)
    return box


def kept(page: Page) -> None:
    expect(page.get_by_text("Kept as you type")).to_be_visible()


def put(box: Locator, before: str, words: str) -> None:
    """Type `words` in front of `before`, as a person who has clicked there."""
    at = box.input_value().index(before)
    box.evaluate("(box, at) => { box.focus(); box.setSelectionRange(at, at) }", at)
    box.page.keyboard.type(words, delay=10)


def told(page: Page, words: str) -> None:
    expect(page.get_by_text(re.compile(words)).first).to_be_visible()


def test_no_keystroke_is_lost_however_fast_and_while_the_page_is_drawn(sit, studio):
    page = sit("ada")
    box = open_example(page, studio, 1)
    words = " ".join(f"word{n}" for n in range(80))
    box.press("Control+End")
    page.keyboard.type(f" {words}", delay=4)
    kept(page)
    expect(box).to_have_value(f"{ANSWER} {words}")
    page.keyboard.press("Control+s")
    page.keyboard.type(" and while it saves", delay=4)
    told(page, "Version 2 is saved")
    kept(page)
    expect(box).to_have_value(f"{ANSWER} {words} and while it saves")
    page.keyboard.press("Control+s")
    told(page, "Version 3 is saved")


def test_two_edit_one_takes_a_tag_the_studio_is_killed_and_every_saved_word_is_there(sit, studio):
    ada, bo, cy = sit("ada"), sit("bo"), sit("cy")
    one, two = open_example(ada, studio, 0), open_example(bo, studio, 0)
    put(one, "It is on the way", "Hurrah! ")
    kept(ada)
    put(two, "Keep the kettle", "Promise. ")
    kept(bo)

    open_example(cy, studio, 0)
    cy.get_by_test_id("stMultiSelect").get_by_text("late").locator("..").get_by_role("button").click()
    drawn(cy)
    cy.get_by_role("button", name="Save").click()
    told(cy, "Version 2 is saved")
    for page in (ada, bo):  # told while they type, with who and what
        told(page, "cy removed the tag late")

    studio.kill()
    put(one, "It comes", "Listen. ")  # typed while nobody listens
    studio.start()
    expect(one).to_have_value(f"Hurrah! {ANSWER.replace('It comes', 'Listen. It comes')}")
    expect(two).to_have_value(ANSWER.replace("Keep", "Promise. Keep"))
    drawn(ada)
    kept(ada)
    ada.get_by_role("button", name="Save").click()
    told(ada, "cy removed the tag late")

    told(bo, "ada changed turn 2")
    drawn(bo)
    bo.get_by_role("button", name="Save").click()
    told(bo, r"is saved\. Put together with theirs: .*ada changed turn 2")

    studio.kill()
    store = Store(studio.home)
    now = examples.get(store, "tone", entry(studio, 0))
    assert now.answer == "Hurrah! It is on the way. Listen. It comes on Tuesday. Promise. Keep the kettle warm."
    assert now.tags == ["parcel"]
    past = examples.history(store, "tone", now.entry)
    assert [version.made_by for version in past] == ["bo", "ada", "cy", "ada"]
    assert drafts.get(store, "tone", now.entry, "ada") is None
    store.close()
    studio.start()


def test_the_same_word_changed_by_two_is_laid_side_by_side_and_settled_by_who_came_second(sit, studio):
    ada, bo = sit("ada"), sit("bo")
    one, two = open_example(ada, studio, 2), open_example(bo, studio, 2)
    two.fill(ANSWER.replace("Tuesday", "Friday"))
    kept(bo)
    one.fill(ANSWER.replace("Tuesday", "Monday"))
    one.press("Control+s")
    told(ada, "Version 2 is saved")
    told(bo, "ada changed turn 2")
    two.press("Control+s")
    told(bo, "1 place clashes with yours")
    bo.get_by_role("radio", name="Both").or_(bo.get_by_role("button", name="Both", exact=True)).first.click()
    drawn(bo)
    bo.keyboard.press("Alt+m")
    expect(two).to_have_value(ANSWER.replace("Tuesday.", "Friday. Monday."))
    two.press("Control+s")
    told(bo, "Version 3 is saved")


def test_words_outlive_the_browser_and_a_new_example_does_too(sit, studio):
    page = sit("ada")
    page.goto(f"{studio.url}/examples?dataset=tone")
    expect(page.get_by_role("button", name="Write a new one")).to_be_visible()
    drawn(page)
    page.keyboard.press("n")
    page.get_by_label("Words of turn 1").fill("Do you ship tea?")
    kept(page)
    page.context.close()
    again = sit("ada")
    again.goto(f"{studio.url}/examples?dataset=tone")
    again.get_by_role("button", name="Go on with 1 unsaved example").click()
    expect(again.get_by_label("Words of turn 1")).to_have_value("Do you ship tea?")
    told(again, "You go on with what you had not saved")


def test_a_review_needs_no_mouse(sit, studio):
    """Approve, edit and approve, reject, over the end of the page, undo, turns, search, help."""
    page = sit("bo")
    page.goto(f"{studio.url}/examples?dataset=tone&status=draft&entry={entry(studio, 25)}")
    box = page.get_by_label("Words of turn 2")
    expect(page.get_by_label("Words of turn 1")).to_have_value("Where is parcel 25?")
    for number in (26, 27):
        drawn(page)
        page.keyboard.press("Control+Enter" if number == 26 else "Alt+x")
        expect(page.get_by_label("Words of turn 1")).to_have_value(f"Where is parcel {number}?")
    drawn(page)
    page.keyboard.press("e")
    expect(box).to_be_focused()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Ta.")
    page.keyboard.press("Alt+i")
    expect(page.get_by_label("Words of turn 3")).to_be_focused()
    page.keyboard.type("Thanks")
    page.keyboard.press("Alt+Delete")
    expect(page.get_by_label("Words of turn 3")).to_have_count(0)
    page.keyboard.press("Alt+z")
    expect(page.get_by_label("Words of turn 3")).to_have_value("Thanks")
    page.keyboard.press("Alt+Delete")
    page.keyboard.press("Control+s")
    told(page, "Version 2 is saved")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    drawn(page)
    page.keyboard.press("Alt+u")
    expect(box).to_have_value(ANSWER)
    drawn(page)
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    drawn(page)
    page.keyboard.press("?")
    told(page, "Approve, and open the next")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Approve, and open the next")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    page.keyboard.type("parcel 29", delay=20)
    expect(page).to_have_url(re.compile("search=parcel"))
    told(page, r"^1 of 30")
