"""A run that has all there is to judge: nights before it, exceptions of each state, service levels, gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleetscan.history.taking_in import take_in
from fleetscan.judgement.exceptions import exceptions_of
from fleetscan.judgement.standards import Standards, standards_of
from fleetscan.model import Json
from fleetscan.records.row import Row
from fleetscan.report.page.render import Beside
from fleetscan.runs.reader import Run, open_run
from tests.page.runs import altered_run, assessed, listed
from tests.report.small_runs import edit_facts

BEGAN = datetime(2026, 11, 23, 2, tzinfo=UTC)
EXCEPTIONS = """
[[exception]]
scope = ["sql-*", "web-shop-*", "*/resourceGroups/rg-erp-01/*", "x"]
patch = "*"
reason = "the vendor supports no newer version"
owner = "shop-team"
expires = 2027-01-31

[[exception]]
patch = "openssl*"
reason = "wait for the next release"
owner = "linux-team"
expires = 2026-11-01

[[exception]]
patch = "KB1111111"
reason = "withdrawn"
owner = "windows-team"
expires = 2027-01-31
"""


def night(path: Path, days_ago: int, keep: int = 100) -> Run:
    """The ordinary run so many days before; of each list only the first patches are kept."""

    def fewer(rows: list[Row]) -> list[Row]:
        for row in assessed(rows):
            entries = listed(row)
            if keep < len(entries):
                del entries[keep:]
                words = [str(each["classifications"]) for each in entries]
                pressing = sum("Critical" in each or "Security" in each for each in words)
                row["critical_and_security_count"] = pressing
                row["other_count"], row["patch_count"] = len(entries) - pressing, len(entries)
        return rows

    altered_run(path, fewer)
    began = BEGAN - timedelta(days=days_ago)
    facts: dict[str, Json] = {
        "scan_id": f"00000000-0000-4000-8000-{days_ago:012d}",
        "started_at": began.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
    }
    edit_facts(path, **facts)
    return open_run(path)


def standards() -> Standards:
    """Gates, service levels and exceptions of each state, and a classification that is ignored."""
    made = standards_of(
        "coverage<98%, age>30d", "critical=7d, security=30d, other=90d", (), ["Definition"], "2026-11-20"
    )
    return replace(made, exceptions=exceptions_of(EXCEPTIONS, "exceptions.toml"))


def judged(within: Path, nights: int = 6) -> tuple[Run, Beside]:
    """The run of today with a history of so many earlier nights, and all that is told beside it."""
    history = within / "history.db"
    earlier = [night(within / f"{number}", number, 4 + nights - number) for number in range(nights, 0, -1)]
    run = night(within / "today", 0)
    for each in (*earlier, run):
        take_in(each, history)
    since = earlier[-1] if earlier else None
    return run, Beside(standards=standards(), history=history, since=since)


def excepting(
    patch: str, *, expires: str = "2027-01-31", ignored: Sequence[str] = (), as_of: str | None = None
) -> Standards:
    """Standards with one exception for the whole fleet; `patch` is its line."""
    text = f'[[exception]]\n{patch}\nreason = "because"\nowner = "team"\nexpires = {expires}\n'
    return standards_of(None, None, exceptions_of(text, "exceptions.toml"), ignored, as_of)
