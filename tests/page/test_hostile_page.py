"""Whatever strangers wrote stands on the page as text: nothing of it runs, loads, or breaks the layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fleetscan.report.page.write import write_page
from tests.hostile import harm_in
from tests.page.attacks import ATTACKS, hostile_beside, hostile_run
from tests.page.browser import Opened, open_page, window

TEXTS = "[...document.querySelectorAll('bdi, option, h1, h2, title')].map((each) => each.textContent)"
# What the page itself never has.
FOREIGN = (
    "document.querySelectorAll('img, iframe, object, base, [onfocus], [onload], [onerror], animate').length"
)
SCRIPTS = "document.querySelectorAll('script:not(#data)').length"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the hostile run."""
    within = tmp_path_factory.mktemp("hostile")
    write_page(hostile_run(within / "run"), within / "report.html", hostile_beside(within))
    return within / "report.html"


def links(opened: Opened, view: str) -> Iterator[str]:
    """The addresses of the rows in a list."""
    opened.go(f"#{view}?size=200")
    yield from opened.look(f"[...document.querySelectorAll('#list-{view} tbody th a')].map((a) => a.hash)")


def check(opened: Opened, where: str) -> None:
    """Hold that what is shown now is harmless and fits its window."""
    assert opened.complaints() == [], where
    assert (opened.look(FOREIGN), opened.look(SCRIPTS)) == (0, 1), where
    assert not opened.is_sideways(), where
    for text in opened.look(TEXTS):
        assert harm_in(text) == [], where


@pytest.mark.parametrize("width", [1400, pytest.param(400, marks=pytest.mark.thorough)])
def test_nothing_that_strangers_wrote_runs_or_breaks_the_page(
    browser: Browser, attacked: Path, width: int
) -> None:
    with window(browser, width) as context:
        opened = open_page(context, attacked)
        for view in ("overview", "unseen", "vms", "patches"):
            opened.go(f"#{view}")
            check(opened, view)
        vms, patches = [*links(opened, "vms")], [*links(opened, "patches")]
        assert len(vms) == 2 * len(ATTACKS)
        assert len(patches) > 30
        for address in (*vms[:: 1 if width == 400 else 7], *patches[:: 1 if width == 400 else 7]):
            opened.go(address)
            assert "No such" not in opened.page.locator("main h2:visible").inner_text(), address
            check(opened, address)


@pytest.mark.thorough
def test_each_attack_is_found_by_searching_for_it(browser: Browser, attacked: Path) -> None:
    with window(browser) as context:
        opened = open_page(context, attacked)
        opened.go("#vms")
        for text in (ATTACKS["end of script"], ATTACKS["template"], ATTACKS["constructor"]):
            opened.page.get_by_role("searchbox").fill(text)
            assert text in opened.look("document.querySelector('#list-vms tbody bdi').textContent")
            check(opened, text)


@pytest.mark.thorough
def test_the_links_of_the_overview_lead_to_hostile_vms_too(browser: Browser, attacked: Path) -> None:
    with window(browser) as context:
        opened = open_page(context, attacked)
        found = opened.look(
            "[...document.querySelectorAll('#view-overview a, #view-unseen a')].map((a) => a.hash)"
        )
        for address in {*found} - {""}:
            opened.go(address)
            assert "No such" not in " ".join(opened.page.locator("main h2:visible").all_inner_texts()), (
                address
            )
            # The VM without a row is of no region.
            if address.startswith("#vms?") and not address.endswith("=-"):
                assert not opened.look("document.querySelector('#list-vms .told').textContent").startswith(
                    "0"
                ), address
