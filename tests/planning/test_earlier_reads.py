"""A plan with earlier assessments: the same VMs are fresh, skipped and assessed as in the scan after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from fleetscan.errors import CannotScanError, UsageError
from fleetscan.model import Target
from fleetscan.planning.counts import Roster
from fleetscan.planning.earlier_reads import Earlier, list_queries, reading_s
from fleetscan.planning.planner import foresee, list_for_plan, list_over
from fleetscan.records.plan import Plan
from fleetscan.scanner.hooks import Hooks
from fleetscan.settings.declared import PlanSettings, Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.planning.test_plan import SCHEMA, machines, told
from tests.virtual import EPOCH
from tests.virtual_scan import Clock, Transport, run_to_end, scan_in_virtual_time, virtual

DAY_S = 86_400.0


def cloud_of(**dials: Any) -> Cloud:
    """A simulated Azure whose time begins with the clock's."""
    return Cloud(Scenario(**{"limits_speed": 0.0} | dials), epoch=EPOCH, started_at=0.0)


def planned_over(cloud: Cloud, clock: Clock, warnings: list[str] | None = None, **settings: Any) -> Plan:
    """The plan over `cloud`, whose record is a valid one."""

    class Heard(Hooks):
        def warning(self, sentence: str, remedy: Any = None) -> None:
            if warnings is not None:
                warnings.append(sentence)

    async def job() -> Plan:
        chosen, wire = PlanSettings(**settings), Transport(cloud, clock)
        roster = await list_over(wire, chosen, hooks=Heard(), stop=anyio.Event())
        return foresee(roster, chosen, warn=told)

    with virtual(clock):
        made = run_to_end(job(), clock)
    SCHEMA.validate({**made})
    return made


@pytest.mark.parametrize(
    ("patches", "queries"),
    [
        ([], 0),
        ([0], 1),
        # A list is read with its summary: 20 of 50 rows are a page.
        ([49] * 20, 1),
        ([49] * 21, 2),
        # No query names more than 50 VMs.
        ([0] * 51, 2),
        ([2500], 3),
        # 100,000 VMs with some 50 patches each.
        ([49] * 100_000, 5000),
    ],
)
def test_lists_of_patches_take_as_many_queries_as_they_fill_pages(
    patches: Sequence[int], queries: int
) -> None:
    assert list_queries(patches) == queries


@pytest.mark.parametrize(
    ("queries", "share", "span_s"),
    [(1, 1.0, 0.2), (15, 1.0, 0.8), (100, 1.0, 100 / 3), (5000, 1.0, 5000 / 3), (100, 0.5, 200 / 3)],
)
def test_queries_take_the_time_of_resource_graph_s_quota(queries: int, share: float, span_s: float) -> None:
    assert reading_s(queries, share, 0.2) == pytest.approx(span_s)


@pytest.mark.parametrize(
    "settings",
    [
        {"cached_only": True},
        {"cached_only": True, "max_age_s": DAY_S},
        {"cached_only": True, "with_patches": True},
        {"max_age_s": 3 * DAY_S},
    ],
    ids=str,
)
def test_a_plan_says_what_the_scan_then_does(settings: dict[str, Any]) -> None:
    cloud, clock = cloud_of(machines=300, subscriptions=3, assessed_before_pct=70.0), Clock()
    made = planned_over(cloud, clock, **settings)
    fleet = scan_in_virtual_time(cloud, clock, Settings(**settings)).totals
    earlier, reasons = made["earlier"], {**fleet["reasons"]}
    assert earlier is not None
    assert earlier["fresh"] == reasons.pop("fresh") > 20
    assert made["to_assess"] == fleet["requests"]["start"]
    if not made["to_assess"]:
        # Of those that are assessed some may turn out not to run, and other queries are about them.
        assert made["skipped"] == reasons
        queries = earlier["summary_queries"] + earlier["patch_queries"] * earlier["patches_are_read"]
        assert queries == pytest.approx(fleet["requests"]["other"], abs=3)


def test_a_plan_that_cannot_read_earlier_assessments_says_so() -> None:
    warnings: list[str] = []
    denied = cloud_of(machines=20, graph="denied", stopped_pct=0.0)
    made = planned_over(denied, Clock(), warnings, max_age_s=DAY_S, inventory_source="compute")
    assert made["to_assess"] == 20
    assert any("cannot read all earlier assessments" in sentence for sentence in warnings)
    with pytest.raises(CannotScanError, match="cannot read all earlier assessments"):
        planned_over(denied, Clock(), cached_only=True, inventory_source="compute")


async def test_patches_without_earlier_assessments_are_refused() -> None:
    with pytest.raises(UsageError, match="with-patches"):
        await list_for_plan(PlanSettings(with_patches=True), "token", Hooks())


def test_a_stopped_machine_with_a_fresh_assessment_is_not_skipped() -> None:
    targets: list[Target] = [*machines(3), *machines(2, location="eastus", power_state="deallocated")]
    earlier = Earlier(DAY_S, True, False, {targets[0].key: 7, targets[3].key: 0}, queries=1)
    made = foresee(Roster(targets, earlier=earlier), PlanSettings(), warn=told)
    assert (made["to_assess"], made["skipped"]) == (0, {"not_cached": 2, "not_running": 1})
    assert [(group["fresh"], group["skipped"]) for group in made["groups"]] == [(1, 1), (1, 2)]
    assert made["predicted"]["starts"] == 0
    assert made["predicted"]["ends_after_s"] == 0.2
    assert made["earlier"] == {
        "max_age_s": DAY_S,
        "fresh": 2,
        "patches": 7,
        "summary_queries": 1,
        "patch_queries": 1,
        "patches_are_read": False,
        "needs_s": 0.2,
        "patches_need_s": 0.2,
    }
