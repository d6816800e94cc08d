"""What a scan reports while it runs: hooks that do nothing, for subclasses to override.

They are called in the scan's own loop, several times per VM and thousands of times a second: a hook counts
and returns. It never raises, never waits and never changes the scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fleetscan.errors import Remedy
from fleetscan.model import InventoryError, Outcome, Reason, RequestKind
from fleetscan.outlook import Outlook
from fleetscan.records.asked import Selection
from fleetscan.records.row import Row
from fleetscan.records.run import Principal
from fleetscan.records.totals import NotScanned, Requests, Totals


@dataclass(frozen=True, slots=True)
class Opening:
    """A run that is open: its id, its directory if it is kept, whose token it is, and when it began."""

    scan_id: str
    directory: Path | None
    principal: Principal | None
    started_at: str


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a scan ended. `totals` are the fleet's, None where there are none; `error` is what ended it early.

    `requests` were sent, by this process alone where there are no totals.
    """

    exit_code: int
    directory: Path | None
    totals: Totals | None
    requests: Requests
    error: str | None


class Hooks:
    """Does nothing. Subclasses override the hooks they need."""

    def phase(self, name: str) -> None:
        """The scan enters a phase: "listing", then "scanning"."""

    def listed(self, total: int, skipped: int) -> None:
        """The fleet has `total` VMs so far; `skipped` of them are not assessed.

        Of a large fleet it is called again as more are listed; VMs are started meanwhile.
        """

    def opened(self, opening: Opening) -> None:
        """The run is open: from now on it can be resumed. Of a large fleet more is listed then."""

    def counted(self, vms: int, subscriptions: int) -> None:
        """All VMs are listed, so many, in so many subscriptions."""

    def sent(self, kind: RequestKind) -> None:
        """A request was sent."""

    def answered(self, kind: RequestKind, status: int, seconds: float) -> None:
        """A reply came after so many seconds; `status` is its HTTP status, 0 where the exchange broke."""

    def throttled(self, kind: RequestKind) -> None:
        """A request was answered with HTTP status 429."""

    def accepted(self) -> None:
        """Azure accepted a start: one more operation is running."""

    def finished(self) -> None:
        """An accepted operation has finished, well or badly: one less is running."""

    def row(self, row: Row) -> None:
        """A VM is done and its row is written. The row is the scan's own: read it, do not change it."""

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """A VM is done, in this process or, if a run is resumed, in an earlier one."""

    def outlook(self, outlook: Outlook) -> None:
        """Every second or two: how much longer the scan takes, as far as is known."""

    def waiting(self, until: float | None, what: str) -> None:
        """Nothing can be sent until the monotonic second `until`, None if that is not known.

        `what` completes "waiting ...", such as "to poll running assessments". Only the newest call counts.
        """

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        """What the scan decided by itself: which run it works on, and where `latest` leads."""

    def selected(self, selection: Selection, not_scanned: Sequence[NotScanned], not_listed: int) -> None:
        """All VMs are listed, or as good as that.

        What was asked for, the subscriptions passed over, and how many parts could not be listed.
        """

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """Something a person should know, and what to do about it; the scan goes on."""

    def concluded(self, conclusion: Conclusion) -> None:
        """The scan has ended, well or badly: the last call, made for every scan."""

    def inventory_error(self, error: InventoryError) -> None:
        """A part of the fleet could not be listed."""
