"""One run from its listing to its summary, over a wire that is open: begun here, or by an earlier process.

What goes wrong once rows are being written ends the run early but never takes a row back: the totals are
written over what there is, and `--resume` goes on from there.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

import anyio
import anyio.to_thread

from fleetscan.azure.tokens import TokenSource
from fleetscan.engine.agenda import Agenda
from fleetscan.engine.operation import Operation
from fleetscan.errors import BugError, FleetscanError, OutputError, StoppedError
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.selection import is_skipped
from fleetscan.model import AzureError, Ending, Errand, Json, Outcome, Reason
from fleetscan.results.fleet_facts import FleetFacts
from fleetscan.results.times import WallClock
from fleetscan.scan.desk import Desk
from fleetscan.scan.dispatcher import Dispatcher, Exchanger, Halt
from fleetscan.scan.fleet import read_fleet
from fleetscan.scan.place import Place, earlier_place, new_place, scope_of
from fleetscan.scan.recorder import Recorder
from fleetscan.scan.resuming import Resumption, retried_fleet
from fleetscan.scan.rules import limits_of, longest_first, operation_rules, past_durations
from fleetscan.scan.run_facts import COMPLETE, RunFacts, exit_code
from fleetscan.scan.summary import ScanSummary, finished_summary, stopped
from fleetscan.scan.watcher import Watcher
from fleetscan.settings import ScanSettings

# One odd reply ends one machine; this many say that it is our code that is odd.
MAX_BUGS = 10
# What a power cut may cost: the rows and starts of so many seconds.
SYNC_EVERY_S = 1.0

log = logging.getLogger("fleetscan")


class Run:
    """One process's part of a run. Used once."""

    def __init__(self, wire: Exchanger, settings: ScanSettings, watcher: Watcher, stop: anyio.Event) -> None:
        self._settings = settings
        self._watcher = watcher
        self._stop = stop
        self._clock = WallClock(datetime.now(UTC), time.monotonic())
        self._chance = random.Random().random  # noqa: S311 - jitter, not a secret
        self._bugs = 0
        self._desk = Desk(
            Agenda(limits_of(settings)), watcher=watcher, on_end=self._ended, on_bug=self._broke
        )
        self._dispatcher = Dispatcher(
            self._desk,
            wire,
            max_in_flight=settings.max_in_flight,
            clock=time.monotonic,
            watcher=watcher,
        )

    async def go(self, tokens: TokenSource | None) -> ScanSummary:
        """List, assess, sum up; or go on where an earlier process left off."""
        earlier = earlier_place(self._settings, self._clock)
        if earlier is None:
            fleet = await self._list()
            with closing(new_place(self._settings, self._clock, scan_id := str(uuid.uuid4()))) as place:
                return await self._work(place, fleet, Resumption(scan_id), tokens)
        with closing(earlier):
            if (finished := finished_summary(earlier)) is not None:
                self._watcher.warning("the run was finished already: nothing was done")
                return finished
            story = earlier.story
            resumption = Resumption(str(uuid.uuid4())) if story is None else Resumption.of(story, tokens)
            fleet = resumption.fleet() if resumption.is_listed else await self._list()
            return await self._work(earlier, fleet, resumption, tokens)

    async def _list(self) -> Fleet:
        if self._settings.retry_failed is not None:
            return retried_fleet(self._settings.retry_failed)
        return await read_fleet(
            self._settings, self._dispatcher, chance=self._chance, watcher=self._watcher, stop=self._stop
        )

    async def _work(
        self, place: Place, fleet: Fleet, resumption: Resumption, tokens: TokenSource | None
    ) -> ScanSummary:
        self._recorder = Recorder(
            resumption.scan_id, place, self._clock, self._watcher, self._settings.group_by
        )
        principal = tokens.principal() if tokens else None
        facts = RunFacts(
            scan_id=resumption.scan_id,
            settings=self._settings,
            scope=fleet.scope,
            principal=principal,
            clock=self._clock,
            started_at=resumption.started_at(self._clock),
        )
        place.journal.begun(
            {
                "scan_id": resumption.scan_id,
                "principal": None if principal is None else {**principal},
                "asked": scope_of(self._settings),
            }
        )
        if not resumption.is_listed:
            place.journal.listed(fleet)
        self._desk.journal = place.journal
        place.output.write_run(facts.begun())
        stopped_by = await self._assess(place, fleet, resumption)
        return self._finish(place, fleet, resumption, facts, stopped_by)

    async def _assess(self, place: Place, fleet: Fleet, resumption: Resumption) -> FleetscanError | None:
        """Have every machine end; what stopped that, if anything did."""
        self._recorder.listed(fleet.targets)
        self._watcher.listed(len(fleet.targets), sum(map(is_skipped, fleet.targets)))
        self._watcher.phase("scanning")
        for number, row in resumption.ended.items():
            self._recorder.recall(fleet.targets[number], row)
        if resumption.warning is not None:
            self._watcher.warning(resumption.warning)
        try:
            for number, target in enumerate(fleet.targets):
                if is_skipped(target) and number not in resumption.ended:
                    self._recorder.record(number, target, Ending(Outcome.SKIPPED, Reason.NOT_RUNNING))
            operations = self._operations(fleet, resumption)
            await self._dispatcher.run(operations, self._stop, self._halt(), partial(self._keep, place))
        except FleetscanError as error:
            return error
        return None

    def _operations(self, fleet: Fleet, resumption: Resumption) -> Iterator[Operation]:
        """An operation for each machine that may answer; the list is emptied, so that memory follows work."""
        past = past_durations(self._settings, self._watcher.warning)
        rules = operation_rules(self._settings, self._chance, past)
        order = longest_first(fleet.targets, past)
        waiting = deque((number, fleet.targets[number]) for number in order)
        fleet.targets.clear()
        while waiting:
            number, target = waiting.popleft()
            if not is_skipped(target) and number not in resumption.ended:
                yield resumption.operation(number, target, rules, past.of(target), self._clock)

    def _halt(self) -> Halt:
        deadline_s = self._settings.deadline_s
        deadline_at = None if deadline_s is None else self._clock.monotonic + deadline_s
        return Halt(self._settings.drain_s, deadline_at)

    async def _keep(self, place: Place) -> None:
        """Once a second have what was written outlive a power cut."""
        counted: dict[str, Json] = {}
        while True:
            await anyio.sleep(SYNC_EVERY_S)
            if (counts := self._desk.counts.as_json()) != counted:
                counted = counts
                place.journal.counted(counts, time.monotonic())
                await anyio.to_thread.run_sync(place.sync)

    def _ended(self, errand: Errand) -> None:
        match errand:
            case Operation(number=number, target=target, ending=ending):
                self._recorder.record(number, target, ending)

    def _broke(self, errand: Errand, bug: Exception) -> None:
        """Our own code raised on a reply: one row says so, and the log says where."""
        if not isinstance(errand, Operation):
            raise bug
        self._bugs += 1
        log.error("a reply for %s broke our own code", errand.target.resource_id, exc_info=bug)
        error = AzureError("InternalError", f"{type(bug).__name__}: {bug}", None, errand.stage)
        trace = errand.trace(time.monotonic())
        ending = Ending(Outcome.FAILED, Reason.INTERNAL_ERROR, None, error, trace)
        self._recorder.record(errand.number, errand.target, ending)
        if self._bugs >= MAX_BUGS:
            raise BugError(
                f"{self._bugs} replies broke fleetscan's own code; please report the log above"
            ) from bug

    def _finish(
        self,
        place: Place,
        fleet: Fleet,
        resumption: Resumption,
        facts: RunFacts,
        stopped_by: FleetscanError | None,
    ) -> ScanSummary:
        """Totals, run.json and the exit code over whatever rows there are. Raises BrokenIdentityError."""
        ended_at = time.monotonic()
        lines = self._recorder.totals(
            FleetFacts(
                started_at=facts.started_at,
                finished_at=self._clock.iso(ended_at),
                duration_s=resumption.spent_s + ended_at - self._clock.monotonic,
                requests=self._desk.counts.plus(resumption.requests),
                inventory_errors=fleet.errors,
            )
        )
        if isinstance(stopped_by, StoppedError):
            stopped_by = stopped(stopped_by, lines[0], place.output.path)
        code = exit_code(
            lines[0], stopped_by, has_accepted=bool(self._desk.accepted) or resumption.has_accepted
        )
        try:
            place.journal.counted(self._desk.counts.as_json(), ended_at)
            place.output.close()
            place.output.write_totals(lines)
            place.output.write_run(facts.ended(ended_at, code, stopped_by))
            if code in COMPLETE and (unswitched := place.output.switch_latest()):
                self._watcher.warning(unswitched)
        except OutputError as error:
            stopped_by = stopped_by or error
            code = max(code, error.exit_code)
        sentence = None if stopped_by is None else str(stopped_by)
        return ScanSummary(code, place.output.path, lines[0], sentence)
