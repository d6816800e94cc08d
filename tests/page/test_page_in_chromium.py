"""The page in a real browser: search, sort, filter, drill down, go back, print, by keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fleetscan.records.patches import PatchReader
from fleetscan.records.row import Row
from fleetscan.report.page.write import write_page
from fleetscan.runs.reader import open_run
from tests.page.browser import Opened, open_page, window
from tests.page.runs import altered_run, assessed

TOLD = "document.querySelector('#list-vms .told').textContent"
NAMES = "[...document.querySelectorAll('#list-{} tbody th a')].map((link) => link.textContent)"
COUNTS = "[...document.querySelectorAll('#list-{} tbody td.n:not(.wide)')].map((cell) => cell.textContent)"


def rows_of(ordinary: Path) -> list[Row]:
    return [*open_run(ordinary.parent / "run").rows()]


def missing(row: Row, key: str) -> bool:
    return row["outcome"] == "assessed" and any(patch.key == key for patch in PatchReader().of(row))


def test_the_overview_comes_first_and_its_links_lead_to_lists(opened: Opened, ordinary: Path) -> None:
    assert opened.page.locator("#view-overview").is_visible()
    assert opened.page.locator("header nav a[aria-current=page]").text_content() == "Overview"
    opened.page.get_by_role("link", name="westeurope").click()
    opened.wait_until("!document.getElementById('view-vms').hidden")
    many = sum(row["location"] == "westeurope" for row in rows_of(ordinary))
    assert opened.look(TOLD).startswith(f"{many} VMs")
    assert opened.page.get_by_role("combobox", name="Region").input_value() == "westeurope"


def test_a_search_finds_each_word_in_any_of_a_vms_facts(opened: Opened, ordinary: Path) -> None:
    opened.go("#vms")
    opened.page.get_by_role("searchbox").fill("TEAM-ERP web-")
    wanted = [
        row for row in rows_of(ordinary) if row["tags"]["owner"] == "team-erp" and "web-" in row["name"]
    ]
    assert opened.look(TOLD) == f"{len(wanted)} of 130 VMs"
    assert sorted(opened.look(NAMES.format("vms"))) == sorted(row["name"] for row in wanted)
    opened.page.get_by_role("searchbox").fill(wanted[0]["resource_id"])
    assert opened.look(NAMES.format("vms")) == [wanted[0]["name"]]
    opened.page.get_by_role("searchbox").fill("AuthorizationFailed nowhere")
    assert opened.look(TOLD) == "0 of 130 VMs"
    opened.page.get_by_role("button", name="Clear").click()
    assert opened.look(TOLD) == "130 VMs, page 1 of 3"


@pytest.mark.thorough
def test_filters_add_up_and_stand_in_the_address(opened: Opened, ordinary: Path) -> None:
    opened.go("#vms")
    opened.page.get_by_role("combobox", name="System").select_option("Linux")
    opened.page.get_by_role("checkbox", name="Restart pending").check()
    wanted = [row for row in rows_of(ordinary) if row["os_type"] == "Linux" and row["reboot_pending"]]
    assert opened.look(TOLD) == f"{len(wanted)} of 130 VMs"
    assert opened.look("location.hash") == "#vms?os=Linux&reboot=1"
    opened.go("#vms?outcome=failed")
    failed = [row for row in rows_of(ordinary) if row["outcome"] == "failed"]
    assert opened.look(TOLD).startswith(f"{len(failed)} of 130")
    assert not opened.page.get_by_role("checkbox", name="Restart pending").is_checked()


def test_a_column_sorts_both_ways_and_says_so(opened: Opened) -> None:
    opened.go("#vms?q=app")
    head = opened.page.locator("#list-vms thead th").first
    head.get_by_role("button").click()
    names = opened.look(NAMES.format("vms"))
    assert head.get_attribute("aria-sort") == "ascending"
    assert names == sorted(names)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert opened.look(NAMES.format("vms")) == sorted(names, reverse=True)


@pytest.mark.thorough
def test_counts_sort_largest_first_and_what_is_unknown_comes_last(opened: Opened) -> None:
    opened.go("#vms?size=200")
    button = opened.page.locator("#list-vms thead").get_by_role("button", name="Critical and security")
    for reverse in (True, False):
        button.click()
        told = opened.look(COUNTS.format("vms"))
        known = [int(text) for text in told if text != "unknown"]
        assert known == sorted(known, reverse=reverse)
        assert told[len(known) :] == ["unknown"] * (130 - len(known))
        assert len(known) < 130


@pytest.mark.thorough
def test_pages_turn_and_end(opened: Opened) -> None:
    opened.go("#vms")
    seen = opened.look(NAMES.format("vms"))
    pages = opened.page.get_by_role("navigation", name="Pages of VMs")
    assert pages.get_by_role("button", name="Previous").is_disabled()
    for _ in range(2):
        pages.get_by_role("button", name="Next").click()
        seen += opened.look(NAMES.format("vms"))
    assert len(seen) == 130
    assert pages.get_by_role("button", name="Next").is_disabled()
    opened.page.get_by_role("combobox", name="Rows").select_option("200")
    assert len(opened.look(NAMES.format("vms"))) == 130


def test_a_vm_has_its_patches_and_a_patch_its_vms_and_back_leads_back(opened: Opened, ordinary: Path) -> None:
    opened.go("#vms?q=sql&sort=-critical")
    first = opened.page.locator("#list-vms tbody th a").first
    name = first.text_content()
    first.click()
    opened.wait_until("!document.getElementById('view-vm').hidden")
    assert opened.page.locator("#h-vm").text_content() == name
    assert opened.look("document.activeElement.id") == "h-vm"
    key = opened.page.locator("#list-vm tbody th a").first.text_content()
    assert key is not None
    opened.page.locator("#list-vm tbody th a").first.click()
    opened.wait_until("!document.getElementById('view-patch').hidden")
    wanted = sorted(row["name"] for row in rows_of(ordinary) if missing(row, key))
    assert sorted(opened.look(NAMES.format("patch"))) == wanted
    assert f"{len(wanted)} VM" in opened.page.locator("#facts-patch").inner_text()
    opened.page.go_back()
    opened.wait_until("!document.getElementById('view-vm').hidden")
    opened.page.go_back()
    opened.wait_until("!document.getElementById('view-vms').hidden")
    assert opened.look("location.hash") == "#vms?q=sql&sort=-critical"
    assert opened.page.get_by_role("searchbox").input_value() == "sql"
    assert opened.look("document.activeElement.textContent") == name


@pytest.mark.thorough
def test_patches_are_searched_by_kb_and_title_and_say_how_many_vms_are_unknown(
    opened: Opened, ordinary: Path
) -> None:
    opened.go("#patches")
    key = next(name for name in opened.look(NAMES.format("patches")) if name.startswith("KB"))
    opened.page.get_by_role("searchbox").fill(key.lower())
    assert opened.look(NAMES.format("patches")) == [key]
    rows = rows_of(ordinary)
    assert opened.look(COUNTS.format("patches")) == [str(sum(missing(row, key) for row in rows))]
    unknown = len(rows) - len(assessed(rows))
    assert f"{unknown} VMs were not assessed" in opened.page.locator("#patches-note").inner_text()


@pytest.mark.thorough
def test_the_rest_of_many_groups_is_shown_when_asked_for(browser: Browser, tmp_path: Path) -> None:
    def scattered(rows: list[Row]) -> list[Row]:
        for number, row in enumerate(rows):
            row["location"] = f"region{number:03d}"
        return rows

    write_page(altered_run(tmp_path / "run", scattered), tmp_path / "report.html")
    with window(browser) as context:
        opened = open_page(context, tmp_path / "report.html")
        last = opened.page.get_by_role("link", name="region", exact=False).nth(129)
        assert opened.page.get_by_role("link", name="region").count() == 12
        button = opened.page.get_by_role("button", name="Show 118 more")
        button.click()
        assert last.is_visible()
        assert button.get_attribute("aria-expanded") == "true"


@pytest.mark.thorough
def test_an_address_of_nothing_shows_that_there_is_no_such_thing(opened: Opened) -> None:
    for address in ("#vm/nothing", "#vm/%E0%A4%A", "#patch/%", "#vm"):
        opened.go(address)
        assert "No such" in (opened.page.locator("main h2:visible").text_content() or "")
    for address in ("#nonsense", "#constructor", "#__proto__/x", "#vms?page=-7&size=x&sort=nothing"):
        opened.look("(hash) => { location.hash = hash; }", address)
    opened.wait_until("!document.getElementById('view-vms').hidden")
    assert len(opened.look(NAMES.format("vms"))) == 50


def test_the_keyboard_alone_reaches_a_vm_and_its_list_again(opened: Opened) -> None:
    press = opened.page.keyboard.press

    def tab_to(expression: str) -> None:
        for _ in range(60):
            press("Tab")
            if opened.look(f"document.activeElement.matches({expression!r})"):
                assert opened.look("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        raise AssertionError(f"Tab does not reach {expression}")

    tab_to("header nav a[href='#vms']")
    press("Enter")
    opened.wait_until("!document.getElementById('view-vms').hidden")
    tab_to("[name=q]")
    opened.page.keyboard.type("sql")
    tab_to("#list-vms thead th:nth-child(7) button")
    press("Enter")
    press("Space")
    assert opened.look("location.hash") == "#vms?q=sql&sort=critical"
    tab_to("#list-vms tbody th a")
    link = opened.look("document.activeElement.hash")
    press("Enter")
    opened.wait_until("!document.getElementById('view-vm').hidden")
    press("Shift+Tab")
    assert opened.look("document.activeElement.textContent") == "All VMs"
    press("Enter")
    opened.wait_until("!document.getElementById('view-vms').hidden")
    assert opened.look("document.activeElement.hash") == link


def test_the_overview_prints_with_what_was_not_seen_and_without_controls(opened: Opened) -> None:
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.page.locator("#view-unseen").is_visible()
    assert not opened.page.locator("header nav").is_visible()
    assert opened.look("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = opened.page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type ?/Page\b", printed)) in range(2, 9)


@pytest.mark.thorough
def test_a_list_prints_without_its_filters(opened: Opened) -> None:
    opened.go("#vms?outcome=failed")
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#list-vms table").is_visible()
    for control in (".filters", "#list-vms .foot", "#view-unseen", "#view-overview"):
        assert not opened.page.locator(control).first.is_visible()


def test_without_a_script_the_figures_and_what_was_not_seen_are_there(
    browser: Browser, ordinary: Path
) -> None:
    with window(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(ordinary.as_uri())
        assert page.get_by_text("Coverage").first.is_visible()
        assert page.locator("#view-unseen").is_visible()
        assert page.get_by_text("need JavaScript").is_visible()
        assert not page.locator("header nav a[href='#vms']").is_visible()


@pytest.mark.thorough
def test_a_browser_that_cannot_unpack_says_so_and_keeps_the_figures(browser: Browser, ordinary: Path) -> None:
    with window(browser) as context:
        page = context.new_page()
        page.add_init_script("delete globalThis.DecompressionStream;")
        page.goto(ordinary.as_uri())
        page.locator("#failure").wait_for()
        assert page.get_by_text("Coverage").first.is_visible()
        assert not page.locator("header nav a[href='#vms']").is_visible()


@pytest.mark.thorough
def test_a_bookmark_opens_where_it_was_made(browser: Browser, ordinary: Path) -> None:
    row = rows_of(ordinary)[3]
    with window(browser, 400, "dark") as context:
        address = "#vm/" + row["resource_id"].lower().replace("/", "%2F")
        opened = open_page(context, ordinary, address)
        assert opened.page.locator("#h-vm").text_content() == row["name"]
        assert row["resource_id"] in opened.page.locator("#facts-vm").inner_text()


def test_a_narrow_screen_sorts_by_the_columns_that_it_hides(browser: Browser, ordinary: Path) -> None:
    with window(browser, 800) as context:
        opened = open_page(context, ordinary, "#vms")
        order = opened.page.get_by_label("Sort by").first
        assert order.is_visible()
        assert order.input_value() == ""
        order.select_option("-other")
        assert opened.look("location.hash") == "#vms?sort=-other"
        cells = "[...document.querySelectorAll('#list-vms tbody td.n.wide')]"
        counts = [
            int(text) for text in opened.look(f"{cells}.map((cell) => cell.textContent)") if text != "unknown"
        ]
        assert len(counts) > 9
        assert counts == sorted(counts, reverse=True)
        assert not opened.page.locator("#list-vms thead th", has_text="Other").is_visible()
        assert opened.complaints() == []
    with window(browser) as context:
        assert not open_page(context, ordinary, "#vms").page.get_by_label("Sort by").first.is_visible()
