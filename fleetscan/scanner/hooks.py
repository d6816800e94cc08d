"""What a scan tells its caller while it runs: hooks that do nothing, to be overridden.

They are called in the scan's own loop, several times a VM and thousands of times a second: a hook counts and
returns. It never raises, never waits and never changes the scan.
"""

from __future__ import annotations

from fleetscan.errors import Remedy
from fleetscan.model import InventoryError, Outcome, Reason, RequestKind
from fleetscan.records.row import Row


class Hooks:
    """Hears everything and does nothing. Subclasses override the hooks they care for."""

    def phase(self, name: str) -> None:
        """The scan enters a phase: "listing", then "scanning"."""

    def listed(self, total: int, skipped: int) -> None:
        """The fleet holds `total` VMs; `skipped` of them need no assessment."""

    def sent(self, kind: RequestKind) -> None:
        """A request was sent."""

    def answered(self, kind: RequestKind, status: int, seconds: float) -> None:
        """A reply came after so many seconds; `status` is its HTTP status, 0 where the exchange broke."""

    def throttled(self, kind: RequestKind) -> None:
        """A request was answered with HTTP status 429."""

    def accepted(self) -> None:
        """Azure accepted a start: one more operation is running."""

    def finished(self) -> None:
        """An operation that was told as accepted has ended, well or badly: one less is running."""

    def row(self, row: Row) -> None:
        """A VM has ended and its row is written. The row is the scan's own: read it, do not change it."""

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """A VM has ended, in this process or, where a run is resumed, in an earlier one."""

    def waiting(self, until: float | None, what: str) -> None:
        """Until the monotonic second `until` there is nothing to send; `what` names what is waited for.

        None stands for an unknown moment. The newest call alone holds.
        """

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """Something a person should know, which ends nothing, and what to do about it."""

    def inventory_error(self, error: InventoryError) -> None:
        """A part of the fleet could not be listed."""
