"""The rows of all runs, read once and written as one run's: each VM once, a whole subscription by one shard.

Of a VM 16 bytes are held, and never its row, so that memory hardly grows with the fleet.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from fleetscan import json_text
from fleetscan.errors import OTHER_VERSION, CannotReadRunError
from fleetscan.merging.agreeing import twice
from fleetscan.merging.given import BY_VM, Family, Given
from fleetscan.model import Target
from fleetscan.records import machine_row
from fleetscan.records.row import REASONS, Row
from fleetscan.records.sums import RunningTotals
from fleetscan.records.totals import GroupTotals
from fleetscan.runs.directory import RESULTS
from fleetscan.runs.whole_files import LineFile

DIGEST_BYTES = 16
NEW = -1


class RowPass:
    """Takes the rows of one family after another. `totals` are the merged run's, `rows_written` its rows."""

    def __init__(
        self, scan_id: str, group_by: Sequence[str], families: Sequence[Family], file: LineFile
    ) -> None:
        """The rows go into `file`, each with `scan_id`."""
        self.totals = RunningTotals(scan_id, group_by)
        self.rows_written = 0
        self._scan_id = scan_id
        self._group_by = group_by
        self._file = file
        self._members = [member for family in families for member in family.members]
        self._places = {member: place for place, member in enumerate(self._members)}
        self._owners: dict[bytes, int] = {}
        self._scanned: dict[str, Given] = {}

    def take(self, family: Family) -> tuple[GroupTotals, list[GroupTotals]]:
        """Write the rows of `family` that stand. Returns the sums over these alone.

        Raises UsageError where another family has the VM or, unless VMs are divided singly, its subscription;
        and CannotReadRunError.
        """
        own = RunningTotals(self._scan_id, self._group_by)
        for member in family.members:
            place = self._places[member]
            for row in member.run.rows():
                self._refuse_strange(member, row)
                target = machine_row.target_of(row)
                owner = self._claim(target, place, family)
                if owner == place:
                    why = f"it has two rows of the VM {target.resource_id}"
                    raise CannotReadRunError(str(member.run.path), why)
                if owner is not None:
                    continue
                member.rows += 1
                self._write(member, row)
                for totals in (self.totals, own):
                    totals.listed(target)
                    totals.ended(target, row)
        return own.sums()

    def claim_rowless(self, target: Target, family: Family) -> bool:
        """Count a VM of `family` that was listed, unless it has its row. Raises UsageError as `take` does."""
        if self._claim(target, self._places[family.base], family) is not None:
            return False
        self.totals.listed(target)
        return True

    def add_unknown(self, target: Target, count: int) -> None:
        """Count so many VMs of which only this much is known; they have no row."""
        self.totals.listed(target, count)

    def _claim(self, target: Target, place: int, family: Family) -> int | None:
        """The member of `family` that has the VM already; None where it is the member's at `place` now."""
        key = blake2b(target.key.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
        owner = self._owners.setdefault(key, NEW)
        if owner == NEW:
            self._owners[key] = place
            self._refuse_shared(target.subscription_id, family.base)
            return None
        if (holder := self._members[owner]) not in family.members:
            raise twice(holder, family.base, f"the VM {target.resource_id}")
        return owner

    def _refuse_shared(self, subscription_id: str, base: Given) -> None:
        """Raise UsageError where another shard scanned the subscription, unless each scans a part of it."""
        holder = self._scanned.setdefault(subscription_id.lower(), base)
        if holder is not base and base.by != BY_VM:
            raise twice(holder, base, f"the subscription {subscription_id}")

    def _refuse_strange(self, member: Given, row: Row) -> None:
        path = str(member.run.path)
        if row["scan_id"] != member.scan_id:
            raise CannotReadRunError(path, f"{RESULTS} has a row of another run ({row['scan_id']!r:.80})")
        if row["outcome"] not in REASONS:
            why = f"a row in {RESULTS} has the outcome {row['outcome']!r:.80}"
            raise CannotReadRunError(path, why, OTHER_VERSION)

    def _write(self, member: Given, row: Row) -> None:
        row["scan_id"] = self._scan_id
        try:
            line = json_text.encode_line(row)
        except ValueError as error:
            why = f"the row of the VM {row['resource_id']} nests too deeply to be written"
            raise CannotReadRunError(str(member.run.path), why) from error
        self._file.write(line)
        self.rows_written += 1
