"""The browser and an ordinary page, made once for each file of tests.

Once for a file and no longer: while playwright runs, no test of the same process can have an event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fleetscan.report.page.write import write_page
from tests.page.browser import Opened, chromium, open_page, window
from tests.page.judged_runs import judged
from tests.page.runs import ordinary_run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an ordinary run."""
    within = tmp_path_factory.mktemp("page")
    write_page(ordinary_run(within / "run"), within / "report.html")
    return within / "report.html"


@pytest.fixture(scope="module")
def judged_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run that is judged by all there is, after six nights."""
    within = tmp_path_factory.mktemp("judged")
    run, beside = judged(within)
    write_page(run, within / "report.html", beside)
    return within / "report.html"


@pytest.fixture
def opened(browser: Browser, ordinary: Path) -> Iterator[Opened]:
    """The ordinary page in a wide window; in the end the browser must not have complained."""
    with window(browser) as context:
        opened = open_page(context, ordinary)
        yield opened
        assert opened.complaints() == []
