"""From an ending to the files: builds the row, journals it, writes it, counts it and calls the hooks.

It keeps sums and no VMs, so that memory does not grow with the results already written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from zlib import crc32

from fleetscan.errors import OutputError
from fleetscan.model import Ending, Outcome, Reason, Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts
from fleetscan.records.journal import RowLost, VmEnded
from fleetscan.records.row import CountedRow, Row
from fleetscan.records.sums import RunningTotals
from fleetscan.records.times import WallClock
from fleetscan.records.totals import GroupTotals, Totals
from fleetscan.redacting import Secrets
from fleetscan.runs.store import RunStore
from fleetscan.scanner.hooks import Hooks


def ignore(row: Row, size_bytes: int) -> None:
    """No use for the row beside the files."""


class Recorder:
    """The one writer of a run's rows. `listed` comes before `record` for every VM."""

    def __init__(
        self,
        scan_id: str,
        store: RunStore,
        clock: WallClock,
        hooks: Hooks,
        group_by: Sequence[str],
        on_row: Callable[[Row, int], None] = ignore,
    ) -> None:
        """`on_row` gets each row and the size of its line."""
        self._scan_id = scan_id
        self._output = store.output
        self._journal = store.journal
        self._clock = clock
        self._hooks = hooks
        self._on_row = on_row
        self._totals = RunningTotals(scan_id, group_by)
        self._secrets = Secrets.of(os.environ)

    def listed(self, targets: Iterable[Target]) -> None:
        """Count the VMs of the fleet."""
        for target in targets:
            self._totals.listed(target)

    def recall(self, target: Target, row: CountedRow) -> None:
        """Count a VM whose row an earlier process wrote; `row` has what the totals need."""
        self._totals.ended(target, row)
        reason = row["reason"]
        self._hooks.ended(Outcome(row["outcome"]), None if reason is None else Reason(reason))

    def record(self, number: int, target: Target, ending: Ending) -> None:
        """Journal the row of one VM, then write it. Raises OutputError where that fails."""
        row = self._row(target, ending)
        try:
            line = machine_row.encode(row)
        except ValueError:
            ending = machine_row.without_assessment(ending)
            row = self._row(target, ending)
            line = machine_row.encode(row)
        self._write(number, line, machine_row.counted(row))
        self._totals.ended(target, row)
        self._hooks.row(row)
        self._on_row(row, len(line))
        if ending.trace is not None and ending.trace.started_at is not None:
            self._hooks.finished()
        self._hooks.ended(ending.outcome, ending.reason)

    def _row(self, target: Target, ending: Ending) -> Row:
        """The row, without secrets that an error repeats; the transport has hidden our token before."""
        row = machine_row.row(self._scan_id, target, ending, self._clock)
        if (error := row["error"]) is not None and error["message"] is not None:
            error["message"] = self._secrets.hide(error["message"])
        return row

    def _write(self, number: int, line: bytes, row: CountedRow) -> None:
        """The journal first: it vouches for every row, and a kill in between only loses one."""
        ends_at = self._output.rows_end_at + len(line)
        self._journal.write(VmEnded(number, ends_at, crc32(line), row))
        try:
            self._output.write_row(line)
        except OutputError:
            with suppress(OutputError):
                self._journal.write(RowLost(number))
            raise

    def totals(self, facts: FleetFacts) -> tuple[Totals, *tuple[GroupTotals, ...]]:
        """The lines of totals.jsonl, the fleet's first. Raises BrokenIdentityError unless they add up."""
        self._totals.check(self._output.rows_written)
        return self._totals.lines(facts)
