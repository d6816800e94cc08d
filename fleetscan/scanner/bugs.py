"""Our own mistakes: one that a reply brought to light fails its VM, and too many of them end the scan."""

from __future__ import annotations

import logging

from fleetscan.engine.operation import Operation
from fleetscan.errors import BugError, Remedy
from fleetscan.model import Ending, Failure, Outcome, OwnCode, Reason

# One odd reply fails one VM; after this many, our code is assumed to be wrong.
MAX_BUGS = 10

log = logging.getLogger("fleetscan")
# A host that keeps no log is not spoken to.
log.addHandler(logging.NullHandler())


class Bugs:
    """Those that were met so far."""

    def __init__(self) -> None:
        self._met = 0

    def ending(self, operation: Operation, bug: Exception, now: float) -> Ending:
        """How a VM ends whose reply made our own code raise; the log says where."""
        self._met += 1
        log.error("fleetscan failed on a reply for %s", operation.target.resource_id, exc_info=bug)
        why = f"{type(bug).__name__}: {bug}"
        error = Failure.of_fleetscan(OwnCode.INTERNAL_ERROR, why, operation.stage)
        return Ending(Outcome.FAILED, Reason.INTERNAL_ERROR, None, error, operation.trace(now))

    def refuse_many(self, bug: Exception) -> None:
        """Raise BugError once there are too many."""
        if self._met >= MAX_BUGS:
            raise BugError(
                f"fleetscan failed on {self._met} replies, which is a bug",
                Remedy("please report the log above"),
            ) from bug
