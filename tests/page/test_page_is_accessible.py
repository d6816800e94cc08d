"""axe finds nothing wrong with any view, at both widths, in both themes; and no view scrolls sideways."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fleetscan.report.page.write import write_page
from tests.page.browser import AXE, findings, open_page, window
from tests.page.runs import altered_run

VIEWS = ("overview", "vms", "vm", "patches", "patch", "unseen")
MATRIX = [(width, theme) for width in (1400, 400) for theme in ("light", "dark")]
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core (make axe, which needs npm)")


def addresses(ordinary: Path, browser: Browser) -> dict[str, str]:
    """An address of each view; of a VM and a patch, those that the overview names first."""
    with window(browser) as context:
        look = open_page(context, ordinary).look
        first = "document.querySelector('#view-overview a[href^=\"#{}/\"]').hash"
        return {view: look(first.format(view)) if view in ("vm", "patch") else f"#{view}" for view in VIEWS}


@needs_axe
@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), MATRIX)
def test_axe_finds_nothing_in_any_view(browser: Browser, ordinary: Path, width: int, theme: str) -> None:
    found = {}
    for view, address in addresses(ordinary, browser).items():
        with window(browser, width, theme) as context:
            opened = open_page(context, ordinary, address)
            assert opened.page.locator(f"#view-{view}").is_visible()
            found[view] = findings(opened)
            assert opened.complaints() == []
            assert not opened.is_sideways()
    assert found == {key: [] for key in VIEWS}


@needs_axe
@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (400, "dark")])
def test_axe_finds_nothing_where_there_is_bad_news(
    browser: Browser, tmp_path: Path, width: int, theme: str
) -> None:
    hole = {"subscription_id": "s-1", "code": "AuthorizationFailed", "message": "No.", "http_status": 403}
    run = altered_run(tmp_path / "run", exit_code=5, interrupted=3, not_listed=[hole])  # type: ignore[list-item]
    write_page(run, tmp_path / "report.html")
    for address in ("#overview", "#unseen", "#vms?outcome=failed&sort=name", "#vm/nothing"):
        with window(browser, width, theme) as context:
            assert findings(open_page(context, tmp_path / "report.html", address)) == [], address


@needs_axe
@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), MATRIX)
def test_axe_finds_nothing_in_any_view_of_a_run_that_is_judged(
    browser: Browser, judged_page: Path, width: int, theme: str
) -> None:
    views = addresses(judged_page, browser)
    found = {}
    for view, address in {**views, "part": "#overview/left-out"}.items():
        with window(browser, width, theme) as context:
            opened = open_page(context, judged_page, address)
            found[view] = findings(opened)
            assert opened.complaints() == []
            assert not opened.is_sideways(), view
    assert found == {key: [] for key in (*VIEWS, "part")}


@needs_axe
def test_axe_finds_nothing_in_the_overview_and_a_planted_fault(browser: Browser, ordinary: Path) -> None:
    with window(browser) as context:
        opened = open_page(context, ordinary)
        assert findings(opened) == []
        opened.look("document.getElementById('view-overview').append(document.createElement('img'))")
        assert any("image-alt" in each for each in findings(opened))


@pytest.mark.thorough
@pytest.mark.parametrize("width", [320, 400, 700, 1056, 1057, 1400])
def test_no_view_scrolls_sideways_at_any_width(browser: Browser, ordinary: Path, width: int) -> None:
    with window(browser, width) as context:
        opened = open_page(context, ordinary)
        for address in addresses(ordinary, browser).values():
            opened.go(address)
            assert not opened.is_sideways(), address


@pytest.mark.thorough
@pytest.mark.parametrize("width", [320, 400, 700, 1056, 1057, 1400])
def test_no_view_of_a_run_that_is_judged_scrolls_sideways(
    browser: Browser, judged_page: Path, width: int
) -> None:
    with window(browser, width) as context:
        opened = open_page(context, judged_page)
        opened.look("document.querySelectorAll('[data-rest]').forEach((each) => each.click())")
        for address in addresses(judged_page, browser).values():
            opened.go(address)
            assert not opened.is_sideways(), address
