"""A plan: the numbers a reader can check by hand, against the very scheduler that scans.

ARM's writes of a subscription: 200 at once and 10 a second. Compute's patch operations of a subscription and
region: 600 at once and 200 a minute. Start number n leaves no sooner than either lets it:
(n - 200) / 10 s and (n - 600) / (200/60) s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.engine.time_left import ASSESSMENT_S, TimeLeft
from fleetscan.errors import NothingListedError, StoppedError
from fleetscan.model import InventoryError, Reply, Request, Target
from fleetscan.planning.counts import Roster
from fleetscan.planning.planner import foresee, list_over, median_of
from fleetscan.records.plan import Plan
from fleetscan.records.schema import plan_schema
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.past_durations import PastDurations
from fleetscan.settings.declared import PlanSettings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.transport import SimulatedTransport
from tests.records.examples import timed_row, write_run

SCHEMA = Draft202012Validator(plan_schema())
MILLISECOND = 0.001


def machines(
    count: int,
    subscription: str = "sub-1",
    location: str = "westeurope",
    power_state: str | None = "running",
    os_type: str | None = "Linux",
) -> list[Target]:
    """So many machines of one place."""
    group = f"/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines"
    return [
        Target(
            f"{group}/{location}-{power_state}-{os_type}-{number}",
            subscription,
            "rg",
            f"vm-{number}",
            location=location,
            power_state=power_state,
            os_type=os_type,
        )
        for number in range(count)
    ]


def told(sentence: str) -> None:
    raise AssertionError(f"nothing was to be told: {sentence}")


def planned(
    targets: Iterable[Target],
    errors: tuple[InventoryError, ...] = (),
    *,
    assessment_s: float = 180.0,
    reply_s: float = 0.0,
    **settings: Any,
) -> Plan:
    """The plan where replies come at once and all assessments take as long; its record is a valid one."""
    made = foresee(
        Roster(targets, errors),
        PlanSettings(**({"max_in_flight": 10_000} | settings)),
        warn=told,
        assessment_s=lambda _: assessment_s,
        reply_s=reply_s,
    )
    SCHEMA.validate(json.loads(json.dumps(made)))
    return made


def record_of(targets: Iterable[Target], **more: Any) -> dict[str, Any]:
    return {**planned(targets, **more)}


@pytest.mark.parametrize(
    ("count", "last_start_s"),
    [
        # All there at the beginning.
        (200, 0.0),
        # ARM's writes bind: (600 - 200) / 10.
        (600, 40.0),
        # In those 40 s Compute's bucket has gained 133 tokens, so 10 a second go on until both run out
        # together: (800 - 200) / 10 and (800 - 600) / (200/60) are 60 s alike.
        (800, 60.0),
        # From there on 200 a minute: (1000 - 600) / (200/60), where ARM alone would allow 80 s.
        (1000, 120.0),
        (2000, 420.0),
    ],
)
def test_the_last_start_of_one_subscription_and_region_is_when_both_buckets_allow_it(
    count: int, last_start_s: float
) -> None:
    predicted = record_of(machines(count))["predicted"]
    assert predicted["last_start_after_s"] == pytest.approx(last_start_s, abs=MILLISECOND)
    assert predicted["starts"] == count


def test_two_regions_of_a_subscription_share_arm_s_writes() -> None:
    # Each of Compute's buckets holds 600 for its 500; ARM's one bucket lets the 1000th go at 80 s.
    record = record_of([*machines(500), *machines(500, location="northeurope")], assessment_s=30.0)
    assert record["predicted"]["last_start_after_s"] == pytest.approx(80.0, abs=MILLISECOND)
    assert record["binding"] == {
        "bound": "writes",
        "subscription_id": "sub-1",
        "location": None,
        "requests": 1000,
        "needs_s": 80.0,
    }


def test_two_subscriptions_share_nothing() -> None:
    record = record_of([*machines(800), *machines(200, "sub-2")])
    assert [
        (group["subscription_id"], group["to_assess"], group["last_start_after_s"])
        for group in record["groups"]
    ] == [("sub-1", 800, pytest.approx(60.0, abs=MILLISECOND)), ("sub-2", 200, 0.0)]


def test_a_crowded_region_is_bound_by_compute_s_patch_operations() -> None:
    record = record_of(machines(2000))
    assert record["binding"] == {
        "bound": "patch_operations",
        "subscription_id": "sub-1",
        "location": "westeurope",
        "requests": 2000,
        "needs_s": 420.0,
    }


def test_a_small_fleet_is_bound_by_the_assessments_themselves() -> None:
    # ARM's bucket needs 60 s for its 800 starts, less than the 180 s of one assessment.
    binding = record_of(machines(800))["binding"]
    assert (binding["bound"], binding["needs_s"]) == ("assessments", 180.0)


def test_polls_every_second_are_bound_by_arm_s_reads() -> None:
    # 200 machines at once ask for 200 reads a second, of which ARM allows 25 beyond the first 250: the bucket
    # is dry from the first moments to the end, and those reads alone take as long as the scan.
    record = record_of(machines(800), assessment_s=10.0, first_poll_s=1.0, poll_interval_s=1.0)
    binding, predicted = record["binding"], record["predicted"]
    assert (binding["bound"], binding["subscription_id"], binding["location"]) == ("reads", "sub-1", None)
    assert predicted["polls"] == binding["requests"]
    assert binding["needs_s"] == pytest.approx((binding["requests"] - 250) / 25, abs=MILLISECOND)
    assert predicted["first_poll_after_s"] + binding["needs_s"] == pytest.approx(
        predicted["ends_after_s"], abs=1.0
    )


def test_few_requests_at_once_bind_before_azure_does() -> None:
    # One request at once, each 1 s under way: 100 starts and 100 polls take 200 s without a gap.
    record = record_of(
        machines(100), assessment_s=5.0, reply_s=1.0, max_in_flight=1, first_poll_s=10.0, poll_interval_s=10.0
    )
    assert record["binding"] == {
        "bound": "max_in_flight",
        "subscription_id": None,
        "location": None,
        "requests": 200,
        "needs_s": 200.0,
    }
    assert record["predicted"]["ends_after_s"] == pytest.approx(200.0, abs=MILLISECOND)


def test_polls_are_those_of_the_settings_and_the_end_is_the_last_one_s_reply() -> None:
    # Jitter adds a twentieth on average: polls 105, 147 and 189 s after the start, and 180 s are over then.
    predicted = record_of(machines(1), first_poll_s=100.0, poll_interval_s=40.0)["predicted"]
    assert predicted == {
        "last_start_after_s": 0.0,
        "first_poll_after_s": 105.0,
        "last_poll_after_s": 189.0,
        "ends_after_s": 189.0,
        "starts": 1,
        "polls": 3,
    }


def test_half_the_limits_are_half_the_tokens_and_half_the_refill() -> None:
    # 300 at once and 100 a minute: (800 - 300) / (100/60).
    record = record_of(machines(800), rate_share=0.5)
    assert record["predicted"]["last_start_after_s"] == pytest.approx(300.0, abs=MILLISECOND)
    assert (record["binding"]["bound"], record["binding"]["needs_s"]) == ("patch_operations", 300.0)


def test_stopped_machines_are_counted_and_cost_nothing() -> None:
    fleet = [*machines(3), *machines(5, power_state="deallocated"), *machines(2, power_state="stopped")]
    record = record_of([*fleet, *machines(1, power_state="unknown"), *machines(1, power_state=None)])
    assert (record["listed"], record["to_assess"], record["predicted"]["starts"]) == (12, 5, 5)
    assert record["skipped"] == {"not_running": 7}
    assert record["power_states"] == {"deallocated": 5, "stopped": 2}
    assert [(group["listed"], group["skipped"], group["to_assess"]) for group in record["groups"]] == [
        (12, 7, 5)
    ]


def test_a_fleet_that_sleeps_is_over_at_once() -> None:
    record = record_of(machines(4, power_state="deallocated"))
    assert record["predicted"] == {
        "last_start_after_s": None,
        "first_poll_after_s": None,
        "last_poll_after_s": None,
        "ends_after_s": 0.0,
        "starts": 0,
        "polls": 0,
    }
    assert record["binding"] is None
    assert record["groups"][0]["last_start_after_s"] is None


def test_an_empty_fleet_is_a_plan_too() -> None:
    made = planned([])
    assert (made["inventory_errors"], made["listed"], made["groups"]) == ([], 0, [])


def test_what_could_not_be_listed_is_told_and_the_exit_code_is_3() -> None:
    made = planned(machines(1), (InventoryError("sub-2", "AuthorizationFailed", "no right", 403),))
    assert made["inventory_errors"] == [
        {
            "subscription_id": "sub-2",
            "code": "AuthorizationFailed",
            "message": "no right",
            "http_status": 403,
        }
    ]


def test_ids_that_differ_in_case_are_one_subscription() -> None:
    record = record_of([*machines(300, "SUB-1"), *machines(300)])
    assert [(group["subscription_id"], group["listed"]) for group in record["groups"]] == [("SUB-1", 600)]
    assert record["predicted"]["last_start_after_s"] == pytest.approx(40.0, abs=MILLISECOND)


def test_one_fleet_has_one_plan() -> None:
    fleet = [*machines(700), *machines(300, "sub-2", os_type="Windows")]
    assert record_of(fleet) == record_of(fleet)


def test_assessments_take_what_the_median_one_of_their_system_took_before() -> None:
    assessment_s = median_of(PastDurations(by_os={"Linux": [30.0, 90.0, 600.0], "Windows": [200.0, 400.0]}))
    assert [assessment_s(machines(1, os_type=os_type)[0]) for os_type in ("Linux", "Windows", None)] == [
        90.0,
        300.0,
        ASSESSMENT_S,
    ]


def test_kinds_that_took_long_before_start_first_as_in_a_scan(tmp_path: Path) -> None:
    took = {"Linux": 400.0, "Windows": 60.0}
    write_run(tmp_path, [timed_row(f"{kind}-{n}", kind, took[kind]) for kind in took for n in range(400)])
    fleet = [*machines(800, os_type="Windows"), *machines(200, os_type="Linux")]
    settings = PlanSettings(
        last_run=str(tmp_path), max_in_flight=10_000, first_poll_s=1.0, poll_interval_s=4.0
    )
    predicted = foresee(Roster(fleet), settings, warn=told, reply_s=0.0)["predicted"]
    # The 200 at once are the Linux machines: over after 400 s and a little, not after 120 + 400.
    assert isinstance(predicted, dict)
    assert isinstance(predicted["ends_after_s"], float)
    assert 400.0 <= predicted["ends_after_s"] < 500.0


def test_a_plan_ends_when_a_scan_foretells_before_its_first_start() -> None:
    # Nothing is known: of 40 at once the slowest is expected well after the usual three minutes.
    time_left = TimeLeft()
    foretold = time_left.outlook(0.0, 40, 0.0)
    predicted = foresee(Roster(machines(40)), PlanSettings(), warn=told)["predicted"]
    assert predicted["ends_after_s"] == pytest.approx(foretold.ends_at, rel=0.02)
    assert 200.0 < predicted["ends_after_s"] < 260.0
    last_poll_s = predicted["last_poll_after_s"]
    assert last_poll_s is not None
    assert last_poll_s == pytest.approx(predicted["ends_after_s"], abs=1.0)


def test_a_group_ends_no_later_than_the_fleet() -> None:
    record = foresee(Roster([*machines(40), *machines(400, "sub-2")]), PlanSettings(), warn=told)
    ends_s = [group["ends_after_s"] or 0.0 for group in record["groups"]]
    assert ends_s == sorted(ends_s)
    assert ends_s[-1] <= record["predicted"]["ends_after_s"]


def test_a_run_that_cannot_be_learned_from_is_told_and_stops_nothing() -> None:
    warnings: list[str] = []
    made = foresee(Roster(machines(1)), PlanSettings(last_run="/nonexistent"), warn=warnings.append)
    assert warnings == ["there is no run at /nonexistent yet to learn from"]
    assert made["assumed"] == {
        "assessment_s": 180.0,
        "reply_s": 0.2,
        "max_in_flight": 64,
        "rate_share": 1.0,
    }


class Posts:
    """The simulated Azure in this process, and every request that would have changed something."""

    def __init__(self, machines: int, **more: Any) -> None:
        scenario = Scenario(machines=machines, limits_speed=0.0, **more)
        self.cloud = Cloud(scenario, epoch=datetime.now(UTC), started_at=time.monotonic())
        self._wire = SimulatedTransport(self.cloud, time.monotonic)
        self.starts: list[Request] = []

    async def exchange(self, request: Request) -> Reply:
        if "assessPatches" in request.url:
            self.starts.append(request)
        return await self._wire.exchange(request)


async def test_the_fleet_is_the_one_a_scan_lists_and_nothing_is_started() -> None:
    wire = Posts(120)
    roster = await list_over(wire, PlanSettings(), hooks=Hooks(), stop=anyio.Event())
    made = foresee(roster, PlanSettings(), warn=told)
    stopped = sum(machine.fate is Fate.STOPPED for machine in wire.cloud.fleet)
    assert (made["listed"], made["to_assess"]) == (120, 120 - stopped)
    assert wire.starts == []


async def test_a_limit_plans_the_machines_a_scan_would_take() -> None:
    roster = await list_over(Posts(50), PlanSettings(limit=7), hooks=Hooks(), stop=anyio.Event())
    assert roster.listed == 7


async def test_nothing_listed_at_all_is_an_error() -> None:
    class Denied:
        async def exchange(self, request: Request) -> Reply:
            return Reply(403, body=b'{"error": {"code": "AuthorizationFailed", "message": "no"}}')

    with pytest.raises(NothingListedError):
        await list_over(Denied(), PlanSettings(), hooks=Hooks(), stop=anyio.Event())


async def test_a_stop_before_the_fleet_is_listed_leaves_no_plan() -> None:
    stop = anyio.Event()
    stop.set()
    with pytest.raises(StoppedError):
        await list_over(Posts(5), PlanSettings(), hooks=Hooks(), stop=stop)


def test_nine_thousand_machines_are_planned_in_seconds() -> None:
    # A VM takes 160 us on a quiet computer; six times that leaves room for a busy one.
    fleet = [
        target
        for subscription in range(6)
        for region in range(5)
        for target in machines(300, f"sub-{subscription}", f"region-{region}")
    ]
    began_at = time.process_time()
    assert record_of(fleet)["to_assess"] == 9000
    assert time.process_time() - began_at < 9000 * 160e-6 * 6
