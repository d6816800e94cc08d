"""All that a journal tells of a run, event by event: who was listed, what was sent for whom, who has ended.

Pure: the events of `records.journal` fold themselves into it. Times are seconds since 1970, as in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fleetscan.addresses import FollowedUrls
from fleetscan.model import InventoryError, Json, Target
from fleetscan.records.row import CountedRow
from fleetscan.records.run import Scope
from fleetscan.records.totals import Requests


class RowMark(NamedTuple):
    """Where a row ends in results.jsonl, and the CRC-32 of its bytes, line end and all."""

    ends_at: int
    crc: int


@dataclass(slots=True)
class Begun:
    """What is known of a VM whose start was sent and that has not ended.

    `in_doubt` starts brought no answer; `posted_at` is when the first of those was sent, or the accepted one.
    `urls` are those of an accepted operation, `acceptances` how often a start was accepted.
    """

    starts: int = 0
    in_doubt: int = 0
    posted_at: float = 0.0
    accepted_at: float | None = None
    urls: FollowedUrls | None = None
    acceptances: int = 0

    @property
    def is_followed(self) -> bool:
        """Whether Azure accepted a start, or may have."""
        return self.accepted_at is not None or self.in_doubt > 0

    @property
    def may_start_again(self) -> bool:
        """Whether no start followed an accepted one yet."""
        return self.acceptances < 2 and not (self.acceptances and self.in_doubt)


NOTHING_LISTED: Scope = {
    "subscriptions": [],
    "not_enabled": [],
    "uniform_scale_set_vms": None,
    "shard": None,
}


@dataclass(slots=True)
class Story:
    """A run as its journal tells it. `ended` has what the totals need of each row, by the VM's number.

    `scan_id`, `principal`, `asked` and `began_at` are the first process's. `targets` are the listing in its
    order, complete when `is_listed`: some may have been started before, and a later process adds the others.
    It `is_behind` where VMs may have been started of which it does not tell.
    `rows` says by which mark each row is known. `spent_s` is how long the processes worked, `size_bytes` what
    of the file is whole, `last_crc` the checksum of its last line.
    """

    scan_id: str
    principal: Mapping[str, str | None] | None
    asked: Mapping[str, Json]
    began_at: float
    targets: list[Target] = field(default_factory=list)
    errors: list[InventoryError] = field(default_factory=list)
    scope: Scope = field(default_factory=lambda: NOTHING_LISTED.copy())
    is_listed: bool = False
    is_behind: bool = False
    begun: dict[int, Begun] = field(default_factory=dict)
    ended: dict[int, CountedRow] = field(default_factory=dict)
    rows: dict[int, RowMark] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Requests.__annotations__, 0))
    spent_s: float = 0.0
    size_bytes: int = 0
    last_crc: int = 0
    # Of the process that wrote the events being told: its requests so far, and its first and last moment.
    _requests: Requests | None = None
    _set_to_work_at: float = 0.0
    _last_at: float = 0.0
    # What was known of VMs whose rows may not have reached the disk yet: those that ended since the requests
    # were last counted, and between the last two counts. Rows and journal are flushed after each count.
    _ended_last: dict[int, Begun] = field(default_factory=dict)
    _ended_before: dict[int, Begun] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether every listed VM has its row."""
        return self.is_listed and len(self.ended) == len(self.targets)

    @property
    def followed(self) -> int:
        """How many VMs without a row Azure works on, or may."""
        return sum(begun.is_followed for begun in self.begun.values())

    def come(self, at: float) -> None:
        """Another process sets to work."""
        self.leave()
        self._set_to_work_at = self._last_at = at
        self.drop_unused_listing()

    def drop_unused_listing(self) -> None:
        """A listing that is not whole, and of which no VM was begun, is made anew."""
        if not (self.is_listed or self.has_begun):
            self.targets.clear()

    @property
    def has_begun(self) -> bool:
        """Whether a VM was started, or has a row."""
        return bool(self.begun or self.ended)

    def leave(self) -> None:
        """The process whose events were told has ended: add up what it did."""
        self.spent_s += self._last_at - self._set_to_work_at
        for name in self.requests:
            self.requests[name] += 0 if self._requests is None else self._requests[name]  # type: ignore[literal-required]
        self._requests = None

    def count(self, requests: Requests, at: float) -> None:
        """The process has sent so many requests so far."""
        self._requests, self._last_at = requests, at
        self._ended_before, self._ended_last = self._ended_last, {}

    def see(self, at: float) -> None:
        """The process was at work then."""
        self._last_at = max(self._last_at, at)

    def known(self, number: int) -> int:
        """`number`; raises ValueError where no such VM was listed."""
        if number >= len(self.targets):
            raise ValueError("no such VM was listed")
        return number

    def started(self, number: int) -> Begun:
        """What is known of a VM that was started and has not ended; ValueError where it was not started."""
        if (begun := self.begun.get(number)) is None:
            raise ValueError("the VM was not started")
        return begun

    def end(self, number: int, row: CountedRow, mark: RowMark) -> None:
        """The VM has ended in the row that `mark` is of. ValueError where it has one already."""
        if number in self.ended:
            raise ValueError("the VM has a row already")
        self.ended[number], self.rows[number] = row, mark
        if (begun := self.begun.pop(number, None)) is not None:
            self._ended_last[number] = begun

    def lose_row(self, number: int) -> None:
        """The VM's row did not reach the disk: it has not ended. ValueError where there was none."""
        if number not in self.ended:
            raise ValueError("the VM had no row")
        del self.ended[number], self.rows[number]
        begun = self._ended_last.pop(number, None) or self._ended_before.pop(number, None)
        if begun is not None:
            self.begun[number] = begun
