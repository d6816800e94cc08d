"""Management groups of the simulated Azure: what is below each, a page at a time."""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from fleetscan.model import Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario

Entry: TypeAlias = dict[str, Any]
BASE = "https://management.azure.com"


def below(cloud: Cloud, group: str) -> list[Entry]:
    """All that is below a group, page by page."""
    found: list[Entry] = []
    url = f"{BASE}/providers/Microsoft.Management/managementGroups/{group}/descendants?api-version=2020-05-01"
    while url:
        reply = cloud.handle(Request("GET", url), 0.0)
        assert reply.status == 200
        body = orjson.loads(reply.body)
        found += body["value"]
        url = body.get("nextLink", "")
    return found


def names(entries: list[Entry], kind: str) -> list[str]:
    return [entry["properties"]["displayName"] for entry in entries if entry["type"] == kind]


def test_the_root_has_every_subscription_below_it_and_each_unit_its_own() -> None:
    cloud = Cloud(Scenario(machines=8, subscriptions=8, empty_subscriptions=1, page_size=2))
    entries = below(cloud, cloud.fleet.estate.tenant_id)
    assert sorted(names(entries, "/subscriptions")) == sorted(each.name for each in cloud.fleet.subscriptions)
    assert names(below(cloud, "Retail"), "/subscriptions") == ["Retail Production", "Retail Non-Production"]
    assert names(below(cloud, "sandbox"), "/subscriptions") == ["Sandbox 1", "Retired Sandbox"]
    assert "data-platform" in names(below(cloud, "corp"), "Microsoft.Management/managementGroups")


def test_an_unknown_group_is_not_found() -> None:
    cloud = Cloud(Scenario(machines=1))
    url = f"{BASE}/providers/Microsoft.Management/managementGroups/x/descendants?api-version=2020-05-01"
    reply = cloud.handle(Request("GET", url), 0.0)
    assert reply.status == 404
    assert orjson.loads(reply.body)["error"]["code"] == "NotFound"
