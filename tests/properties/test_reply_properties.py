"""What holds for every reply: reading it never raises, and what is read out of it lies within its bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetscan.azure_times import azure_time, http_time
from fleetscan.engine.latest_assessment import latest_assessment
from fleetscan.engine.replies import (
    MAX_RETRY_AFTER_S,
    ThrottleScope,
    innermost_error,
    parse_object,
    read_error,
    remaining_quotas,
    retry_after_s,
    throttle_delay_s,
    throttle_scope,
)
from fleetscan.model import Json, Reply, Stage
from tests.hostile import recorded
from tests.properties.strategies import bodies, errors, headers, json_values, moments, replies, texts, written

plain_policies = st.sampled_from(("GetOperationResource", "PatchOperation3Min", "Resources", "a.b"))
accounts = st.sampled_from(("reads", "writes", "graph"))
stages = st.sampled_from(tuple(Stage))


def clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


@given(bodies)
def test_a_body_is_an_object_or_nothing(body: bytes) -> None:
    assert isinstance(parse_object(body), dict | None)


@given(st.dictionaries(texts, json_values, max_size=4))
def test_an_object_is_read_as_it_was_written_with_a_byte_order_mark_or_without(told: dict[str, Json]) -> None:
    body = json.dumps(told).encode()
    assert parse_object(body) == parse_object(b"\xef\xbb\xbf" + body) == recorded(told)


@given(replies() | st.builds(Reply, st.just(400), headers, written(errors)), stages)
@example(Reply(400, {}, b'{"error": {"code": "", "message": ""}}'), Stage.START)
def test_an_error_is_told_in_texts_that_say_something(reply: Reply, stage: Stage) -> None:
    error = read_error(reply, stage)
    assert "" not in (error.code, error.message)
    assert error.http_status == (None if reply.fault is not None else reply.status)
    assert error.correlation_id == reply.headers.get("x-ms-correlation-request-id")


@given(errors)
def test_the_innermost_error_is_a_text_of_the_body(told: Json) -> None:
    code, message = innermost_error({"error": told})
    written = json.dumps(told)
    assert all(text is None or json.dumps(text) in written for text in (code, message))


@given(headers)
def test_retry_after_is_nothing_or_from_0_to_an_hour(told: Mapping[str, str]) -> None:
    for seconds in (retry_after_s(told), throttle_delay_s(Reply(429, told))):
        assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER_S


@given(st.integers(-(10**400), 10**400) | st.integers(-10, 4000), st.sampled_from(("", " ", "\t")))
def test_retry_after_in_whole_seconds_is_taken_at_its_word(seconds: int, blank: str) -> None:
    text = f"{blank}{seconds}{blank}"
    assert retry_after_s({"retry-after": text}) == min(max(seconds, 0), 3600)
    milliseconds = pytest.approx(min(max(seconds, 0), 3_600_000) / 1000)
    assert retry_after_s({"retry-after": "9", "retry-after-ms": text}) == milliseconds


@given(moments, st.integers(-10_000, 10_000))
def test_retry_after_as_a_date_counts_from_the_replys_own(moment: datetime, after_s: int) -> None:
    date = moment.astimezone(UTC)
    told = {
        "date": format_datetime(date, usegmt=True),
        "retry-after": format_datetime(date + timedelta(seconds=after_s), usegmt=True),
    }
    assert retry_after_s(told) == clamped(after_s)


@given(headers, accounts)
def test_what_is_left_is_a_number_from_0_or_untold(told: Mapping[str, str], account: str) -> None:
    left = remaining_quotas(told, account)
    for count in (left.subscription, left.region, left.all_callers):
        assert count is None or count >= 0


@given(st.lists(st.tuples(plain_policies, st.integers(0, 10**8))))
def test_the_smallest_count_that_binds_more_than_one_machine_is_left(counts: list[tuple[str, int]]) -> None:
    text = ",".join(f"Microsoft.Compute/{policy};{count}" for policy, count in counts)
    shared = [count for policy, count in counts if not policy.endswith("Resource")]
    left = remaining_quotas({"x-ms-ratelimit-remaining-resource": text}, "reads")
    assert left.region == min(shared, default=None)


@given(replies())
def test_every_429_stills_somebody_and_every_graph_page_is_read(reply: Reply) -> None:
    assert isinstance(throttle_scope(reply), ThrottleScope)
    latest_assessment(reply)


@given(moments, st.integers(0, 9_999_999))
def test_a_time_with_seven_decimals_and_any_offset_is_read_to_the_microsecond(
    moment: datetime, decimals: int
) -> None:
    whole = moment.replace(microsecond=0)
    text, offset = whole.isoformat()[:19], whole.isoformat()[19:]
    exact = whole + timedelta(microseconds=decimals // 10)
    assert azure_time(f"{text}.{decimals:07}{offset}") == exact
    in_utc = datetime.fromisoformat(text).replace(tzinfo=UTC)
    assert azure_time(text) == azure_time(f"{text}Z") == azure_time(f"{text}z") == in_utc


@given(moments)
def test_the_date_of_a_reply_is_read_to_the_second(moment: datetime) -> None:
    date = moment.astimezone(UTC).replace(microsecond=0)
    assert http_time(format_datetime(date, usegmt=True)) == azure_time(date.isoformat()) == date


@given(texts | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z)?"))
def test_what_is_no_time_is_none(text: str) -> None:
    assert isinstance(azure_time(text), datetime | None)
    assert isinstance(http_time(text), datetime | None)
