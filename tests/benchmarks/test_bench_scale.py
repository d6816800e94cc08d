"""A tenant in shards, as `python -m benchmarks.scale` plays it: its parts are the whole, its bound holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.scale import FIGURES, ShardCourse, over_bound, scale_table
from benchmarks.shard_courses import course_alone, courses_together
from benchmarks.tenants import TENANTS, Tenant, tenant
from benchmarks.weights import weigh
from fleetscan.model import Request
from fleetscan.simulator.fleet import Fleet

SMALL = tenant(60, 8, 2)
APART = replace(SMALL, together=False)
GRAPH = Request(
    "POST",
    "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01",
    b'{"query": "resources | project id"}',
)


def test_the_parts_of_shards_are_the_whole_fleet_and_share_no_machine() -> None:
    whole = {machine.key: machine for machine in Fleet(SMALL.scenario)}
    parts = [list(APART.part(number).fleet) for number in (1, 2)]
    assert all(parts)
    assert sum(map(len, parts)) == len(whole) == 60
    assert {machine.key: machine for part in parts for machine in part} == whole
    assert all(SMALL.has(machine, number) for number in (1, 2) for machine in parts[number - 1])


def test_a_part_has_its_part_of_graph_s_quota_and_no_more() -> None:
    cloud = tenant(120, 8, 16, together=False).part(1)
    # One at once, and 3 / 16 a second: the next one after 5.3 s.
    answers = [cloud.handle(GRAPH, now).status for now in (0.0, 0.1, 5.2, 5.4, 10.6, 10.8)]
    assert answers == [200, 429, 429, 200, 429, 200]


def test_a_shard_s_last_subscription_is_bound_by_the_pages_before_it() -> None:
    many = tenant(4_000, 4, 16, together=False)
    machines = [
        replace(machine, lot=replace(machine.lot, duration_s=100.0)) for machine in Fleet(many.scenario)
    ]
    first_of_last = sorted(machine.subscription.subscription_id for machine in machines)[-1]
    before = sum(machine.subscription.subscription_id != first_of_last for machine in machines)
    alone = many.bound_s(
        machine for machine in machines if machine.subscription.subscription_id == first_of_last
    )
    assert many.bound_s(machines) == pytest.approx(alone + before // 1_000 * 16 / 3, abs=15)
    assert many.bound_s(machines) > alone + 10


def test_half_of_every_bucket_is_the_bound_of_a_shard_by_vm() -> None:
    halves = tenant(1_400, 1, 2, by="vm")
    machines = [
        replace(machine, lot=replace(machine.lot, duration_s=60.0)) for machine in Fleet(halves.scenario)
    ][:700]
    # 300 at once in the region, then 100 a minute; ARM's 100 and then 5 a second bind less.
    assert halves.bound_s(machines) == pytest.approx(400 / 100 * 60 + 60)


@pytest.mark.parametrize("each", [SMALL, replace(SMALL, by="vm")])
def test_shards_that_meet_in_one_azure_end_at_their_bound(each: Tenant) -> None:
    courses = courses_together(each)
    assert [course.shard for course in courses] == [1, 2]
    assert sum(course.machines for course in courses) == 60
    assert sum(course.requests["start"] for course in courses) == 60
    assert [course.lost for course in courses] == [0, 0]
    assert 1.0 < over_bound(courses) < 1.05


def test_a_shard_alone_is_played_in_a_process_of_its_own() -> None:
    known = TENANTS[0]
    assert (known.shards, known.together, len(TENANTS)) == (16, False, 5)
    course = course_alone(APART, 1)
    assert course.lost == 0
    assert course.machines == len(APART.part(1).fleet)
    assert course.bound_s < course.ends_s < 1.2 * course.bound_s


def test_the_table_has_a_line_for_each_tenant_of_its_last_shard() -> None:
    plain = ShardCourse(
        tenant="T", shard=1, subscriptions=2, machines=1_500, first_start_s=1.0, listed_s=3.0, ends_s=206.0,
        bound_s=200.0, requests={"query_graph": 3, "start": 1_500, "poll": 3_000}, refused=1,
        busiest_per_s=90.0, most_running=700, lost=0, cpu_s=9.0, peak_mb=60.0,
    )  # fmt: skip
    later = replace(plain, shard=2, machines=500, ends_s=303.0, bound_s=300.0, refused=0)
    assert over_bound([plain, later]) == pytest.approx(1.01)
    head, _, line = scale_table([plain, later]).splitlines()
    told = dict(zip(map(str.strip, head.split("|")), map(str.strip, line.split("|")), strict=True))
    assert set(told) == {"", "tenant", *FIGURES}
    assert (told["VMs a shard"], told["over bound"], told["worst shard"]) == (
        "500 to 1,500",
        "1.010",
        "1.030",
    )
    assert (told["polls a VM"], told["429s"], told["Graph queries"]) == ("3.0", "1", "6")


def test_what_a_vm_weighs_is_told_for_the_wire_and_the_disk() -> None:
    told = {line[1]: line for line in weigh(5, vms=40)}
    assert {"start", "poll", "query_graph", "journal.jsonl", "results.jsonl", "run.json"} <= set(told)
    assert told["start"][2] == "1.000"
