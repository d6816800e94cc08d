"""A run that is kept in object storage: who holds it, what is there of it, and its upload beside the scan.

The scan itself works on a private directory, as on any other; here it gets that directory, and the run's
place gets what is in it.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.lowlevel

from fleetscan import places
from fleetscan.errors import (
    CannotWriteError,
    FleetscanError,
    OutputError,
    Remedy,
    ResumeCommand,
    RunExistsError,
    UsageError,
)
from fleetscan.places import Address
from fleetscan.records.run import COMPLETE
from fleetscan.remote import fetching
from fleetscan.remote.lease import HOLD_S, Lease
from fleetscan.remote.parts import LATEST, LEASE, Sizes
from fleetscan.remote.pointing import follow
from fleetscan.remote.publisher import Publisher
from fleetscan.remote.storage import Storage, StorageError
from fleetscan.runs.behind import note_behind
from fleetscan.runs.disk import reason
from fleetscan.runs.found import runs_in
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.blocking import in_thread
from fleetscan.scanner.guarded_hooks import GuardedHooks
from fleetscan.scanner.hooks import Hooks, Opening
from fleetscan.scanner.summary import ScanSummary, tell_latest
from fleetscan.scanner.which_run import choose
from fleetscan.settings.declared import Settings

# What a scan that was told to stop may take to upload its end.
STOPPED_WITHIN_S = 6.0


class OpeningHooks(GuardedHooks):
    """Hands everything on; when the run is open, `on_open` comes after, and what it raises ends the scan."""

    def __init__(
        self, hooks: Hooks, fail: Callable[[Exception], None], on_open: Callable[[Opening], None]
    ) -> None:
        super().__init__(hooks, fail)
        self._fail_scan, self._on_open = fail, on_open

    def opened(self, opening: Opening) -> None:
        super().opened(opening)
        try:
            self._on_open(opening)
        except Exception as error:  # noqa: BLE001 - raised again where the caller waits
            self._fail_scan(error)


class Keeper:
    """One scan's run in object storage. Used once, `around` the scan."""

    def __init__(
        self, settings: Settings, stop: anyio.Event, hooks: Hooks, fail: Callable[[Exception], None]
    ) -> None:
        """`stop` stops the scan cleanly; `fail` ends it at once."""
        self._settings = settings
        self._stop = stop
        self._hooks = hooks
        self._fail = fail
        self._leave = threading.Event()
        self._loop = anyio.lowlevel.current_token()
        self._storage: Storage | None = None
        self._lease: Lease | None = None
        self._sizes = Sizes()
        self._publisher: Publisher | None = None

    async def around(self, scan: Callable[[Hooks], Awaitable[ScanSummary]]) -> ScanSummary:
        """The summary of `scan`, which is called with the hooks that it tells; its run goes up meanwhile.

        Raises what `scan` raises, and what `_take_ours` does before that.
        """
        summary: ScanSummary | None = None
        try:
            await self._take_ours()
            summary = await scan(OpeningHooks(self._hooks, self._fail, self._opened))
        finally:
            summary = await self._end(summary)
        assert summary is not None, "a scan that raised has no summary"
        return summary

    async def _take_ours(self) -> None:
        """Have the run that is meant where the scan looks for it, ours alone; for a new one nothing but that.

        Raises StorageError where the place cannot be used, RunExistsError, LockedError, CannotReadRunError,
        and StoppedError.
        """
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(self._leave_when_stopped)
            try:
                await in_thread(self._take)
            finally:
                waiting.cancel_scope.cancel()

    async def _leave_when_stopped(self) -> None:
        await self._stop.wait()
        self._leave.set()

    def _take(self) -> None:
        if self._settings.out is not None:
            place = fetching.address_of(self._settings.out)
            self._take_run(place, fetching.run_directory(place), is_resumed=self._settings.resume)
            return
        runs = fetching.address_of(str(self._settings.runs))
        if not self._settings.resume:
            Storage.open(runs).read(LATEST)
            if places.directory_of(runs) is None:
                fetching.new_directory(runs)
            return
        # The scan chooses among the same runs by the same rules, and finds the chosen one whole.
        selection = selection_of(self._settings)
        found = runs_in(fetching.listed(runs, is_anew=True))
        same = [run for run in found.runs if run.is_of(selection, None)]
        run = choose(same, datetime.now(UTC), self._settings.resume_within_s).run
        if run is not None:
            self._take_run(runs.below(run.path.name), run.path, is_resumed=True)

    def _take_run(self, place: Address, directory: Path, *, is_resumed: bool) -> None:
        if place.name == LATEST and place.path:
            why = f"{place} names what leads to the last complete run, and is no place of a run"
            raise UsageError(why, Remedy("name another with {out}", {"out": None}))
        storage = Storage.open(place)
        is_there = any(each.name != LEASE for each in storage.listed())
        if is_there and not is_resumed:
            raise RunExistsError(str(place), ResumeCommand(str(place)))
        self._storage = storage
        self._lease = Lease.take(storage, self._note, self._leave)
        if not is_there:
            return
        try:
            self._sizes = fetching.fetch_anew(storage, directory)
            if not self._lease.was_released:
                note_behind(directory)
        except OSError as error:
            raise CannotWriteError(str(directory), reason(error)) from error

    def _opened(self, opening: Opening) -> None:
        """The run is open and nothing is started yet: what there is of it goes up first."""
        if opening.directory is None:
            return
        place = places.place_of(str(opening.directory))
        assert place is not None, "a run outside of the place that was asked for"
        self._storage = self._storage or Storage.open(place)
        self._lease = self._lease or Lease.take(self._storage)
        publisher = Publisher(
            self._storage,
            opening.directory,
            self._lease,
            self._sizes,
            is_packed=self._settings.compress is not None,
            on_lost=partial(self._soon, self._fail),
            on_late=partial(self._soon, self._stop_late),
        )
        publisher.begin()
        self._publisher = publisher

    def _soon(self, call: Callable[[Exception], None], error: FleetscanError) -> None:
        """Call in the event loop's thread, unless that has ended."""
        with suppress(RuntimeError):
            anyio.from_thread.run_sync(call, error, token=self._loop)

    def _note(self, sentence: str) -> None:
        with suppress(RuntimeError):
            anyio.from_thread.run_sync(self._hooks.note, sentence, token=self._loop)

    def _stop_late(self, error: Exception) -> None:
        why = error.why if isinstance(error, StorageError) else error
        self._hooks.warning(
            f"{self._place} could not be written for {HOLD_S:.0f} s ({why}): nothing more is started, "
            "because another process may take the run now"
        )
        self._stop.set()

    @property
    def _place(self) -> object:
        return None if self._storage is None else self._storage.place

    async def _end(self, summary: ScanSummary | None) -> ScanSummary | None:
        """Upload the rest and let the run go; `summary` is how the scan ended, None where it broke.

        Where the rest cannot be uploaded, that is how it ended.
        """
        code = None if summary is None else summary.exit_code
        within_s = STOPPED_WITHIN_S if self._stop.is_set() else HOLD_S
        try:
            await in_thread(partial(self._let_go, code, within_s))
        except OutputError as error:
            if summary is None and self._publisher is not None and self._publisher.is_lost:
                return None
            if summary is None:
                self._hooks.warning(error.what, error.remedy)
                return None
            code = max(summary.exit_code, error.exit_code)
            return replace(summary, exit_code=code, stopped_by=summary.stopped_by or error)
        if summary is not None and summary.exit_code in COMPLETE and self._publisher is not None:
            await self._follow_latest(summary)
        return summary

    async def _follow_latest(self, summary: ScanSummary) -> None:
        directory, runs = summary.directory, self._settings.runs
        if directory is None or not places.is_url(runs):
            return
        listed, around = summary.totals["listed"], fetching.address_of(str(runs))
        tell_latest(await in_thread(lambda: follow(directory, around, listed)), self._hooks)

    def _let_go(self, code: int | None, within_s: float) -> None:
        if self._publisher is not None:
            self._publisher.end(code, within_s)
        elif self._lease is not None:
            # Nothing was done: a run that was there is left as it was, and one that was not has no name.
            if self._sizes == Sizes():
                self._lease.drop()
            else:
                with suppress(FleetscanError):
                    self._lease.renew(self._sizes, is_last=self._lease.was_released)
