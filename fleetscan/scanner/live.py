"""A scan as Python programs run it: a block that holds it, and its rows one by one as VMs end.

A block left early stops it cleanly, an exception cancels it at once, and either way the rows that were
written stay. It changes nothing of its host's: no signals, no streams.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from anyio.abc import TaskGroup

from fleetscan.azure.credentials import TokenSource
from fleetscan.errors import FleetscanError, Remedy, StoppedError, UsageError, mendable
from fleetscan.records.fleet_facts import RequestCounts
from fleetscan.records.row import Row
from fleetscan.runs.directory import path_of, refuse_used
from fleetscan.runs.zstd import loaded
from fleetscan.scanner.aftermath import check_standards, compressed, follow_up
from fleetscan.scanner.connection import connect
from fleetscan.scanner.dispatcher import Exchanger
from fleetscan.scanner.guarded_hooks import GuardedHooks
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.named_run import NamedRun, find_run
from fleetscan.scanner.row_buffer import RowBuffer
from fleetscan.scanner.run import Run
from fleetscan.scanner.summary import ScanSummary, conclusion
from fleetscan.settings.declared import Settings
from fleetscan.settings.place import is_elsewhere

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from fleetscan.judgement.standards import Standards

STREAM = "-"


class LiveScan:
    """A scan that runs while its block does. Iterate over it for the rows; `summary` is there at the end.

    A caller that holds a row for long holds the scan up: some hundred rows wait, and then requests do.
    """

    def __init__(
        self,
        settings: Settings,
        credential: str | AsyncTokenCredential | None,
        hooks: Hooks,
        *,
        are_failures_planned: bool = False,
        named: NamedRun | None = None,
    ) -> None:
        """`are_failures_planned` lets a scan whose VMs are meant to fail end with 0 instead of 3.

        `named` is the run that is resumed with `settings`, which come from it.
        """
        self._settings = settings
        self._named = named
        self._scan_run: Run | None = None
        self._credential = credential
        self._hooks = GuardedHooks(hooks, self._fail)
        self._are_failures_planned = are_failures_planned
        self._stop = anyio.Event()
        self._rows = RowBuffer()
        self._summary: ScanSummary | None = None
        self._standards: Standards | None = None
        self._error: Exception | None = None
        self._has_concluded = False
        self._has_left = False
        self._tasks: TaskGroup | None = None
        # Around the scan alone: to cancel it cancels nothing of the caller's.
        self._work = anyio.CancelScope()

    @property
    def summary(self) -> ScanSummary:
        """What the scan came to, once it has ended. Raises what ended it where there is no summary."""
        if self._error is not None:
            raise self._error
        if self._summary is None and self._work.cancel_called:
            raise RuntimeError("the scan was cancelled when an exception left its block: it has no summary")
        if self._summary is None:
            raise RuntimeError(
                "the scan has not ended yet: read its summary after the rows or after the block"
            )
        return self._summary

    @property
    def directory(self) -> Path | None:
        """Where the run is kept, from when it can be resumed on; None before, or if it is kept nowhere."""
        return None if self._scan_run is None else self._scan_run.directory

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._rows.is_closed

    @property
    def is_stopped(self) -> bool:
        """Whether it has ended and something ended it early: a stop, its deadline, or an error."""
        return self._error is not None or (self._summary is not None and self._summary.stopped_by is not None)

    async def ended(self) -> None:
        """Return once there is nothing more to wait for; rows may still be there to be read."""
        await self._rows.closed()

    def stop(self) -> None:
        """Stop the scan cleanly: start nothing more, and collect results for up to `drain_s`."""
        self._stop.set()

    async def finish(self) -> ScanSummary:
        """Run to the end without handing over rows, and return the summary.

        Raises what kept the scan from beginning; what ended it early, `summary.stopped_by` says.
        """
        self._check_entered()
        self._rows.drop()
        await self._rows.closed()
        return self.summary

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        """The next row. After the last one, raises what ended the scan, unless that was asked for."""
        self._check_entered()
        row = await self._rows.get()
        if row is not None:
            return row
        stopped_by = self._error or self.summary.stopped_by
        raise StopAsyncIteration if isinstance(stopped_by, StoppedError | None) else stopped_by

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError("a scan is used once: make another with fleetscan.scan(...)")
        try:
            self._check()
            self._standards = check_standards(self._settings)
        except FleetscanError as error:
            self._conclude(error)
            raise
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run)
        return self

    def _check(self) -> None:
        """Raise the UsageError about settings that this scan cannot have."""
        check(self._settings)

    def _check_entered(self) -> None:
        if self._tasks is None:
            raise RuntimeError("the scan has not begun: use it as `async with fleetscan.scan(...) as live:`")

    def _fail(self, error: Exception) -> None:
        """A hook raised: the scan ends, and the caller hears of it as of any exception in its block."""
        self._error = error
        self._work.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._tasks is not None
        self._has_left = not self._rows.is_closed
        self._rows.drop()
        if error is None:
            self._stop.set()
        else:
            self._work.cancel()
        # The caller's own exception goes on by itself, in no group of ours.
        await self._tasks.__aexit__(None, None, None)
        if error is None and self._error is not None and not self._is_told():
            raise self._error

    def _is_told(self) -> bool:
        """Whether the caller knows of the error: it asked for the stop, and `summary` says the rest."""
        return self._has_left and isinstance(self._error, StoppedError)

    async def _run(self) -> None:
        try:
            with self._work:
                self._summary = await self._scan()
        except Exception as error:  # noqa: BLE001 - raised again where the caller waits
            self._error = self._error or mendable(error)
        finally:
            self._conclude(self._error)
            self._rows.close()

    def conclude(self, exit_code: int) -> None:
        """Tell the hooks, and the metrics file, of an end with `exit_code` that leaves it no time to."""
        self._conclude(None, exit_code)

    def _conclude(self, error: Exception | None, exit_code: int | None = None) -> None:
        """The last call of the hooks, once."""
        if self._has_concluded:
            return
        self._has_concluded = True
        requests = RequestCounts() if self._scan_run is None else self._scan_run.requests
        told = conclusion(self._summary, error, self.directory, requests, exit_code)
        if self._settings.metrics_file is not None:
            from fleetscan.scanner.metrics import keep_metrics

            keep_metrics(self._settings.metrics_file, told, self._hooks)
        self._hooks.concluded(told)

    def _warn(self, sentence: str) -> None:
        """Tell, and have run.json keep it once there is a run."""
        (self._hooks if self._scan_run is None else self._scan_run.hooks).warning(sentence)

    async def _scan(self) -> ScanSummary:
        if not is_elsewhere(self._settings.out, self._settings.runs):
            summary = await self._scan_with(self._hooks)
            return summary if self._settings.compress is None else await compressed(summary, self._hooks)
        from fleetscan.scanner.keeping import Keeper

        keeper = Keeper(self._settings, self._stop, self._hooks, self._fail)
        return await keeper.around(self._scan_with)

    async def _scan_with(self, hooks: Hooks) -> ScanSummary:
        async with connect(self._settings, self._credential, self._warn) as (transport, tokens):
            self._scan_run = Run(
                transport,
                self._settings,
                hooks,
                self._stop,
                self._rows,
                are_failures_planned=self._are_failures_planned,
                started_with=None if self._named is None else self._named.started_with,
            )
            for warning in [] if self._named is None else self._named.warnings:
                self._scan_run.hooks.warning(warning)
            summary = await self._scan_run.go(tokens)
        return await follow_up(summary, self._settings, self._standards, self._hooks)


def scan(
    settings: Settings | None = None,
    *,
    credential: str | AsyncTokenCredential | None = None,
    hooks: Hooks | None = None,
) -> LiveScan:
    """Scan the fleet that `settings` select, as a block that yields a row for each VM as it ends.

    ```python
    async with fleetscan.scan(fleetscan.Settings(limit=5)) as live:
        async for row in live:
            print(row["name"], row["critical_and_security_count"])
    print(live.summary.exit_code, live.summary.totals["coverage_pct"])
    ```

    `credential` is a bearer token, an async credential of azure-identity's kind, which is borrowed and not
    closed, or None: then the one that `settings.auth` names, as on the command line.
    `hooks` hear what happens. With `Settings.out` or `runs` the run is kept on disk, and can be resumed.

    Leaving the block early stops the scan cleanly: started assessments are waited for as long as
    `drain_s`. An exception in the block cancels it within a second. Both keep the rows that were written.
    What keeps the scan from beginning is raised as a `FleetscanError`; what ends it early is raised after the
    last row and is `summary.stopped_by`, and a stop that was asked for raises nothing.
    """
    return LiveScan(settings or Settings(), credential, hooks or Hooks())


def resume(
    run: str | os.PathLike[str] | None = None,
    *,
    endpoint: str | None = None,
    credential: str | AsyncTokenCredential | None = None,
    hooks: Hooks | None = None,
    **how: object,
) -> LiveScan:
    """Go on with an unfinished run, with the settings that it was started with; used as `scan` is.

    ```python
    async with fleetscan.resume("fleetscan-runs/20261123T020000Z-5c1f2a90", drain_s=60) as live:
        summary = await live.finish()
    ```

    `run` is a directory, or how a run's name or id under `runs` begins; None is the newest unfinished run
    under `runs` that began within `resume_within_s`. `how` are fields of `Settings` that say how to scan
    (`drain_s`, `runs`, ...); those that select VMs are the run's own. `endpoint` has to be said again where
    it is neither a cloud of Azure's nor loopback. A finished run stays as it is.

    Raises a UsageError at once where there is no such run, or it cannot be resumed so; then as `scan` does.
    """
    runs = how.get("runs")
    within_s = how.get("resume_within_s", Settings().resume_within_s)
    told = Settings(runs=runs, resume_within_s=within_s)  # type: ignore[arg-type]
    name = None if run is None else os.fspath(run)
    named = find_run(name, told.runs, told.resume_within_s, datetime.now(UTC))
    return LiveScan(named.settings(endpoint, how), credential, hooks or Hooks(), named=named)


async def scan_over(
    transport: Exchanger,
    settings: Settings,
    *,
    tokens: TokenSource | None = None,
    hooks: Hooks | None = None,
    stop: anyio.Event | None = None,
    started_with: Settings | None = None,
) -> ScanSummary:
    """A whole scan over a transport that is open already. `tokens` tell run.json who ran it."""
    rows = RowBuffer.dropping()
    run = Run(transport, settings, hooks or Hooks(), stop or anyio.Event(), rows, started_with=started_with)
    return await run.go(tokens)


def check(settings: Settings) -> None:
    """Raise the UsageError about settings that no scan can have, before anything is asked of Azure."""
    settings.check_together()
    if settings.engine != "process":
        raise UsageError("a scan on a cluster is begun with fleetscan.scan_on_dask")
    if settings.compress is not None:
        loaded()
    if settings.out == STREAM:
        remedy = Remedy("leave {out} away and iterate over the scan", {"out": None})
        raise UsageError("a scan in Python writes no rows to standard output", remedy)
    if settings.out is not None and not settings.resume:
        refuse_used(path_of(settings.out))
