"""Browsing: a studio of one's own on a free port of this machine, and a real browser that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
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
expect.set_options(timeout=SLOW)
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


_click = Locator.click


def _click_when_still(locator: Locator, **how: Any) -> None:
    """Click as people do, on a page that stands still. A button that is drawn anew between press and release hears no
    click, and a busy machine makes that moment long. A page that never comes to rest is clicked on after a while."""
    locator.wait_for(timeout=how.get("timeout"))
    with suppress(Waited):
        locator.page.wait_for_function(STILL, timeout=5_000)
    _click(locator, **how)


@contextmanager
def chromium() -> Iterator[Browser]:
    Locator.click = _click_when_still  # type: ignore[method-assign]
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
