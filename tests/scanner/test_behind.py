"""A journal that is behind what was done, as that of a lost host: each VM is read before it is started."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from fleetscan.remote.lease import LEASE_S
from fleetscan.runs.behind import note_behind
from fleetscan.runs.journal import read_journal
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator import Cloud
from tests.scanner.test_whole_scans import StopAfter, Transport, cloud_of
from tests.scanner.test_whole_scans import settings_for as quick_settings
from tests.strict_reader import read_run
from tests.virtual_scan import in_virtual_time


def settings_for(out: Path, **more: object) -> Settings:
    """Settings for assessments of minutes."""
    return quick_settings(out, first_poll_s=30.0, poll_interval_s=10.0, **more)


async def lost_host(out: Path, cloud: Cloud, starts_told: int) -> None:
    """A run of 60 machines that was stopped, whose files are as they were after so many starts."""
    hooks = StopAfter(rows=10)
    await scan_over(Transport(cloud), settings_for(out, drain_s=0.0), hooks=hooks, stop=hooks.stop)
    lines = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith(b'{"event":"starting"')]
    assert len(starts) > starts_told
    told = lines[: starts[starts_told]]
    ends = [json.loads(line)["row_ends_at"] for line in told if line.startswith(b'{"event":"ended"')]
    (out / "journal.jsonl").write_bytes(b"".join(told))
    rows = (out / "results.jsonl").read_bytes()
    (out / "results.jsonl").write_bytes(rows[: max(ends, default=0)])
    (out / "totals.jsonl").unlink()
    # Nobody else takes the run before its lease is over.
    await anyio.sleep(LEASE_S)


@pytest.mark.parametrize("starts_told", [0, 1, 7, 20])
@in_virtual_time
async def test_what_was_started_and_is_not_told_of_is_followed_and_never_started_again(
    tmp_path: Path, starts_told: int
) -> None:
    cloud, out = cloud_of(machines=60, speed=1.0, stopped_pct=0.0, long_pct=0.0), tmp_path / "run"
    await lost_host(out, cloud, starts_told)
    note_behind(out)
    started = cloud.ledger.accepted.total()
    summary = await scan_over(Transport(cloud), settings_for(out, resume=True))
    run = read_run(out)
    assert (summary.exit_code, len(run.rows), run.fleet["outcomes"]["interrupted"]) == (0, 60, 0)
    assert started > starts_told
    assert max(cloud.ledger.accepted.values()) == 1
    assert not cloud.ledger.superseded


@in_virtual_time
async def test_without_the_note_such_a_run_would_start_them_again(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=60, speed=1.0, stopped_pct=0.0, long_pct=0.0), tmp_path / "run"
    await lost_host(out, cloud, 7)
    await scan_over(Transport(cloud), settings_for(out, resume=True, ignore_busy=True))
    assert max(cloud.ledger.accepted.values()) == 2


@in_virtual_time
async def test_a_later_process_that_goes_on_after_a_stop_still_knows(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=60, speed=1.0, stopped_pct=0.0, long_pct=0.0), tmp_path / "run"
    await lost_host(out, cloud, 0)
    note_behind(out)
    hooks = StopAfter(rows=1)
    settings = settings_for(out, resume=True, drain_s=0.0, max_in_flight=2)
    await scan_over(Transport(cloud), settings, hooks=hooks, stop=hooks.stop)
    await scan_over(Transport(cloud), settings_for(out, resume=True))
    assert max(cloud.ledger.accepted.values()) == 1
    story = read_journal(out / "journal.jsonl")
    assert story is not None
    assert story.is_behind


@in_virtual_time
async def test_a_vm_that_was_not_started_is_started_without_a_wait(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=60, speed=1000.0, stopped_pct=0.0, long_pct=0.0), tmp_path / "run"
    await lost_host(out, cloud, 0)
    note_behind(out)
    fresh = cloud_of(machines=60, speed=1000.0, stopped_pct=0.0)
    summary = await scan_over(Transport(fresh), settings_for(out, resume=True))
    assert summary.exit_code == 0
    assert fresh.ledger.accepted.total() == 60 - summary.totals["outcomes"]["skipped"]
    # A start that may have arrived has a minute to show.
    assert summary.totals["duration_s"] < 60.0
