"""The simulated operation beside the recorded ones: headers, bodies, sizes and signed URLs."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from fleetscan.model import Request
from fleetscan.simulator.cloud import Cloud
from tests.replay import Exchange, proxy_recording, vcr_recording
from tests.simulator.simulated_cloud import (
    BASE,
    CALM,
    EPOCH,
    cloud_of,
    error_of,
    get,
    parsed,
    result_in,
    start,
)

# What only the recording's front end and recorder add.
FRONT_END_ALONE = {"x-msedge-ref", "x-ms-need-to-refresh-epl-cache"}


def machine_of(cloud: Cloud, os_type: str) -> str:
    return next(machine.key for machine in cloud.fleet if machine.image.os_type == os_type)


def recorded_2024(exchanges: Path) -> list[Exchange]:
    """A 400, an accepted start, and polls until it was done."""
    return vcr_recording(exchanges / "vm-install-patches-signed-urls.json")


def region_of(url: str) -> str:
    return url.partition("/locations/")[2].partition("/")[0]


def test_a_start_is_an_empty_202_without_retry_after() -> None:
    cloud = cloud_of(CALM)
    reply = start(cloud, next(iter(cloud.fleet)))
    assert (reply.status, reply.body) == (202, b"")
    assert reply.headers["azure-asyncnotification"] == "Enabled"
    assert "retry-after" not in reply.headers


def test_a_start_has_the_headers_of_a_recorded_one(exchanges: Path) -> None:
    recorded = recorded_2024(exchanges)[1].headers
    cloud = cloud_of(CALM)
    reply = start(cloud, next(iter(cloud.fleet)))
    assert set(recorded) - FRONT_END_ALONE <= set(reply.headers)
    ours, theirs = reply.headers["azure-asyncoperation"], recorded["azure-asyncoperation"]
    assert len(ours) - len(region_of(ours)) == len(theirs) - len(region_of(theirs))


def test_remaining_counts_of_a_first_start_are_the_recorded_ones_plus_one() -> None:
    cloud = cloud_of(CALM)
    headers = start(cloud, next(iter(cloud.fleet))).headers
    assert headers["x-ms-ratelimit-remaining-resource"] == (
        "Microsoft.Compute/VMGuestPatchOperationSubscriptionMaximum;599,"
        "Microsoft.Compute/VMGuestPatchOperationResource;5"
    )
    assert headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert headers["x-ms-ratelimit-remaining-subscription-global-writes"] == "2999"


def test_remaining_counts_of_a_first_poll_are_those_of_the_published_buckets() -> None:
    cloud = cloud_of(CALM)
    headers = get(cloud, start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"]).headers
    assert headers["x-ms-ratelimit-remaining-resource"] == (
        "Microsoft.Compute/GetOperationResource;44,Microsoft.Compute/GetOperationSubscriptionMaximum;14999"
    )
    assert headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


def test_location_is_the_status_url_with_monitor_true() -> None:
    cloud = cloud_of(CALM)
    headers = start(cloud, next(iter(cloud.fleet))).headers
    assert headers["location"].replace("&monitor=true", "") == headers["azure-asyncoperation"]
    assert "&monitor=true&api-version=2024-11-01&t=" in headers["location"]


def test_signed_urls_are_opaque_3_3_kb_and_no_two_alike() -> None:
    cloud = cloud_of(CALM)
    urls = [start(cloud, machine).headers["azure-asyncoperation"] for machine in cloud.fleet]
    assert all(3200 < len(url) < 3300 for url in urls)
    assert all(re.search(r"&t=\d{18}&c=MII[\w-]{2612}&s=[\w-]{342}&h=[\w-]{43}$", url) for url in urls)
    assert len({url.partition("&s=")[2] for url in urls}) == 40


def test_signed_urls_point_where_the_start_came_to() -> None:
    cloud = cloud_of(CALM)
    key = next(iter(cloud.fleet)).key
    local = Request("POST", f"http://127.0.0.1:8080{key}/assessPatches?api-version=2022-08-01")
    assert cloud.handle(local, 0.0).headers["location"].startswith("http://127.0.0.1:8080/subscriptions/")


def test_one_changed_byte_anywhere_in_a_signed_url_is_refused() -> None:
    cloud = cloud_of(CALM)
    url = start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"]
    assert get(cloud, url).status == 200
    for mark in ("?p=", "&t=", "&c=", "&s=", "&h="):
        at = url.index(mark) + 5
        spoiled = url[:at] + ("0" if url[at] != "0" else "1") + url[at + 1 :]
        assert error_of(get(cloud, spoiled)) == (403, "InvalidSignature")


def test_sorted_parameters_are_a_changed_url() -> None:
    cloud = cloud_of(CALM)
    path, _, query = start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"].partition("?")
    assert get(cloud, path + "?" + "&".join(sorted(query.split("&")))).status == 403


def test_a_running_operation_has_the_body_of_a_recorded_one(exchanges: Path) -> None:
    recorded = recorded_2024(exchanges)[2].body
    cloud = cloud_of(CALM)
    body = get(cloud, start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"]).body
    assert blanked(body) == blanked(recorded)


def test_a_done_operation_has_the_frame_of_a_recorded_one(exchanges: Path) -> None:
    recorded = recorded_2024(exchanges)[-1].body
    cloud = cloud_of(CALM)
    url = start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"]
    body = get(cloud, url, 300.0).body
    assert framed(body) == framed(recorded)


@pytest.mark.parametrize("os_type", ["Windows", "Linux"])
def test_a_result_has_the_fields_of_a_recorded_one(exchanges: Path, os_type: str) -> None:
    recording = proxy_recording(exchanges / "vm-assess-patches.json")
    recorded = orjson.loads(next(each.body for each in recording if "monitor=true" in each.target))
    cloud = cloud_of(CALM)
    machine = cloud.fleet.machine(machine_of(cloud, os_type))
    result = result_in(get(cloud, start(cloud, machine).headers["azure-asyncoperation"], 300.0))
    assert list(result) == list(recorded)
    patches = result["availablePatches"]
    assert isinstance(patches, list)
    expected = set(recorded["availablePatches"][0])
    if os_type == "Linux":
        expected = expected - {"kbId"} | {"version"}
    assert all(isinstance(patch, dict) and set(patch) == expected for patch in patches)
    assert all(isinstance(p, dict) and (p["publishedDate"] is None) == (os_type == "Linux") for p in patches)
    error = result["error"]
    assert isinstance(error, dict)
    assert error["code"] == ("0" if os_type == "Linux" else "Success")


def test_location_is_an_empty_202_until_it_gives_the_same_result() -> None:
    cloud = cloud_of(CALM)
    headers = start(cloud, next(iter(cloud.fleet))).headers
    running = get(cloud, headers["location"], 60.0)
    assert (running.status, running.body) == (202, b"")
    assert parsed(get(cloud, headers["location"], 300.0)) == result_in(
        get(cloud, headers["azure-asyncoperation"], 300.0)
    )


def test_times_have_seven_decimals_and_some_machines_write_another_offset() -> None:
    cloud = cloud_of(CALM)
    starts = [
        str(parsed(get(cloud, start(cloud, machine, 0.25).headers["azure-asyncoperation"], 1.0))["startTime"])
        for machine in cloud.fleet
    ]
    assert set(starts) == {"2026-11-22T02:00:00.2500000+00:00", "2026-11-21T21:00:00.2500000-05:00"}


def test_every_reply_has_a_date_and_a_request_id_of_its_own() -> None:
    cloud = cloud_of(CALM)
    replies = [get(cloud, "/subscriptions?api-version=2022-12-01", 1.0) for _ in range(2)]
    assert {reply.headers["date"] for reply in replies} == {"Sun, 22 Nov 2026 02:00:01 GMT"}
    assert replies[0].headers["x-ms-request-id"] != replies[1].headers["x-ms-request-id"]
    assert "x-ms-correlation-request-id" in replies[0].headers


def test_the_clouds_own_clock_may_stand_anywhere_at_its_epoch() -> None:
    cloud = Cloud(CALM, epoch=EPOCH, started_at=5000.0)
    reply = get(cloud, "/subscriptions?api-version=2022-12-01", 5001.0)
    assert reply.headers["date"] == "Sun, 22 Nov 2026 02:00:01 GMT"


def test_unknown_operations_paths_machines_and_subscriptions_are_404() -> None:
    cloud = cloud_of(CALM)
    url = start(cloud, next(iter(cloud.fleet))).headers["azure-asyncoperation"]
    guid = url.partition("/operations/")[2][:36]
    assert error_of(get(cloud, url.replace(guid, "00000000-0000-0000-0000-000000000000"))) == (
        404,
        "NotFound",
    )
    assert error_of(get(cloud, "/nowhere?api-version=1")) == (404, "InvalidResourceType")
    gone = next(iter(cloud.fleet)).resource_id + "x?api-version=2024-07-01"
    assert error_of(get(cloud, gone)) == (404, "ResourceNotFound")
    assert error_of(get(cloud, "/subscriptions/none/x?api-version=1")) == (404, "SubscriptionNotFound")


def test_a_request_without_api_version_is_a_400() -> None:
    assert error_of(get(cloud_of(CALM), "/subscriptions")) == (400, "MissingApiVersionParameter")


def test_paths_are_read_without_case_and_with_escapes() -> None:
    cloud = cloud_of(CALM)
    key = next(iter(cloud.fleet)).key
    for path in (key.upper(), key.replace("rg-", "rg%2D")):
        request = Request("POST", f"{BASE}{path}/ASSESSPATCHES?api-version=2022-08-01")
        assert cloud.handle(request, 0.0).status == 202


def blanked(body: bytes) -> bytes:
    """The body without what differs from one operation to the next."""
    body = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d", b"TIME", body)
    return re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"GUID", body)


def framed(body: bytes) -> bytes:
    """A done operation's body without its result, which is one compact line."""
    head, _, tail = body.partition(b'"output": {')
    return blanked(head + tail[tail.index(b"}\r\n") :])
