"""The sums of a run that has none: what its journal says was listed, and the rows that there are.

Nothing is checked against checksums and nothing is locked: this is for people who look at a run at work, or
at one that was killed. Where the journal cannot be read, only VMs with a row are counted.
"""

from __future__ import annotations

from fleetscan.errors import OTHER_VERSION, CannotReadRunError
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import not_listed
from fleetscan.records.row import REASONS, Row
from fleetscan.records.run import RunFacts
from fleetscan.records.sums import TAG_PREFIX, RunningTotals
from fleetscan.records.totals import GroupTotals, NotListed
from fleetscan.runs.directory import JOURNAL, RESULTS
from fleetscan.runs.listed_vms import read_listing
from fleetscan.runs.reader import Run


class BegunRun:
    """Counts what was listed when it is made; call `ended` for each row, then `sums`.

    `listed` is how many VMs were; where the listing goes on, or was cut off, so far, and one of the `errors`
    says so. Both are None where the journal does not tell.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._totals, self.listed, self.errors = self._listing()

    def ended(self, row: Row) -> None:
        """Count a row."""
        target = machine_row.target_of(row)
        if self.listed is None:
            self._totals.listed(target)
        if row["outcome"] not in REASONS:
            why = f"a row in {RESULTS} has the outcome {row['outcome']!r:.80}"
            raise CannotReadRunError(str(self._run.path), why, OTHER_VERSION)
        self._totals.ended(target, machine_row.counted(row))

    def sums(self) -> tuple[GroupTotals, list[GroupTotals]]:
        """The sums over the fleet, and those of each group; raises CannotReadRunError for rows too many."""
        fleet, groups = self._totals.sums()
        if any(each["outcomes"]["interrupted"] < 0 for each in (fleet, *groups)):
            why = f"{RESULTS} has rows of VMs that are not listed in {JOURNAL}, or several of one VM"
            raise CannotReadRunError(str(self._run.path), why)
        return fleet, groups

    def _new_totals(self) -> RunningTotals:
        return RunningTotals(self._run.facts["scan_id"], grouped_by(self._run.facts))

    def _listing(self) -> tuple[RunningTotals, int | None, list[NotListed] | None]:
        listing = read_listing(self._run.path / JOURNAL, self._run.facts["scan_id"])
        if listing is None:
            return self._new_totals(), None, None
        totals = self._new_totals()
        try:
            for target in listing.targets():
                totals.listed(target)
        except (OSError, ValueError):
            return self._new_totals(), None, None
        return totals, listing.vms, [not_listed(error) for error in listing.errors]


def grouped_by(facts: RunFacts) -> list[str]:
    """The tags for whose values a run has totals, such as "tag:owner"."""
    group_by = facts["settings"].get("group_by")
    return [str(word) for word in group_by if _is_tag(word)] if isinstance(group_by, list) else []


def _is_tag(word: object) -> bool:
    return isinstance(word, str) and word.startswith(TAG_PREFIX) and word != TAG_PREFIX
