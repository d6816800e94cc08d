"""Resource Graph: the query subset, its errors, and paging with its quirks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from fleetscan.model import Json, Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.kql import QueryError, read_query
from fleetscan.simulator.query import Row
from tests.replay import vcr_recording, yaml_body
from tests.simulator.simulated_cloud import BASE, CALM, ask_graph, cloud_of, error_of, parsed, rows, texts

VMS = "resources | where type =~ 'Microsoft.Compute/virtualMachines'"
SORTED = VMS + " | project id, name | order by id asc"
ROW: Row = {"id": "/B", "name": "n", "type": "t", "tags": {"a b": "x"}, "properties": {"p": {"q": 7}}}


def pages_of(cloud: Cloud, query: str, top: int) -> list[Reply]:
    pages: list[Reply] = []
    token: Json = None
    while not pages or token is not None:
        options: dict[str, Json] = {"$top": top} if token is None else {"$top": top, "$skipToken": token}
        pages.append(ask_graph(cloud, query, options, 10.0 * len(pages)))
        token = parsed(pages[-1]).get("$skipToken")
    return pages


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("resources | project name", {"name": "n"}),
        ("project id", {"id": "/B"}),
        ("Resources | where type == 't' | project x = properties.p.q", {"x": 7}),
        ("resources | where type =~ 'T' and name != 'm' | project name", {"name": "n"}),
        ("resources | where type == 'T' | project name", None),
        ("resources | where name !~ 'N' | project name", None),
        ("resources | project x = tostring(properties.p)", {"x": '{"q":7}'}),
        ("resources | project x = tostring(properties.none.there)", {"x": ""}),
        ("resources | project x = properties.none.there", {"x": None}),
        ("resources | extend x = tolower(id) | project x", {"x": "/b"}),
        ("resources | project x = tags['a b']", {"x": "x"}),
        ("resources | where tags['a b'] == 'x' | project name | order by name", {"name": "n"}),
        ("resources | where name !in~ ('m', 'N') | project name", None),
        ("resources | where name !in~ ('m') | project name", {"name": "n"}),
        ("resources | where name !startswith 'N' | project name", None),
        ("resources | where tostring(tags) contains 'A B' | project name", {"name": "n"}),
        ("resources | where tostring(tags) contains 'y' | project name", None),
        ("resources | where name == 'm' or name == 'n' and type == 't' | project name", {"name": "n"}),
        ("resources | where (name == 'm' or name == 'n') and type == 'u' | project name", None),
        ("resources | where isempty(properties.none) | project name", {"name": "n"}),
        ("resources | where isempty(name) or name =~ @'N' | project name", {"name": "n"}),
        ("resources | where name == @'it''s \\ \"' | project name", None),
        # Letters beyond ASCII are compared as they are.
        ("resources | project x = 'a' | where x =~ 'A' and x !~ '\u00c4' | project x", {"x": "a"}),
        ("resources | project x = '\u00e4' | where x =~ '\u00c4' | project x", None),
        ("resources | project x = '\u212a' | where x contains 'k' | project x", None),
    ],
)
def test_a_query_shows_what_it_says(query: str, shown: Row | None) -> None:
    assert read_query(query).apply(ROW) == shown


@pytest.mark.parametrize(
    ("query", "token", "position"),
    [
        # The recorded query, with the position and token of the recorded error.
        ("project id, location | where where", "<EOF>", 34),
        ("resources | limit 5", "limit", 12),
        ("resources | project", "<EOF>", 19),
        ("resources | where type ~ 't'", "~", 23),
        ("resources | project id; drop", ";", 22),
        ("resources | project x = tags[owner]", "owner", 29),
        ("resources | join kind=leftouter", "join", 12),
        # A backslash has a meaning in a literal that is not verbatim.
        ("resources | where name == 'a\\'", "'", 26),
        ("resources | where name == 'it''s'", "'s'", 30),
        ("resources | where name == @'a\nb'", "@", 26),
        ("resources | where name == 'a' // or all", "/", 30),
        ("resources | where (name == 'a'", "<EOF>", 30),
        ("resources | where name !contains 'a'", "!", 23),
        ("resources | summarize n = count() by a = name | where n == 1", "where", 48),
        ("resources | summarize n = sum(id) by a = name", "sum", 26),
    ],
)
def test_what_is_not_understood_is_an_error_at_its_place(query: str, token: str, position: int) -> None:
    with pytest.raises(QueryError) as caught:
        read_query(query)
    assert (caught.value.token, caught.value.position) == (token, position)


def test_a_column_that_is_not_there_or_not_any_more_is_an_error() -> None:
    for query in ("resources | project nmae", "resources | project name | where type == 't'"):
        with pytest.raises(QueryError) as caught:
            read_query(query)
        assert caught.value.column in ("nmae", "type")


def test_a_bad_query_has_the_error_of_a_recorded_one(exchanges: Path) -> None:
    recorded = yaml_body(exchanges / "resource-graph-bad-query.yaml").decode()
    cloud = cloud_of(CALM)
    reply = ask_graph(cloud, "project id, location | where where")
    assert error_of(reply) == (400, "BadRequest")
    error = parsed(reply)["error"]
    assert isinstance(error, dict)
    details = error["details"]
    assert isinstance(details, list)
    assert [detail["code"] for detail in details if isinstance(detail, dict)] == [
        "InvalidQuery",
        "ParserFailure",
    ]
    for name in ("characterPositionInLine", "expectedToken", "timestamp = ", "correlationId"):
        assert name in recorded
        assert name in reply.body.decode()


def test_a_page_has_the_fields_of_a_recorded_one(exchanges: Path) -> None:
    (recorded,) = vcr_recording(exchanges / "resource-graph-skip-token.json")
    body = orjson.loads(recorded.body)
    reply = ask_graph(cloud_of(CALM), SORTED, {"$top": 3})
    assert list(parsed(reply)) == list(body)
    assert parsed(reply)["resultTruncated"] == "false"
    assert (parsed(reply)["count"], parsed(reply)["totalRecords"]) == (3, 40)


def test_sorted_pages_give_every_machine_once_in_order() -> None:
    cloud = cloud_of(CALM)
    found = [vm_id for page in pages_of(cloud, SORTED, 7) for vm_id in texts(page, "data", "id")]
    assert len(found) == 40
    assert found == sorted(found)
    assert {vm_id.lower() for vm_id in found} == {machine.key for machine in cloud.fleet}


def test_unsorted_pages_repeat_and_lose_rows() -> None:
    pages = pages_of(cloud_of(CALM), VMS + " | project id", 7)
    found = [vm_id for page in pages for vm_id in texts(page, "data", "id")]
    assert len(found) == 40
    assert len(set(found)) < 40


def test_an_order_holds_after_its_column_is_projected_away() -> None:
    cloud = cloud_of(CALM)
    names = texts(ask_graph(cloud, VMS + " | order by name desc | project other = name"), "data", "other")
    assert names == sorted((machine.name for machine in cloud.fleet), reverse=True)


def test_a_page_is_never_larger_than_the_scenarios() -> None:
    reply = ask_graph(cloud_of(replace(CALM, page_size=5)), SORTED, {"$top": 1000})
    assert parsed(reply)["count"] == 5


def test_only_the_asked_subscriptions_are_searched() -> None:
    cloud = cloud_of(CALM)
    wanted = cloud.fleet.estate.subscriptions[1].subscription_id
    body = orjson.dumps({"query": VMS + " | project subscriptionId", "subscriptions": [wanted.upper()]})
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    reply = cloud.handle(Request("POST", BASE + path, body), 0.0)
    assert set(texts(reply, "data", "subscriptionId")) == {wanted}


def test_rows_tell_the_power_state_and_some_ids_are_lower_cased() -> None:
    cloud = cloud_of(replace(CALM, stopped_pct=50))
    query = (
        VMS
        + " | project id, power = tostring(properties.extended.instanceView.powerState.code) | order by id"
    )
    found = rows(ask_graph(cloud, query), "data")
    for row in found:
        machine = cloud.fleet.machine(str(row["id"]))
        assert row["power"] == f"PowerState/{machine.lot.power_state}"
    lowered = [row for row in found if str(row["id"]).islower()]
    assert 0 < len(lowered) < 40


def test_a_bad_top_token_or_body_is_a_400() -> None:
    cloud = cloud_of(CALM)
    options: list[dict[str, Json]] = [
        {"$top": 1001},
        {"$top": 0},
        {"$skipToken": "AAAA"},
        {"$skipToken": "ä"},
    ]
    for option in options:
        assert error_of(ask_graph(cloud, SORTED, option)) == (400, "BadRequest")
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    assert cloud.handle(Request("POST", BASE + path, b"{"), 0.0).status == 400


def test_a_denied_graph_is_a_403() -> None:
    assert error_of(ask_graph(cloud_of(replace(CALM, graph="denied")), SORTED)) == (
        403,
        "AuthorizationFailed",
    )


def test_a_broken_graph_repeats_a_skip_token_for_ever() -> None:
    cloud = cloud_of(replace(CALM, graph="broken", page_size=10))
    first = parsed(ask_graph(cloud, SORTED))["$skipToken"]
    assert parsed(ask_graph(cloud, SORTED, {"$skipToken": first}))["$skipToken"] == first


def test_a_broken_graph_answers_500_where_one_page_would_do() -> None:
    reply = ask_graph(cloud_of(replace(CALM, graph="broken")), SORTED)
    assert error_of(reply) == (500, "InternalServerError")


def test_a_literal_is_verbatim_after_an_at_sign() -> None:
    row: Row = {"name": "it's \\ \" | x //"}
    for literal in ("@'it''s \\ \" | x //'", '@"it\'s \\ "" | x //"'):
        assert read_query(f"resources | where name == {literal} | project name").apply(row) == row


def test_machines_are_counted_by_subscription_whatever_the_filter_leaves() -> None:
    cloud = cloud_of(CALM)
    by_id: dict[str, int] = {}
    for machine in cloud.fleet:
        by_id[machine.subscription.subscription_id] = by_id.get(machine.subscription.subscription_id, 0) + 1
    end = " | summarize machines = count() by id = subscriptionId | order by id asc"
    answer = parsed(ask_graph(cloud, VMS + end))
    assert answer["data"] == [{"id": key, "machines": by_id[key]} for key in sorted(by_id)]
    assert answer["totalRecords"] == len(by_id)
    none = parsed(ask_graph(cloud, f"{VMS} | where location == 'nowhere'{end}"))
    assert (none["data"], none["totalRecords"]) == ([], 0)


def test_a_reply_over_the_limit_is_refused_and_a_smaller_page_is_given() -> None:
    cloud = cloud_of(replace(CALM, machines=60, graph_reply_kib=4))
    refusal = ask_graph(cloud, SORTED, {"$top": 60})
    assert refusal.status == 400
    assert b'"ResponsePayloadTooLarge"' in refusal.body
    assert ask_graph(cloud, SORTED, {"$top": 5}).status == 200


def test_a_query_that_names_no_subscription_says_that_it_leaves_some_out() -> None:
    small, large = cloud_of(CALM), cloud_of(replace(CALM, empty_subscriptions=10_000))
    assert "x-ms-tenant-subscription-limit-hit" not in ask_graph(small, SORTED, {}).headers
    assert ask_graph(large, SORTED, {}).headers["x-ms-tenant-subscription-limit-hit"] == "true"
