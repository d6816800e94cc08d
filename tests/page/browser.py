"""Headless Chromium, driven by playwright: a page opened from disk, and what the browser complained of.

Where there is no Chromium the tests that need it skip and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHECKOUT = Path(__file__).parents[2]
AXE = CHECKOUT / ".venv" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# How long a page may take on a busy machine before a test gives up.
PATIENCE_MS = 20_000
LOOK_EVERY_MS = 10
# What a hostile text would do if it could.
HARM = "globalThis.harm"
WATCH = """
globalThis.complaints = [];
addEventListener("securitypolicyviolation", (event) => {
  complaints.push(`${event.violatedDirective} ${event.sample}`);
});
"""


@dataclass
class Opened:
    """A page in a browser, and what the browser said of it."""

    page: Page
    said: list[str] = field(default_factory=list)

    def look(self, expression: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.page.evaluate(expression, argument)

    def wait_until(self, expression: str) -> None:
        """Wait until an expression is true: playwright's own waiting is refused by the page's policy."""
        for _ in range(PATIENCE_MS // LOOK_EVERY_MS):
            if self.look(expression):
                return
            self.page.wait_for_timeout(LOOK_EVERY_MS)
        raise AssertionError(f"never true: {expression}")

    def go(self, address: str) -> None:
        """Go to an address within the page, and wait until it is shown."""
        view = address.removeprefix("#").partition("?")[0].partition("/")[0]
        self.look("(hash) => { location.hash = hash; }", address)
        self.wait_until(f"!document.getElementById('view-{view}').hidden")

    def complaints(self) -> list[str]:
        """What broke, or was refused by the page's policy; and harm that was done."""
        done = ["harm was done"] if self.look(f"{HARM} !== undefined") else []
        return [*self.said, *self.look("globalThis.complaints"), *done]

    def is_sideways(self) -> bool:
        """Whether the page is wider than its window."""
        return bool(self.look("document.documentElement.scrollWidth > innerWidth"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, or a skip with its reason."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    flags = [*FLAGS, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [*FLAGS]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def window(browser: Browser, width: int = 1400, theme: Any = "light", **more: Any) -> BrowserContext:
    """A window of so many pixels, light or dark."""
    viewport = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme=theme, **more)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    return context


def open_page(context: BrowserContext, path: Path, hash_: str = "") -> Opened:
    """The page at `path`, from disk, once its lists are there."""
    page = context.new_page()
    opened = Opened(page)
    page.add_init_script(WATCH)
    page.on("console", lambda message: opened.said.append(message.text))
    page.on("pageerror", lambda error: opened.said.append(str(error)))
    page.goto(f"{path.as_uri()}{hash_}")
    opened.wait_until("document.body.dataset.ready !== undefined")
    return opened


def findings(opened: Opened) -> list[str]:
    """What axe finds wrong with the page as it is shown now, by rule and element."""
    if not AXE.is_file():
        pytest.skip("no axe-core (make axe)")
    if not opened.look("typeof axe !== 'undefined'"):
        opened.look(AXE.read_text(encoding="utf-8") + "; true")
    found = opened.look(
        "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"
    )
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]
    ]
