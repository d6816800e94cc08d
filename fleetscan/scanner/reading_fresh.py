"""Rows for VMs whose earlier assessment is young enough: nothing is asked of these VMs.

Which one counts is decided in `engine/earlier_assessment.py`, and read through Resource Graph alone. Where
that does not tell, a VM is assessed. Where only earlier assessments are asked for, its end is unknown
then, and no skip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from fleetscan.engine.earlier_assessment import Freshness
from fleetscan.engine.latest_assessment import KEPT_S
from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import CannotScanError, FleetscanError, Remedy, StoppedError
from fleetscan.inventory.earlier_assessments import Properties, Reading, parts_of, read_earlier
from fleetscan.inventory.selection import is_skipped
from fleetscan.model import Ending, Job, Outcome, Reason, Source, Target
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listing import LISTING_ATTEMPTS
from fleetscan.settings.declared import Settings

HOUR_S = 3600
Record = Callable[[int, Target, Ending], None]


class Work(Protocol):
    """Sends jobs' requests until all have finished; raises StoppedError where it may not."""

    async def __call__(self, jobs: Iterable[Job]) -> None:
        """Work through `jobs`."""
        ...


class FreshRows:
    """VMs of a fleet, by their `numbers`, that have no row yet and may get one from an earlier assessment.

    `record` takes a row's ending. `now` stands in for Azure's Date. The subscriptions `through_compute` are
    those whose VMs Resource Graph did not list.
    """

    def __init__(
        self,
        settings: Settings,
        targets: Sequence[Target],
        numbers: Iterable[int],
        now: datetime,
        record: Record,
        through_compute: frozenset[str] = frozenset(),
    ) -> None:
        self._settings = settings
        self._targets = targets
        # By hashes, because a hundred thousand ids in lower case would be 25 MB.
        self._numbers = {hash(targets[number].key): number for number in numbers}
        self._record = record
        self._dead: set[int] = set()
        self._unseen = set(through_compute)
        max_age_s = KEPT_S if settings.max_age_s is None else settings.max_age_s
        self._reading = Reading(
            settings.endpoint,
            Freshness(max_age_s, settings.busy_max_age_s),
            settings.wants_lists,
            now,
            self._target_of,
            self._found,
            lambda key: self._dead.add(hash(key)),
        )

    def jobs(self, chance: Callable[[], float]) -> list[ListingJob[str | None]]:
        """What reads the assessments; a job's result is a clause on why some of them are unknown."""
        wanted = [self._targets[number] for number in self._numbers.values()]
        return [
            ListingJob(read_earlier(self._reading, part), Retrying(chance, attempts=LISTING_ATTEMPTS))
            for part in parts_of(wanted)
        ]

    @property
    def left(self) -> list[int]:
        """The VMs that have no row, in the fleet's order."""
        return sorted(self._numbers.values())

    def end_left(self) -> None:
        """A row for each VM that is left and will not be assessed."""
        for number in self.left:
            target = self._targets[number]
            if is_skipped(target):
                self._record(number, target, Ending(Outcome.SKIPPED, Reason.NOT_RUNNING))
            elif self._settings.cached_only:
                self._record(number, target, Ending(Outcome.SKIPPED, Reason.NOT_CACHED))

    @property
    def dead_words(self) -> str | None:
        """How many assessments say InProgress and began too long ago; None of none, or if a scan says so."""
        if not self._dead or not (self._settings.cached_only or self._settings.ignore_busy):
            return None
        have = "1 VM has" if len(self._dead) == 1 else f"{len(self._dead):,} VMs have"
        hours = f"{self._settings.busy_max_age_s / HOUR_S:g} h"
        return (
            f"{have} an assessment that Azure has shown as running for more than {hours}: it does not count"
        )

    @property
    def unseen_words(self) -> str | None:
        """That Graph may be silent about subscriptions that it did not list; None where it told of each."""
        left = {self._targets[number].subscription_id.lower() for number in self._numbers.values()}
        if not (unseen := len(left & self._unseen)):
            return None
        where = "1 subscription" if unseen == 1 else f"{unseen:,} subscriptions"
        return f"Resource Graph shows no earlier assessment in {where} listed through Compute"

    def _target_of(self, key: str) -> Target | None:
        number = self._numbers.get(hash(key))
        target = None if number is None else self._targets[number]
        return target if target is not None and target.key == key else None

    def _found(self, target: Target, assessment: Properties) -> None:
        number = self._numbers.pop(hash(target.key))
        self._unseen.discard(target.subscription_id.lower())
        ending = Ending(Outcome.ASSESSED, Reason.FRESH, assessment, source=Source.GRAPH)
        self._record(number, target, ending)


async def use_earlier(
    rows: FreshRows, work: Work, chance: Callable[[], float], hooks: Hooks, *, is_all: bool
) -> None:
    """Write the rows of VMs that need no assessment; with `is_all` no VM is assessed afterwards.

    Raises CannotScanError or StoppedError where that is so and Resource Graph could not be read.
    """
    before, jobs = len(rows.left), rows.jobs(chance)
    if jobs:
        await work(jobs)
    whys = [job.result for job in jobs if job.has_ended and job.result is not None]
    if whys and is_all:
        raise _unread(whys[0], is_some=len(rows.left) < before)
    if whys:
        hooks.warning(
            f"cannot read all earlier assessments: Resource Graph {whys[0]}; VMs are assessed instead"
        )
    for words in filter(None, (rows.dead_words, rows.unseen_words)):
        hooks.warning(words)
    rows.end_left()


def _unread(why: str, *, is_some: bool) -> FleetscanError:
    """Not the VMs' fault: none of them is said to have no assessment."""
    if is_some:
        return StoppedError(f"some earlier assessments cannot be read: Resource Graph {why}")
    remedy = Remedy("try again later, or assess the VMs: leave out {cached_only}", {"cached_only": None})
    return CannotScanError(f"earlier assessments cannot be read: Resource Graph {why}", remedy)
