"""Roles of the simulated Azure: what the permissions call tells is what starts, polls and lists meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.scenario import Lack
from tests.simulator.simulated_cloud import BASE, CALM, EPOCH, cloud_of, error_of, get, parsed, rows, start

PERMISSIONS = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"


def told(cloud: Cloud, subscription_id: str) -> list[dict[str, Any]]:
    """The permission sets of a subscription, page by page."""
    url, found = f"/subscriptions/{subscription_id}/{PERMISSIONS}", list[dict[str, Any]]()
    while url:
        reply = get(cloud, url)
        assert reply.status == 200
        found += rows(reply, "value")
        url = str(parsed(reply).get("nextLink") or "")
    return found


def lacking(what: Lack, **more: Any) -> tuple[Cloud, Machine]:
    """A cloud whose last subscription lacks an action, and a machine of it."""
    cloud = cloud_of(replace(CALM, subscriptions=3, lacking=what, lacking_subscriptions=1, **more))
    last = cloud.fleet.estate.subscriptions[-1]
    return cloud, cloud.fleet.of_subscription(last.subscription_id)[0]


def test_a_permission_set_has_the_four_documented_lists_and_pages_lead_to_all() -> None:
    cloud = cloud_of(replace(CALM, subscriptions=3, page_size=1))
    sets = [told(cloud, each.subscription_id) for each in cloud.fleet.estate.subscriptions]
    assert [len(each) for each in sets] == [2, 1, 2]
    names = {"actions", "notActions", "dataActions", "notDataActions"}
    assert all(set(each) == names for several in sets for each in several)


def test_starts_are_refused_where_the_roles_lack_them_and_nowhere_else() -> None:
    cloud, machine = lacking("starting")
    assert error_of(start(cloud, machine)) == (403, "AuthorizationFailed")
    assert "assessPatches/action" in start(cloud, machine).body.decode()
    assert cloud.ledger.starts.total() == 0
    other = cloud.fleet.of_subscription(cloud.fleet.estate.subscriptions[0].subscription_id)[0]
    assert start(cloud, other).status == 202


def test_starts_are_allowed_on_the_groups_whose_own_roles_have_them() -> None:
    cloud, machine = lacking("starting-in-part", machines=120)
    last = machine.subscription.subscription_id
    assert [each["actions"] for each in told(cloud, last)] == [["*/read"]]
    seen = set()
    for each in cloud.fleet.of_subscription(last):
        sets = told(cloud, f"{last}/resourceGroups/{each.resource_group.upper()}")
        may_start = len(sets) == 2
        assert start(cloud, each).status == (202 if may_start else 403)
        seen.add(may_start)
    assert seen == {True, False}


def test_polls_are_refused_at_the_subscription_where_the_roles_lack_them() -> None:
    cloud, machine = lacking("polling")
    accepted = start(cloud, machine)
    assert accepted.status == 202
    refused = get(cloud, accepted.headers["azure-asyncoperation"])
    assert error_of(refused) == (403, "AuthorizationFailed")
    scope = f"over scope '/subscriptions/{machine.subscription.subscription_id}'"
    assert scope in refused.body.decode()


def test_lists_are_refused_where_the_roles_lack_reading() -> None:
    cloud, machine = lacking("listing")
    url = f"/subscriptions/{machine.subscription.subscription_id}/providers/Microsoft.Compute/virtualMachines"
    assert error_of(get(cloud, f"{url}?api-version=2024-11-01")) == (403, "AuthorizationFailed")


def test_arc_servers_are_refused_by_their_own_action() -> None:
    cloud, _ = lacking("starting", arc_servers=9)
    last = cloud.fleet.estate.subscriptions[-1].subscription_id
    server = next(each for each in cloud.fleet.of_subscription(last) if each.is_arc)
    assert "Microsoft.HybridCompute/machines/assessPatches/action" in start(cloud, server).body.decode()


def test_a_provider_tells_whether_a_subscription_is_registered_for_it() -> None:
    cloud = cloud_of(replace(CALM, empty_subscriptions=2))
    states = [
        parsed(
            get(
                cloud,
                f"/subscriptions/{each.subscription_id}/providers/Microsoft.Compute?api-version=2021-04-01",
            )
        )["registrationState"]
        for each in cloud.fleet.estate.empty
    ]
    assert states == ["NotRegistered", "Registered"]


@pytest.mark.parametrize("skew_s", [0.0, 400.0])
def test_the_clock_is_ahead_by_its_skew(skew_s: float) -> None:
    cloud = cloud_of(replace(CALM, clock_skew_s=skew_s))
    date = get(cloud, f"{BASE}/subscriptions?api-version=2022-12-01", 10.0).headers["date"]
    assert parsedate_to_datetime(date) == EPOCH + timedelta(seconds=10.0 + skew_s)
