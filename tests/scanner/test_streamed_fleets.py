"""Scans that begin while their fleet is listed: what starts early, and what is said of a listing cut off."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
import pytest

from fleetscan.errors import CannotWriteError, NothingListedError, OutputError, Remedy, StoppedError
from fleetscan.inventory import graph_pages
from fleetscan.model import Reply, Request
from fleetscan.outlook import Outlook
from fleetscan.report.digest import report_of_totals
from fleetscan.runs.begun import BegunRun
from fleetscan.runs.reader import open_run
from fleetscan.runs.store import RunStore
from fleetscan.scanner import parts
from fleetscan.scanner.guarded_hooks import GuardedHooks
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.transport import SimulatedTransport
from tests.disk_faults import Disk, Fault, Moment, on_disk
from tests.faults.disk import KilledError, killing
from tests.scanner.test_whole_scans import Notes, cloud_of, settings_for
from tests.strict_reader import Run, read_run
from tests.virtual_scan import in_virtual_time

PAGE_S = 1.0


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five VMs are enough to begin with."""
    monkeypatch.setattr(parts, "ENOUGH", 5)


class Slow:
    """A simulated Azure whose pages of VMs take a second each, with a say in them.

    `order` has what was asked in its order: "page", "busy", "last", "start" and others.
    """

    def __init__(self, cloud: Cloud, page: Callable[[int, Reply], Reply] = lambda _, reply: reply) -> None:
        self.cloud = cloud
        self.order: list[str] = []
        self._wire = SimulatedTransport(cloud, time.monotonic)
        self._page = page

    async def exchange(self, request: Request) -> Reply:
        kind = kind_of(request)
        self.order.append(kind)
        await anyio.sleep(PAGE_S if kind == "page" else 0.02)
        reply = await self._wire.exchange(request)
        return self._page(self.order.count("page"), reply) if kind == "page" else reply

    def comes_before(self, first: str, other: str) -> bool:
        """Whether the first request of one kind was sent before the last of another."""
        return self.order.index(first) < len(self.order) - 1 - self.order[::-1].index(other)


def kind_of(request: Request) -> str:
    if "assessPatches" in request.url and request.method == "POST":
        return "start"
    if "microsoft.compute/virtualmachines' | project id, location" in request.body.decode():
        return "page"
    if "InProgress" in request.body.decode():
        return "busy"
    return "list" if request.method == "GET" and "virtualMachines?" in request.url else "other"


def journal_of(run: Path) -> list[dict[str, Any]]:
    *lines, _ = (run / "journal.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


async def scan(wire: Slow, out: Path, hooks: Notes | None = None, **more: object) -> tuple[ScanSummary, Run]:
    summary = await scan_over(wire, settings_for(out, **more), hooks=hooks)
    return summary, read_run(out)


def keys(cloud: Cloud) -> set[str]:
    return {machine.key for machine in cloud.fleet}


@in_virtual_time
async def test_vms_start_while_others_are_listed_and_each_is_in_the_journal_before(tmp_path: Path) -> None:
    wire = Slow(cloud_of(60, page_size=10))
    summary, run = await scan(wire, tmp_path / "run")
    assert wire.order.count("page") == 6
    assert wire.comes_before("start", "page")
    assert wire.order.index("busy") < wire.order.index("start")
    assert (summary.exit_code, set(run.by_id)) == (0, keys(wire.cloud))
    assert len(run.facts["scope"]["subscriptions"]) == 4
    listed: list[str] = []
    is_listed = False
    for event in journal_of(tmp_path / "run"):
        match event["event"]:
            case "listed":
                listed.append(event["machine"]["resource_id"])
            case "listing":
                is_listed = True
                assert event["machines"] == len(listed) == 60
            case "starting" | "ended":
                assert event["vm"] < len(listed)
    assert is_listed


@in_virtual_time
async def test_a_small_fleet_is_known_before_its_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ENOUGH", 500)
    wire = Slow(cloud_of(60, page_size=10))
    await scan(wire, tmp_path / "run")
    assert not wire.comes_before("start", "page")


@pytest.mark.parametrize(
    "more",
    [{"limit": 50}, {"facts": True}, {"max_age_s": 3600.0}],
    ids=["limit", "facts", "max-age"],
)
def test_nothing_starts_early_where_the_whole_fleet_decides(more: dict[str, Any], tmp_path: Path) -> None:
    @in_virtual_time
    async def play() -> None:
        wire = Slow(cloud_of(60, page_size=10))
        await scan(wire, tmp_path / "run", **more)
        assert wire.order.count("page") >= 6
        assert not wire.comes_before("start", "page")

    play()


@in_virtual_time
async def test_only_what_is_selected_starts(tmp_path: Path) -> None:
    wire = Slow(cloud_of(60, page_size=10))
    summary, run = await scan(wire, tmp_path / "run", name=("*-prod-*",), exclude_location=("eastus",))
    wanted = {each.key for each in wire.cloud.fleet if "-prod-" in each.name and each.region != "eastus"}
    assert 5 < len(wanted) < 60
    assert set(run.by_id) == wanted == {key for key, starts in wire.cloud.ledger.starts.items()} | wanted
    assert summary.exit_code == 0


def without_a_row(reply: Reply) -> Reply:
    body = json.loads(reply.body)
    body["data"] = body["data"][1:]
    return Reply(200, reply.headers, json.dumps(body).encode())


@in_virtual_time
async def test_doubt_about_the_last_page_leaves_the_rest_to_compute(tmp_path: Path) -> None:
    wire = Slow(cloud_of(60, page_size=10), lambda page, reply: without_a_row(reply) if page == 6 else reply)
    notes = Notes()
    summary, run = await scan(wire, tmp_path / "run", notes)
    assert wire.comes_before("start", "list")
    assert (summary.exit_code, set(run.by_id)) == (0, keys(wire.cloud))
    assert max(wire.cloud.ledger.starts.values()) == 1
    assert [note for note in notes.warnings if "gave 59 of 60 VMs" in note] != []


@in_virtual_time
async def test_a_page_that_is_too_large_begins_the_reading_anew_and_no_vm_twice(tmp_path: Path) -> None:
    large = Reply(400, {}, b'{"error": {"code": "ResponsePayloadTooLarge"}}')
    wire = Slow(cloud_of(60, page_size=10), lambda page, reply: large if page == 4 else reply)
    summary, run = await scan(wire, tmp_path / "run")
    assert (summary.exit_code, set(run.by_id)) == (0, keys(wire.cloud))
    assert max(wire.cloud.ledger.starts.values()) == 1


@in_virtual_time
async def test_where_the_rest_cannot_be_listed_what_started_ends_and_the_rest_is_an_error(
    tmp_path: Path,
) -> None:
    class Denied(Slow):
        async def exchange(self, request: Request) -> Reply:
            denied = Reply(403, {}, b'{"error": {"code": "AuthorizationFailed", "message": "no"}}')
            reply = await super().exchange(request)
            return denied if kind_of(request) == "list" else reply

    cloud = cloud_of(60, page_size=10)
    wire = Denied(cloud, lambda page, reply: without_a_row(reply) if page == 6 else reply)
    summary, run = await scan(wire, tmp_path / "run")
    assert (summary.exit_code, run.fleet["listed"], len(run.by_id)) == (3, 50, 50)
    assert [error["code"] for error in run.fleet["inventory_errors"]] == ["AuthorizationFailed"] * 4


@pytest.mark.parametrize("source", ["auto", "compute"])
def test_a_busy_vm_of_a_later_page_is_not_started(source: str, tmp_path: Path) -> None:
    @in_virtual_time
    async def play() -> None:
        cloud = cloud_of(60, page_size=10, installing_pct=20.0, speed=100.0)
        wire, notes = Slow(cloud), Notes()
        summary, _ = await scan(wire, tmp_path / "run", notes, inventory_source=source)
        assert cloud.ledger.installations_killed == []
        assert summary.exit_code == 0
        unseen = [said for said in notes.warnings if "4 subscriptions listed through Compute" in said]
        assert len(unseen) == (source == "compute")

    play()


class Progress(Notes):
    """What a display is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def phase(self, name: str) -> None:
        self.told.append(name)

    def listed(self, total: int, skipped: int) -> None:
        self.told.append(total)

    def outlook(self, outlook: Outlook) -> None:
        self.told.append("outlook")


@in_virtual_time
async def test_the_fleet_grows_on_the_display_and_nothing_is_foretold_before_it_is_known(
    tmp_path: Path,
) -> None:
    hooks = Progress()
    await scan(Slow(cloud_of(60, page_size=10, speed=10.0)), tmp_path / "run", hooks)
    totals = [told for told in hooks.told if isinstance(told, int)]
    assert totals == sorted(totals)
    assert (totals[-1], len(set(totals)) > 2) == (60, True)
    assert hooks.told[:2] == ["listing", "scanning"]
    assert hooks.told.index("outlook") > hooks.told.index(60)


def silent_from(page: int) -> Callable[[], Slow]:
    """Azure, whose pages from one on never come."""

    class Silent(Slow):
        async def exchange(self, request: Request) -> Reply:
            if kind_of(request) == "page" and self.order.count("page") >= page - 1:
                await anyio.sleep(86_400.0)
            return await super().exchange(request)

    return lambda: Silent(cloud_of(60, page_size=10, speed=20.0))


async def stopped_at(at_s: float, wire: Slow, settings: Settings, hooks: Notes) -> ScanSummary:
    stop = anyio.Event()
    async with anyio.create_task_group() as beside:

        async def tell() -> None:
            await anyio.sleep(at_s - time.monotonic())
            stop.set()

        beside.start_soon(tell)
        summary = await scan_over(wire, settings, hooks=hooks, stop=stop)
        beside.cancel_scope.cancel()
    return summary


@pytest.mark.parametrize("way", ["stop", "deadline"])
def test_a_listing_cut_off_is_no_smaller_fleet_and_a_resume_lists_the_rest(way: str, tmp_path: Path) -> None:
    @in_virtual_time
    async def play() -> None:
        wire, notes = silent_from(4)(), Notes()
        settings = settings_for(tmp_path / "run", drain_s=20.0, resume=True)
        if way == "stop":
            summary = await stopped_at(30.0, wire, settings, notes)
        else:
            late = settings_for(tmp_path / "run", drain_s=20.0, resume=True, deadline_s=30.0)
            summary = await scan_over(wire, late, hooks=notes)
        assert time.monotonic() == pytest.approx(50.0, abs=0.1)
        first = read_run(tmp_path / "run")
        assert (summary.exit_code, first.facts["exit_code"], first.fleet["listed"]) == (5, 5, 30)
        [error] = first.fleet["inventory_errors"]
        assert (error["subscription_id"], error["code"]) == (None, "ListingStopped")
        assert "30 VMs are known, and how many are missing is not" in error["message"]
        assert isinstance(summary.stopped_by, StoppedError)
        assert summary.stopped_by.what.endswith("not all VMs were listed")
        assert first.facts["scope"]["subscriptions"] == []

        again = Slow(wire.cloud)
        summary, run = await scan(again, tmp_path / "run", notes, resume=True, drain_s=20.0)
        assert (summary.exit_code, set(run.by_id)) == (0, keys(wire.cloud))
        assert run.fleet["inventory_errors"] == []
        assert len(run.facts["scope"]["subscriptions"]) == 4
        assert max(wire.cloud.ledger.starts.values()) == 1
        assert any(note.endswith(": 30 VMs done, 0 followed, the rest to list") for note in notes.notes)

    play()


@in_virtual_time
async def test_a_stop_before_the_first_start_is_as_of_any_listing(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await stopped_at(30.0, silent_from(1)(), settings_for(tmp_path / "run"), Notes())
    [stopped] = caught.value.exceptions
    assert isinstance(stopped, StoppedError)
    assert str(stopped) == "stopped before all VMs were listed; no assessment was started"
    assert time.monotonic() == pytest.approx(30.0)
    assert not (tmp_path / "run").exists()


def disk_full_at(nth: int) -> Disk:
    return Disk(Fault(errno.ENOSPC, Moment("write", "journal.jsonl", nth), frozenset({"write"}), True))


@pytest.mark.parametrize("nth", [1, 2])
def test_a_run_that_cannot_be_begun_is_refused_and_starts_nothing(nth: int, tmp_path: Path) -> None:
    @in_virtual_time
    async def play() -> None:
        wire = Slow(cloud_of(60, page_size=10))
        with on_disk(disk_full_at(nth)), pytest.raises(OutputError if nth > 1 else CannotWriteError):
            await scan_over(wire, settings_for(tmp_path / "run"))
        assert "start" not in wire.order

    play()


def test_a_disk_that_fills_up_while_vms_are_listed_ends_the_scan_with_what_is_there(tmp_path: Path) -> None:
    @in_virtual_time
    async def play() -> None:
        wire, notes = Slow(cloud_of(60, page_size=10, speed=20.0)), Notes()

        def fill(page: int, reply: Reply) -> Reply:
            if page == 4:
                disk.fault = Fault(
                    errno.ENOSPC,
                    Moment("write", "journal.jsonl", disk.asked["write", "journal.jsonl"] + 1),
                    frozenset({"write"}),
                    is_everywhere=True,
                )
            return reply

        wire._page = fill
        with on_disk(Disk()) as disk:
            summary = await scan_over(wire, settings_for(tmp_path / "run", resume=True), hooks=notes)
        assert summary.exit_code == 5
        assert "starting" in [event["event"] for event in journal_of(tmp_path / "run")]
        summary, run = await scan(Slow(wire.cloud), tmp_path / "run", notes, resume=True)
        assert (summary.exit_code, set(run.by_id)) == (0, keys(wire.cloud))
        assert max(wire.cloud.ledger.starts.values()) == 1

    play()


@in_virtual_time
async def test_a_cancelled_scan_has_its_totals(tmp_path: Path) -> None:
    wire = silent_from(4)()
    with anyio.move_on_after(30.0) as caller:
        await scan_over(wire, settings_for(tmp_path / "run"))
    assert caller.cancelled_caught
    run = read_run(tmp_path / "run")
    assert (run.facts["exit_code"], run.fleet["listed"]) == (5, 30)
    assert run.fleet["inventory_errors"][0]["code"] == "ListingStopped"


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_hook_that_raises_while_vms_are_listed_ends_the_scan_with_its_totals(
    call: int, tmp_path: Path
) -> None:
    class Raising(Progress):
        def listed(self, total: int, skipped: int) -> None:
            super().listed(total, skipped)
            if sum(isinstance(told, int) for told in self.told) == call:
                raise ZeroDivisionError

    @in_virtual_time
    async def play() -> None:
        raised: list[Exception] = []
        with anyio.CancelScope() as work:

            def fail(error: Exception) -> None:
                raised.append(error)
                work.cancel()

            hooks = GuardedHooks(Raising(), fail)
            await scan_over(
                Slow(cloud_of(60, page_size=10, speed=20.0)), settings_for(tmp_path / "run"), hooks=hooks
            )
        assert [type(error) for error in raised] == [ZeroDivisionError]
        assert read_run(tmp_path / "run").facts["exit_code"] == 5

    play()


@in_virtual_time
async def test_our_own_mistake_on_a_later_page_leaves_a_run_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(page: int, reply: Reply) -> Reply:
        if page == 5:
            monkeypatch.setattr(graph_pages, "read_page", lambda reply: 1 / 0)
        return reply

    with pytest.raises(ExceptionGroup):
        await scan_over(Slow(cloud_of(60, page_size=10, speed=20.0), spoil), settings_for(tmp_path / "run"))
    run = read_run(tmp_path / "run")
    assert (run.facts["exit_code"], run.facts["stopped_by"].partition(":")[0]) == (5, "the scan broke")


@pytest.mark.parametrize("workers", [2, 8, 64])
def test_after_a_stop_the_listing_goes_on_however_many_workers_there_were(
    workers: int, tmp_path: Path
) -> None:
    @in_virtual_time
    async def play() -> None:
        wire = Slow(cloud_of(60, page_size=10, speed=1.0, empty_subscriptions=2))
        settings = settings_for(tmp_path / "run", drain_s=30.0, first_poll_s=600.0, max_in_flight=workers)
        summary = await stopped_at(4.0, wire, settings, Notes())
        assert (summary.exit_code, summary.totals["listed"]) == (5, 60)
        assert summary.totals["inventory_errors"] == []
        assert wire.order.count("list") == 2

    play()


@in_virtual_time
async def test_what_runs_is_followed_while_a_resume_lists_and_a_listing_that_fails_loses_no_vm(
    tmp_path: Path,
) -> None:
    wire = silent_from(4)()
    wire.cloud = slow_cloud = cloud_of(60, page_size=10, speed=1.0)
    wire._wire = SimulatedTransport(slow_cloud, time.monotonic)
    out = tmp_path / "run"
    await stopped_at(30.0, wire, settings_for(out, drain_s=0.0, resume=True), Notes())
    first = read_run(out)
    assert first.fleet["listed"] == 30
    assert first.fleet["outcomes"]["interrupted"] > 20

    class Denied(Slow):
        async def exchange(self, request: Request) -> Reply:
            if kind_of(request) in ("page", "list"):
                return Reply(403, {}, b'{"error": {"code": "AuthorizationFailed", "message": "no"}}')
            return await super().exchange(request)

    summary, run = await scan(Denied(slow_cloud), out, resume=True)
    assert (summary.exit_code, len(run.by_id), run.fleet["listed"]) == (3, 30, 30)
    assert [error["code"] for error in run.fleet["inventory_errors"]] == ["AuthorizationFailed"] * 4
    assert max(slow_cloud.ledger.starts.values()) == 1


@in_virtual_time
async def test_a_limit_holds_after_a_kill_between_two_lines_of_the_listing(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", limit=10, resume=True)
    with pytest.raises(KilledError), killing(2, lambda: 0.6, {}):
        await scan_over(Slow(cloud_of(60, page_size=60)), settings)
    kept = [event for event in journal_of(tmp_path / "run") if event["event"] == "listed"]
    assert 0 < len(kept) < 10
    summary, run = await scan(
        Slow(cloud_of(60, page_size=60, seed=3)), tmp_path / "run", limit=10, resume=True
    )
    assert (summary.exit_code, run.fleet["listed"]) == (0, 10)


@in_virtual_time
async def test_totals_are_of_a_part_where_the_end_of_the_listing_cannot_be_noted(tmp_path: Path) -> None:
    wire = Slow(cloud_of(60, page_size=10, speed=1.0))

    def fail(self: RunStore, *told: object) -> None:
        raise OutputError(str(tmp_path), "No space left on device", Remedy("make room"))

    with mock.patch.object(RunStore, "note_whole", fail):
        summary = await scan_over(wire, settings_for(tmp_path / "run", resume=True))
    assert (summary.exit_code, summary.totals["inventory_errors"][0]["code"]) == (5, "ListingStopped")


@in_virtual_time
async def test_where_nothing_was_begun_a_scan_has_the_fleet_of_a_listing_alone(tmp_path: Path) -> None:
    def spoil(page: int, reply: Reply) -> Reply:
        return without_a_row(reply) if page == 1 else reply

    wire = Slow(cloud_of(60, page_size=60), spoil)
    with pytest.raises(NothingListedError):
        await scan_over(wire, settings_for(tmp_path / "run", inventory_source="resource-graph"))


@in_virtual_time
async def test_readers_of_a_run_that_was_cut_off_tell_that_vms_are_missing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    await stopped_at(30.0, silent_from(4)(), settings_for(out, drain_s=20.0), Notes())
    assert open_run(out).incomplete == ["the run was stopped: not all VMs were listed"]
    (out / "totals.jsonl").unlink()
    facts = json.loads((out / "run.json").read_bytes())
    (out / "run.json").write_text(json.dumps(facts | {"exit_code": None, "finished_at": None}))
    begun = BegunRun(open_run(out))
    assert begun.listed == 30
    assert begun.errors is not None
    assert [error["code"] for error in begun.errors] == ["ListingStopped"]


@in_virtual_time
async def test_the_end_of_a_scan_whose_known_vms_have_all_ended_says_that_others_are_missing(
    tmp_path: Path,
) -> None:
    summary = await stopped_at(30.0, silent_from(4)(), settings_for(tmp_path / "run", drain_s=20.0), Notes())
    report = report_of_totals(summary.totals)
    assert (report["state"], report["partial"]) == (
        "stopped",
        ["the run was stopped: not all VMs were listed"],
    )
