"""Resource Graph brings every machine once, or is said to be broken; never fewer machines in silence."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscan.inventory.graph_pages import MAX_PAGES, batches
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.resource_graph import QUERY, GraphBroken, GraphListing, query_machines
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Fault, Json, ListRequest, Reply, RequestKind
from tests.inventory.listing_driver import (
    AZURE,
    TOO_LARGE,
    A,
    B,
    asked,
    drive,
    graph_page,
    ok,
    played,
    refused,
    vm_id,
)
from tests.replay import vcr_recording

BATCH = (Subscription(A, "Production"), Subscription(B, "Test"))
URL = f"{AZURE}/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"


def query() -> Pages[GraphListing | GraphBroken]:
    return query_machines(AZURE, BATCH)


def rows(*names: str) -> list[Json]:
    return [{"id": vm_id(name)} for name in names]


def names_of(listing: GraphListing | GraphBroken) -> list[str]:
    assert isinstance(listing, GraphListing)
    return [target.name for target in listing.targets]


def why(*replies: Reply) -> str:
    """What is said of Graph after `replies`, the last of which must be the last that is asked for."""
    answer, _ = played(query(), *replies)
    assert isinstance(answer, GraphBroken)
    assert answer.subscriptions == BATCH
    return answer.why


def test_pages_are_followed_by_the_skip_token_alone() -> None:
    listing, asks = played(
        query(), graph_page(3, rows("a", "b"), "t1"), graph_page(3, rows("c"), "t2"), graph_page(3, [])
    )
    assert names_of(listing) == ["a", "b", "c"]
    assert {(ask.kind, ask.request.method, ask.request.url, ask.subscription_id) for ask in asks} == {
        (RequestKind.QUERY_GRAPH, "POST", URL, "")
    }
    options = {"$top": 1000, "resultFormat": "objectArray"}
    assert asked(asks[0]) == {"subscriptions": [A, B], "query": QUERY, "options": options}
    assert asked(asks[1]) == {
        "subscriptions": [A, B],
        "query": QUERY,
        "options": options | {"$skipToken": "t1"},
    }


def test_the_query_is_sorted_shows_ids_and_has_no_limit() -> None:
    assert QUERY.endswith("| order by id asc")
    assert "| project id, " in QUERY
    assert "limit" not in QUERY
    assert "take" not in QUERY


def test_a_row_becomes_a_machine_with_all_that_is_known() -> None:
    row: Json = {
        "id": vm_id("vm-1", B.upper()),
        "location": "West Europe",
        "tags": {"owner": "ann"},
        "osType": "Windows",
        "image": {"publisher": "p", "offer": "o", "sku": "s", "version": "latest"},
        "windowsPatching": {"patchMode": "AutomaticByOS", "assessmentMode": "ImageDefault"},
        "linuxPatching": None,
        "osName": "Windows Server 2022 Datacenter",
        "osVersion": "10.0.20348.2700",
        "powerState": "PowerState/running",
    }
    listing, _ = played(query(), graph_page(1, [row]))
    assert isinstance(listing, GraphListing)
    [target] = listing.targets
    assert (target.subscription_name, target.location, target.os_type) == ("Test", "westeurope", "Windows")
    assert (target.power_state, dict(target.tags)) == ("running", {"owner": "ann"})
    assert target.facts == {
        "os_name": "Windows Server 2022 Datacenter",
        "os_version": "10.0.20348.2700",
        "image": "p:o:s:latest",
        "patch_mode": "AutomaticByOS",
        "assessment_mode": "ImageDefault",
        "esu_status": None,
        "hotpatch_status": None,
    }


def test_a_page_of_other_things_is_told_from_machines_at_its_first_row(exchanges: Path) -> None:
    (page,) = vcr_recording(exchanges / "resource-graph-skip-token.json")
    assert why(Reply(200, body=page.body)).startswith(
        "gave a row whose id is not a virtual machine's resource id"
    )


def test_a_page_with_a_skip_token_is_followed_though_it_says_that_nothing_is_truncated(
    exchanges: Path,
) -> None:
    (page,) = vcr_recording(exchanges / "resource-graph-skip-token.json")
    body = json.loads(page.body)
    assert body["resultTruncated"] == "false"
    listing, asks = played(
        query(),
        ok(body | {"data": rows("a", "b", "c"), "totalRecords": 4}),
        ok({"totalRecords": 4, "data": rows("d"), "resultTruncated": "false"}),
    )
    assert names_of(listing) == ["a", "b", "c", "d"]
    options = asked(asks[1])["options"]
    assert isinstance(options, dict)
    assert options["$skipToken"] == body["$skipToken"]


def test_no_machine_at_all_is_a_listing() -> None:
    listing, _ = played(query(), graph_page(0, []))
    assert names_of(listing) == []


def test_rows_that_are_missing_at_the_end_are_noticed() -> None:
    assert why(graph_page(3, rows("a", "b"))) == "gave 2 of 3 VMs"


def test_a_row_that_comes_again_is_noticed_whatever_its_case() -> None:
    again: Json = {"id": vm_id("a").upper()}
    assert why(graph_page(2, rows("a"), "t"), graph_page(2, [again])) == f"gave {vm_id('a').upper()} twice"


def endless(ask: ListRequest) -> Reply:
    """One new row and one new token on every page, of three rows in all."""
    options = asked(ask)["options"]
    assert isinstance(options, dict)
    place = int(str(options.get("$skipToken", "0")))
    return graph_page(3, rows(f"vm-{place}"), str(place + 1))


def test_new_rows_and_tokens_without_end_end_with_the_first_row_too_many() -> None:
    asks: list[ListRequest] = []

    def azure(ask: ListRequest) -> Reply:
        asks.append(ask)
        return endless(ask)

    answer = drive(query(), azure)
    assert isinstance(answer, GraphBroken)
    assert (answer.why, len(asks)) == ("gave 4 of 3 VMs", 4)


def test_more_rows_than_there_can_be_are_not_begun_with() -> None:
    assert why(graph_page(10_000_001, rows("a"), "t")) == "counted 10,000,001 VMs, more than there can be"


def test_a_reading_has_ten_thousand_pages_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PAGES == 10_000
    monkeypatch.setattr("fleetscan.inventory.graph_pages.MAX_PAGES", 2)
    assert (
        why(graph_page(9, rows("a"), "1"), graph_page(9, rows("b"), "2")) == "gave 2 pages and more to come"
    )


def test_a_token_that_comes_again_is_noticed() -> None:
    assert why(graph_page(9, rows("a"), "t"), graph_page(9, rows("b"), "t")) == "gave a $skipToken twice"


def test_a_count_that_changes_between_pages_is_noticed() -> None:
    pages = graph_page(2, rows("a"), "t"), graph_page(1, [])
    assert why(*pages) == "counted 2 VMs and then 1"


def test_a_machine_nobody_asked_for_is_noticed() -> None:
    other = "cccccccc-0000-0000-0000-000000000003"
    assert why(graph_page(1, [{"id": vm_id("a", other)}])) == (
        f"gave a VM of subscription {other}, which was not asked for"
    )


@pytest.mark.parametrize(
    "row", [None, 5, "x", [], {}, {"id": None}, {"id": 7}, {"id": "vm-7"}, {"ID": vm_id("a")}]
)
def test_a_row_that_is_no_machine_breaks_the_listing(row: Json) -> None:
    assert why(graph_page(2, [*rows("b"), row])).startswith("gave a row whose id is not a virtual machine's")


@pytest.mark.parametrize("total", [None, "3", 1.0, True, False, [], {}])
def test_a_page_that_does_not_count_is_not_believed(total: Json) -> None:
    assert why(graph_page(total, rows("a"))).startswith("gave ")


@pytest.mark.parametrize("data", [None, "x", {}, 5, {"columns": [], "rows": []}])
def test_a_page_without_rows_is_not_believed(data: Json) -> None:
    assert why(graph_page(1, data)) == "gave a page that cannot be read"


@pytest.mark.parametrize("token", [5, [], {}, True])
def test_a_token_that_is_no_text_is_not_believed(token: Json) -> None:
    assert why(graph_page(1, rows("a"), token)) == "gave a page that cannot be read"


def test_a_skip_token_that_repeated_our_token_is_not_sent_without_it() -> None:
    assert (
        why(graph_page(2, rows("a"), "t-<token>")) == "gave a $skipToken that repeats the token that was sent"
    )


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"<html>", b'{"totalRecords":1', b"\xff"])
def test_a_body_that_is_no_page_is_not_believed(body: bytes) -> None:
    assert why(Reply(200, body=body)) == "gave a page that cannot be read"


BAD_QUERY: Json = {
    "error": {"code": "BadRequest", "message": "...", "details": [{"code": "InvalidQuery", "message": "..."}]}
}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refused(403, "AuthorizationFailed"), "was denied (403 AuthorizationFailed)"),
        (Reply(400, body=json.dumps(BAD_QUERY).encode()), "failed (400 InvalidQuery)"),
        (refused(429, "RateLimiting"), "failed (429 RateLimiting)"),
        (Reply(500), "failed (500)"),
        (Reply(0, fault=Fault.CUT, detail="x"), "failed (cut)"),
        (Reply(302), "failed (302)"),
    ],
)
def test_a_refusal_breaks_the_listing_on_whatever_page(reply: Reply, said: str) -> None:
    assert why(reply) == said
    assert why(graph_page(2, rows("a"), "t"), reply) == said


def test_too_large_a_page_starts_anew_with_half_the_rows() -> None:
    listing, asks = played(
        query(),
        graph_page(2, rows("a"), "t1"),
        TOO_LARGE,
        TOO_LARGE,
        graph_page(2, rows("a"), "t2"),
        graph_page(2, rows("b")),
    )
    assert names_of(listing) == ["a", "b"]
    options = [asked(ask)["options"] for ask in asks]
    assert [(option["$top"], option.get("$skipToken")) for option in options if isinstance(option, dict)] == [
        (1000, None),
        (1000, "t1"),
        (500, None),
        (250, None),
        (250, "t2"),
    ]


def test_one_row_that_is_too_large_breaks_the_listing() -> None:
    assert why(*[TOO_LARGE] * 10) == "says that one row is too large"


def test_batches_hold_300_subscriptions_and_are_never_empty() -> None:
    many = [Subscription(str(number)) for number in range(601)]
    assert [len(batch) for batch in batches(many)] == [300, 300, 1]
    assert [subscription for batch in batches(many) for subscription in batch] == many
    assert list(batches([])) == []


def sly_graph(seed: int) -> tuple[Callable[[ListRequest], Reply], set[str]]:
    """A Graph of up to 12 machines in small pages that sometimes loses, repeats, miscounts or loops."""
    chance = random.Random(seed)
    names = [f"vm-{number}" for number in range(chance.randint(0, 12))]
    size = chance.randint(1, 5)
    is_sly = chance.random() < 0.7

    def azure(ask: ListRequest) -> Reply:
        options = asked(ask)["options"]
        assert isinstance(options, dict)
        start = int(str(options.get("$skipToken", "0")))
        part, total, end = names[start : start + size], len(names), start + size
        match chance.random() if is_sly else 1.0:
            case roll if roll < 0.1 and part:
                part = part[1:]
            case roll if roll < 0.2 and start:
                part = [names[start - 1], *part[1:]]
            case roll if roll < 0.25:
                total += chance.choice((-1, 1))
            case roll if roll < 0.35:
                end = chance.randint(0, len(names))
            case roll if roll < 0.4:
                end = len(names)
            case roll if roll < 0.45:
                return refused(500, "InternalError")
        return graph_page(total, rows(*part), str(end) if end < len(names) else None)

    return azure, set(names)


def test_a_graph_that_loses_and_repeats_is_believed_only_when_every_machine_came() -> None:
    believed = 0
    for seed in range(3000):
        azure, truth = sly_graph(seed)
        answer = drive(query(), azure)
        if isinstance(answer, GraphListing):
            believed += 1
            assert {target.name for target in answer.targets} == truth, f"seed {seed}"
            assert len(answer.targets) == len(truth), f"seed {seed}"
    assert 1000 < believed < 2900
