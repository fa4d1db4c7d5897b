"""Browsing: a studio of one's own on a free port of this machine, and a real browser that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

from playwright.sync_api import Browser, Locator, LocatorAssertions, Page, expect, sync_playwright
from playwright.sync_api import Error as Refused
from playwright.sync_api import TimeoutError as Waited

from engine import jobs
from engine.serving import servers
from studio.folders import Home
from tests.patience import until
from tests.test_survival import healthy

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Chromium's own errands would wait for a network that a closed machine does not have
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SLOW = 300_000  # milliseconds: two cores, a model to load, and other tests may have the machine too
TWICE = 30.0  # seconds that something may stand on the page twice while it is drawn anew
expect.set_options(timeout=SLOW)
P, T = ParamSpec("P"), TypeVar("T")
STILL = """() => {
    const app = document.querySelector('[data-testid="stApp"]')
    return !app || app.dataset.testScriptState === "notRunning"
}"""


class Studio:
    """A studio on one home and one port, that can be killed and started again."""

    def __init__(self, home: Home) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "studio", "studio", "--home", str(self.home.root), "--port", str(self.port)]
        with (self.home.root.parent / "studio.log").open("ab") as log:
            unbuffered = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=unbuffered)
        until(lambda: healthy(self.port))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it, and whatever it has started."""
        self.process.terminate()
        self.process.wait()
        for server in servers.listed(self.home.servers):
            servers.stop(server)
        for job in jobs.listed(self.home.jobs):
            jobs.stop(job, grace=2)


@contextmanager
def studio(home: Home) -> Iterator[Studio]:
    opened = Studio(home)
    try:
        yield opened
    finally:
        opened.close()


def _when_one_is_left(act: Callable[P, T]) -> Callable[P, T]:
    """`act` as people do it: what is drawn anew in another place stands on the page twice for a moment, the old one
    and the new one, and nobody touches or reads either before one of them has gone. Playwright refuses at once, and
    nothing was done; so it is asked again. Two that stay are a mistake, of the page or of the test."""

    def acted(*args: P.args, **how: P.kwargs) -> T:
        end = time.monotonic() + TWICE
        while True:
            try:
                return act(*args, **how)
            except (Refused, AssertionError) as wrong:
                if "strict mode violation" not in str(wrong) or time.monotonic() > end:
                    raise
            time.sleep(0.2)

    return acted


def _when_still(click: Callable[..., None]) -> Callable[..., None]:
    """Click on a page that stands still. A button that is drawn anew between press and release hears no click, and a
    busy machine makes that moment long. A page that never comes to rest is clicked on after a while."""

    def clicked(locator: Locator, **how: Any) -> None:
        locator.wait_for(timeout=how.get("timeout"))
        with suppress(Waited):
            locator.page.wait_for_function(STILL, timeout=5_000)
        click(locator, **how)

    return clicked


def _as_people_do() -> None:
    """Playwright's own acts, and what it expects of one element, with the patience of people. Once is enough."""
    Locator.click = _when_still(Locator.click)  # type: ignore[method-assign]
    for one in ("click", "fill", "press", "press_sequentially", "focus", "uncheck", "input_value", "inner_text"):
        setattr(Locator, one, _when_one_is_left(getattr(Locator, one)))
    for one in ("visible", "focused", "in_viewport"):
        setattr(LocatorAssertions, f"to_be_{one}", _when_one_is_left(getattr(LocatorAssertions, f"to_be_{one}")))
    for one in ("contain_text", "have_value", "have_attribute"):
        setattr(LocatorAssertions, f"to_{one}", _when_one_is_left(getattr(LocatorAssertions, f"to_{one}")))


_as_people_do()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, "--disable-sync", "--no-first-run"]
        )
        yield browser
        browser.close()


@contextmanager
def tab(url: str, height: int = 1000) -> Iterator[Page]:
    """One page, opened at `url`."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": height})
        page.set_default_timeout(SLOW)
        page.goto(url)
        yield page


def drawn(page: Page, timeout: int = SLOW) -> None:
    """Wait until the page is drawn; a key that is pressed before falls on nothing."""
    state = page.get_by_test_id("stApp")
    expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=timeout)
