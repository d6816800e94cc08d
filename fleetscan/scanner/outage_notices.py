"""Warnings about regions that do not respond: one per region, however many circuits open."""

from __future__ import annotations

from collections import Counter

from fleetscan.engine.scheduler import Outage
from fleetscan.errors import Remedy
from fleetscan.scanner.hooks import Hooks


class Outages:
    """Warns when a region's first circuit opens, when its VMs are given up, and when it responds again."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        # Circuits that are open, by region: there is one for each subscription and kind of request.
        self._open: Counter[str] = Counter()
        self._given_up: set[str] = set()

    def heard(self, outage: Outage) -> None:
        """An outage began, made VMs fail, or ended."""
        region = outage.region or "a region without a name"
        if outage.given_up:
            self._tell_given_up(region)
        elif outage.is_over:
            self._open[region] -= 1
            if not self._open[region]:
                self._given_up.discard(region)
                self._hooks.warning(f"{region} is responding again")
        else:
            self._open[region] += 1
            if self._open[region] == 1:
                self._hooks.warning(
                    f"{region} is not responding for subscription {outage.subscription_id}: "
                    "probing it with one request at a time for up to ten minutes; the rest continues"
                )

    def _tell_given_up(self, region: str) -> None:
        if region not in self._given_up:
            self._given_up.add(region)
            self._hooks.warning(
                f"{region} is still not responding: its waiting VMs fail as unreachable",
                Remedy("scan them later with {retry_failed}", {"retry_failed": None}),
            )
