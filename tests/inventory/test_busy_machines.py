"""Which machines a patch operation runs on: every one of them, or a clause on why that is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleetscan.inventory.busy import QUERY, Busy, Window, query_busy
from fleetscan.inventory.graph_pages import UNREADABLE
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

# Our own clock says three in the morning.
SIX_HOURS = Window(21_600.0, datetime(2026, 11, 24, 3, 0, tzinfo=UTC))
NOON = "Tue, 24 Nov 2026 12:00:00 GMT"


def installation(name: str, number: str = "1", **times: Json) -> Json:
    return {"id": f"{vm_id(name)}/patchInstallationResults/{number}", **times}


def assessment(name: str) -> Json:
    return {"id": f"{vm_id(name)}/patchAssessmentResults/latest"}


def why(*replies: Reply) -> str:
    """What is said of Graph when the same `replies` come at each of the four attempts."""
    answer, _ = played(query_busy(AZURE, [A, B], SIX_HOURS), *replies * 4)
    assert isinstance(answer, str)
    return answer


def test_machines_are_told_by_the_rows_of_their_operations_on_every_page() -> None:
    busy, asks = played(
        query_busy(AZURE, [A, B], SIX_HOURS),
        graph_page(3, [installation("VM-1"), assessment("vm-2")], "t1"),
        graph_page(3, [installation("vm-1", "2")]),
    )
    assert busy == Busy(frozenset({vm_id("vm-1").lower()}), frozenset({vm_id("vm-2").lower()}))
    assert {ask.kind for ask in asks} == {RequestKind.QUERY_PATCHES}
    options: dict[str, Json] = {"$top": 1000, "resultFormat": "objectArray"}
    assert [asked(ask) for ask in asks] == [
        {"subscriptions": [A, B], "query": QUERY, "options": options},
        {"subscriptions": [A, B], "query": QUERY, "options": options | {"$skipToken": "t1"}},
    ]


def test_nothing_running_is_an_answer() -> None:
    assert played(query_busy(AZURE, [A], SIX_HOURS), graph_page(0, []))[0] == Busy()


def test_300_subscriptions_are_asked_about_at_a_time_and_none_is_never_asked() -> None:
    many = [f"{number:08}-0000-0000-0000-000000000000" for number in range(601)]
    _, asks = played(query_busy(AZURE, many, SIX_HOURS), *[graph_page(0, [])] * 3)
    assert [asked(ask)["subscriptions"] for ask in asks] == [many[:300], many[300:600], many[600:]]
    with pytest.raises(StopIteration):
        next(query_busy(AZURE, [], SIX_HOURS))


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ([graph_page(3, [installation("a"), installation("b")])], "gave 2 of 3 patch operations"),
        ([graph_page(1, [installation("a"), installation("b")])], "gave 2 of 1 patch operations"),
        (
            [graph_page(2, [installation("a")], "t"), graph_page(1, [])],
            "counted 2 patch operations and then 1",
        ),
        ([graph_page(2, [], "t")], "gave an empty page with more to come"),
        (
            [graph_page(9, [installation("a")], "t"), graph_page(9, [installation("b")], "t")],
            "gave a $skipToken twice",
        ),
        (
            [graph_page(2, [installation("a")], "t"), graph_page(2, [installation("a")])],
            f"gave {vm_id('a')}/patchInstallationResults/1 twice",
        ),
        ([graph_page(None, [])], UNREADABLE),
        ([graph_page(0, None)], UNREADABLE),
        ([graph_page(1, [installation("a")], 5)], UNREADABLE),
        ([ok([])], UNREADABLE),
    ],
)
def test_pages_that_do_not_add_up_four_times_are_not_believed(replies: list[Reply], said: str) -> None:
    assert why(*replies) == said


def test_operations_that_end_while_the_pages_are_read_cost_another_reading() -> None:
    busy, asks = played(
        query_busy(AZURE, [A], SIX_HOURS),
        graph_page(2, [installation("a")], "t1"),
        graph_page(1, []),
        graph_page(1, [installation("b")]),
    )
    assert busy == Busy(frozenset({vm_id("b").lower()}))
    tokens = [options.get("$skipToken") for ask in asks if isinstance(options := asked(ask)["options"], dict)]
    assert tokens == [None, "t1", None]


@pytest.mark.parametrize(
    "row",
    [
        None,
        "x",
        {},
        {"id": 7},
        {"id": vm_id("a")},
        {"id": f"{vm_id('a')}/extensions/e"},
        {"id": f"{vm_id('a')}/patchInstallationResults/"},
    ],
)
def test_a_row_that_is_no_patch_operation_is_not_believed(row: Json) -> None:
    assert why(graph_page(1, [row])) == "gave a row whose id is not a patch operation's"


def test_a_patch_operation_of_no_virtual_machine_is_not_believed() -> None:
    row: Json = {"id": "/subscriptions/x/patchInstallationResults/1"}
    assert why(graph_page(1, [row])).startswith("gave a patch operation whose VM's id is not a virtual")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refused(403, "AuthorizationFailed"), "was denied (403 AuthorizationFailed)"),
        (Reply(500), "failed (500)"),
    ],
)
def test_a_refusal_is_not_asked_again(reply: Reply, said: str) -> None:
    assert played(query_busy(AZURE, [A], SIX_HOURS), reply)[0] == said


def test_too_large_a_page_starts_anew_with_half_the_rows() -> None:
    busy, asks = played(query_busy(AZURE, [A], SIX_HOURS), TOO_LARGE, graph_page(1, [installation("a")]))
    assert busy == Busy(frozenset({vm_id("a").lower()}))
    tops = [options["$top"] for ask in asks if isinstance(options := asked(ask)["options"], dict)]
    assert tops == [1000, 500]


def at_noon(*rows: Json) -> Reply:
    """A page that Azure sent at noon."""
    return replace(graph_page(len(rows), list(rows)), headers={"date": NOON})


@pytest.mark.parametrize(
    ("began", "modified", "is_stale"),
    [
        ("2026-11-24T05:59:59Z", None, True),
        ("2026-11-24T06:00:00Z", None, False),
        ("2026-11-24T00:59:59.1234567-05:00", None, True),
        ("2026-11-24T01:00:00.0000000-05:00", None, False),
        ("2026-11-24T02:00:00Z", "2026-11-24T11:59:00Z", True),
        ("1970-01-01T00:00:00Z", None, True),
        ("1970-01-01T00:00:00Z", "2026-11-24T11:59:00Z", False),
        # A time that cannot be is none; the next one counts, and without any it may be running.
        ("2099-01-01T00:00:00Z", "2026-11-20T00:00:00Z", True),
        ("0001-01-01T00:00:00Z", "2026-11-20T00:00:00Z", True),
        ("2099-01-01T00:00:00Z", "2026-11-24T11:00:00Z", False),
        ("2099-01-01T00:00:00Z", None, False),
        (None, None, False),
        ("yesterday", 7, False),
    ],
)
def test_what_began_over_six_hours_ago_by_azures_clock_is_not_running(
    began: Json, modified: Json, is_stale: bool
) -> None:
    row = installation("a", startDateTime=began, lastModifiedDateTime=modified)
    busy, _ = played(query_busy(AZURE, [A], SIX_HOURS), at_noon(row))
    one: frozenset[str] = frozenset({vm_id("a").lower()})
    assert busy == (Busy(stale=one) if is_stale else Busy(one))


def test_our_own_clock_counts_only_where_azure_gives_no_date() -> None:
    row = installation("a", startDateTime="2026-11-23T22:00:00Z")
    told, _ = played(query_busy(AZURE, [A], SIX_HOURS), graph_page(1, [row]))
    assert told == Busy(frozenset({vm_id("a").lower()}))
    row = installation("a", startDateTime="2026-11-23T20:59:00Z")
    told, _ = played(query_busy(AZURE, [A], SIX_HOURS), graph_page(1, [row]))
    assert told == Busy(stale=frozenset({vm_id("a").lower()}))


def test_a_machine_with_a_dead_operation_and_a_running_one_is_busy() -> None:
    rows = (
        installation("a", "1", startDateTime="2026-11-20T00:00:00Z"),
        installation("a", "2", startDateTime="2026-11-24T11:00:00Z"),
    )
    busy, _ = played(query_busy(AZURE, [A], SIX_HOURS), at_noon(*rows))
    assert busy == Busy(frozenset({vm_id("a").lower()}))
