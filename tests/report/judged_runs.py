"""Nights of a small fleet, in a history or not, and reports of the last one by given standards."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fleetscan.history.taking_in import take_in
from fleetscan.judgement.exceptions import exceptions_of
from fleetscan.judgement.standards import Standards, standards_of
from fleetscan.model import Json, Reason
from fleetscan.records.report import Report
from fleetscan.records.row import Row
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import report_of
from fleetscan.report.terminal import print_report
from fleetscan.runs.reader import open_run
from tests.report.small_runs import FACTS, edit_facts, kb, package, small_run, unassessed, vm

SPELLED = Spelled("fleetscan show run", "fleetscan scan --retry-failed run", "fleetscan resume run")
SELECTION: dict[str, Json] = {"endpoint": "https://management.azure.com"}
SCOPE: dict[str, Json] = {
    "subscriptions": [
        {
            "subscription_id": "11111111-2222-3333-4444-555555555555",
            "name": None,
            "state": "Enabled",
            "tenant_id": None,
        }
    ],
    "not_enabled": [],
    "uniform_scale_set_vms": None,
}

EXCEPTIONS = """
[[exception]]
patch = "KB2"
reason = "the vendor's database does not start with it"
owner = "sql-team"
scope = "sql-*"
expires = 2027-01-31

[[exception]]
patch = "KB1"
reason = "needs a larger recovery partition"
owner = "windows-team"
expires = 2026-10-31

[[exception]]
patch = "cups"
reason = "no printers"
owner = "linux-team"
expires = 2027-03-31

[[exception]]
patch = "KB2"
reason = "twice"
owner = "sql-team"
scope = "sql-01"
expires = 2027-01-31
"""


def fleet() -> list[Row]:
    """Five VMs: two on Windows, two on Linux, and one that was not assessed."""
    return [
        vm(
            "sql-01",
            2,
            1,
            [kb(1, day="2026-10-13"), kb(2, "Critical", "SQL fix", "2026-01-13"), kb(9, "Definition")],
        ),
        vm("web-01", 1, 0, [kb(1, day="2026-10-13")]),
        vm("lin-01", 1, 1, [package("openssl"), package("tzdata", "Other")], os_type="Linux"),
        vm("lin-02"),
        unassessed("app-01", Reason.AGENT_NOT_READY),
    ]


def night(path: Path, day: str, rows: Sequence[Row], exit_code: int | None = 0, unfinished: int = 0) -> Path:
    """The complete run of a night."""
    facts = replace(FACTS, started_at=f"{day}T02:00:00.000000Z")
    small_run(path, rows, exit_code, facts=facts, unfinished=unfinished)
    scan_id = f"00000000-0000-4000-8000-0000{day.replace('-', '')}"
    edit_facts(path, scan_id=scan_id, started_at=facts.started_at, scope=SCOPE, selection=SELECTION)
    return path


def history_of(nights: Sequence[Path], path: Path) -> Path:
    """The nights in a new history."""
    for each in nights:
        take_in(open_run(each), path)
    return path


def standards(
    fail_on: str | None = None,
    sla: str | None = None,
    exceptions: str = "",
    ignored: Sequence[str] = (),
    as_of: str | None = None,
) -> Standards:
    """The standards of these texts."""
    return standards_of(fail_on, sla, exceptions_of(exceptions, "exceptions.toml"), ignored, as_of)


def judged(path: Path, by: Standards | None = None, history: Path | None = None) -> Report:
    """The report of a run."""
    return report_of(open_run(path), by or standards(), history)


def screen(report: Report) -> list[str]:
    """The lines of its text."""
    stream = io.StringIO()
    print_report(report, stream=stream, spelled=SPELLED)
    return stream.getvalue().splitlines()


def section(lines: Sequence[str], heading: str) -> list[str]:
    """The lines of a section, from its heading to the blank line after it."""
    start = next(place for place, line in enumerate(lines) if line.startswith(heading))
    end = next(place for place in range(start, len(lines)) if not lines[place])
    return [*lines[start:end]]
