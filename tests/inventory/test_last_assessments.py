"""How long last assessments took, by Resource Graph: rows that may tell nothing, and readings that end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleetscan.inventory.last_assessments import QUERY, query_last
from fleetscan.model import Json, Reply, RequestKind
from tests.inventory.listing_driver import (
    AZURE,
    TOO_LARGE,
    A,
    B,
    asked,
    graph_page,
    ok,
    played,
    refused,
    vm_id,
)

NOON = {"date": "Tue, 24 Nov 2026 12:00:00 GMT"}
THREE = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def row(name: str, began: Json, changed: Json, status: Json = "Succeeded") -> Json:
    """A VM's newest assessment."""
    vm_row = f"{vm_id(name)}/patchAssessmentResults/latest"
    return {"id": vm_row, "status": status, "startDateTime": began, "lastModifiedDateTime": changed}


def sound(name: str) -> Json:
    return row(name, "2026-11-23T02:00:00Z", "2026-11-23T02:00:43.1Z")


def at_noon(page: Reply) -> Reply:
    return replace(page, headers=NOON)


def learned(
    *replies: Reply, wanted: int = 100, subscriptions: tuple[str, ...] = (A,)
) -> tuple[dict[str, float], str | None, int]:
    """What is learned from these replies, why no more, and how many requests that took."""
    told: dict[str, float] = {}
    pages = query_last(AZURE, subscriptions, told.__setitem__, lambda: max(0, wanted - len(told)), THREE)
    why, asks = played(pages, *replies)
    assert {ask.kind for ask in asks} == {RequestKind.QUERY_PATCHES}
    return told, why, len(asks)


def test_each_vm_s_two_times_are_learned_from_every_page() -> None:
    told: dict[str, float] = {}
    pages = query_last(AZURE, [A, B], told.__setitem__, lambda: 100, THREE)
    other = row("VM-2", "2026-11-22T21:00:00.0000000-05:00", "2026-11-23T02:02:00Z", "CompletedWithWarnings")
    why, asks = played(pages, graph_page(2, [sound("vm-1")], "t1"), graph_page(2, [other]))
    assert why is None
    assert told == {vm_id("vm-1").lower(): pytest.approx(43.1), vm_id("vm-2").lower(): 120.0}
    options: dict[str, Json] = {"$top": 1000, "resultFormat": "objectArray"}
    assert [asked(ask) for ask in asks] == [
        {"subscriptions": [A, B], "query": QUERY, "options": options},
        {"subscriptions": [A, B], "query": QUERY, "options": options | {"$skipToken": "t1"}},
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        # The end lies before the start, at it, or hours and days after it.
        row("a", "2026-11-23T02:00:43Z", "2026-11-23T02:00:00Z"),
        row("a", "2026-11-23T02:00:00Z", "2026-11-23T02:00:00.02Z"),
        row("a", "2026-11-23T02:00:00Z", "2026-11-23T07:00:00Z"),
        # A clock that was not set, one that is ahead, and a row that should be gone.
        row("a", "1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z"),
        row("a", "1970-01-01T00:00:00Z", "2026-11-23T02:00:43Z"),
        row("a", "0001-01-01T00:00:00Z", "0001-01-01T00:01:00Z"),
        row("a", "2099-01-01T00:00:00Z", "2099-01-01T00:01:00Z"),
        row("a", "2026-11-24T11:59:00Z", "2026-11-24T12:06:00Z"),
        row("a", "2026-11-16T12:00:00Z", "2026-11-16T12:01:00Z"),
        # It runs for ever, or failed: it says when that was, and not how long it takes.
        row("a", "2026-11-23T02:00:00Z", "2026-11-23T02:00:43Z", "InProgress"),
        row("a", "2026-11-23T02:00:00Z", "2026-11-23T02:00:43Z", "Failed"),
        row("a", "2026-11-23T02:00:00Z", "2026-11-23T02:00:43Z", "Unknown"),
        row("a", "2026-11-23T02:00:00Z", "2026-11-23T02:00:43Z", None),
        # No times, other values, no row at all.
        row("a", None, "2026-11-23T02:00:43Z"),
        row("a", "2026-11-23T02:00:00Z", None),
        row("a", 7, []),
        row("a", "yesterday", "today"),
        None,
        "row",
        {},
        [],
    ],
)
def test_times_that_cannot_be_and_rows_that_tell_nothing_are_passed_over(nothing: Json) -> None:
    told, why, _ = learned(at_noon(graph_page(2, [nothing, sound("b")])))
    assert (list(told), why) == ([vm_id("b").lower()], None)


def test_a_date_that_cannot_be_is_no_error() -> None:
    for date in ("Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "noon", ""):
        told, why, _ = learned(replace(graph_page(1, [sound("a")]), headers={"date": date}))
        assert why is None
        assert len(told) <= 1


def test_rows_that_are_lost_repeated_or_new_meanwhile_are_no_matter() -> None:
    told, why, asks = learned(
        graph_page(5, [sound("a"), sound("b")], "t1"),
        graph_page(7, [sound("b"), sound("c")], "t2"),
        graph_page(4, [sound("e")]),
    )
    assert (len(told), why, asks) == (4, None, 3)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refused(403, "AuthorizationFailed"), "was denied (403 AuthorizationFailed)"),
        (Reply(500), "failed (500)"),
        (ok([]), "gave a page that cannot be read"),
        (Reply(200, body=b"<html>"), "gave a page that cannot be read"),
        (TOO_LARGE, "says that one row is too large"),
    ],
)
def test_a_refusal_or_nonsense_ends_it_and_what_was_learned_before_stays(reply: Reply, said: str) -> None:
    told, why, asks = learned(graph_page(9, [sound("a")], "t"), reply)
    assert (list(told), why, asks) == ([vm_id("a").lower()], said, 2)


def test_it_ends_where_no_vm_is_left_to_learn_of() -> None:
    _, why, asks = learned(graph_page(9000, [sound("a"), sound("b")], "t1"), wanted=2, subscriptions=(A, B))
    assert (why, asks) == (None, 1)


def test_pages_without_end_of_other_vms_are_read_as_far_as_twice_the_vms_and_a_page() -> None:
    foreign: Json = [sound(f"x{place}") for place in range(500)]
    pages = [graph_page(10**7, foreign, f"t{page}") for page in range(5)]
    why, asks = played(query_last(AZURE, [A, B], lambda *_: None, lambda: 700, THREE), *pages)
    assert (why, len(asks)) == (None, 5)


@pytest.mark.parametrize("then", [graph_page(9, [], "t2"), graph_page(9, [sound("b")], "t1")])
def test_an_empty_page_and_a_token_that_comes_again_end_it(then: Reply) -> None:
    _, why, asks = learned(graph_page(9, [sound("a")], "t1"), then)
    assert (why, asks) == (None, 2)


def test_300_subscriptions_are_asked_about_at_a_time() -> None:
    many = tuple(f"{number:08}-0000-0000-0000-000000000000" for number in range(601))
    assert learned(*[graph_page(0, [])] * 3, subscriptions=many)[2] == 3
