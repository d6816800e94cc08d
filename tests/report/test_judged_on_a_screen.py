"""What is judged of a run, as text: each figure with its basis, what it leaves out, and what is unknown."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fleetscan.judgement.exceptions import PatchException
from fleetscan.judgement.standards import Standards
from fleetscan.records.history import Night
from fleetscan.report.digest import report_of_totals
from fleetscan.report.terminal import print_report, print_summary
from fleetscan.runs.reader import open_run
from tests.hostile import HOSTILE, Terminal, harm_in
from tests.report.judged_runs import (
    EXCEPTIONS,
    SPELLED,
    fleet,
    history_of,
    judged,
    night,
    screen,
    section,
    standards,
)
from tests.report.small_runs import kb, package, unassessed, vm

RULES = "critical=7d, security=30d, other=90d"


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width and the kind of terminal, whatever the terminal of the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def two_nights(tmp_path: Path) -> tuple[Path, Path]:
    """The last of two nights, and their history."""
    rows = [
        vm("sql-01", 2, 0, [kb(1), kb(2, "Critical")]),
        vm("lin-01", 1, 0, [package("openssl")], os_type="Linux"),
    ]
    first = night(tmp_path / "first", "2026-11-01", rows)
    last = night(tmp_path / "last", "2026-11-23", fleet())
    return last, history_of([first, last], tmp_path / "history.db")


def test_without_a_history_and_standards_ages_take_four_lines_that_say_what_is_unknown(
    tmp_path: Path,
) -> None:
    lines = screen(judged(night(tmp_path / "run", "2026-11-23", fleet())))
    assert section(lines, "Missing") == [
        "Missing      4 critical and security patches on 3 VMs; 2 other",
        "Reboot       pending on 0 VMs",
        "Oldest       KB2, 314 days (published 2026-01-13), on sql-01 in RG: SQL fix",
        "VMs by age   1 at 31-60, 1 at >180 days since publication",
        "Age unknown  1 VM, 2 patches: no date, as on Linux; see --history FILE",
    ]
    assert [line for line in lines if line.startswith(("Ages", "Trend", "Left out", "Service", "G"))] == []


def test_with_a_history_ages_are_parted_by_basis_and_its_beginning_is_said(tmp_path: Path) -> None:
    last, history = two_nights(tmp_path)
    lines = screen(judged(last, history=history))
    assert section(lines, "Ages") == [
        "Ages in days (VMs by their oldest missing patch; a patch counts once for each",
        "VM)",
        "  published          0-30  31-60  61-90  91-120  121-180  >180",
        "  VMs                   0      1      0       0        0     1",
        "  patches               0      3      0       0        0     1",
        "  critical/security     0      2      0       0        0     1",
        "  first seen         0-30  31-60  61-90  91-120  121-180  >180",
        "  VMs                   1      0      0       0        0     0",
        "  patches               2      0      0       0        0     0",
        "  critical/security     1      0      0       0        0     0",
        "  The history begins on 2026-11-01: what it saw first on that day may be older.",
    ]
    assert not any("Age unknown" in line or "VMs by age" in line for line in lines)


@pytest.mark.parametrize("width", [60, 80])
def test_the_ages_of_a_million_vms_stand_in_columns(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    report = judged(night(tmp_path / "run", "2026-11-23", fleet()), standards(sla=RULES))
    ages = report["judged"]["ages"]  # type: ignore[index]
    for bucket in ages["buckets"]:
        bucket["missing"]["published"] = bucket["vms"]["published"] = 12_345_678
    ages["unknown"].update({"vms": 1_234_567, "missing": 2_345_678, "critical_and_security": 345_678})
    lines = section(screen(report), "Ages in days")
    assert lines[2:5] == [
        "  published         VMs     patches  critical/security",
        "  0-30       12,345,678  12,345,678                  0",
        "  31-60      12,345,678  12,345,678                  2",
    ]
    assert lines[-1] == "  unknown     1,234,567   2,345,678            345,678"


def test_an_age_by_first_sight_says_so(tmp_path: Path) -> None:
    rows = [vm(f"lin-{number}", 1, 0, [package("openssl")], os_type="Linux") for number in (2, 1)]
    nights = [night(tmp_path / day, day, rows) for day in ("2026-11-01", "2026-11-02")]
    lines = screen(judged(nights[1], history=history_of(nights, tmp_path / "history.db")))
    assert "Oldest       openssl, 1 day (first seen 2026-11-01), on 2 VMs, first lin-1 in RG" in lines


def test_linux_alone_without_a_history_has_no_age_and_says_why(tmp_path: Path) -> None:
    rows = [vm(f"lin-{number}", 1, 0, [package("openssl")], os_type="Linux") for number in range(3)]
    lines = screen(judged(night(tmp_path / "run", "2026-11-23", rows), standards(sla=RULES)))
    assert "Age unknown  3 VMs, 3 patches: no date, as on Linux; see --history FILE" in lines
    assert not any(line.startswith(("Oldest", "VMs by age", "Ages")) for line in lines)
    assert "  VMs                    0         0        3" in lines


def test_of_a_vm_with_dates_in_part_that_is_said_and_of_lists_cut_short_what_is_not_listed(
    tmp_path: Path,
) -> None:
    undated: Any = {**kb(5), "publishedDate": None}  # type: ignore[dict-item]
    rows = [vm("a", 2, 0, [kb(1), undated]), vm("b", 7, 2, [kb(1)])]
    lines = section(screen(judged(night(tmp_path / "run", "2026-11-23", rows))), "Missing")
    assert lines[-2:] == [
        "Age unknown  1 VM in part, 1 patch: no date, as on Linux; see --history FILE",
        "             1 VM, at least 8 patches: counted by Azure and not listed",
    ]


def test_service_levels_tell_vms_classes_and_the_worst_by_name(tmp_path: Path) -> None:
    rows = [*fleet(), *(vm(f"x-{number}", 1, 0, [kb(1)]) for number in range(5))]
    lines = screen(judged(night(tmp_path / "run", "2026-11-23", rows), standards(sla=RULES)))
    assert section(lines, "Service levels") == [
        "Service levels: 7 VMs breach them (critical 7 days, security 30 days, other 90",
        "days)",
        "                    within  breached  unknown",
        "  VMs                    1         7        2",
        "  critical patches       0         1        0",
        "  security patches       0         7        1",
        "  other patches          1         0        1",
        "  of the unknown VMs 1 was not assessed",
    ]
    subscription = "11111111-2222-3333-4444-555555555555"
    assert section(lines, "Furthest") == [
        "Furthest beyond a service level (days missing, limit, counted since; +N more",
        "patches)",
        f"  314   7  published  KB2 +1  sql-01  RG  {subscription}",
        f"   41  30  published  KB1     web-01  RG  {subscription}",
        f"   41  30  published  KB1     x-0     RG  {subscription}",
        f"   41  30  published  KB1     x-1     RG  {subscription}",
        f"   41  30  published  KB1     x-2     RG  {subscription}",
        "  and 2 more VMs",
    ]


def test_service_levels_that_are_kept_name_no_vm_and_a_class_without_a_rule_has_no_line(
    tmp_path: Path,
) -> None:
    path = night(tmp_path / "run", "2026-11-23", fleet())
    lines = screen(judged(path, standards(sla="critical=400d")))
    assert section(lines, "Service levels")[:4] == [
        "Service levels (critical 400 days)",
        "                    within  breached  unknown",
        "  VMs                    4         0        1",
        "  critical patches       1         0        0",
    ]
    assert not any(line.startswith("Furthest") for line in lines)


def test_each_exception_is_told_expired_ones_first_then_ignored_classes_and_the_day(tmp_path: Path) -> None:
    path = night(tmp_path / "run", "2026-11-23", fleet())
    by = standards(exceptions=EXCEPTIONS, ignored=["Definition", "Tools"], as_of="2026-10-20")
    lines = screen(judged(path, by))
    assert section(lines, "Left out") == [
        "Left out: 2 patches on 1 VM do not count: critical and security lower by 1,",
        "other by 1",
        "  EXPIRED 2026-10-31  KB1 on the fleet: 2 patches on 2 VMs count again",
        "    windows-team: needs a larger recovery partition",
        "  until 2027-01-31  KB2 on sql-*: 1 patch on 1 VM",
        "    sql-team: the vendor's database does not start with it",
        "  shadowed, until 2027-01-31  KB2 on sql-01: covers only what is left out",
        "  already",
        "    sql-team: twice",
        "  unused, until 2027-03-31  cups on the fleet: covers nothing that is missing",
        "    linux-team: no printers",
        "  classification Definition ignored: 1 patch on 1 VM",
        "  classification Tools ignored: nothing is left out by it",
        "  as of 2026-10-20, later patches left out: nothing is left out by it",
    ]


def test_beyond_five_exceptions_of_a_state_the_others_are_told_by_their_place(tmp_path: Path) -> None:
    path = night(tmp_path / "run", "2026-11-23", fleet())
    unused = [
        PatchException(number, (), f"kb-{number}", "r", "o", date(2027, 1, 1)) for number in range(1, 33)
    ]
    old = [PatchException(number, (), "KB1", "r", "o", date(2026, 1, 1)) for number in range(33, 40)]
    lines = section(screen(judged(path, Standards(exceptions=(*unused, *old)))), "Left out")
    assert lines[0] == "Left out: nothing: all that is missing counts"
    assert lines[1] == "  EXPIRED 2026-01-01  KB1 on the fleet: 2 patches on 2 VMs count again"
    assert lines[11] == "  2 more EXPIRED: in the file's order 38, 39"
    assert " ".join(line.strip() for line in lines[-2:]) == (
        "27 more unused: in the file's order 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, "
        "22, 23, 24, 25 and 7 more"
    )


def test_a_mark_stands_beside_every_figure_that_is_lowered(tmp_path: Path) -> None:
    last, history = two_nights(tmp_path)
    by = standards("failed>1, compliance<30%", RULES, EXCEPTIONS)
    text = " ".join(" ".join(screen(judged(last, by, history))).split())
    for words in (
        "GATES 1 of 2 not passed compliance is 20%, less than 30%: ",
        " 4 VMs assessed of 5 listed; without 1 left out",
        "miss no critical/security patch (without 1 excepted)",
        "3 critical and security patches on 3 VMs; 2 other (without 1 excepted)",
        "first sql-01 in RG: Update (without 1 excepted)",
        "Worst VMs (critical and security, other patches missing; without 1 excepted)",
        "(VMs; 1 unknown; without 1 excepted)",
        "a patch counts once for each VM; without 1 excepted)",
        "other 90 days; without 1 excepted)",
        "Trend (2 nights of this selection; totals as they were, nothing left out)",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("by", "mark"),
    [
        (standards(exceptions=EXCEPTIONS), "without 1 excepted"),
        (standards(ignored=["definition"]), "without 1 ignored"),
        (standards(as_of="2026-10-01"), "without 3 newer"),
        (standards(exceptions=EXCEPTIONS, as_of="2026-10-01"), "without 4 left out"),
        (standards(ignored=["Tools"]), ""),
        (standards(), ""),
    ],
)
def test_the_mark_says_why_and_nothing_left_out_has_none(by: Standards, mark: str, tmp_path: Path) -> None:
    lines = screen(judged(night(tmp_path / "run", "2026-11-23", fleet()), by))
    [worst] = [line for line in lines if line.startswith("Worst VMs")]
    assert worst == f"Worst VMs (critical and security, other patches missing{mark and '; '}{mark})"


def test_gates_are_told_first_each_one_that_is_not_passed_or_that_all_are(tmp_path: Path) -> None:
    path = night(tmp_path / "run", "2026-11-23", fleet())
    lines = screen(judged(path, standards("coverage<98%, failed>0, listed<1")))
    assert lines[3:6] == [
        "GATES        2 of 3 not passed",
        "             coverage is 80%, less than 98%: 4 VMs assessed of 5 listed",
        "             failed is 1, more than 0: 4 VMs assessed of 5 listed",
    ]
    assert "Gates        all 2 gates passed" in screen(judged(path, standards("failed>3, listed<1")))
    assert "Gates        1 gate passed" in screen(judged(path, standards("failed>3")))
    stopped = night(tmp_path / "stopped", "2026-11-23", fleet(), 5, unfinished=2)
    assert not any(
        line.lower().startswith("gates") for line in screen(judged(stopped, standards("failed>3")))
    )


def test_the_end_of_a_scan_counts_the_gates_and_leaves_the_sentences_to_its_caller(tmp_path: Path) -> None:
    last, history = two_nights(tmp_path)
    report = judged(last, standards("failed>0", RULES, EXCEPTIONS), history)
    stream = io.StringIO()
    print_summary(open_run(last).totals(), directory=last, stream=stream, report=report, spelled=SPELLED)
    end, whole = stream.getvalue().splitlines(), screen(report)
    assert "GATES        1 of 1 not passed" in end
    assert [line for line in whole[2:] if line not in end] == [
        "             failed is 1, more than 0: 4 VMs assessed of 5 listed"
    ]


def trend(nights: list[Night], tmp_path: Path, state: str = "complete") -> list[str]:
    report = judged(night(tmp_path / f"run-{len(nights)}-{state}", "2026-11-23", fleet()))
    report["trend"] = nights
    report["state"] = state  # type: ignore[typeddict-item]
    lines = screen(report)
    return section(lines, "Trend") if any(line.startswith("Trend") for line in lines) else []


def told_night(day: int, critical: int | None = 10, coverage: float | None = 90.0) -> Night:
    return {
        "scan_id": f"scan-{day}",
        "started_at": f"2026-11-{day:02d}T02:00:00.000000Z",
        "listed": 300,
        "assessed": 270,
        "critical_and_security_count": critical,
        "other_count": 5,
        "vms_with_critical_or_security": critical,
        "reboot_pending": 1,
        "coverage_pct": coverage,
        "compliance_pct": 60.5,
    }


def test_of_many_nights_the_first_and_the_last_are_shown_on_eight_lines(tmp_path: Path) -> None:
    assert trend([told_night(day, 2000 - day) for day in range(1, 21)], tmp_path) == [
        "Trend (20 nights of this selection)",
        "  night (UTC)       VMs  coverage  compliance  critical/security  reboots",
        "  2026-11-01 02:00  300   90.00 %     60.50 %              1,999        1",
        "  ... 13 nights left out",
        "  2026-11-15 02:00  300   90.00 %     60.50 %              1,985        1",
        "  2026-11-16 02:00  300   90.00 %     60.50 %              1,984        1",
        "  2026-11-17 02:00  300   90.00 %     60.50 %              1,983        1",
        "  2026-11-18 02:00  300   90.00 %     60.50 %              1,982        1",
        "  2026-11-19 02:00  300   90.00 %     60.50 %              1,981        1",
        "  2026-11-20 02:00  300   90.00 %     60.50 %              1,980        1",
        "  From 2026-11-01 02:00 to 2026-11-20 02:00: critical and security patches 1,999",
        "  to 1,980 (-19); unchanged: compliance, coverage, VMs, pending reboots.",
    ]
    eight = trend([told_night(day) for day in range(1, 9)], tmp_path)
    assert [line[2:12] for line in eight[2:10]] == [f"2026-11-0{day}" for day in range(1, 9)]
    assert eight[10:] == [
        "  The figures of 2026-11-08 02:00 are those of 2026-11-01 02:00.",
    ]


def test_what_is_unknown_of_a_night_is_no_zero_and_no_change_is_told_of_it(tmp_path: Path) -> None:
    lines = trend([told_night(1, None, None), told_night(2)], tmp_path)
    assert lines[2] == "  2026-11-01 02:00  300   unknown     60.50 %            unknown        1"
    assert " ".join(line.strip() for line in lines[4:]) == (
        "From 2026-11-01 02:00 to 2026-11-02 02:00: critical and security patches unknown to 10; coverage "
        "unknown to 90.00 %; unchanged: compliance, VMs, pending reboots."
    )


def test_one_night_is_no_trend_none_is_not_shown_and_a_partial_run_is_not_among_them(tmp_path: Path) -> None:
    assert trend([told_night(1)], tmp_path) == [
        "Trend (1 night of this selection)",
        "  One night is no trend yet: the next one makes it.",
    ]
    assert trend([], tmp_path) == []
    [first, *_] = trend([told_night(1), told_night(2)], tmp_path, "stopped")
    assert first == "Trend (2 nights of this selection; this run is not complete and not among them)"


def test_a_fleet_of_none_and_one_without_an_assessed_vm_have_no_age_and_nothing_within(
    tmp_path: Path,
) -> None:
    by = standards("failed>5", RULES, EXCEPTIONS)
    empty = night(tmp_path / "empty", "2026-11-22", [])
    none = night(tmp_path / "none", "2026-11-23", [unassessed("a"), unassessed("b")], 3)
    history = history_of([empty, none], tmp_path / "history.db")
    for path, vms in ((empty, 0), (none, 2)):
        lines = screen(judged(path, by, history))
        assert not any(line.startswith(("Oldest", "Age", "VMs by age", "Furthest")) for line in lines)
        assert f"  VMs                    0         0        {vms}" in lines
        assert "Left out: nothing: all that is missing counts" in lines
    assert "Missing      unknown: no VM was assessed" in screen(judged(none, by, history))
    text = " ".join(" ".join(screen(judged(none, by, history))).split())
    changes = (
        "critical and security patches unknown; compliance unknown to 0.00 %; coverage unknown to 0.00 %"
    )
    assert f"{changes}; VMs 0 to 2 (+2); pending reboots unknown." in text


def test_an_unfinished_run_is_judged_as_far_as_it_has_come_and_says_who_has_no_part(tmp_path: Path) -> None:
    path = night(tmp_path / "run", "2026-11-23", fleet(), None, unfinished=2)
    lines = screen(judged(path, standards("failed>0", RULES)))
    assert lines[2].startswith("PARTIAL")
    assert "  of the unknown VMs 1 was not assessed; 2 VMs have no row and no part in" in "\n".join(lines)
    assert not any(line.lower().startswith("gates") for line in lines)


def test_the_totals_alone_have_nothing_judged(tmp_path: Path) -> None:
    report = report_of_totals(open_run(night(tmp_path / "run", "2026-11-23", fleet())).totals())
    assert not any(line.startswith(("Oldest", "Age", "Left", "Service")) for line in screen(report))


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_lost(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    last, history = two_nights(tmp_path)
    lines = screen(judged(last, standards("failed>0", RULES, EXCEPTIONS, ["Definition"]), history))
    wide = [line for line in lines if len(line) > width]
    assert all("fleetscan " in line or "--" in line for line in wide), wide
    text = "".join("".join(lines).split())
    for fact in (
        "GATES1of1notpassed",
        "KB1,41days(published2026-10-13)",
        "EXPIRED2026-10-31",
        "windows-team:needsalargerrecoverypartition",
        "Thehistorybeginson2026-11-01",
        "coverage100.00%to80.00%(-20.00)",
        "criticalandsecuritylowerby1",
    ):
        assert fact in text, fact
    if width < 60:
        assert "published0-30VMs:0,patches:0,critical/security:031-60VMs:2,patches:2," in text
        assert "firstseen0-30VMs:1,patches:2,critical/security:131-60VMs:0" in text
        assert "securitypatcheswithin:1,breached:2,unknown:0" in text
        assert "2026-11-2302:00VMs:5,coverage:80.00%,compliance:" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_owners_reasons_scopes_and_patches_do_no_harm(
    text: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = judged(
        night(tmp_path / "run", "2026-11-23", hostile_fleet(text[:5000])), hostile_standards(text)
    )
    for width in ("80", "20"):
        monkeypatch.setenv("COLUMNS", width)
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        print_report(report, stream=stream, spelled=SPELLED)
        stream.flush()
        told = raw.getvalue().decode(encoding)
        assert harm_in(told) == []
        assert width == "20" or max(map(len, told.splitlines())) <= 80


def hostile_fleet(text: str) -> list[Any]:
    """VMs whose names, groups and patches are `text`, one of them too old."""
    patch: Any = {"name": text, "classifications": [text, "Security"], "publishedDate": "2026-01-01"}
    other: Any = {"name": f"{text}2", "classifications": [text, "Critical"], "publishedDate": "2026-01-01"}
    row = vm("a", 2, 0, [patch, other], os_type="Linux")
    row["name"], row["resource_group"], row["subscription_name"] = text, text, text
    return [row, vm("b", 1, 0, [kb(1)])]


def hostile_standards(text: str) -> Standards:
    """Exceptions of every state in which all texts are `text`."""
    day, past = date(2027, 1, 1), date(2026, 1, 1)
    given = (
        PatchException(1, (text,) * 5, f"{text}!", text, text, day),
        PatchException(2, (), "KB1", text, text, past),
        PatchException(3, (), "KB1", text, text, day),
        PatchException(4, ("b",), "KB1", text, text, day),
    )
    gates = standards("failed>9, coverage<100%, age>3d", RULES)
    return Standards(gates.gates, gates.service_levels, given, (text[:90],))


def test_what_is_bad_is_red_on_a_terminal_and_said_in_words_without_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, history = two_nights(tmp_path)
    report = judged(last, standards("failed>0", RULES, EXCEPTIONS), history)
    coloured = Terminal()
    print_report(report, stream=coloured, spelled=SPELLED)
    for words in ("GATES", "EXPIRED 2026-10-31", ": 2 VMs breach them"):
        assert f"\x1b[1;31m{words}" in coloured.getvalue(), words
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    print_report(report, stream=plain, spelled=SPELLED)
    assert "31m" not in plain.getvalue()
    assert [bare(line) for line in plain.getvalue().splitlines()] == screen(report)


def bare(line: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", line).rstrip()
