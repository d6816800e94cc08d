"""What a person is told of regions that do not answer: a sentence a region, however many circuits open."""

from __future__ import annotations

from collections import Counter

from fleetscan.engine.scheduler import Outage
from fleetscan.errors import Remedy
from fleetscan.scanner.hooks import Hooks


class Outages:
    """Tells of a region when the first of its circuits opens, when machines are given up, and at the end."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        # Circuits that are open, by region: there is one for each subscription and kind of request.
        self._open: Counter[str] = Counter()
        self._given_up: set[str] = set()

    def heard(self, outage: Outage) -> None:
        """An outage began, cost machines or ended."""
        region = outage.region or "a region without a name"
        if outage.given_up:
            self._tell_given_up(region)
        elif outage.is_over:
            self._open[region] -= 1
            if not self._open[region]:
                self._given_up.discard(region)
                self._hooks.warning(f"{region} answers again")
        else:
            self._open[region] += 1
            if self._open[region] == 1:
                self._hooks.warning(
                    f"{region} does not answer requests for subscription {outage.subscription_id}: "
                    "one at a time is tried again for ten minutes, the rest goes on"
                )

    def _tell_given_up(self, region: str) -> None:
        if region not in self._given_up:
            self._given_up.add(region)
            self._hooks.warning(
                f"{region} still does not answer: VMs that wait for it end as unreachable",
                Remedy("retry them later with {retry_failed}", {"retry_failed": None}),
            )
