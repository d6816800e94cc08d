"""One process's part of a run, from the fleet to the totals: plain calls that take the time as an argument.

It owns the broker and turns each ending into a row. `Run` drives it over a real transport, the tests in
virtual time. An error after the first row stops the run early and removes no row: the totals count the rows
there are, and a resume continues from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from fleetscan.engine.first_starts import AT_FIRST
from fleetscan.engine.operation import Operation
from fleetscan.engine.rules import OperationRules
from fleetscan.engine.scheduler import Scheduler
from fleetscan.errors import FleetscanError, OutputError
from fleetscan.inventory.busy import Busy
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.selection import is_skipped
from fleetscan.model import Ending, Job, Outcome, Reason, Target
from fleetscan.outlook import Outlook
from fleetscan.records.fleet_facts import FleetFacts, not_scanned
from fleetscan.records.journal import RequestsCounted
from fleetscan.records.row import Row
from fleetscan.records.run import COMPLETE
from fleetscan.records.times import WallClock
from fleetscan.runs.store import RunStore
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.broker import Broker
from fleetscan.scanner.bugs import Bugs
from fleetscan.scanner.busy_notes import BusyNotes
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.kept_warnings import KeptWarnings
from fleetscan.scanner.last_assessments import LastAssessments
from fleetscan.scanner.past_durations import PastDurations
from fleetscan.scanner.policy import limits_of, longest_first, operation_rules, past_durations
from fleetscan.scanner.reading_fresh import FreshRows
from fleetscan.scanner.recorder import Recorder, ignore
from fleetscan.scanner.resume import Resumption
from fleetscan.scanner.roll import Roll
from fleetscan.scanner.run_facts import RunDescription, exit_code, principal_facts
from fleetscan.scanner.stores import runs_of
from fleetscan.scanner.summary import ScanSummary, earlier_warnings, follow_latest, stopped_with
from fleetscan.scanner.unfinished import Unfinished
from fleetscan.settings.declared import Settings

SOME_FAILED = 3
# It takes milliseconds, and changes slowly.
OUTLOOK_EVERY_S = 2.0


class Session:
    """Used once: `open`, then `list_rest` and `operations` for the broker, then `finish`.

    A fleet may come in parts, each by `list_more`, whose `operations` begin before the next part is there.

    `clock` gives times that other processes can use, `chance` returns 0.0 to 1.0. `directory` is where the
    run is, from when it can be resumed on; None where it is kept nowhere. `hooks` keep the run's warnings.
    It `has_begun` once VMs are listed.
    """

    def __init__(
        self,
        settings: Settings,
        hooks: Hooks,
        clock: WallClock,
        chance: Callable[[], float],
        on_row: Callable[[Row, int], None] = ignore,
        *,
        are_failures_planned: bool = False,
        started_with: Settings | None = None,
    ) -> None:
        """`started_with` are what run.json keeps, where `settings` hold for this process alone."""
        self._settings = settings
        self._started_with = started_with or settings
        self.hooks = self._hooks = KeptWarnings(hooks)
        self._clock = clock
        self._chance = chance
        self._on_row = on_row
        self._are_failures_planned = are_failures_planned
        self._bugs = Bugs()
        self._skipped = 0
        self._is_secure = self.has_begun = False
        self._early: set[int] = set()
        self._put_off: list[tuple[int, Target]] = []
        self._outlook_due_at = math.inf
        self.directory: Path | None = None
        self.broker = Broker(
            Scheduler(limits_of(settings), AT_FIRST, settings.max_in_flight),
            hooks=self._hooks,
            on_end=self._ended,
            on_bug=self._broke,
        )
        self.last = LastAssessments(self.broker.heard)

    def open(
        self, store: RunStore, resumption: Resumption, principal: Mapping[str, str | None] | None = None
    ) -> None:
        """Begin in `store`, with the VMs that an earlier process listed."""
        self._store, self._resumption = store, resumption
        self._roll = Roll(store, resumption.story)
        self._recorder = Recorder(
            resumption.scan_id, store, self._clock, self._hooks, self._settings.group_by, self._on_row
        )
        self._selection = resumption.selection or selection_of(self._settings)
        who, began_at = None if principal is None else principal_facts(principal), resumption.started_at
        about = resumption.scan_id, self._started_with, self._roll.scope, self._selection
        self._description = RunDescription(*about, who, self._clock, began_at(self._clock))
        store.begin(resumption.scan_id, principal, self._selection, self._clock.epoch(self._clock.monotonic))
        self.directory = store.output.path
        self._hooks.recall(earlier_warnings(store))
        self._hooks.opened(self._description.opening(self.directory))
        self._unfinished = Unfinished(resumption.story)
        self.broker.note_in(store.journal, self._clock, self._unfinished)

    def list_more(self, targets: Sequence[Target]) -> None:
        """Note VMs of a listing that goes on, and write a row for each that needs no request."""
        is_first = not self._is_secure
        self._roll.add(targets)
        self._count()
        self._secure()
        if is_first:
            self._describe()
        self._end_skipped()

    def list_rest(self, fleet: Fleet) -> None:
        """Note the other VMs of the fleet, which is whole now; it holds none of them any longer."""
        self._roll.complete(fleet)
        self._count()
        self._secure()
        self._description = replace(self._description, scope=self._roll.scope)
        self._describe()
        self._end_skipped()
        self._hooks.counted(self._roll.size, len(self._roll.subscription_ids))
        self._hooks.selected(self._selection, not_scanned(self._roll.scope), len(self._roll.errors))

    def _describe(self) -> None:
        self._store.output.write_run(self._description.begun(self._hooks.told()))
        self._store.output.drop_totals()

    def _secure(self) -> None:
        """Have on the disk what is listed: a VM's row or start without it could not be resumed."""
        (self._store.journal.sync if self._is_secure else self._store.secure)()
        self._is_secure = True

    def _count(self) -> None:
        """Count the VMs that were listed last, and the rows that an earlier process wrote."""
        roll = self._roll
        self._unfinished.grow(roll.size)
        self._recorder.listed(roll.targets)
        self._skipped += sum(map(is_skipped, roll.targets))
        self._hooks.listed(roll.size, self._skipped)
        if not roll.first:
            self._recall()

    def _end_skipped(self) -> None:
        """A row for each VM that was listed last and needs no request."""
        self.has_begun = True
        if self._settings.wants_fresh:
            return
        for number, target in self._roll.numbered():
            if is_skipped(target) and number not in self._resumption.ended:
                self._recorder.record(number, target, Ending(Outcome.SKIPPED, Reason.NOT_RUNNING))

    def _recall(self) -> None:
        """Say what an earlier process left, and count its rows."""
        if self._resumption.warning is not None:
            self._hooks.warning(self._resumption.warning)
        if lost := self._store.rows_lost:
            rows = "1 row was" if lost == 1 else f"{lost:,} rows were"
            self._hooks.warning(f"{rows} lost when the run was last interrupted; the VMs go on")
        for number, row in self._resumption.ended.items():
            self._recorder.recall(self._roll.targets[number], row)

    def fresh_rows(self, now: float) -> FreshRows:
        """The VMs that no process has begun, to be looked up among earlier assessments."""
        targets, is_begun = self._roll.targets, self._resumption.is_begun
        unbegun = (number for number in range(len(targets)) if not is_begun(number))
        moment, unseen = self._clock.moment(now), self._roll.through_compute
        return FreshRows(self._settings, targets, unbegun, moment, self._end_early, unseen)

    def _end_early(self, number: int, target: Target, ending: Ending) -> None:
        self._early.add(number)
        self._skipped -= is_skipped(target) and ending.outcome is Outcome.ASSESSED
        self._recorder.record(number, target, ending)

    def unbegun_subscriptions(self) -> list[str]:
        """The subscriptions of the VMs that are still to be started."""
        return list(dict.fromkeys(target.subscription_id.lower() for target in self.unbegun()))

    def unbegun(self) -> Iterator[Target]:
        """The VMs that were listed last and are still to be started, before the first of them is."""
        for number, target in self._roll.numbered():
            is_open = not is_skipped(target) and number not in self._early
            if is_open and not self._resumption.is_begun(number):
                yield target

    def note_busy(self, notes: BusyNotes) -> None:
        """Say where running operations are not seen, which are too old to be believed, and whose are read."""
        notes.tell(self._hooks, self._roll.through_compute, self._settings.busy_max_age_s)

    @cached_property
    def _past(self) -> PastDurations:
        return past_durations(self._settings, self._hooks.warning)

    @cached_property
    def _rules(self) -> OperationRules:
        return replace(
            operation_rules(self._settings, self._chance, self._past),
            unknown_start_wait_s=self._settings.unknown_start_wait_s,
            busy_max_age_s=self._settings.busy_max_age_s,
        )

    def operations(self, busy: Busy = Busy()) -> Iterator[Operation]:  # noqa: B008 - a frozen value
        """An operation for each VM that may answer, except those with an installation, which come last.

        Of a listing that goes on, those that were listed since the last time. Holds none of them.
        """
        past, resumption = self._past, self._resumption
        if self._roll.is_whole:
            self._outlook_due_at = self._clock.monotonic
        for number, target in self._roll.take_out(longest_first(self._roll.targets, past)):
            if is_skipped(target) or number in resumption.ended or number in self._early:
                continue
            if target.key in busy.installing and not resumption.is_begun(number):
                self._put_off.append((number, target))
            elif target.key in busy.assessing and not resumption.is_begun(number):
                yield self._beside(number, target)
            else:
                operation = resumption.operation(number, target, self._rules, past.of(target), self._clock)
                if operation.is_accepted:
                    self._hooks.accepted()
                elif operation.expected_s is None and not target.is_arc and not resumption.is_begun(number):
                    self.last.want(operation)
                yield operation

    @property
    def has_running(self) -> bool:
        """Whether an earlier process started assessments that are still to be followed."""
        return self._resumption.has_running

    @property
    def has_busy(self) -> bool:
        """Whether VMs were put off because patches were being installed on them."""
        return bool(self._put_off)

    def late_operations(self, busy: Busy) -> Iterator[Operation]:
        """The VMs that were put off; those on which patches are still being installed are skipped."""
        put_off, self._put_off = self._put_off, []
        for number, target in put_off:
            if target.key in busy.installing:
                self._recorder.record(number, target, Ending(Outcome.SKIPPED, Reason.BUSY))
            elif target.key in busy.assessing:
                yield self._beside(number, target)
            else:
                yield self._resumption.operation(number, target, self._rules, None, self._clock)

    def _beside(self, number: int, target: Target) -> Operation:
        """Another client assesses the VM: what ends after the scan's begin is as good as ours."""
        return self._resumption.beside(number, target, self._rules, self._clock)

    def keep(self, now: float) -> None:
        """Write down the requests and warnings so far; they survive a power cut once the store is synced."""
        counted = RequestsCounted(self._clock.epoch(now), self.broker.counts.told())
        self._store.journal.write(counted)
        if self._hooks.has_news:
            self._describe()

    def look_ahead(self, now: float) -> Outlook | None:
        """Tell the hooks how much longer the scan takes, once the operations are made; None between times."""
        if now < self._outlook_due_at:
            return None
        self._outlook_due_at = now + OUTLOOK_EVERY_S
        outlook = self._rules.pacing.time_left.outlook(now, *self.broker.starts_to_come(now))
        self._hooks.outlook(outlook)
        return outlook

    def finish(self, now: float, stopped_by: FleetscanError | None) -> ScanSummary:
        """Totals, run.json and the exit code over whatever rows there are. Raises BrokenIdentityError."""
        store = self._store
        try:
            store.count_anew()
        except OutputError as error:
            stopped_by = stopped_by or error
        lines = self._recorder.totals(self._fleet_facts(now))
        running, endpoint, path = self._unfinished.running, self._settings.endpoint, store.output.path
        is_listed = self._roll.is_whole
        stopped_by = stopped_with(stopped_by, lines[0], running, path, endpoint, is_listed=is_listed)
        has_accepted = bool(self.broker.accepted or running) or self._resumption.has_accepted
        code = exit_code(lines[0], stopped_by, has_accepted=has_accepted)
        if self._are_failures_planned and code == SOME_FAILED and not lines[0]["inventory_errors"]:
            code = 0
        last_writes: tuple[Callable[[], None], ...] = (
            lambda: self.keep(now),
            store.output.close,
            lambda: store.output.write_totals(lines),
            lambda: store.output.write_run(
                self._description.ended(now, code, stopped_by, self._hooks.told())
            ),
        )
        for write in last_writes:
            # Each on its own: run.json says how the run ended even if the disk has no room for the rest.
            try:
                write()
            except OutputError as error:
                stopped_by, code = stopped_by or error, max(code, error.exit_code)
        if code in COMPLETE and path is not None:
            follow_latest(path, runs_of(self._settings), lines[0]["listed"], self._hooks)
        return ScanSummary(
            code,
            path,
            lines[0],
            stopped_by,
            skipped_on_file_word=0 if self._settings.inventory is None else self._skipped,
            running=running,
            not_started=lines[0]["outcomes"]["interrupted"] - running,
        )

    def _fleet_facts(self, now: float) -> FleetFacts:
        return FleetFacts(
            started_at=self._description.started_at,
            finished_at=self._clock.iso(now),
            duration_s=self._resumption.spent_s + now - self._clock.monotonic,
            requests=self.broker.counts.plus(self._resumption.requests),
            inventory_errors=self._roll.told_errors(),
            selection=self._selection,
            not_scanned=not_scanned(self._roll.scope),
            uniform_scale_set_vms=self._roll.scope["uniform_scale_set_vms"],
        )

    def _ended(self, job: Job) -> None:
        match job:
            case Operation(number=number, target=target, ending=ending):
                self.last.drop(job)
                self._recorder.record(number, target, ending)
                self._unfinished.ended(number)

    def _broke(self, job: Job, bug: Exception, now: float) -> None:
        """Our own code raised on a reply: the VM's row says so."""
        if not isinstance(job, Operation):
            raise bug
        self._recorder.record(job.number, job.target, self._bugs.ending(job, bug, now))
        self._unfinished.ended(job.number)
        self._bugs.refuse_many(bug)
