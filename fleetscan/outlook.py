"""What is left of a scan, as it is foretold while it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left of a scan: `ends_at` is its end, `to_start` VMs are still to be started.

    `ends_at` is None while none has ended though the oldest has run longer than is assumed. `running`
    operations run; half of those as old as the oldest of them have ended at the age `typical_s`.
    """

    ends_at: float | None
    to_start: int
    running: int
    typical_s: float | None = None
