"""What Resource Graph tells of VMs' last assessments, given to the operations that can use it.

Only while it is read: nothing here outlives the reading, or an operation's end.
"""

from __future__ import annotations

from fleetscan.engine.last_time import LastBy
from fleetscan.engine.operation import Operation


class LastAssessments:
    """The operations of which it is not known how long their VM's last assessment took."""

    def __init__(self) -> None:
        # By the hash of the VM's key: a hundred thousand ids would be 25 MB. Two VMs of one hash would swap
        # what is only a guess.
        self._wanted: dict[int, Operation] = {}

    def __len__(self) -> int:
        return len(self._wanted)

    def want(self, operation: Operation) -> None:
        """Take in an operation."""
        self._wanted[hash(operation.target.key)] = operation

    def learn(self, key: str, span_s: float) -> Operation | None:
        """A VM's last assessment took so long by its result's times; its operation, if the start waits."""
        operation = self._wanted.pop(hash(key), None)
        is_news = operation is not None and operation.expect(span_s, LastBy.RESULT)
        return operation if is_news else None

    def drop(self, operation: Operation) -> None:
        """It has ended. An operation that is kept would keep its result, too."""
        if self._wanted:
            self._wanted.pop(hash(operation.target.key), None)

    def clear(self) -> None:
        """Nothing more comes."""
        self._wanted.clear()
