"""A first run knows how long the last assessments took: its starts follow that, and never wait for it."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from fleetscan.engine.operation import Operation
from fleetscan.model import Fault, Reply, Request, Target
from fleetscan.records.row import Row
from fleetscan.scanner.last_assessments import LastAssessments
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.scanner.test_whole_scans import Notes
from tests.strict_reader import read_run
from tests.virtual import ENDPOINT, cloud_of, rules
from tests.virtual_scan import in_virtual_time

Answer = Callable[[Request], Awaitable[Reply | None]]


class Wire:
    """A simulated Azure 50 ms away that notes each start; `answer` may come before the times' query."""

    def __init__(self, cloud: Cloud, answer: Answer | None = None) -> None:
        self._cloud = cloud
        self._answer = answer
        self.starts: list[tuple[float, str]] = []
        self.queries = 0
        self.most_at_once = self._at_once = 0

    async def exchange(self, request: Request) -> Reply:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._exchange(request)
        finally:
            self._at_once -= 1

    async def _exchange(self, request: Request) -> Reply:
        if "/assessPatches" in request.url:
            self.starts.append((time.monotonic(), request.url.partition(ENDPOINT)[2].lower()))
        if b'"patchassessmentresources | where type' in request.body:
            self.queries += 1
            if self._answer is not None and (reply := await self._answer(request)) is not None:
                return reply
        reply = self._cloud.handle(request, time.monotonic())
        await anyio.sleep(0.05)
        return reply

    def durations(self) -> list[float]:
        """How long the started VMs take, in the order of their starts."""
        machines = {machine.key: machine for machine in self._cloud.fleet}
        return [machines[url.partition("/assesspatches")[0]].lot.duration_s for _, url in self.starts]


def fleet(machines: int = 60, **more: object) -> Cloud:
    """One subscription and region, assessments of a minute to half an hour, each as long as last time."""
    plain: dict[str, object] = {
        "subscriptions": 1,
        "regions": 1,
        "patches": 1,
        "stopped_pct": 0.0,
        "failing_pct": 0.0,
        "assessed_before_pct": 100.0,
        "nights_differ": 0.0,
    }
    return cloud_of(Scenario(machines=machines, **(plain | more)))  # type: ignore[arg-type]


def scan(
    cloud: Cloud, answer: Answer | None = None, hooks: Notes | None = None, **more: object
) -> tuple[Wire, Notes, ScanSummary, float]:
    """A scan of `cloud` with a tenth of its limits: twenty starts at once, one a second from then on.

    The last value is how many seconds it took.
    """
    wire, notes = Wire(cloud, answer), hooks or Notes()
    ended: list[tuple[ScanSummary, float]] = []

    @in_virtual_time
    async def scanned() -> None:
        plain: dict[str, object] = {"endpoint": ENDPOINT, "rate_share": 0.1, "operation_timeout_s": 7200.0}
        summary = await scan_over(wire, Settings(**(plain | more)), hooks=notes)  # type: ignore[arg-type]
        ended.append((summary, time.monotonic()))

    scanned()
    [(summary, took_s)] = ended
    return wire, notes, summary, took_s


def is_descending(lengths: list[float]) -> bool:
    return all(before >= after for before, after in pairwise(lengths))


def test_after_the_first_burst_starts_go_longest_first_and_the_scan_ends_sooner() -> None:
    wire, notes, summary, took_s = scan(fleet())
    assert (summary.exit_code, notes.warnings, notes.notes[1:]) == (0, [], [])
    assert wire.queries == 1
    assert is_descending(wire.durations()[25:])
    unknown, *_, unknown_s = scan(fleet(assessed_before_pct=0.0))
    assert not is_descending(unknown.durations()[25:])
    assert took_s <= unknown_s


def test_times_that_differ_by_a_tenth_and_vms_without_any_leave_the_long_ones_in_front() -> None:
    wire, *_ = scan(fleet(assessed_before_pct=80.0, nights_differ=0.1))
    lengths = wire.durations()
    longest = sorted(lengths[20:], reverse=True)[:10]
    assert sum(lengths[20:].index(length) for length in longest) / 10 < 10


def test_an_inventory_file_s_vms_are_known_too(tmp_path: Path) -> None:
    cloud = fleet()
    lines = [json.dumps({"id": machine.resource_id, "location": machine.region}) for machine in cloud.fleet]
    (tmp_path / "vms.jsonl").write_text("\n".join(lines))
    wire, _, summary, _ = scan(cloud, inventory=str(tmp_path / "vms.jsonl"), ignore_busy=True)
    assert summary.exit_code == 0
    assert is_descending(wire.durations()[21:])


def test_the_last_run_s_times_win_and_resource_graph_is_asked_only_about_the_others(tmp_path: Path) -> None:
    first = str(tmp_path / "first")
    scan(fleet(50), out=first)
    wire, *_ = scan(fleet(50), last_run=first)
    assert wire.queries == 0
    assert is_descending(wire.durations())
    # Twenty VMs are new since then.
    wire, *_ = scan(fleet(70), last_run=first)
    assert wire.queries == 1
    assert is_descending(wire.durations()[25:])


async def silent(_: Request) -> Reply | None:
    await anyio.sleep(86_400.0)
    return None


async def late(_: Request) -> Reply | None:
    await anyio.sleep(60.0)
    return None


async def denied(_: Request) -> Reply:
    await anyio.sleep(0.05)
    return Reply(403, body=b'{"error": {"code": "AuthorizationFailed", "message": "no"}}')


async def broken(_: Request) -> Reply:
    await anyio.sleep(0.05)
    return Reply(500)


async def cut(_: Request) -> Reply:
    await anyio.sleep(10.0)
    return Reply(0, fault=Fault.CUT)


async def throttled(_: Request) -> Reply:
    await anyio.sleep(0.05)
    return Reply(429, {"retry-after": "3600"})


async def nonsense(_: Request) -> Reply:
    await anyio.sleep(0.05)
    return Reply(200, body=b'{"totalRecords": 3, "data": [null, {"id": 7}, "x"], "$skipToken": "t"}')


async def hollow(_: Request) -> Reply:
    await anyio.sleep(0.05)
    return Reply(200, body=b'{"totalRecords": 3, "data": [], "$skipToken": "t"}')


async def endless(request: Request) -> Reply:
    """The same foreign rows for ever, each page with a token of its own."""
    await anyio.sleep(0.05)
    row = {"id": "/vm/patchAssessmentResults/latest", "status": "Succeeded"}
    token = f"t{len(request.body)}{'x' * (len(request.body) % 7)}"
    page = {"totalRecords": 10**6, "data": [row] * 1000, "$skipToken": token + "x"}
    return Reply(200, body=json.dumps(page).encode())


@pytest.mark.parametrize("answer", [silent, late, denied, broken, cut, throttled, nonsense, hollow, endless])
def test_a_graph_that_does_not_help_delays_no_start_and_no_end(answer: Answer, tmp_path: Path) -> None:
    plain, _, before, plain_s = scan(fleet(assessed_before_pct=0.0))
    wire, notes, summary, took_s = scan(fleet(assessed_before_pct=0.0), answer, out=str(tmp_path / "run"))
    assert summary.exit_code == before.exit_code == 0
    assert (notes.warnings, notes.inventory_errors, summary.totals["inventory_errors"]) == ([], [], [])
    for (at, _), (plain_at, _) in zip(wire.starts, plain.starts, strict=True):
        assert at <= plain_at + 0.06
    assert took_s <= plain_s * 1.01 + 1.0
    assert wire.queries <= 4
    assert len(read_run(tmp_path / "run").by_id) == 60


def test_times_that_come_while_all_is_running_make_the_polls_better() -> None:
    wire, _, summary, _ = scan(fleet(120), rate_share=1.0)
    known = summary.totals["requests"]["poll"]
    unknown = scan(fleet(120, assessed_before_pct=0.0), rate_share=1.0)[2].totals["requests"]["poll"]
    assert wire.queries == 1
    assert known < unknown


@pytest.mark.parametrize("in_flight", [1, 4, 8])
def test_no_more_requests_are_exchanged_at_once_than_allowed(in_flight: int) -> None:
    wire, *_ = scan(fleet(), late, max_in_flight=in_flight)
    assert wire.most_at_once == in_flight
    assert wire.queries == (0 if in_flight < 8 else 1)


def test_an_assessment_of_last_week_is_never_taken_for_tonight_s(tmp_path: Path) -> None:
    """Each VM's first start is lost on its way: both Resource Graph and the VM show the earlier one then."""

    class Losing(Wire):
        async def _exchange(self, request: Request) -> Reply:
            if "/assessPatches" in request.url and request.url not in self.lost:
                self.lost.add(request.url)
                return Reply(0, fault=Fault.CUT)
            return await super()._exchange(request)

        lost: set[str]

    wire = Losing(fleet(20, subscriptions=2))
    wire.lost = set()

    @in_virtual_time
    async def scanned() -> None:
        settings = Settings(endpoint=ENDPOINT, out=str(tmp_path / "run"), operation_timeout_s=7200.0)
        assert (await scan_over(wire, settings)).exit_code == 0

    scanned()
    rows = read_run(tmp_path / "run").rows
    assert len(wire.starts) == len(rows) == 20
    assert {row["source"] for row in rows} == {"operation"}
    assert min(str(row["assessed_at"]) for row in rows) > "2026-01-01"


def test_of_ten_vms_nothing_is_asked_that_could_be_of_no_use() -> None:
    assert scan(fleet(10))[0].queries == 0
    assert scan(fleet(11))[0].queries == 1


def test_resource_graph_that_could_not_tell_who_is_busy_is_not_asked_again() -> None:
    cloud = fleet(20, graph="denied")
    wire, notes, summary, _ = scan(cloud)
    assert (wire.queries, summary.exit_code) == (0, 0)
    assert len(notes.warnings) == 2


def ignored(operation: Operation) -> None:
    """It has become known how long it takes."""


def test_what_is_known_of_a_vm_costs_a_hundred_and_twenty_bytes_at_most() -> None:
    number, shared = 20_000, rules(1)
    operations = [
        Operation(Target(f"/subscriptions/s/vm-{place:06}", "s", "g", "vm"), shared)
        for place in range(number)
    ]
    keys = [operation.target.key for operation in operations]
    tracemalloc.start()
    try:
        last = LastAssessments(ignored)
        for operation in operations:
            last.want(operation)
        for place, key in enumerate(keys):
            last.learn(key, 43.0 + place / 1000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most / number < 120
    assert len(last) == 0


def test_results_are_not_kept_for_a_graph_that_does_not_answer() -> None:
    class Kept(Notes):
        most = 0

        def row(self, row: Row) -> None:
            found = [each for each in gc.get_objects() if isinstance(each, Operation)]
            self.most = max(self.most, sum(hasattr(each, "ending") for each in found))

    notes = Kept()
    scan(fleet(40), silent, notes)
    assert 1 <= notes.most < 20


def test_an_operation_that_has_ended_is_not_kept_for_its_time() -> None:
    heard: list[Operation] = []
    last, operation = LastAssessments(heard.append), Operation(Target("/VM", "s", "g", "vm"), rules(1))
    last.want(operation)
    last.drop(operation)
    last.learn("/vm", 43.0)
    assert (len(last), heard) == (0, [])
