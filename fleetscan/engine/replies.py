"""Reading one reply of Azure's, tolerantly: JSON, both error shapes, Retry-After in all its types, quotas.

Only `parse_json` raises on what Azure wrote; nothing hard-codes the name of a throttling
policy, which changed three times in three years. Facts: ARM's async-operation contract and recorded traffic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from fleetscan import json_text
from fleetscan.azure_times import http_time
from fleetscan.model import Failure, Fault, Json, OwnCode, Reply, Stage

# Azure's documents say 10 to 600 s and one throttling sample 1200; no scan is served by more than an hour.
MAX_RETRY_AFTER_S = 3600.0
MAX_MESSAGE_CHARS = 4000
REMAINING_RESOURCE = "x-ms-ratelimit-remaining-resource"
REMAINING = "x-ms-ratelimit-remaining-"
GRAPH = "graph"
GRAPH_REMAINING = "x-ms-user-quota-remaining"
GRAPH_RESETS_AFTER = "x-ms-user-quota-resets-after"


def parse_json(body: bytes) -> Json:
    """The value `body` holds; raises ValueError when it is not JSON."""
    return json_text.parse(body.removeprefix(b"\xef\xbb\xbf"))


def parse_object(body: bytes) -> dict[str, Json] | None:
    """The JSON object `body` holds, or None when it holds anything else."""
    try:
        parsed = parse_json(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def is_weather(reply: Reply) -> bool:
    """Whether the same request may fare better later: no reply, 408, 429 or 5xx."""
    return reply.fault is not None or reply.status in (408, 429) or reply.status >= 500


def is_answer(reply: Reply) -> bool:
    """Whether Azure itself answered, if only with a refusal."""
    return reply.fault is None and reply.status != 408 and reply.status < 500


def is_not_taken(reply: Reply) -> bool:
    """Whether a start that brought `reply` cannot have begun: nothing was sent, or Azure turned it down."""
    return reply.fault is Fault.NOT_SENT or reply.status in (429, 503)


def dated(reply: Reply) -> datetime | None:
    """When Azure sent `reply`, by its own clock; None where it does not say."""
    return http_time(reply.headers.get("date"))


def is_refusal(reply: Reply) -> bool:
    """Whether Azure itself said no to the request, for now or for good."""
    return 400 <= reply.status < 500 and not is_weather(reply)


def read_error(reply: Reply, stage: Stage) -> Failure:
    """What `reply` says went wrong: Azure's innermost code and message, or which fault brought none."""
    if reply.fault is not None:
        return Failure.of_fleetscan(reply.fault, reply.detail or None, stage, reply)
    if reply.detail:
        return Failure.of_fleetscan(OwnCode.REPLY_TOO_LARGE, reply.detail, stage, reply)
    code, message = innermost_error(parse_object(reply.body) or {})
    if code is None and message is None:
        message = reply.body[:MAX_MESSAGE_CHARS].decode("utf-8", "replace").strip() or None
    return Failure.of_azure(reply, code, message, stage)


def innermost_error(body: dict[str, Json]) -> tuple[str | None, str | None]:
    """(code, message) of the deepest error in `body`, with or without ARM's `error` wrapper."""
    code = message = None
    for error in _errors(body):
        code, message = text_of(error.get("code")), text_of(error.get("message")) or message
    return code, message


def error_codes(body: dict[str, Json]) -> list[str]:
    """The codes of the errors in `body`, the innermost first."""
    codes = [text_of(error.get("code")) for error in _errors(body)]
    return [code for code in reversed(codes) if code is not None]


def _errors(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The errors in `body`, each inside the one before."""
    wrapped = body.get("error")
    error: dict[str, Json] | None = wrapped if isinstance(wrapped, dict) else body
    while error is not None:
        yield error
        error = _inner(error)


def _inner(error: dict[str, Json]) -> dict[str, Json] | None:
    """The first error nested in `error` that has a code of its own."""
    details = error.get("details")
    nested = [*(details if isinstance(details, list) else ()), error.get("innererror")]
    return next((entry for entry in nested if isinstance(entry, dict) and text_of(entry.get("code"))), None)


def text_of(value: Json) -> str | None:
    """`value` where it is text and not empty."""
    return value if isinstance(value, str) and value else None


def value_at(value: Json, path: str) -> Json:
    """What `path`, names with dots between, leads to; None where it leads nowhere."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_at(value: Json, path: str) -> str | None:
    """The text at `path`; None where it is empty or is not text."""
    return text_of(value_at(value, path))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds Azure asks to wait, 0 to an hour, or None where it says nothing that can be read.

    Seen in the wild beside whole seconds: 0, fractions, HTTP dates (measured against the reply's own
    Date), garbage, and two headers that count milliseconds, which win because they are finer.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        seconds = float(text) * unit_s if _is_number(text) else _seconds_until(text, headers.get("date"))
        if seconds is not None:
            return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
    return None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+(\.\d*)?\s*", text, re.ASCII) is not None


def _seconds_until(text: str, date: str | None) -> float | None:
    """Seconds from an HTTP date to another; None unless both are there and make sense."""
    until, now = http_time(text), http_time(date)
    return None if until is None or now is None else (until - now).total_seconds()


@dataclass(frozen=True, slots=True)
class Remaining:
    """Requests left by a reply's own counts; None where it tells none.

    In the caller's ARM bucket, in Compute's of the region, and in ARM's of all callers together (`-global-`),
    which is fifteen times as large and says nothing of the caller's own until it is nearly empty.
    """

    subscription: int | None
    region: int | None
    all_callers: int | None = None


def remaining_quotas(headers: Mapping[str, str], account: str) -> Remaining:
    """The smallest remaining count of each scope, whatever the policies are called.

    `account` is the last word of the front door's headers that count (`reads`, `writes`): a count of reads
    in the reply to a start is about no start. A policy named `...Resource` counts one VM's requests and
    binds no other.
    """
    subscription: list[int] = []
    region: list[int] = []
    all_callers: list[int] = []
    for name, text in headers.items():
        # Of the twenty headers of a reply three count anything: the others cost one test.
        if "remaining" not in name:
            continue
        if name == REMAINING_RESOURCE:
            region += [count for policy, count in _policies(text) if not policy.endswith("Resource")]
        elif is_count_of(name, account) and (count := _count(text)) is not None:
            (all_callers if "-global-" in name else subscription).append(count)
    return Remaining(
        min(subscription, default=None), min(region, default=None), min(all_callers, default=None)
    )


def machine_count(headers: Mapping[str, str]) -> int | None:
    """The smallest count of the requests that are left to the VM itself; None where none is told."""
    text = headers.get(REMAINING_RESOURCE, "")
    if "Resource;" not in text:
        return None
    return min((count for policy, count in _policies(text) if policy.endswith("Resource")), default=None)


def is_count_of(name: str, account: str) -> bool:
    """Whether the header `name` counts requests of `account`; Resource Graph has a name of its own."""
    if account == GRAPH:
        return name in (GRAPH_REMAINING, f"{REMAINING}tenant-resource-requests")
    return name.startswith(REMAINING) and name.endswith(f"-{account}")


def _policies(text: str) -> list[tuple[str, int]]:
    """(policy, remaining) of `Microsoft.Compute/PatchOperation3Min;189,Microsoft.Compute/...;598`."""
    entries = [entry.rpartition(";") for entry in text.split(",")]
    return [
        (policy, count)
        for policy, separator, remaining in entries
        if separator and (count := _count(remaining)) is not None
    ]


def _count(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


class ThrottleScope(Enum):
    """What a 429 blocks."""

    TENANT = "tenant"
    """ARM's front door: this kind, in every subscription."""
    SUBSCRIPTION = "subscription"
    """ARM's front door: this subscription and kind, all regions."""
    REGION = "region"
    """Microsoft.Compute, or a sender that is not known: this subscription, region and kind."""
    MACHINE = "machine"
    """One VM's own bucket, or another operation on it."""


def throttle_scope(reply: Reply) -> ThrottleScope:
    """What the 429 `reply` blocks, by its code and the policy it names."""
    body = parse_object(reply.body) or {}
    error = body.get("error")
    outer = error if isinstance(error, dict) else body
    code = text_of(outer.get("code")) or ""
    detail = _inner(outer) or {}
    if code.startswith("TenantRequestsThrottled"):
        return ThrottleScope.TENANT
    if code.startswith("SubscriptionRequestsThrottled"):
        return ThrottleScope.SUBSCRIPTION
    if code == "RetryableErrorDueToAnotherOperation" or (text_of(detail.get("target")) or "").endswith(
        "Resource"
    ):
        return ThrottleScope.MACHINE
    return ThrottleScope.REGION


def throttle_delay_s(reply: Reply) -> float | None:
    """Seconds a 429 asks for; Resource Graph's quota header counts beside Retry-After, the larger wins."""
    asked = [retry_after_s(reply.headers), quota_resets_after_s(reply.headers)]
    return max((seconds for seconds in asked if seconds is not None), default=None)


def quota_resets_after_s(headers: Mapping[str, str]) -> float | None:
    """In how many whole seconds Resource Graph's quota is full again; None where it is not told."""
    return _clock_s(headers.get(GRAPH_RESETS_AFTER, ""))


def _clock_s(text: str) -> float | None:
    """Seconds of `00:00:05`, at most an hour."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in parts)
    return min(hours * 3600.0 + minutes * 60.0 + seconds, MAX_RETRY_AFTER_S)
