"""What a client meets that asks too much: both documented shapes of a 429, and which scope they still."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from fleetscan.simulator.fates import Fate
from fleetscan.simulator.ledger import Ask
from tests.simulator.simulated_cloud import CALM, ask_graph, cloud_of, error_of, get, parsed, start

ONE_REGION = replace(CALM, machines=700, subscriptions=1, regions=1)


def test_arm_takes_200_starts_at_once_and_then_says_when_to_come_again() -> None:
    cloud = cloud_of(ONE_REGION)
    replies = [start(cloud, machine) for machine in cloud.fleet]
    assert [reply.status for reply in replies].count(202) == 200
    refused = replies[200]
    assert error_of(refused) == (429, "SubscriptionRequestsThrottled")
    assert refused.headers["retry-after"] == "1"
    assert b"Please try again after '1' seconds" in refused.body


def test_arms_refusal_stills_the_subscription_until_it_is_over_and_no_other() -> None:
    cloud = cloud_of(replace(ONE_REGION, subscriptions=2))
    busy = cloud.fleet.of_subscription(cloud.fleet.estate.subscriptions[0].subscription_id)
    quiet = cloud.fleet.of_subscription(cloud.fleet.estate.subscriptions[1].subscription_id)
    for machine in busy[:201]:
        start(cloud, machine)
    assert start(cloud, busy[201], 0.9).status == 429
    assert start(cloud, quiet[0], 0.9).status == 202
    assert start(cloud, busy[201], 1.0).status == 202


def test_a_machine_takes_six_starts_and_then_refuses_in_the_wrapped_shape() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    assert [start(cloud, machine).status for _ in range(7)] == [202] * 6 + [429]
    refused = start(cloud, machine, 1.0)
    assert error_of(refused) == (429, "OperationNotAllowed")
    # Two a minute: the next token is there after 30 s, of which one is over.
    assert refused.headers["retry-after"] == "29"


def test_a_region_takes_600_starts_and_refuses_without_the_error_wrapper() -> None:
    cloud = cloud_of(ONE_REGION)
    machines = list(cloud.fleet)
    # Ten a second keeps to ARM's bucket, and lets Compute's fall by 10 - 3.33 a second: empty after 90 s.
    statuses = [start(cloud, machines[i % 700], 0.1 * i).status for i in range(900)]
    assert statuses.index(429) == pytest.approx(899, abs=2)
    refused = start(cloud, machines[1], 90.0)
    body = parsed(refused)
    assert (refused.status, body["code"]) == (429, "OperationNotAllowed")
    details = body["details"]
    assert isinstance(details, list)
    assert isinstance(details[0], dict)
    assert details[0]["code"] == "TooManyRequests"
    assert details[0]["target"] == "VMGuestPatchOperationSubscriptionMaximum"
    assert orjson.loads(str(details[0]["message"]))["allowedRequestCount"] == 600


def test_a_refusal_by_compute_has_cost_a_token_of_arm() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    for _ in range(7):
        start(cloud, machine)
    left = start(cloud, machine).headers["x-ms-ratelimit-remaining-subscription-writes"]
    assert left == "192"


def test_a_400_has_cost_a_token_too() -> None:
    cloud = cloud_of(replace(CALM, machines=400, failing_pct=100))
    machine = next(m for m in cloud.fleet if m.fate is Fate.REFUSED_BAD_REQUEST)
    reply = start(cloud, machine)
    assert reply.status == 400
    assert "VMGuestPatchOperationResource;5" in reply.headers["x-ms-ratelimit-remaining-resource"]


def test_a_status_can_be_read_45_times_at_once() -> None:
    cloud = cloud_of(CALM)
    url = start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"]
    replies = [get(cloud, url) for _ in range(46)]
    assert [reply.status for reply in replies] == [200] * 45 + [429]
    assert replies[45].headers["retry-after"] == "4"


def test_reading_one_machines_status_costs_another_machine_nothing() -> None:
    cloud = cloud_of(CALM)
    busy, *_, other = cloud.fleet
    url = start(cloud, busy).headers["azure-asyncoperation"]
    for _ in range(46):
        get(cloud, url)
    remains = get(cloud, start(cloud, other).headers["azure-asyncoperation"]).headers
    assert "GetOperationResource;44" in remains["x-ms-ratelimit-remaining-resource"]


def test_the_tenant_has_its_own_reads() -> None:
    cloud = cloud_of(CALM)
    replies = [get(cloud, "/subscriptions?api-version=2022-12-01") for _ in range(251)]
    assert [reply.status for reply in replies] == [200] * 250 + [429]
    assert replies[0].headers["x-ms-ratelimit-remaining-tenant-reads"] == "249"


def test_resource_graph_takes_15_queries_in_5_seconds() -> None:
    cloud = cloud_of(CALM)
    replies = [ask_graph(cloud, "resources | project id", now=100.5) for _ in range(16)]
    assert [reply.status for reply in replies] == [200] * 15 + [429]
    assert replies[0].headers["x-ms-user-quota-remaining"] == "14"
    assert replies[15].headers["x-ms-user-quota-resets-after"] == "00:00:05"
    assert error_of(replies[15]) == (429, "RateLimiting")
    assert ask_graph(cloud, "resources | project id", now=105.4).headers["retry-after"] == "1"
    assert ask_graph(cloud, "resources | project id", now=105.5).status == 200


def test_limits_speed_0_lets_everything_pass_and_tells_no_remains() -> None:
    cloud = cloud_of(replace(ONE_REGION, limits_speed=0))
    machine = next(iter(cloud.fleet))
    replies = [start(cloud, machine) for _ in range(1000)]
    assert {reply.status for reply in replies} == {202}
    assert not any(name.startswith("x-ms-ratelimit") for name in replies[0].headers)
    assert {ask_graph(cloud, "resources | project id").status for _ in range(50)} == {200}


def test_the_ledger_keeps_429s_apart_from_what_was_done() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    for _ in range(8):
        start(cloud, machine)
    assert cloud.ledger.throttled[Ask.START] == 2
    assert cloud.ledger.requests[Ask.START] == 6
    assert cloud.ledger.starts[machine.key] == 6
