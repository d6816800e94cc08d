"""A scan on a Dask cluster as a program runs it: a block, as that of other scans, but without rows.

Its shards are scanned by the cluster's workers into `shards/` of its directory, and merged there at the end.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fleetscan.cluster.address import refuse_open
from fleetscan.cluster.driver import Drive, ShardEnd, connected
from fleetscan.cluster.fleet import Fleet
from fleetscan.cluster.order import Order, sent_of
from fleetscan.cluster.patience import Patience
from fleetscan.cluster.place import Place, driven, forget, make_place, place_in, refuse_begun
from fleetscan.cluster.resumable import refuse_other
from fleetscan.cluster.whole import merge_shards
from fleetscan.errors import BugError, CannotScanError, FleetscanError, Remedy, StoppedError, UsageError
from fleetscan.places import is_url
from fleetscan.records.row import Row
from fleetscan.records.run import COMPLETE
from fleetscan.runs.directory import RUN, new_name, path_of
from fleetscan.runs.found import found_run
from fleetscan.runs.reader import open_run
from fleetscan.scanner.aftermath import follow_up
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.blocking import in_thread
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import STREAM, LiveScan
from fleetscan.scanner.summary import ScanSummary, follow_latest
from fleetscan.scanner.which_run import nothing_to_do
from fleetscan.settings.declared import Settings
from fleetscan.settings.place import is_elsewhere
from fleetscan.version import __version__

# Beyond an assessment's own time: a journal that has not grown for so long is of a process that hangs.
PATIENCE_S = 600.0
BY_VM = "vm"
# By the contract's order of exit codes.
WORST_FIRST = (BugError, StoppedError, CannotScanError, UsageError)
# What a scan in this process can be asked for, and one on a cluster not, each with the reason.
REFUSED = {
    "limit": "which VMs are the first is not known to shards",
    "shard": "the cluster's shards are the whole scan",
    "retry_failed": "a retry is a small scan",
    "compress": "shards are merged as plain rows",
}


class ClusterScan(LiveScan):
    """See `scan_on_dask`."""

    def __init__(self, settings: Settings, hooks: Hooks) -> None:
        super().__init__(settings, None, hooks)
        self._place: Place | None = None

    @property
    def directory(self) -> Path | None:
        """Where the run is kept, from when it can be resumed on."""
        return None if self._place is None else self._place.path

    async def __anext__(self) -> Row:
        raise UsageError("a scan on a cluster hands over no rows: await finish() and read its run")

    def _check(self) -> None:
        check(self._settings)

    async def _scan(self) -> ScanSummary:
        settings = self._settings
        summary = self._finished() or await self._driven()
        return await follow_up(summary, settings, self._standards, self._hooks)

    def _finished(self) -> ScanSummary | None:
        """The summary of a scan that is complete already."""
        if not self._settings.resume or self._settings.out is None:
            return None
        path = _whole(self._settings.out)
        if (place := place_in(path)) is None:
            return None
        refuse_other(place, _told(self._settings), datetime.now(UTC))
        if not (path / RUN).exists():
            return None
        run = open_run(path)
        code = run.facts["exit_code"]
        if not run.is_complete or code is None:
            return None
        self._place = place
        self._hooks.note(nothing_to_do(path, found_run(path)))
        return ScanSummary(code, path, run.totals())

    async def _driven(self) -> ScanSummary:
        settings, scan = self._settings, uuid.uuid4().hex
        patience = Patience(self._stop, settings.deadline_s)
        assert settings.scheduler is not None, "it was checked"
        async with connected(settings.scheduler, patience.until) as cluster:
            of = settings.shards
            if of is None:
                of = await patience.until(cluster.some_workers)
            with driven(self._path(scan)) as path:
                self._place = place = self._placed(path, scan[:8], of)
                is_by_vm = settings.shard_by == BY_VM
                asked = selection_of(settings)
                fleet = Fleet(self._hooks, place.of, asked, time.monotonic, is_by_vm=is_by_vm)
                drive = Drive(cluster, place, _orders(settings, place), fleet, self._hooks)
                ends = await drive.run(self._stop, patience.left_s, settings.drain_s)
                return await self._summed_up(place, ends)

    def _path(self, scan: str) -> Path:
        """The scan's directory, which may be there."""
        settings = self._settings
        if settings.out is None:
            assert settings.runs is not None, "it was checked"
            return _whole(settings.runs) / new_name(datetime.now(UTC), scan)
        path = _whole(settings.out)
        if not settings.resume or place_in(path) is None:
            refuse_begun(path)
        return path

    def _placed(self, path: Path, scan: str, of: int) -> Place:
        """What is resumed in the directory, which no other driver has now, or a new scan there."""
        shards = self._settings.shards
        if not self._settings.resume or (place := place_in(path)) is None:
            refuse_begun(path)
            return make_place(path, scan, of)
        if shards not in (None, place.of):
            why = f"the scan in {path} has {place.of} shards, and {shards} were asked for"
            raise UsageError(why, Remedy("leave {shards} away", {"shards": None}))
        return place

    async def _summed_up(self, place: Place, ends: Sequence[ShardEnd]) -> ScanSummary:
        """What the scan has come to: the merged run of what its shards have."""
        merged = await in_thread(lambda: merge_shards(place))
        if merged is None:
            self._place = None
            forget(place, is_ours=self._settings.out is None)
            raise error_of(ends, place)
        for end in ends:
            if end.told is not None:
                self._hooks.warning(f"shard {end.number} of {place.of}: {end.sentence}", end.told.remedy)
        code, totals = merged.facts["exit_code"] or 0, merged.totals
        if code in COMPLETE:
            runs = None if self._settings.runs is None else _whole(self._settings.runs)
            follow_latest(place.path, runs, totals["listed"], self._hooks)
            return ScanSummary(code, place.path, totals)
        again = _again(place)
        stopped: FleetscanError = StoppedError("the scan is not whole", again, tuple(merged.lacking))
        if any(end.code == BugError.exit_code for end in ends):
            stopped = BugError("a shard failed", again, tuple(merged.lacking))
        left = totals["outcomes"]["interrupted"]
        return ScanSummary(stopped.exit_code, place.path, totals, stopped_by=stopped, not_started=left)


def scan_on_dask(settings: Settings, *, hooks: Hooks | None = None) -> ClusterScan:
    """Scan the fleet that `settings` select on the Dask cluster of `settings.scheduler`.

    ```python
    settings = fleetscan.Settings(engine="dask", scheduler="tls://dask.example:8786", out="/shared/run")
    async with fleetscan.scan_on_dask(settings) as live:
        summary = await live.finish()
    ```

    The workers sign in by themselves; the directory has to be on storage that all of them share. A block that
    is left early stops the scan cleanly, as that of `scan` does.
    """
    return ClusterScan(settings, hooks or Hooks())


def check(settings: Settings) -> None:
    """Raise the UsageError about settings that no scan on a cluster can have."""
    settings.check_together()
    for name, why in REFUSED.items():
        if getattr(settings, name, None) is not None:
            what = f"{name.replace('_', '-')} is not for a scan on a cluster: {why}"
            raise UsageError(what, Remedy(f"leave {{{name}}} away, or scan in one process", {name: None}))
    if settings.scheduler is None:
        raise UsageError("no scheduler was named", Remedy("give {scheduler}", {"scheduler": None}))
    refuse_open(settings.scheduler)
    if settings.inventory == "-":
        file = Remedy("write it to a file that all hosts share", {})
        raise UsageError("workers cannot read this process's standard input", file)
    if settings.out == STREAM or (settings.out is None and settings.runs is None):
        where = Remedy("name a directory that all hosts share with {out}", {"out": None})
        raise UsageError("a scan on a cluster is kept in a directory", where)
    if is_elsewhere(settings.out, settings.runs):
        shared = Remedy("name a directory that all hosts share with {out}", {"out": None})
        raise UsageError("a scan on a cluster is kept in a directory, and not in object storage", shared)
    if settings.resume and settings.out is None:
        raise UsageError(
            "a scan on a cluster is resumed in its directory", Remedy("name it with {out}", {"out": None})
        )
    if settings.out is not None and not settings.resume:
        refuse_begun(path_of(settings.out))


def error_of(ends: Sequence[ShardEnd], place: Place) -> FleetscanError:
    """The error of a scan of which no shard has begun: that of the shard with the worst exit code."""
    for kind in WORST_FIRST:
        for end in ends:
            if end.told is not None and end.code == kind.exit_code:
                own = _again(place) if kind is StoppedError else None
                return kind(end.sentence, end.told.remedy or own)
    return StoppedError("the scan was stopped before a shard was begun", _again(place))


def _again(place: Place) -> Remedy:
    return Remedy("run the same command with {resume} {out}", {"resume": True, "out": str(place.path)})


def _told(settings: Settings) -> Settings:
    """The settings as every host reads them."""
    return replace(
        settings,
        inventory=_everywhere(settings.inventory),
        last_run=_everywhere(settings.last_run),
    )


def _orders(settings: Settings, place: Place) -> list[Order]:
    """What each shard is told."""
    patience_s, sent = settings.operation_timeout_s + PATIENCE_S, sent_of(_told(settings))
    return [
        Order(place.scan, number, place.of, str(path), __version__, patience_s, sent)
        for number, path in enumerate(place.shards(), start=1)
    ]


def _everywhere(name: str | None) -> str | None:
    """What names the same input on every host."""
    return name if name is None or is_url(name) else str(_whole(name))


def _whole(path: str) -> Path:
    """A path that means the same on every host."""
    return Path(os.path.abspath(path_of(path)))
