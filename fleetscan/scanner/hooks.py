"""What a scan tells whoever watches it: hooks that do nothing, to be overridden where somebody looks.

They are called in the scan's own loop, several times a machine and thousands of times a second: a hook
counts and returns. It never raises, never waits and never changes the scan.
"""

from __future__ import annotations

from fleetscan.model import InventoryError, Outcome, Reason, RequestKind


class Hooks:
    """Watches nothing. Subclasses override the hooks they care for."""

    def phase(self, name: str) -> None:
        """The scan enters a phase: "listing", then "scanning"."""

    def listed(self, total: int, skipped: int) -> None:
        """The fleet holds `total` machines as far as is known; `skipped` of them need no assessment."""

    def sent(self, kind: RequestKind) -> None:
        """A request was sent."""

    def throttled(self, kind: RequestKind) -> None:
        """A request was answered with HTTP status 429."""

    def accepted(self) -> None:
        """Azure accepted a start: one more operation is running."""

    def finished(self) -> None:
        """An operation that was told as accepted is over, well or badly: one less is running."""

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """A machine's row is written."""

    def waiting(self, until: float | None, what: str) -> None:
        """Until the monotonic second `until` there is nothing to send; `what` names what is waited for.

        None stands for a moment nobody knows. The newest call alone holds.
        """

    def warning(self, sentence: str) -> None:
        """Something a person should know, which ends nothing."""

    def inventory_error(self, error: InventoryError) -> None:
        """A part of the fleet could not be listed."""
