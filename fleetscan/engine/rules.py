"""The rules that all operations of a scan share, and the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.addresses import Origin
from fleetscan.engine.pacing import Pacing
from fleetscan.engine.retrying import Retrying
from fleetscan.model import Target

# Compute refills two patch operations a minute for one VM.
MIN_START_SPACING_S = 30.0
# Starts that may have arrived, after which nothing more is started.
MAX_UNKNOWN_STARTS = 2
MAX_CONFLICTS = 3
# A fresh operation may not have reached every replica yet.
MAX_NOT_FOUND = 4
NOT_FOUND_WAIT_S = 10.0
# Polls sent after the operation's time is up that may fail before the VM is given up.
MAX_LATE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class OperationRules:
    """What all operations of a scan share. `timeout_s` counts from the accepted start.

    A start that broke on its way may have been obeyed, and a second one would supersede it: it has
    `unknown_start_wait_s` to show. What says InProgress and began `busy_max_age_s` ago does not run.
    """

    endpoint: str
    origin: Origin
    api_version: str
    pacing: Pacing
    retrying: Retrying
    timeout_s: float = 1800.0
    unknown_start_wait_s: float = 60.0
    busy_max_age_s: float = 21_600.0
    arc_api_version: str = "2025-01-13"
    wants_arc_lists: bool = False

    def version_for(self, target: Target) -> str:
        """The API version of an assessment of `target`."""
        return self.arc_api_version if target.is_arc else self.api_version

    def wants_list_of(self, target: Target) -> bool:
        """Whether Graph is asked for the list that an assessment of `target` does not tell."""
        return self.wants_arc_lists and target.is_arc
