"""A run that is judged, in a real browser: ages to sort by, what is left out of each figure, the nights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fleetscan.report.digest import report_of
from fleetscan.report.page.write import write_page
from fleetscan.runs.reader import open_run
from tests.page.browser import Opened, open_page, window
from tests.page.judged_runs import standards
from tests.report.small_runs import kb, package, small_run, unassessed, vm

AGES = "[...document.querySelectorAll('#list-vms tbody tr')].map((row) => row.cells[8].innerText)"


@pytest.fixture
def shown(browser: Browser, judged_page: Path) -> Iterator[Opened]:
    """The page of the judged run; the browser must not complain."""
    with window(browser) as context:
        opened = open_page(context, judged_page)
        yield opened
        assert opened.complaints() == []


def days(text: str) -> int:
    """The days in an age's cell; of VMs that miss nothing 0."""
    if text.startswith("none"):
        return -1
    return int(text.removeprefix("at least ").split()[0])


def test_vms_sort_by_the_age_of_their_oldest_patch_and_unknown_ones_come_last(shown: Opened) -> None:
    shown.go("#vms?size=200&sort=-age")
    told = shown.look(AGES)
    known = [days(text) for text in told if text != "unknown"]
    assert known == sorted(known, reverse=True)
    assert len(known) > 100
    assert told[len(known) :] == ["unknown"] * (130 - len(known))
    assert {text.rpartition("\n")[2] for text in told if "day" in text} == {"published", "first seen"}
    shown.go("#vms?size=200&sort=age")
    assert shown.look(AGES)[-1] == "unknown"


def test_the_oldest_patch_of_the_overview_is_that_of_the_list(shown: Opened, judged_page: Path) -> None:
    run = open_run(judged_page.parent / "today")
    judged = report_of(run, standards(), judged_page.parent / "history.db")["judged"]
    assert judged is not None
    oldest = judged["ages"]["oldest"]
    assert oldest is not None
    shown.go("#vms?sort=-age")
    assert days(shown.look(AGES)[0]) == oldest["days"]
    with_ages = sum(sum(each["vms"].values()) for each in judged["ages"]["buckets"])  # type: ignore[arg-type, misc]
    shown.go("#vms?size=200")
    assert sum("day" in text for text in shown.look(AGES)) == with_ages


def test_an_age_that_is_known_in_part_is_at_least_that_and_none_is_unknown(
    browser: Browser, tmp_path: Path
) -> None:
    rows = [
        vm("cut", 3, 0, [kb(1, day="2025-12-12")], error={"code": "PACKAGE_LIST_TRUNCATED"}),
        vm("dated", 1, 0, [kb(1, day="2025-12-12")]),
        vm("mixed", 2, 0, [kb(1, day="2025-12-31"), kb(2, day="nonsense")]),
        vm("undated", 1, 0, [package("curl")], os_type="Linux"),
        vm("unlisted", 2, 0, [], error={"code": "PACKAGE_LIST_TRUNCATED"}),
        vm("clean"),
        unassessed("failed"),
    ]
    write_page(open_run(small_run(tmp_path / "run", rows, 3)), tmp_path / "report.html")
    with window(browser) as context:
        shown = open_page(context, tmp_path / "report.html", "#vms?sort=name")
        names = shown.look("[...document.querySelectorAll('#list-vms tbody th a')].map((a) => a.textContent)")
        assert dict(zip(names, shown.look(AGES), strict=True)) == {
            "clean": "none missing",
            "cut": "at least 20 days\npublished",
            "dated": "20 days\npublished",
            "failed": "unknown",
            "mixed": "at least 1 day\npublished",
            "undated": "unknown",
            "unlisted": "unknown",
        }
        shown.page.get_by_role("link", name="mixed").last.click()
        shown.wait_until("!document.getElementById('view-vm').hidden")
        told = shown.page.locator("#facts-vm .figures").inner_text()
        assert "at least, since published\n1 patch of unknown age" in told
        assert shown.complaints() == []


def test_a_lowered_figure_has_a_mark_that_leads_to_what_is_left_out(shown: Opened) -> None:
    shown.go("#vms?size=200")
    marks = shown.page.locator("#list-vms tbody .mark")
    assert marks.count() > 5
    row = shown.page.locator("#list-vms tbody tr", has=shown.page.locator(".mark")).first
    less = sum(
        int((each.get_attribute("aria-label") or "").split()[0]) for each in row.locator(".mark").all()
    )
    link = row.locator("th a").get_attribute("href")
    assert link is not None
    shown.go(link)
    left_out = shown.page.locator("#list-vm tbody td:last-child", has_text="left out")
    assert left_out.count() == less
    assert f"{less} of them left out" in shown.page.locator("#list-vm .told").inner_text()
    shown.page.locator("#facts-vm .mark").first.click()
    shown.wait_until("document.activeElement.id === 'overview/left-out'")
    assert shown.page.locator("#view-overview").is_visible()
    assert shown.look("Math.abs(document.activeElement.getBoundingClientRect().top) < innerHeight")


@pytest.mark.thorough
def test_a_vm_tells_how_long_each_patch_has_been_missing_and_since_when(shown: Opened) -> None:
    shown.go("#vms?os=Windows&critical=1")
    shown.page.locator("#list-vms tbody th a").first.click()
    shown.wait_until("!document.getElementById('view-vm').hidden")
    button = shown.page.locator("#list-vm thead").get_by_role("button", name="Missing for")
    button.click()
    told = shown.page.locator("#list-vm tbody td.age").all_inner_texts()
    assert [days(text) for text in told] == sorted(map(days, told), reverse=True)
    assert all(text.endswith("published") for text in told)


@pytest.mark.thorough
def test_a_patch_says_on_which_vms_it_does_not_count(shown: Opened) -> None:
    shown.go("#patches?sort=-left-out")
    row = shown.page.locator("#list-patches tbody tr").first
    counts, left_out = (
        int(row.locator("td.n").nth(at).inner_text().split("\n")[0].rstrip(" \u2020")) for at in (0, 1)
    )
    assert left_out > 1
    row.locator("th a").click()
    shown.wait_until("!document.getElementById('view-patch').hidden")
    assert f"{counts + left_out} VMs miss it." in shown.page.locator("#facts-patch").inner_text()
    told = shown.page.locator("#list-patch tbody td.counts").all_inner_texts()
    assert [text == "yes" for text in told].count(False) == left_out


@pytest.mark.thorough
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_the_lines_of_the_nights_fill_their_box_and_are_told_in_words(
    browser: Browser, judged_page: Path, width: int, theme: str
) -> None:
    with window(browser, width, theme) as context:
        shown = open_page(context, judged_page)
        boxes = shown.look(
            "[...document.querySelectorAll('.plot svg')].map((each) => each.getBoundingClientRect().toJSON())"
        )
        assert [box["width"] > 250 and box["height"] > 100 for box in boxes] == [True, True]
        assert len({box["top"] for box in boxes}) == (1 if width == 1400 else 2)
        lines = "[...document.querySelectorAll('.plot .line')]"
        widths = shown.look(f"{lines}.map((each) => getComputedStyle(each).strokeWidth)")
        assert widths == ["2px"] * 3
        assert len({*shown.look(f"{lines}.map((each) => getComputedStyle(each).stroke)")}) == 2
        assert (
            shown.page.locator("figcaption")
            .first.inner_text()
            .strip()
            .startswith("Critical and security patches")
        )
        assert shown.page.locator("#view-overview th", has_text="2026-11-17 02:00").is_visible()
        assert shown.complaints() == []


@pytest.mark.thorough
def test_all_of_it_is_printed_and_there_without_a_script(browser: Browser, judged_page: Path) -> None:
    with window(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(judged_page.as_uri())
        for heading in (
            "How long",
            "Service levels",
            "Night by night",
            "What does not count",
            "What changed",
        ):
            assert page.get_by_role("heading", name=heading).is_visible()
        assert page.locator("#rest-breaching").is_visible()
        page.emulate_media(media="print", color_scheme="dark")
        assert page.locator(".plot").first.is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")
