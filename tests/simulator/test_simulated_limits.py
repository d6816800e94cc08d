"""Limits that are not as published: refilled by the minute, shared with a rival, renamed, halved, doubled."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetscan.model import Reply
from fleetscan.simulator.scenario import PolicyNames
from tests.simulator.simulated_cloud import CALM, cloud_of, get, parsed, start

ONE_REGION = replace(CALM, machines=1000, subscriptions=1, regions=1)
BY_MINUTE = replace(ONE_REGION, refill="by-minute")
REMAINING = "x-ms-ratelimit-remaining-"


def counts(reply: Reply) -> dict[str, int]:
    """What Compute's quota header tells of each policy, without the provider's name."""
    entries = reply.headers[REMAINING + "resource"].split(",")
    return {
        policy.removeprefix("Microsoft.Compute/"): int(n) for policy, n in (e.split(";") for e in entries)
    }


def started(replies: list[Reply]) -> int:
    return Counter(reply.status for reply in replies)[202]


def test_by_the_minute_a_region_refuses_until_the_next_whole_minute() -> None:
    cloud = cloud_of(BY_MINUTE)
    machines = list(cloud.fleet)
    # ARM's pace: 200 at once, 10 a second from then on, so that the 600th goes at 40 s.
    paced = [start(cloud, machine, max(0.0, (n - 199) / 10)) for n, machine in enumerate(machines[:600])]
    assert started(paced) == 600
    refused = start(cloud, machines[600], 40.25)
    assert (refused.status, refused.headers["retry-after"]) == (429, "20")
    assert start(cloud, machines[600], 60.0).headers["retry-after"] == "1"
    accepted = start(cloud, machines[600], 60.25)
    assert (accepted.status, counts(accepted)["VMGuestPatchOperationSubscriptionMaximum"]) == (202, 199)


def test_by_the_minute_a_machines_own_limit_fills_by_the_minute_too() -> None:
    cloud = cloud_of(BY_MINUTE)
    machine = next(iter(cloud.fleet))
    assert started([start(cloud, machine, 10.0) for _ in range(6)]) == 6
    assert start(cloud, machine, 10.0).headers["retry-after"] == "50"
    assert started([start(cloud, machine, 60.0) for _ in range(3)]) == 2


def test_arms_front_door_fills_evenly_whatever_compute_does() -> None:
    cloud = cloud_of(BY_MINUTE)
    machines = list(cloud.fleet)
    assert started([start(cloud, machine) for machine in machines[:200]]) == 200
    assert started([start(cloud, machine, 1.0) for machine in machines[200:220]]) == 10


def test_a_rival_is_seen_in_the_remaining_counts_of_arm_and_of_the_region() -> None:
    cloud = cloud_of(replace(ONE_REGION, rival_share=0.5))
    machines = list(cloud.fleet)
    for machine in machines[:100]:
        start(cloud, machine)
    reply = start(cloud, machines[100], 9.0)
    # 5 of 10 writes a second, and 100 of 200 starts a minute, are left: 100 + 45 - 1, and 500 + 15 - 1.
    assert reply.headers[REMAINING + "subscription-writes"] == "144"
    assert reply.headers[REMAINING + "subscription-global-writes"] == "2944"
    assert counts(reply)["VMGuestPatchOperationSubscriptionMaximum"] == 514


def test_a_rival_leaves_a_machines_own_limit_alone() -> None:
    cloud = cloud_of(replace(CALM, rival_share=0.5))
    machine = next(iter(cloud.fleet))
    for _ in range(6):
        start(cloud, machine)
    assert start(cloud, machine).headers["retry-after"] == "30"


def test_a_rivals_draining_begins_with_the_first_use_of_a_bucket() -> None:
    cloud = cloud_of(replace(BY_MINUTE, rival_share=0.5))
    first, second, *_ = cloud.fleet
    assert counts(start(cloud, first, 3630.0))["VMGuestPatchOperationSubscriptionMaximum"] == 599
    assert counts(start(cloud, second, 3633.0))["VMGuestPatchOperationSubscriptionMaximum"] == 593


def test_policies_of_2023_are_two_windows_of_one_scope_named_as_recorded(exchanges: Path) -> None:
    cloud = cloud_of(replace(CALM, policy_names="2023"))
    reply = start(cloud, next(iter(cloud.fleet)))
    assert reply.headers[REMAINING + "resource"] == (
        "Microsoft.Compute/PatchOperation3Min;599,Microsoft.Compute/PatchOperation30Min;5999"
    )
    assert get(cloud, reply.headers["azure-asyncoperation"]).headers[REMAINING + "resource"] == (
        "Microsoft.Compute/GetOperation3Min;14999,Microsoft.Compute/GetOperation30Min;149999"
    )
    recorded = set(
        re.findall(r"Microsoft.Compute/(\w+);\d", (exchanges / "vm-assess-patches.json").read_text())
    )
    assert recorded == {"PatchOperation3Min", "PatchOperation30Min", "GetOperation3Min", "GetOperation30Min"}


def test_the_long_window_of_2023_counts_down_and_never_binds() -> None:
    cloud = cloud_of(replace(BY_MINUTE, policy_names="2023"))
    machines = list(cloud.fleet)
    paced = [start(cloud, machine, max(0.0, (n - 199) / 10)) for n, machine in enumerate(machines[:600])]
    assert counts(paced[-1]) == {"PatchOperation3Min": 0, "PatchOperation30Min": 5400}
    details = parsed(start(cloud, machines[600], 41.0))["details"]
    assert isinstance(details, list)
    assert isinstance(details[0], dict)
    assert details[0]["target"] == "PatchOperation3Min"


def test_novel_policies_have_names_of_no_year_and_the_same_numbers() -> None:
    known = cloud_of(CALM)
    novel = cloud_of(replace(CALM, policy_names="novel"))
    machine = next(iter(known.fleet))
    before, after = start(known, machine), start(novel, machine)
    assert counts(after) == {"GuestAssessSubscriptionBurst": 599, "GuestAssessPerResource": 5}
    assert list(counts(after).values()) == list(counts(before).values())
    polled = get(novel, after.headers["azure-asyncoperation"])
    assert counts(polled) == {"OperationStatusPerResource": 44, "OperationStatusSubscriptionBurst": 14_999}


@pytest.mark.parametrize("names", ["2023", "2024", "novel"])
def test_every_endpoint_of_compute_counts_under_any_names(names: PolicyNames) -> None:
    cloud = cloud_of(replace(CALM, policy_names=names))
    machine = next(iter(cloud.fleet))
    of_subscription = f"/subscriptions/{machine.subscription.subscription_id}/providers/Microsoft.Compute"
    listed = get(cloud, f"{of_subscription}/virtualMachines?api-version=2024-07-01")
    viewed = get(cloud, f"{machine.resource_id}/instanceView?api-version=2024-07-01")
    assert 899 in counts(listed).values()
    assert 23_999 in counts(viewed).values()


@pytest.mark.parametrize(
    ("limits_speed", "in_region", "of_machine", "writes", "everybodys"),
    [(0.5, 299, 2, 99, 1499), (1.0, 599, 5, 199, 2999), (2.0, 1199, 11, 399, 5999)],
)
def test_halved_and_doubled_limits_scale_every_size(
    limits_speed: float, in_region: int, of_machine: int, writes: int, everybodys: int
) -> None:
    cloud = cloud_of(replace(CALM, limits_speed=limits_speed))
    reply = start(cloud, next(iter(cloud.fleet)))
    assert list(counts(reply).values()) == [in_region, of_machine]
    assert reply.headers[REMAINING + "subscription-writes"] == str(writes)
    assert reply.headers[REMAINING + "subscription-global-writes"] == str(everybodys)


@pytest.mark.parametrize(("limits_speed", "size", "per_second"), [(0.5, 100, 5), (2.0, 400, 20)])
def test_halved_and_doubled_limits_scale_the_refill(limits_speed: float, size: int, per_second: int) -> None:
    cloud = cloud_of(replace(ONE_REGION, limits_speed=limits_speed))
    machines = list(cloud.fleet)
    assert started([start(cloud, machine) for machine in machines[:size]]) == size
    assert started([start(cloud, machine, 1.0) for machine in machines[size : size + 50]]) == per_second


@pytest.mark.parametrize(
    "change",
    [{"limits_speed": 0.5}, {"limits_speed": 2.0}, {"rival_share": 0.5}, {"refill": "by-minute"}],
    ids=str,
)
def test_nothing_but_the_counts_tells_that_limits_are_not_as_published(change: dict[str, Any]) -> None:
    plain, odd = cloud_of(CALM), cloud_of(replace(CALM, **change))
    machine = next(iter(plain.fleet))
    assert masked(start(plain, machine)) == masked(start(odd, machine))


def masked(reply: Reply) -> dict[str, str]:
    """The headers with every remaining count blanked."""
    return {
        name: re.sub(r"\d+(?=,|$)", "N", text) if name.startswith(REMAINING) else text
        for name, text in reply.headers.items()
    }
