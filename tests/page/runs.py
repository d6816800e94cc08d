"""Run directories for the tests of the page: an ordinary small one, and rows altered to the test's wish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fleetscan import json_text
from fleetscan.model import Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.machine_row import target_of
from fleetscan.records.row import Row
from fleetscan.records.run import RunFacts
from fleetscan.records.sums import RunningTotals
from fleetscan.records.totals import NotListed, NotScanned, Totals
from fleetscan.runs.reader import Run, open_run
from tests.big_run import FINISHED_AT, SCAN_ID, STARTED_AT, run_facts, write_big_run

VMS = 130
PATCHES = 12


def ordinary_run(path: Path) -> Run:
    """A complete run of 130 VMs with about 12 patches each: some skipped, some failed."""
    write_big_run(path, VMS, PATCHES)
    return open_run(path)


def altered_run(
    path: Path,
    alter: Callable[[list[Row]], list[Row]] = lambda rows: rows,
    *,
    exit_code: int | None = 0,
    interrupted: int = 0,
    not_listed: Sequence[NotListed] = (),
    not_scanned: Sequence[NotScanned] = (),
    selection: dict[str, object] | None = None,
) -> Run:
    """A run whose rows are those of the ordinary one as `alter` gives them back, with totals that agree.

    `interrupted` VMs without a row are listed too. Without an exit code there are no totals.
    """
    write_big_run(path, VMS, PATCHES)
    rows = alter(list(open_run(path).rows()))
    (path / "results.jsonl").write_bytes(b"".join(map(json_text.encode_line, rows)))
    if exit_code is None:
        (path / "totals.jsonl").unlink()
    else:
        _write_totals(path, rows, interrupted, not_listed, not_scanned, selection or {})
    facts: RunFacts = {**run_facts(exit_code)}
    if selection is not None:
        facts["selection"] = selection  # type: ignore[typeddict-item] # tests write plain JSON
    (path / "run.json").write_bytes(json_text.encode_line(facts))
    return open_run(path)


def _write_totals(
    path: Path,
    rows: Sequence[Row],
    interrupted: int,
    not_listed: Sequence[NotListed],
    not_scanned: Sequence[NotScanned],
    selection: dict[str, object],
) -> None:
    sums = RunningTotals(SCAN_ID)
    for row in rows:
        target = target_of(row)
        sums.listed(target)
        sums.ended(target, machine_row.counted(row))
    for number in range(interrupted):
        sums.listed(Target(f"/left/{number}", rows[0]["subscription_id"], "rg", f"left-{number}"))
    facts = FleetFacts(STARTED_AT, FINISHED_AT, 2470.0, RequestCounts(), not_scanned=not_scanned)
    fleet, *groups = sums.lines(facts)
    whole: Totals = {**fleet, "inventory_errors": [*not_listed], "selection": selection}  # type: ignore[typeddict-item]
    (path / "totals.jsonl").write_bytes(b"".join(map(json_text.encode_line, (whole, *groups))))


def listed(row: Row) -> list[dict[str, object]]:
    """The patches in a row's assessment, to be altered."""
    assert row["assessment"] is not None
    return row["assessment"]["availablePatches"]  # type: ignore[return-value] # so it is in these runs


def assessed(rows: Sequence[Row]) -> list[Row]:
    """The rows of VMs that were assessed."""
    return [row for row in rows if row["outcome"] == "assessed"]
