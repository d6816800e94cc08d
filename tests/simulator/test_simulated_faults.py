"""Faults that pass: which requests meet them, what they look like, and what the cloud did all the same."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace

import orjson
import pytest

from fleetscan.model import Fault, Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.ledger import Ask
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.ways import Way
from tests.simulator.simulated_cloud import BASE, CALM, ask_graph, cloud_of, error_of, get, parsed, start

# Every request meets a fault; seeds are tried until one of the wanted way is found.
ALWAYS = replace(CALM, faults_pct=100, limits_speed=0)
SEEDS = range(1, 60)
ELSEWHERE = "https://elsewhere.example/"

START_ALONE = {Way.MISSING_URLS, Way.ASTRAY_URLS}
READ_ALONE = {
    Way.TRUNCATED_BODY,
    Way.ARRAY_BODY,
    Way.EMPTY_BODY,
    Way.HTML_BODY,
    Way.HUGE_BODY,
    Way.LOST_POLL,
}


def way_of(cloud: Cloud, request: Request, now: float = 0.0) -> tuple[Reply, Way | None]:
    """A reply, and the way its request met."""
    before = cloud.ledger.faults.copy()
    reply = cloud.handle(request, now)
    return reply, next((cloud.ledger.faults - before).elements(), None)


def start_of(machine: Machine) -> Request:
    return Request("POST", f"{BASE}{machine.resource_id}/assessPatches?api-version=2024-11-01")


def started(way: Way, scenario: Scenario = ALWAYS) -> tuple[Cloud, Machine, Reply]:
    """A cloud, a machine of it whose first start met `way`, and the reply."""
    for seed in SEEDS:
        cloud = cloud_of(replace(scenario, seed=seed))
        for machine in cloud.fleet:
            reply, met = way_of(cloud, start_of(machine))
            if met is way:
                return cloud, machine, reply
    raise AssertionError(way)


def polled(way: Way) -> tuple[Reply, Reply]:
    """The replies to a first poll that met `way`, and to the same poll of a calm cloud."""
    for seed in SEEDS:
        stormy, calm = (cloud_of(replace(ALWAYS, seed=seed, faults_pct=share)) for share in (100, 0))
        for machine in calm.fleet:
            url = start(calm, machine).headers["azure-asyncoperation"]
            while not stormy.ledger.accepted[machine.key]:
                start(stormy, machine)
            reply, met = way_of(stormy, Request("GET", url), 1000.0)
            if met is way:
                return reply, get(calm, url, 1000.0)
    raise AssertionError(way)


def test_nothing_goes_wrong_by_itself() -> None:
    cloud = cloud_of(replace(CALM, machines=200))
    assert {start(cloud, machine).status for machine in cloud.fleet} == {202}
    assert cloud.ledger.faults == Counter()


def test_every_way_is_met_by_the_requests_it_is_for() -> None:
    met: dict[Ask, set[Way]] = {Ask.START: set(), Ask.POLL: set()}
    for seed in range(1, 11):
        stormy, calm = (
            cloud_of(replace(ALWAYS, seed=seed, machines=100, faults_pct=share)) for share in (100, 0)
        )
        for machine in calm.fleet:
            url = start(calm, machine).headers["azure-asyncoperation"]
            while not stormy.ledger.accepted[machine.key]:
                _, way = way_of(stormy, start_of(machine))
                met[Ask.START] |= {way} if way else set()
            _, way = way_of(stormy, Request("GET", url), 1000.0)
            met[Ask.POLL] |= {way} if way else set()
    assert met[Ask.START] == set(Way) - READ_ALONE
    assert met[Ask.POLL] == set(Way) - START_ALONE


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faults_take_their_share_of_the_requests(seed: int) -> None:
    cloud = cloud_of(replace(ALWAYS, seed=seed, machines=2000, faults_pct=10))
    for machine in cloud.fleet:
        start(cloud, machine)
    assert cloud.ledger.faults.total() == pytest.approx(200, abs=50)


def test_the_order_in_which_machines_are_asked_about_changes_no_fault() -> None:
    one, other = cloud_of(ALWAYS), cloud_of(ALWAYS)
    ways = {machine.key: way_of(one, start_of(machine)) for machine in one.fleet}
    for machine in reversed(list(other.fleet)):
        reply, way = way_of(other, start_of(machine))
        before, way_before = ways[machine.key]
        assert (way, reply.status, reply.fault) == (way_before, before.status, before.fault)


def test_queries_of_resource_graph_meet_their_own_faults_each() -> None:
    one, other = cloud_of(ALWAYS), cloud_of(ALWAYS)
    queries = [f"resources | where name == '{name}' | project id" for name in "abcdef"]
    faults = {query: ask_graph(one, query).status for query in queries}
    assert {query: ask_graph(other, query).status for query in reversed(queries)} == faults


def test_a_request_that_was_not_sent_leaves_no_trace() -> None:
    cloud, machine, reply = started(Way.NOT_SENT, replace(ALWAYS, machines=1))
    assert (reply.status, reply.fault) == (0, Fault.NOT_SENT)
    assert cloud.ledger.starts[machine.key] == 0
    assert cloud.ledger.requests.total() == 0


@pytest.mark.parametrize("way", [Way.RESET_BEFORE, Way.STALL_BEFORE])
def test_a_request_that_is_cut_off_before_it_was_handled_starts_nothing(way: Way) -> None:
    cloud, machine, reply = started(way)
    assert (reply.status, reply.fault) == (0, Fault.CUT)
    assert cloud.ledger.starts[machine.key] == 0
    assert cloud.ledger.accepted[machine.key] == 0


@pytest.mark.parametrize("way", [Way.RESET_AFTER, Way.STALL_AFTER])
def test_a_request_that_is_cut_off_after_it_was_handled_is_in_the_ledger(way: Way) -> None:
    cloud, machine, reply = started(way)
    assert (reply.status, reply.fault) == (0, Fault.CUT)
    assert cloud.ledger.accepted[machine.key] == 1
    assert cloud.ledger.result_of(machine.key) is not None


@pytest.mark.parametrize("way", [Way.STALL_BEFORE, Way.STALL_AFTER])
def test_a_stall_tells_how_long_the_silence_was(way: Way) -> None:
    _, _, reply = started(way)
    assert 20.0 <= float(reply.headers["x-simulated-stall-s"]) <= 180.0


def test_no_reply_without_a_fault_tells_of_a_stall() -> None:
    cloud = cloud_of(replace(ALWAYS, machines=300))
    for machine in cloud.fleet:
        reply = start(cloud, machine)
        assert ("x-simulated-stall-s" in reply.headers) <= (reply.fault is not None)


@pytest.mark.parametrize(
    ("way", "status"),
    [
        (Way.REQUEST_TIMEOUT, 408),
        (Way.SERVER_ERROR, 500),
        (Way.BAD_GATEWAY, 502),
        (Way.UNAVAILABLE, 503),
        (Way.GATEWAY_TIMEOUT, 504),
    ],
)
def test_a_front_end_that_fails_speaks_html_and_starts_nothing(way: Way, status: int) -> None:
    cloud, machine, reply = started(way)
    assert (reply.status, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<html>")
    assert reply.headers["date"] == "Sun, 22 Nov 2026 02:00:00 GMT"
    assert cloud.ledger.starts[machine.key] == 0


def test_a_504_may_hide_an_accepted_start() -> None:
    cloud, machine, reply = started(Way.GATEWAY_TIMEOUT_AFTER)
    assert (reply.status, reply.body[:6]) == (504, b"<html>")
    assert cloud.ledger.accepted[machine.key] == 1


def test_a_429_has_every_form_of_retry_after_and_both_shapes_of_error() -> None:
    waits, codes = set(), set()
    for seed in range(1, 30):
        cloud = cloud_of(replace(ALWAYS, seed=seed))
        for machine in cloud.fleet:
            reply = start(cloud, machine)
            if reply.status == 429:
                assert cloud.ledger.starts[machine.key] == 0
                waits.add(reply.headers.get("retry-after"))
                body = parsed(reply)
                codes.add(str(body["code"]) if "code" in body else error_of(reply)[1])
    assert waits == {None, "0", "7", "2.5", "Sun, 22 Nov 2026 02:00:09 GMT", "garbage"}
    assert codes == {"SubscriptionRequestsThrottled", "OperationNotAllowed"}


def test_a_429_is_counted_as_throttled_and_spends_no_token() -> None:
    cloud, machine, _ = started(Way.THROTTLED, replace(ALWAYS, machines=1, limits_speed=10.0))
    assert cloud.ledger.throttled[Ask.START] == 1
    left = None
    while left is None:
        left = start(cloud, machine).headers.get("x-ms-ratelimit-remaining-subscription-writes")
    # Ten times the published 200, less those that were handled, whatever their replies.
    assert int(left) == 2000 - cloud.ledger.starts[machine.key]


def test_a_redirect_leads_to_another_host() -> None:
    cloud, machine, reply = started(Way.REDIRECTED)
    assert reply.status == 302
    assert reply.headers["location"].startswith(ELSEWHERE)
    assert cloud.ledger.starts[machine.key] == 0


def test_a_challenge_carries_claims() -> None:
    _, _, reply = started(Way.CHALLENGED)
    challenge = reply.headers["www-authenticate"]
    assert (reply.status, challenge[:7]) == (401, "Bearer ")
    assert 'error="insufficient_claims"' in challenge
    claims = orjson.loads(base64.b64decode(challenge.partition('claims="')[2].partition('"')[0]))
    assert list(claims) == ["access_token"]


def test_an_accepted_start_may_not_say_where_to_poll() -> None:
    cloud, machine, reply = started(Way.MISSING_URLS)
    assert (reply.status, reply.body) == (202, b"")
    assert not {"azure-asyncoperation", "location"} & set(reply.headers)
    assert cloud.ledger.accepted[machine.key] == 1


def test_an_accepted_start_may_lead_astray() -> None:
    cloud, machine, reply = started(Way.ASTRAY_URLS)
    assert reply.status == 202
    assert reply.headers["azure-asyncoperation"].startswith(ELSEWHERE)
    assert reply.headers["location"].startswith(ELSEWHERE)
    assert cloud.ledger.accepted[machine.key] == 1


def test_a_truncated_body_is_the_first_half() -> None:
    reply, right = polled(Way.TRUNCATED_BODY)
    assert (reply.status, reply.body) == (200, right.body[: len(right.body) // 2])
    assert reply.headers["content-length"] == str(len(reply.body))


def test_an_array_holds_the_right_object() -> None:
    reply, right = polled(Way.ARRAY_BODY)
    assert (reply.status, orjson.loads(reply.body)) == (200, [orjson.loads(right.body)])


def test_an_empty_body_is_a_200() -> None:
    reply, _ = polled(Way.EMPTY_BODY)
    assert (reply.status, reply.body) == (200, b"")


def test_a_page_of_html_is_a_200_that_says_so() -> None:
    reply, _ = polled(Way.HTML_BODY)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<html>")


def test_a_huge_body_is_right() -> None:
    reply, right = polled(Way.HUGE_BODY)
    assert (reply.status, len(reply.body)) == (200, 2_000_000 + len(right.body))
    assert orjson.loads(reply.body) == orjson.loads(right.body)


def test_a_lost_poll_is_a_404_once() -> None:
    reply, _ = polled(Way.LOST_POLL)
    assert error_of(reply) == (404, "NotFound")
    cloud = cloud_of(replace(ALWAYS, machines=1))
    machine = next(iter(cloud.fleet))
    url = start(cloud_of(replace(ALWAYS, machines=1, faults_pct=0)), machine).headers["azure-asyncoperation"]
    while not cloud.ledger.accepted[machine.key]:
        start(cloud, machine)
    statuses = [get(cloud, url, 1000.0).status for _ in range(300)]
    assert statuses.count(404) == 1
    assert statuses.count(200) > 10
