"""Azure's times of an operation are believed where they can be true; else the scan learns from its own."""

from __future__ import annotations

import json

import pytest

from fleetscan.addresses import Origin
from fleetscan.azure_times import azure_time
from fleetscan.engine.last_time import LastBy, LastTime
from fleetscan.engine.operation import Before, Operation
from fleetscan.engine.operation_times import OperationTimes
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.pacing import Pacing, Watch
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.rules import OperationRules
from fleetscan.model import OperationTrace, Reply, Target

ARM = "https://management.azure.com"
VM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-1"
TARGET = Target(VM, "s", "rg", "vm-1", location="westeurope")
URL = f"{ARM}/operations/1"
NOW = azure_time("2026-01-01T00:02:00Z")


class Taught(Pacing):
    """Pacing that also keeps what it was taught."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.azures: list[float] = []
        self.ours: list[float] = []

    def ended(self, watch: Watch, duration_s: float) -> None:
        self.azures.append(duration_s)
        super().ended(watch, duration_s)

    def ended_within(self, watch: Watch, age_s: float) -> None:
        if not watch.is_resumed:
            self.ours.append(age_s)
        super().ended_within(watch, age_s)


def rules_of(pacing: Pacing) -> OperationRules:
    return OperationRules(ARM, Origin.of(ARM), "2022-08-01", pacing, Retrying(lambda: 0.0))


def ended(start: str | None, end: str | None, date: str | None = "Thu, 01 Jan 2026 00:02:01 GMT") -> Reply:
    body = {"status": "Failed", "startTime": start, "endTime": end, "error": {"code": "x", "message": "y"}}
    return Reply(200, {} if date is None else {"date": date}, json.dumps(body).encode())


def course(reply: Reply, seen_s: float = 0.0) -> tuple[Taught, OperationTrace]:
    """An operation, accepted at second 1000 and seen running `seen_s` later, is polled 120 s after that."""
    pacing = Taught()
    operation = Operation(TARGET, rules_of(pacing))
    operation.begin(1000.0)
    operation.receive(Reply(202, {"azure-asyncoperation": URL}), 1000.0, 1000.5)
    if seen_s:
        operation.receive(Reply(200, {}, b'{"status":"InProgress"}'), 1000.5 + seen_s, 1000.5 + seen_s)
    assert operation.receive(reply, 1120.5, 1121.0) is None
    assert operation.ending.trace is not None
    return pacing, operation.ending.trace


def test_times_that_can_be_are_learned_from_and_told() -> None:
    pacing, trace = course(ended("2026-01-01T00:00:01Z", "2026-01-01T00:01:31Z"))
    assert (pacing.azures, pacing.ours) == ([90.0], [])
    assert (trace.azure_start_time, trace.azure_end_time) == ("2026-01-01T00:00:01Z", "2026-01-01T00:01:31Z")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1970-01-01T00:00:00Z", "2026-01-01T00:01:31Z"),
        ("2026-01-01T00:00:01Z", "2099-01-01T00:00:00Z"),
        ("2026-01-01T00:01:31Z", "2026-01-01T00:00:01Z"),
        ("2026-01-01T00:01:31Z", "2026-01-01T00:01:31Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:01:30Z"),
        ("2099-01-01T00:00:00Z", "2099-01-01T00:01:30Z"),
        ("2025-12-31T23:59:30Z", "2026-01-01T00:01:31Z"),
        (None, None),
    ],
)
def test_where_azures_times_cannot_be_the_scan_learns_from_its_own(
    start: str | None, end: str | None
) -> None:
    pacing, trace = course(ended(start, end))
    assert (pacing.azures, pacing.ours) == ([], [120.0])
    assert trace.azure_start_time is None or trace.azure_end_time is None


@pytest.mark.parametrize("end", ["2099-01-01T00:00:00Z", "2026-01-01T00:02:10Z"])
def test_without_a_date_a_duration_is_still_bounded_by_the_time_since_our_start(end: str) -> None:
    pacing, _ = course(ended("2026-01-01T00:00:01Z", end, date=None))
    assert (pacing.azures, pacing.ours) == ([], [120.0])


def test_an_operation_did_not_end_before_it_was_seen_running() -> None:
    quick = ended("2026-01-01T00:00:01.0000000Z", "2026-01-01T00:00:01.0100000Z")
    pacing, _ = course(quick)
    assert pacing.azures == [0.01]
    pacing, _ = course(quick, seen_s=60.0)
    assert (pacing.azures, pacing.ours) == ([], [120.0])


def test_an_operation_followed_by_location_alone_teaches_by_our_clock() -> None:
    pacing = Taught()
    operation = Operation(TARGET, rules_of(pacing))
    operation.begin(1000.0)
    operation.receive(Reply(202, {"location": URL}), 1000.0, 1000.0)
    operation.receive(Reply(200, {}, b'{"status":"Succeeded"}'), 1090.0, 1090.5)
    assert (pacing.azures, pacing.ours) == ([], [90.0])


def test_a_resumed_operation_teaches_only_what_azure_says_and_can_be() -> None:
    """How long ago an earlier process started it is told by two wall clocks, and either may have been set."""
    for end, azures in (("2026-01-01T00:01:31Z", [90.0]), ("2099-01-01T00:00:00Z", [])):
        pacing = Taught()
        urls = OperationUrls(URL, "")
        before = Before(1, 0, posted_at=1000.0, accepted_at=1000.0)
        # The clock was set back meanwhile: it seems to have begun just now.
        operation = Operation.attached(TARGET, rules_of(pacing), 0, before, urls)
        operation.begin(1000.0)
        operation.receive(ended("2026-01-01T00:00:01Z", end), 1001.0, 1001.5)
        assert (pacing.azures, pacing.ours) == (azures, [])


def test_one_good_time_of_two_is_kept_by_itself() -> None:
    told = OperationTimes("1970-01-01T00:00:00Z", "2026-01-01T00:01:31Z").that_can_be(120.0, NOW)
    assert (told.started, told.ended, told.duration_s) == (None, "2026-01-01T00:01:31Z", None)


@pytest.mark.parametrize("last_s", [1e308, 5e-324, 1e9])
def test_a_last_time_that_cannot_be_keeps_no_poll_waiting_for_long(last_s: float) -> None:
    pacing = Pacing(lambda: 0.5, recalled={"Linux": [180.0] * 20})
    watch = pacing.watch("Linux", "s", 0.0, last_s)
    for age_s in (60.0, 120.0, 180.0):
        assert pacing.wait_s(watch, age_s) < 400.0
        pacing.running(watch, age_s)
    for duration_s in (1e-9, 1e300, 200.0):
        pacing.ended(pacing.watch("Linux", "s", 0.0, last_s), duration_s)


def test_durations_near_zero_are_compared_to_the_last_time_like_the_shortest() -> None:
    told = LastTime()
    told.ended("Linux", 10.0, 10.0)
    pacing = Pacing(lambda: 0.5)
    pacing.ended(pacing.watch("Linux", "s", 0.0, 0.001), 0.001)
    assert pacing._last_time[LastBy.OPERATION]._ratios == told._ratios
