"""No network: a scan whose requests are never answered ends with 4, at once, whatever its VMs come from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscan.errors import CannotScanError, StoppedError
from fleetscan.model import Fault, Reply, Request
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from tests.scanner.test_whole_scans import StopAfter, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import read_run
from tests.virtual_scan import in_virtual_time

UNREACHED = "https://management.azure.com cannot be reached: no request was answered (no connection to it)"


def broken(fault: Fault) -> Reply:
    return Reply(0, fault=fault, detail="no connection to it")


def deaf(fault: Fault = Fault.NOT_SENT) -> Transport:
    """No request is answered."""
    return Transport(cloud_of(), lambda *_: broken(fault))


async def earlier(path: Path, machines: int = 40) -> Settings:
    """A run, some of whose VMs failed."""
    cloud = cloud_of(machines=machines, failing_pct=60.0, stopped_pct=0.0)
    await run_of(Transport(cloud), settings_for(path))
    return settings_for(path.with_name("again"))


def by_retry(first: Path, settings: Settings) -> Settings:
    return replace(settings, retry_failed=str(first))


def by_inventory(first: Path, settings: Settings) -> Settings:
    return replace(settings, inventory=str(first))


def by_one_vm(first: Path, settings: Settings) -> Settings:
    return replace(settings, inventory=str(first), limit=1)


async def timed(wire: Transport, settings: Settings) -> tuple[ScanSummary, float]:
    """A scan, and how long it took."""
    began = time.monotonic()
    return await scan_over(wire, settings), time.monotonic() - began


@pytest.mark.parametrize("ignore_busy", [False, True])
@pytest.mark.parametrize("way", [by_retry, by_inventory, by_one_vm])
@in_virtual_time
async def test_a_scan_whose_requests_are_never_answered_ends_with_4_within_seconds(
    tmp_path: Path, way: Callable[[Path, Settings], Settings], ignore_busy: bool
) -> None:
    again = await earlier(tmp_path / "first")
    settings = replace(way(tmp_path / "first", again), ignore_busy=ignore_busy)
    summary, took_s = await timed(deaf(), settings)
    assert (summary.exit_code, took_s < 8.0) == (4, True)
    assert isinstance(summary.stopped_by, CannotScanError)
    assert summary.stopped_by.what == UNREACHED
    remedy = "check endpoint, and that a firewall or proxy lets this computer through; then resume with: "
    assert str(summary.stopped_by.remedy).startswith(remedy)
    run = read_run(tmp_path / "again")
    assert (run.rows, run.facts["exit_code"]) == ([], 4)
    assert run.fleet["outcomes"]["interrupted"] == run.fleet["listed"] > 0
    assert not (summary.running or run.fleet["requests"]["start"]) or ignore_busy


@in_virtual_time
async def test_the_run_goes_on_once_there_is_a_network_and_says_4_as_long_as_there_is_none(
    tmp_path: Path,
) -> None:
    settings = by_retry(tmp_path / "first", await earlier(tmp_path / "first"))
    assert (await scan_over(deaf(), settings)).exit_code == 4
    settings = replace(settings, resume=True)
    assert (await scan_over(deaf(), settings)).exit_code == 4
    cloud = cloud_of(failing_pct=60.0, stopped_pct=0.0)
    summary, run = await run_of(Transport(cloud), settings)
    assert summary.exit_code == 3
    assert len(run.rows) == run.fleet["listed"]


@in_virtual_time
async def test_a_resume_without_a_network_ends_with_5_and_loses_nothing(tmp_path: Path) -> None:
    cloud = cloud_of(machines=30, stopped_pct=0.0, speed=10.0)
    hooks = StopAfter(rows=1)
    settings = settings_for(tmp_path / "run", drain_s=0.0)
    await scan_over(Transport(cloud), settings, hooks=hooks, stop=hooks.stop)
    done = len(read_run(tmp_path / "run").rows)
    summary, took_s = await timed(deaf(), replace(settings, resume=True))
    assert (summary.exit_code, took_s < 8.0) == (5, True)
    assert len(read_run(tmp_path / "run").rows) == done < 30
    assert (await scan_over(Transport(cloud), replace(settings, resume=True))).exit_code == 0


@in_virtual_time
async def test_starts_that_azure_may_have_taken_make_it_5(tmp_path: Path) -> None:
    settings = by_inventory(tmp_path / "first", await earlier(tmp_path / "first"))
    summary = await scan_over(deaf(Fault.CUT), replace(settings, ignore_busy=True))
    assert summary.exit_code == 5
    assert summary.running > 0


@pytest.mark.parametrize("status", [200, 403, 429, 503])
@in_virtual_time
async def test_one_answer_is_enough_for_the_regions_to_be_probed(tmp_path: Path, status: int) -> None:
    settings = by_inventory(tmp_path / "first", await earlier(tmp_path / "first", machines=20))
    answers = iter([Reply(status)])
    wire = Transport(cloud_of(), lambda *_: next(answers, broken(Fault.NOT_SENT)))
    summary, took_s = await timed(wire, settings)
    assert (summary.exit_code, summary.totals["outcomes"]["failed"]) == (3, 20)
    assert took_s > 30.0


@in_virtual_time
async def test_a_network_that_comes_back_after_two_seconds_costs_nothing(tmp_path: Path) -> None:
    settings = by_inventory(tmp_path / "first", await earlier(tmp_path / "first", machines=20))
    cloud, until = cloud_of(machines=20, stopped_pct=0.0), time.monotonic() + 2.0

    def change(_: Request, reply: Reply) -> Reply:
        return reply if time.monotonic() > until else broken(Fault.NOT_SENT)

    summary, run = await run_of(Transport(cloud, change), settings)
    assert not isinstance(summary.stopped_by, StoppedError | CannotScanError)
    assert len(run.rows) == 20
