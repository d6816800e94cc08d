"""What Resource Graph tells of VMs' last assessments, given to the operations that can use it.

Only while it is read: nothing here outlives the reading, or an operation's end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from fleetscan.engine.last_time import ENOUGH_ENDS, LastBy
from fleetscan.engine.operation import Operation
from fleetscan.inventory.last_assessments import query_last
from fleetscan.inventory.pages import Pages

log = logging.getLogger("fleetscan")


class LastAssessments:
    """The operations of which it is not known how long their VM's last assessment took.

    `heard` gets each whose start waits and of which it becomes known.
    """

    def __init__(self, heard: Callable[[Operation], None]) -> None:
        self._heard = heard
        # By the hash of the VM's key: a hundred thousand ids would be 25 MB. Two VMs of one hash would swap
        # what is only a guess.
        self._wanted: dict[int, Operation] = {}

    def __len__(self) -> int:
        return len(self._wanted)

    @property
    def are_wanted(self) -> bool:
        """Whether there are enough of them.

        Fewer start all at once, and end before it shows whether their last times predict anything.
        """
        return len(self) > ENOUGH_ENDS

    def want(self, operation: Operation) -> None:
        """Take in an operation."""
        self._wanted[hash(operation.target.key)] = operation

    def read(self, endpoint: str, subscription_ids: Sequence[str], now: datetime) -> Pages[None]:
        """Reads how long the VMs' last assessments took, for the operations that wait or run meanwhile."""
        why = yield from query_last(endpoint, subscription_ids, self.learn, self.__len__, now)
        if why is not None:
            log.info("nothing is known of the VMs' last assessments: Resource Graph %s", why)
        self._wanted.clear()

    def learn(self, key: str, span_s: float) -> None:
        """A VM's last assessment took so long by its result's times."""
        operation = self._wanted.pop(hash(key), None)
        if operation is not None and operation.expect(span_s, LastBy.RESULT):
            self._heard(operation)

    def drop(self, operation: Operation) -> None:
        """It has ended. An operation that is kept would keep its result, too."""
        if self._wanted:
            self._wanted.pop(hash(operation.target.key), None)
