"""What a scan reports while it runs: hooks that do nothing, for subclasses to override.

They are called in the scan's own loop, several times per VM and thousands of times a second: a hook counts
and returns. It never raises, never waits and never changes the scan.
"""

from __future__ import annotations

from fleetscan.model import InventoryError, Outcome, Reason, RequestKind


class Hooks:
    """Does nothing. Subclasses override the hooks they need."""

    def phase(self, name: str) -> None:
        """The scan enters a phase: "listing", then "scanning"."""

    def listed(self, total: int, skipped: int) -> None:
        """The fleet has `total` VMs as far as is known; `skipped` of them are not assessed."""

    def sent(self, kind: RequestKind) -> None:
        """A request was sent."""

    def throttled(self, kind: RequestKind) -> None:
        """A request was answered with HTTP status 429."""

    def accepted(self) -> None:
        """Azure accepted a start: one more operation is running."""

    def finished(self) -> None:
        """An accepted operation has finished, well or badly: one less is running."""

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """A VM's row is written."""

    def waiting(self, until: float | None, what: str) -> None:
        """Nothing can be sent until the monotonic second `until`, None if that is not known.

        `what` completes "waiting ...", such as "to poll running assessments". Only the newest call counts.
        """

    def warning(self, sentence: str) -> None:
        """Something a person should know; the scan goes on."""

    def inventory_error(self, error: InventoryError) -> None:
        """A part of the fleet could not be listed."""
