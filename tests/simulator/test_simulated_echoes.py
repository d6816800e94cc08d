"""The simulator repeats a request's Authorization header where it is told to, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import orjson

from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import BASE, CALM, VERSION, cloud_of

HEADER = "Bearer eyJ0b2tlbg.e30.c2ln"
ECHOING = replace(CALM, echoed_pct=100, limits_speed=0)


def starts(scenario: Scenario) -> list[Reply]:
    cloud = cloud_of(scenario)
    urls = [f"{BASE}{machine.resource_id}/assessPatches?{VERSION}" for machine in cloud.fleet]
    return [echoed(cloud, Request("POST", url)) for url in urls]


def echoed(cloud: Cloud, request: Request) -> Reply:
    return cloud.echo(request, cloud.handle(request, 0.0), HEADER)


def test_without_the_dial_nothing_is_repeated() -> None:
    cloud = cloud_of(CALM)
    request = Request("GET", f"{BASE}/subscriptions?{VERSION}")
    reply = cloud.handle(request, 0.0)
    assert cloud.echo(request, reply, HEADER) is reply


def test_accepted_starts_have_it_in_their_urls_about_every_other_time() -> None:
    replies = starts(ECHOING)
    told = [reply.headers["location"].endswith(f"&echo={quote(HEADER)}") for reply in replies]
    assert 10 < sum(told) < 30


def test_refusals_have_it_in_their_message_and_in_their_id_in_several_spellings() -> None:
    replies = [reply for reply in starts(replace(ECHOING, failing_pct=100)) if reply.status >= 400]
    messages = [orjson.loads(reply.body)["error"]["message"] for reply in replies]
    assert any(message.startswith(HEADER) for message in messages)
    assert any("\\u" in message for message in messages)
    assert any("%65%79%4A" in message for message in messages)
    assert {HEADER} < {reply.headers["x-ms-correlation-request-id"] for reply in replies}
    assert all(reply.headers["content-length"] == str(len(reply.body)) for reply in replies)


def test_lists_are_still_json_and_have_it_in_names_and_texts() -> None:
    cloud = cloud_of(ECHOING)
    subscription = cloud.fleet.subscriptions[0].subscription_id
    url = f"{BASE}/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines?{VERSION}"
    pages = [orjson.loads(echoed(cloud, Request("GET", url)).body) for _ in range(10)]
    assert any(f"echo of {HEADER}" in vm["properties"] for page in pages for vm in page["value"])
