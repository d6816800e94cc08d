"""A report on a terminal: one screen, bad news in words, whatever the width, the encoding and the names."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from fleetscan.model import InventoryError, Reason
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.report import Report
from fleetscan.records.row import REASONS, Row
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import NOT_ASSESSED, report_of
from fleetscan.report.markdown import markdown_of
from fleetscan.report.terminal import print_report, print_summary
from fleetscan.runs.reader import open_run
from tests.hostile import HOSTILE, Terminal, harm_in
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm
from tests.report.test_terminal_summary import FLEET

SPELLED = Spelled("fleetscan show run", "fleetscan scan --retry-failed run", "fleetscan resume run")
HOLE = FleetFacts(
    "2026-11-23T02:00:00.000000Z",
    "2026-11-23T02:04:12.300000Z",
    252.3,
    RequestCounts(),
    (InventoryError("sub-1", "AuthorizationFailed", "no right", 403),),
)


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width and the kind of terminal, whatever the terminal of the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(path: Path, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    print_report(report_of(open_run(path)), stream=stream, spelled=SPELLED)
    return stream.getvalue()


def named(row: Row, name: str, group: str, subscription: str | None) -> Row:
    row["name"], row["resource_group"], row["subscription_name"] = name, group, subscription
    return row


def mixed() -> list[Row]:
    """A fleet of seven."""
    return [
        named(
            vm("a", 12, 3, [kb(5034441, title="2026-10 Cumulative Update"), kb(1)], rebootPending=True),
            *("sql-01", "rg-shop", "Shop Production"),
        ),
        named(vm("b", 2, 14, [kb(5034441)]), "web-01", "rg-shop", "Shop Production"),
        named(vm("c", 2, 0, [package("curl")], os_type="Linux"), "web-01", "rg-erp", None),
        vm("d"),
        named(unassessed("e", Reason.AGENT_NOT_READY), "app-01", "rg-erp", "ERP"),
        named(unassessed("f", Reason.REFUSED, "locked by Ann", "ScopeLocked"), "app-02", "rg-erp", "ERP"),
        unassessed("g", Reason.NOT_RUNNING),
    ]


def test_a_report_is_one_screen_with_names_and_what_to_do(tmp_path: Path) -> None:
    path = small_run(tmp_path, mixed(), 3)
    edit_facts(path, started_at="2026-11-23T02:00:00.000000Z")
    assert shown(path).splitlines() == [
        "",
        "Run of 2026-11-23 02:00 UTC: 7 VMs listed, 4 assessed in 4 min 12 s.",
        "",
        "Coverage     █████░░░░░   57.14 % of VMs listed",
        "Compliance   █░░░░░░░░░   14.28 % of VMs listed miss no critical/security patch",
        "",
        "Missing      16 critical and security patches on 3 VMs; 17 other",
        "Reboot       pending on 1 VM",
        "Incomplete   3 patch lists are truncated; counts are correct",
        "Oldest       KB1, 41 days (published 2026-10-13), on a in RG: Update",
        "VMs by age   2 at 31-60 days since publication",
        "Age unknown  1 VM, 1 patch: no date, as on Linux; see --history FILE",
        "             3 VMs, at least 29 patches: counted by Azure and not listed",
        "Skipped      1: not running",
        "",
        "Worst VMs (critical and security, other patches missing)",
        "  12   3  sql-01  rg-shop  Shop Production                       reboot",
        "   2  14  web-01  rg-shop  Shop Production",
        "   2   0  web-01  rg-erp   11111111-2222-3333-4444-555555555555",
        "",
        "Not assessed: 2 failed (what these VMs miss is unknown)",
        "  1 agent not ready, AuthorizationFailed: has a VM agent that did not respond",
        "    app-01  rg-erp  ERP",
        "    To do: check that the Azure VM agent runs in it and is up to date",
        "  1 refused, ScopeLocked: was refused by Azure",
        "    app-02  rg-erp  ERP",
        "    Message: locked by Ann",
        "    To do: remove what the message names (a lock, a policy, a setting)",
        "",
        "Most missed patches, critical and security first (VMs, at least; 3 unknown)",
        "  2  KB5034441  Update",
        "  1  KB1        Update",
        "  1  curl",
        "",
        "More         fleetscan show run --failed",
        "             or with --skipped, --worst 50, --missing KB5034441",
        "             fleetscan scan --retry-failed run",
        "",
    ]


def busiest(vms: int = 30) -> list[Row]:
    """Every reason there is, many VMs of each, and long names."""
    words = [Reason(word) for outcome in NOT_ASSESSED for word in REASONS[outcome] if word is not None]
    rows = [
        named(
            unassessed(f"{reason}-{number}", reason, "why " * 300),
            *(f"a-quite-long-name-of-a-vm-{number}", "rg-" + "g" * 87, "Subscription of some length " * 2),
        )
        for reason in words
        for number in range(vms)
    ]
    patches = [
        kb(number, title="2026-10 Cumulative Update for Windows Server " * 3) for number in range(1, 9)
    ]
    return rows + [
        named(vm(f"w-{number}", 9999, 8888, patches), "w" * 64, "g" * 90, "s" * 64) for number in range(9)
    ]


def test_the_busiest_fleet_fits_a_screen_of_forty_odd_lines(tmp_path: Path) -> None:
    lines = shown(small_run(tmp_path, busiest(), 3)).splitlines()
    assert len(lines) <= 46
    assert max(map(len, lines)) <= 80
    told = "\n".join(lines)
    assert "  300 for 10 other causes" in told
    assert "  9,999  8,888  www" in told


@pytest.mark.parametrize("width", [20, 30, 40, 60, 100])
def test_no_line_but_a_command_is_wider_than_the_terminal(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for rows in (mixed(), busiest(2)):
        text = shown(small_run(tmp_path, rows, 3, facts=HOLE))
        wide = [line for line in text.splitlines() if len(line) > width]
        assert all("fleetscan " in line or "--" in line for line in wide), wide
        assert "NOTLISTED" in "".join(text.split())
    text = "".join(shown(small_run(tmp_path, mixed(), 3, facts=HOLE)).split())
    for fact in ("16criticalandsecuritypatches", "sql-01", "app-02", "removewhatthemessagenames"):
        assert fact in text


@pytest.mark.parametrize("has_terminal", [False, True])
def test_without_colour_every_word_is_there(
    has_terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_run(tmp_path, mixed(), 3, facts=HOLE)
    coloured = shown(path, Terminal())
    assert "\x1b[1;31mNOT LISTED" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    text = re.sub(r"\x1b\[[\d;]*m", "", shown(path, Terminal() if has_terminal else io.StringIO()))
    assert "31m" not in text
    bare = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in text.splitlines()] == [line.rstrip() for line in bare.splitlines()]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_do_no_harm_and_nothing_trips_over_an_encoding(
    text: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_run(tmp_path, hostile(text[:5000]), 3)
    for width in ("80", "20"):
        monkeypatch.setenv("COLUMNS", width)
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        print_report(report_of(open_run(path)), stream=stream, spelled=SPELLED)
        stream.flush()
        told = raw.getvalue().decode(encoding)
        assert harm_in(told) == []
        if width == "80":
            assert max(map(len, told.splitlines())) <= 80


def hostile(text: str) -> list[Row]:
    """Rows in which all that strangers give is `text`."""
    patch: Any = {"name": text, "classifications": [text, "Security"], "version": text}
    return [
        named(vm("a", 3, 0, [patch], os_type="Linux"), text, text, text),
        named(unassessed("b", Reason.REFUSED, text, text), text, text, text),
        named(unassessed("c", Reason.OPERATION_FAILED, text, text), text, text, None),
    ]


def test_a_bar_is_never_full_where_a_part_of_the_fleet_was_not_listed(tmp_path: Path) -> None:
    whole = shown(small_run(tmp_path / "whole", [vm("a")]))
    assert "Coverage     ██████████  100.00 % of VMs listed" in whole
    part = shown(small_run(tmp_path / "part", [vm("a")], 3, facts=HOLE)).splitlines()
    assert "Coverage     █████████?  100.00 % of what was listed" in part
    assert "Compliance   █████████?  100.00 % of that misses no critical/security patch" in part
    assert "NOT LISTED   subscription sub-1: AuthorizationFailed (403): no right" in part


def test_a_partial_run_says_so_below_its_headline_and_is_never_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = shown(small_run(tmp_path / "stopped", [vm("a")], 5, unfinished=2)).splitlines()
    assert stopped[2] == "PARTIAL      the run was stopped: 2 VMs have no row"
    assert "             fleetscan resume run" in stopped or "More         fleetscan resume run" in stopped
    path = small_run(tmp_path / "killed", [vm("a")], None, unfinished=0)
    killed = shown(path).splitlines()
    assert killed[2].startswith("PARTIAL      the run has not finished: it has no totals")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m█" not in shown(path, Terminal())


def test_of_an_id_in_a_message_the_names_are_shown(tmp_path: Path) -> None:
    group = "/subscriptions/3f173b36-120a-4358-9741-8ab3ce4d9373/resourceGroups/rg-erp"
    message = f"The scope '{group}/providers/Microsoft.Compute/virtualMachines/app-01' is locked."
    text = shown(small_run(tmp_path, [unassessed("a", Reason.REFUSED, message, "ScopeLocked")], 3))
    assert "    Message: The scope '/rg-erp/app-01' is locked.\n" in text


def test_a_count_of_vms_is_at_least_so_many_only_where_a_list_is_cut_short(tmp_path: Path) -> None:
    text = shown(small_run(tmp_path, [vm("a", 1, 0, [kb(1)])]))
    assert "Most missed patches, critical and security first (VMs)\n" in text


def test_other_patches_are_marked_among_the_most_missed(tmp_path: Path) -> None:
    text = shown(small_run(tmp_path, [vm("a", 1, 1, [kb(1), kb(2, "Definition")])]))
    assert "  1  KB1  Update\n  1  KB2  Update  other\n" in text


def test_what_a_later_fleetscan_tells_more_of_a_hole_is_passed_over(tmp_path: Path) -> None:
    path = small_run(tmp_path, [vm("a")], 3, facts=HOLE)
    totals = path / "totals.jsonl"
    totals.write_bytes(totals.read_bytes().replace(b'"http_status":403', b'"http_status":403,"retried":3'))
    assert "subscription sub-1: AuthorizationFailed (403): no right" in shown(path)


def test_what_has_no_name_to_be_seen_is_said_to_be_unnamed(tmp_path: Path) -> None:
    blank = vm("a", 1, 0, [package("  ")], os_type="Linux")
    blank["name"] = "\u3000"
    path = small_run(tmp_path, [blank])
    assert [line.split()[:3] for line in shown(path).splitlines() if "(unnamed)" in line] == [
        ["1", "0", "(unnamed)"],
        ["1", "(unnamed)"],
    ]
    markdown = markdown_of(report_of(open_run(path)), SPELLED)
    assert markdown.count("| (unnamed) |") == 2


def test_an_empty_fleet_is_said_to_be_empty(tmp_path: Path) -> None:
    text = shown(small_run(tmp_path, []))
    assert "0 VMs listed." in text
    assert "no VM was found: check the selection" in text
    assert "Coverage" not in text


def test_a_scan_that_is_listing_its_fleet_has_not_found_it_empty(tmp_path: Path) -> None:
    text = shown(small_run(tmp_path, [], None, has_journal=False))
    assert "PARTIAL" in text
    assert "no VM was found" not in text


def test_a_command_names_no_patch_that_a_shell_would_read(tmp_path: Path) -> None:
    text = shown(small_run(tmp_path, [vm("a", 1, 0, [package("$(reboot)")], os_type="Linux")]))
    assert "--worst 50" in text
    assert "--missing" not in text


def test_the_end_of_a_scan_shows_the_same_names(tmp_path: Path) -> None:
    path = small_run(tmp_path, mixed(), 3)
    made: Report = report_of(open_run(path))
    stream = io.StringIO()
    print_summary(open_run(path).totals(), directory=path, stream=stream, report=made, spelled=SPELLED)
    end, whole = stream.getvalue().splitlines(), shown(path).splitlines()
    assert [line for line in whole[2:] if line not in end] == []
    assert end[-2].startswith("Files ")


def test_a_scan_without_files_has_figures_alone() -> None:
    stream = io.StringIO()
    print_summary(FLEET, directory=None, stream=stream, spelled=SPELLED)
    assert "Failed       9: 4 denied, 3 agent not ready, 2 operation failed" in stream.getvalue()
    assert "More" not in stream.getvalue()


def test_a_bar_is_not_full_where_a_part_of_the_run_is_lost(tmp_path: Path) -> None:
    path = small_run(tmp_path, [vm("a"), vm("b")])
    assert "Coverage     ██████████  100.00 % of VMs listed" in shown(path)
    results = path / "results.jsonl"
    results.write_bytes(results.read_bytes().splitlines(keepends=True)[0])
    text = shown(path)
    assert "Coverage     █████████?  100.00 % of VMs listed" in text
    assert "PARTIAL      1 of the rows that its totals count is missing in results.jsonl" in text


def test_a_share_that_is_more_than_none_has_a_part_of_its_bar(tmp_path: Path) -> None:
    text = shown(small_run(tmp_path, [vm("a"), *(vm(f"b-{number}", 1) for number in range(40))]))
    assert "Compliance   █░░░░░░░░░    2.43 % of VMs listed" in text
