"""A whole scan as one function: lists the fleet, has every machine assessed, leaves the files behind.

It composes the rooms and decides nothing about Azure. What goes wrong once rows are being written ends the
scan early but never takes a row back: the totals are written over what there is.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio

from fleetscan.azure.tokens import TokenSource
from fleetscan.engine.agenda import Agenda
from fleetscan.engine.operation import Operation
from fleetscan.errors import BugError, FleetscanError, OutputError
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.selection import is_skipped
from fleetscan.model import AzureError, Ending, Errand, Json, Outcome, Reason
from fleetscan.results.fleet_facts import FleetFacts
from fleetscan.results.run_directory import Output, open_output, refuse_used
from fleetscan.results.times import WallClock
from fleetscan.scan.connection import connect
from fleetscan.scan.dispatcher import Dispatcher, Exchanger
from fleetscan.scan.fleet import read_fleet
from fleetscan.scan.recorder import Recorder
from fleetscan.scan.rules import limits_of, longest_first, operation_rules, past_durations
from fleetscan.scan.run_facts import COMPLETE, RunFacts, exit_code
from fleetscan.scan.watcher import Watcher
from fleetscan.settings import ScanSettings

# One odd reply ends one machine; this many say that it is our code that is odd.
MAX_BUGS = 10

log = logging.getLogger("fleetscan")


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan came to. `fleet` is the first line of totals.jsonl; `directory` is None with `--out -`.

    `stopped_by` says in a sentence why the scan ended early, and is None when it did not.
    """

    exit_code: int
    directory: Path | None
    fleet: dict[str, Json]
    stopped_by: str | None = None


async def scan(
    settings: ScanSettings,
    *,
    token: str | None = None,
    watcher: Watcher | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """Scan the fleet that `settings` select and write one run directory.

    `token` is a ready bearer token; without it azure-identity's credential chain is asked. `watcher` is told
    what happens. Setting `stop` ends the scan in good order: rows and totals are on disk when it returns,
    and what was under way is counted as interrupted.

    Raises a `FleetscanError` for what keeps a scan from beginning (its `exit_code` is the process's). Once
    the fleet is listed it raises only BrokenIdentityError: what else ends it early is told in the summary.
    """
    refuse_used(settings.out)
    async with connect(settings, token) as (wire, tokens):
        return await scan_over(wire, settings, tokens=tokens, watcher=watcher, stop=stop)


async def scan_over(
    wire: Exchanger,
    settings: ScanSettings,
    *,
    tokens: TokenSource | None = None,
    watcher: Watcher | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """`scan` over a wire that is open already; see there. `tokens` tell run.json who ran it."""
    run = _Run(wire, settings, watcher or Watcher(), stop or anyio.Event())
    return await run.go(tokens)


class _Run:
    """One run, from its listing to its summary. Used once."""

    def __init__(self, wire: Exchanger, settings: ScanSettings, watcher: Watcher, stop: anyio.Event) -> None:
        self._settings = settings
        self._watcher = watcher
        self._stop = stop
        self._scan_id = str(uuid.uuid4())
        self._clock = WallClock(datetime.now(UTC), time.monotonic())
        self._chance = random.Random().random  # noqa: S311 - jitter, not a secret
        self._bugs = 0
        self._dispatcher = Dispatcher(
            Agenda(limits_of(settings)),
            wire,
            max_in_flight=settings.max_in_flight,
            clock=time.monotonic,
            watcher=watcher,
            on_end=self._ended,
            on_bug=self._broke,
        )

    async def go(self, tokens: TokenSource | None) -> ScanSummary:
        """List, assess, sum up."""
        fleet = await read_fleet(
            self._settings,
            self._dispatcher,
            chance=self._chance,
            watcher=self._watcher,
            stop=self._stop,
        )
        output = open_output(self._settings.out, self._clock.utc, self._scan_id)
        with closing(output):
            self._recorder = Recorder(
                self._scan_id, output, self._clock, self._watcher, self._settings.group_by
            )
            facts = RunFacts(
                self._scan_id,
                self._settings,
                fleet.scope,
                tokens.principal() if tokens else None,
                self._clock,
            )
            output.write_run(facts.begun())
            stopped_by = await self._assess(fleet)
            return self._finish(fleet, output, facts, stopped_by)

    async def _assess(self, fleet: Fleet) -> FleetscanError | None:
        """Have every machine end; what stopped that, if anything did."""
        self._recorder.listed(fleet.targets)
        self._watcher.listed(len(fleet.targets), sum(map(is_skipped, fleet.targets)))
        self._watcher.phase("scanning")
        try:
            for target in filter(is_skipped, fleet.targets):
                self._recorder.record(target, Ending(Outcome.SKIPPED, Reason.NOT_RUNNING))
            await self._dispatcher.run(self._operations(fleet), self._stop)
        except FleetscanError as error:
            return error
        return None

    def _operations(self, fleet: Fleet) -> Iterator[Operation]:
        """An operation for each machine that may answer; the list is emptied, so that memory follows work."""
        past = past_durations(self._settings, self._watcher.warning)
        rules = operation_rules(self._settings, self._chance, past)
        targets = deque(longest_first(fleet.targets, past))
        fleet.targets.clear()
        while targets:
            target = targets.popleft()
            if not is_skipped(target):
                yield Operation(target, rules, past.of(target))

    def _ended(self, errand: Errand) -> None:
        match errand:
            case Operation(target=target, ending=ending):
                self._recorder.record(target, ending)

    def _broke(self, errand: Errand, bug: Exception) -> None:
        """Our own code raised on a reply: one row says so, and the log says where."""
        if not isinstance(errand, Operation):
            raise bug
        self._bugs += 1
        log.error("a reply for %s broke our own code", errand.target.resource_id, exc_info=bug)
        error = AzureError("InternalError", f"{type(bug).__name__}: {bug}", None, errand.stage)
        trace = errand.trace(time.monotonic())
        self._recorder.record(
            errand.target, Ending(Outcome.FAILED, Reason.INTERNAL_ERROR, None, error, trace)
        )
        if self._bugs >= MAX_BUGS:
            raise BugError(
                f"{self._bugs} replies broke fleetscan's own code; please report the log above"
            ) from bug

    def _finish(
        self, fleet: Fleet, output: Output, facts: RunFacts, stopped_by: FleetscanError | None
    ) -> ScanSummary:
        """Totals, run.json and the exit code over whatever rows there are. Raises BrokenIdentityError."""
        ended_at = time.monotonic()
        fleet_facts = FleetFacts(
            started_at=self._clock.iso(self._clock.monotonic),
            finished_at=self._clock.iso(ended_at),
            duration_s=ended_at - self._clock.monotonic,
            requests=self._dispatcher.counts,
            inventory_errors=fleet.errors,
        )
        lines = self._recorder.totals(fleet_facts)
        code = exit_code(lines[0], stopped_by, self._dispatcher.accepted)
        try:
            output.close()
            output.write_totals(lines)
            output.write_run(facts.ended(ended_at, code, stopped_by))
            if code in COMPLETE and (unswitched := output.switch_latest()):
                self._watcher.warning(unswitched)
        except OutputError as error:
            stopped_by = stopped_by or error
            code = max(code, error.exit_code)
        return ScanSummary(code, output.path, lines[0], None if stopped_by is None else str(stopped_by))
