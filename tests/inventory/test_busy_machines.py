"""Which machines a patch operation runs on: every one of them, or a clause on why that is unknown."""

from __future__ import annotations

import pytest

from fleetscan.inventory.busy import QUERY, Busy, query_busy
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


def installation(name: str, number: str = "1") -> Json:
    return {"id": f"{vm_id(name)}/patchInstallationResults/{number}"}


def assessment(name: str) -> Json:
    return {"id": f"{vm_id(name)}/patchAssessmentResults/latest"}


def why(*replies: Reply) -> str:
    """What is said of Graph when the same `replies` come at each of the four attempts."""
    answer, _ = played(query_busy(AZURE, [A, B]), *replies * 4)
    assert isinstance(answer, str)
    return answer


def test_machines_are_told_by_the_rows_of_their_operations_on_every_page() -> None:
    busy, asks = played(
        query_busy(AZURE, [A, B]),
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
    assert played(query_busy(AZURE, [A]), graph_page(0, []))[0] == Busy()


def test_300_subscriptions_are_asked_about_at_a_time_and_none_is_never_asked() -> None:
    many = [f"{number:08}-0000-0000-0000-000000000000" for number in range(601)]
    _, asks = played(query_busy(AZURE, many), *[graph_page(0, [])] * 3)
    assert [asked(ask)["subscriptions"] for ask in asks] == [many[:300], many[300:600], many[600:]]
    with pytest.raises(StopIteration):
        next(query_busy(AZURE, []))


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
        query_busy(AZURE, [A]),
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
    assert played(query_busy(AZURE, [A]), reply)[0] == said


def test_too_large_a_page_starts_anew_with_half_the_rows() -> None:
    busy, asks = played(query_busy(AZURE, [A]), TOO_LARGE, graph_page(1, [installation("a")]))
    assert busy == Busy(frozenset({vm_id("a").lower()}))
    tops = [options["$top"] for ask in asks if isinstance(options := asked(ask)["options"], dict)]
    assert tops == [1000, 500]
