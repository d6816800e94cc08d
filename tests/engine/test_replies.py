"""Reading replies: Retry-After in all its types, both error shapes, quota headers by any name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.engine.replies import (
    Remaining,
    ThrottleScope,
    read_error,
    remaining_quotas,
    retry_after_s,
    throttle_delay_s,
    throttle_scope,
)
from fleetscan.model import Fault, Json, Reply, Stage
from tests.replay import yaml_body


def reply(status: int, body: Json, **headers: str) -> Reply:
    return Reply(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()
    )


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"retry-after": "9" * 400}, 3600.0),
        ({"retry-after": "-" + "9" * 400}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after-ms": "1500", "retry-after": "60"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "garbage", "retry-after": "7"}, 7.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form_it_was_seen_in(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds


def test_a_retry_after_date_counts_from_the_replys_own_date() -> None:
    headers = {"retry-after": "Wed, 22 Feb 2023 04:03:27 GMT", "date": "Wed, 22 Feb 2023 04:01:54 GMT"}
    assert retry_after_s(headers) == 93.0


def test_a_retry_after_date_without_a_date_to_count_from_says_nothing() -> None:
    assert retry_after_s({"retry-after": "Wed, 22 Feb 2023 04:03:27 GMT"}) is None


def test_the_innermost_error_is_taken_with_the_wrapper_and_without() -> None:
    inner: Json = {
        "code": "OperationNotAllowed",
        "message": "no",
        "details": [{"code": "TooManyRequests", "message": "{}"}],
    }
    for body in (inner, {"error": inner}):
        error = read_error(reply(429, body), Stage.START)
        assert (error.code, error.message, error.http_status) == ("TooManyRequests", "{}", 429)


def test_an_inner_error_without_a_message_keeps_the_outer_one() -> None:
    body: Json = {"error": {"code": "Outer", "message": "what happened", "innererror": {"code": "Inner"}}}
    error = read_error(reply(400, body), Stage.START)
    assert (error.code, error.message) == ("Inner", "what happened")


def test_an_html_error_page_is_kept_as_the_message() -> None:
    error = read_error(Reply(502, {}, b"<h1>Bad Gateway</h1>"), Stage.POLL)
    assert (error.code, error.message, error.http_status) == (None, "<h1>Bad Gateway</h1>", 502)


def test_a_fault_is_its_own_code_and_has_no_http_status() -> None:
    error = read_error(Reply(0, fault=Fault.CUT, detail="the connection broke"), Stage.START)
    assert (error.code, error.message, error.http_status) == ("cut", "the connection broke", None)


def test_the_correlation_id_comes_along() -> None:
    error = read_error(
        reply(403, {"error": {"code": "AuthorizationFailed"}}, x_ms_correlation_request_id="c-1"), Stage.START
    )
    assert error.correlation_id == "c-1"


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("Microsoft.Compute/PatchOperation3Min;189,Microsoft.Compute/PatchOperation30Min;598", 189),
        (
            "Microsoft.Compute/VMGuestPatchOperationSubscriptionMaximum;599,"
            "Microsoft.Compute/VMGuestPatchOperationResource;5",
            599,
        ),
        (
            "Microsoft.Compute/GetOperationResource;44, Microsoft.Compute/GetOperationSubscription;14996",
            14996,
        ),
        ("Microsoft.Compute/NobodyHasHeardOfThis;7", 7),
        ("Microsoft.Compute/UpdateVM3Min;,nonsense,;12", 12),
        ("", None),
    ],
)
def test_region_quotas_are_read_whatever_the_policy_is_called(header: str, left: int | None) -> None:
    assert remaining_quotas({"x-ms-ratelimit-remaining-resource": header}, "reads").region == left


def test_the_smallest_count_of_the_front_door_binds() -> None:
    headers = {
        "x-ms-ratelimit-remaining-subscription-writes": "199",
        "x-ms-ratelimit-remaining-subscription-global-writes": "2999",
        "content-length": "5",
    }
    assert remaining_quotas(headers, "writes") == Remaining(subscription=199, region=None, all_callers=2999)


def test_a_count_of_another_kind_is_no_count_of_ours() -> None:
    headers = {
        "x-ms-ratelimit-remaining-subscription-reads": "2",
        "x-ms-ratelimit-remaining-tenant-deletes": "3",
    }
    assert remaining_quotas(headers, "writes") == Remaining(subscription=None, region=None)


def test_a_count_of_all_callers_is_no_count_of_ours() -> None:
    """A recorded poll tells the global count alone."""
    headers = {"x-ms-ratelimit-remaining-subscription-global-reads": "3749"}
    assert remaining_quotas(headers, "reads") == Remaining(subscription=None, region=None, all_callers=3749)


def test_resource_graphs_quota_is_the_callers_own() -> None:
    assert remaining_quotas({"x-ms-user-quota-remaining": "11"}, "graph") == Remaining(
        subscription=11, region=None
    )


def test_arms_429_stills_the_subscription() -> None:
    body: Json = {
        "error": {"code": "SubscriptionRequestsThrottled", "message": "try again after '1' seconds"}
    }
    assert throttle_scope(reply(429, body)) is ThrottleScope.SUBSCRIPTION


@pytest.mark.parametrize(
    ("target", "scope"),
    [
        ("VMGuestPatchOperationSubscriptionMaximum", ThrottleScope.REGION),
        ("VMGuestPatchOperationResource", ThrottleScope.MACHINE),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_computes_429_stills_the_policy_it_names(target: str, scope: ThrottleScope, wrapped: bool) -> None:
    body: Json = {"code": "OperationNotAllowed", "details": [{"code": "TooManyRequests", "target": target}]}
    assert throttle_scope(reply(429, {"error": body} if wrapped else body)) is scope


def test_a_busy_machine_stills_only_itself() -> None:
    body: Json = {"error": {"code": "RetryableErrorDueToAnotherOperation"}}
    assert throttle_scope(reply(429, body)) is ThrottleScope.MACHINE


def test_an_unreadable_429_stills_the_region() -> None:
    assert throttle_scope(Reply(429, {}, b"<html>slow down</html>")) is ThrottleScope.REGION


def test_resource_graphs_reset_counts_beside_retry_after_and_the_larger_wins() -> None:
    assert (
        throttle_delay_s(Reply(429, {"x-ms-user-quota-resets-after": "00:00:05", "retry-after": "1"})) == 5.0
    )
    assert throttle_delay_s(Reply(429, {"x-ms-user-quota-resets-after": "soon", "retry-after": "1"})) == 1.0
    assert throttle_delay_s(Reply(429)) is None


def test_a_graph_refusal_is_read_to_its_innermost_code(exchanges: Path) -> None:
    body = yaml_body(exchanges / "resource-graph-bad-query.yaml")
    error = read_error(Reply(400, {}, body), Stage.INVENTORY)
    assert error.code == "InvalidQuery"
