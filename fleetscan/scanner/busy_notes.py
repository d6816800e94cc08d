"""What is said of VMs on which a patch operation may run, or is only shown as running."""

from __future__ import annotations

from collections.abc import Iterable

from fleetscan.errors import Remedy
from fleetscan.inventory.busy import Busy
from fleetscan.model import Target
from fleetscan.scanner.hooks import Hooks

HOUR_S = 3600


class BusyNotes:
    """Counts the VMs to start that are `busy`, part by part of a fleet."""

    def __init__(self, busy: Busy) -> None:
        self.busy = busy
        self._subscription_ids: set[str] = set()
        self._assessing = self._stale = 0

    def count(self, targets: Iterable[Target]) -> None:
        """These VMs are to be started."""
        for target in targets:
            self._subscription_ids.add(target.subscription_id.lower())
            self._assessing += target.key in self.busy.assessing
            self._stale += target.key in self.busy.stale

    def tell(self, hooks: Hooks, through_compute: frozenset[str], max_age_s: float) -> None:
        """Say what there is to say; Graph may know nothing of the subscriptions `through_compute`."""
        if unseen := self._of_unseen(through_compute):
            hooks.warning(unseen)
        if dead := self._of_stale(max_age_s):
            hooks.warning(*dead)
        if assessing := self._of_assessing:
            hooks.note(assessing)

    @property
    def _of_assessing(self) -> str | None:
        """How many are not started, because another client is assessing them; None of none."""
        if not self._assessing:
            return None
        are = "1 VM is" if self._assessing == 1 else f"{self._assessing:,} VMs are"
        return f"{are} being assessed by another client: the results are read, none is started"

    def _of_unseen(self, through_compute: frozenset[str]) -> str | None:
        """That Resource Graph cannot tell who is busy where it did not list the VMs; None of none."""
        if not (unseen := len(self._subscription_ids & through_compute)):
            return None
        where = "1 subscription" if unseen == 1 else f"{unseen:,} subscriptions"
        return (
            f"running patch installations are not seen in {where} listed through Compute; "
            "an assessment may cancel one"
        )

    def _of_stale(self, max_age_s: float) -> tuple[str, Remedy] | None:
        """How many have a patch operation that is too old to run; None of none."""
        if not self._stale:
            return None
        have = "1 VM has" if self._stale == 1 else f"{self._stale:,} VMs have"
        shown = f"Azure has shown as running for more than {max_age_s / HOUR_S:g} h"
        return (
            f"{have} a patch operation that {shown}: it is ignored as dead, and assessments are started",
            Remedy("{busy_max_age_s} sets how long one is believed", {"busy_max_age_s": None}),
        )
