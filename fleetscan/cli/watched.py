"""A scan with output for people: live progress while it runs, the summary when it has finished.

Loads everything that a scan needs, so it is imported only when a scan begins. It has what only the command
line has and not the library: the default directory, and rows on standard output.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import anyio

from fleetscan.cli.leading import attendant
from fleetscan.cli.log_lines import current
from fleetscan.cli.options import RUNS
from fleetscan.cli.progress import Teller, progress
from fleetscan.cli.row_stream import refuse_closed, stream_rows
from fleetscan.scanner.beside_hooks import BesideHooks
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.named_run import NamedRun
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

STREAM = "-"


async def watched_scan(
    settings: Settings,
    stop: anyio.Event,
    credential: str | None = None,
    *,
    named: NamedRun | None = None,
    is_demo: bool = False,
) -> ScanSummary:
    """Scans, with progress and summary on stderr. Raises what `fleetscan.scan` raises.

    `named` is the run that is resumed. A demo's VMs fail as planned, and its Azure ends with it, so that no
    later process can resume it.
    """
    # A demo names its directory, wherever that is: no `latest` leads there.
    settings = replace(settings, runs=None if is_demo else settings.runs or RUNS)
    settings.check_together()
    is_streamed = settings.out == STREAM
    if is_streamed:
        refuse_closed()
        settings = replace(settings, out=None, runs=None)
    with _telemetry(settings) as beside, _teller(settings) as hooks:
        told = hooks if beside is None else BesideHooks(hooks, beside)
        live = _live(settings, credential, told, named, is_demo=is_demo)
        is_kept, is_on_cluster = not is_streamed and not is_demo, settings.engine != "process"
        attendant().farewell.watch(live, settings.endpoint, is_kept=is_kept, is_on_cluster=is_on_cluster)
        attendant().at_end.insert(0, live.conclude)
        summary = await _run(live, stop, is_streamed=is_streamed)
    # What only the end of a scan needs is loaded then.
    from fleetscan.cli.scan_end import tell_end

    tell_end(summary, hooks, settings, is_resumable=not is_demo)
    return summary


def _live(
    settings: Settings, credential: str | None, hooks: Hooks, named: NamedRun | None, *, is_demo: bool
) -> LiveScan:
    """The scan, in this process or on a cluster."""
    if settings.engine == "process":
        return LiveScan(settings, credential, hooks, are_failures_planned=is_demo, named=named)
    from fleetscan.cluster.hiding import hush_dask
    from fleetscan.cluster.live import scan_on_dask

    hush_dask()
    return scan_on_dask(settings, hooks=hooks)


def _teller(settings: Settings) -> AbstractContextManager[Teller]:
    """What tells people of the scan: on a terminal, or in a log."""
    every_s = settings.stats_interval_s
    if (log := current()) is None:
        return progress(settings.quiet, verbose=settings.verbose, every_s=every_s)
    from fleetscan.cli.night import night

    log.follow(settings.log_format, is_verbose=settings.verbose)
    return night(log, quiet=settings.quiet, verbose=settings.verbose, every_s=every_s)


@contextmanager
def _telemetry(settings: Settings) -> Iterator[Hooks | None]:
    """What OpenTelemetry is told by, where it is asked for; it has sent all once the block is left."""
    if not settings.otel:
        yield None
        return
    from fleetscan.otel import sending

    with sending(os.environ) as hooks:
        yield hooks


async def _run(live: LiveScan, stop: anyio.Event, *, is_streamed: bool) -> ScanSummary:
    async with live, anyio.create_task_group() as beside:
        beside.start_soon(_stop_when, stop, live)
        if is_streamed:
            await stream_rows(live, stop)
            summary = live.summary
        else:
            summary = await live.finish()
        beside.cancel_scope.cancel()
    return summary


async def _stop_when(stop: anyio.Event, live: LiveScan) -> None:
    await stop.wait()
    live.stop()
