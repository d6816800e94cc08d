"""What is permitted in a subscription by the replies to the permissions call: whole, cut short or odd."""

from __future__ import annotations

from typing import Any

import pytest

from fleetscan.doctor.access import Access, read_access
from fleetscan.doctor.actions import ARC, COMPUTE, Duty
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Json, Reply, RequestKind
from tests.inventory.listing_driver import AZURE, A, ok, page, played, refused

START = "Microsoft.Compute/virtualMachines/assessPatches/action"
REGISTERED = ok({"namespace": "Microsoft.Compute", "registrationState": "Registered"})
PERMISSIONS = (
    f"{AZURE}/subscriptions/{A}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
)


def role(*actions: str, without: tuple[str, ...] = ()) -> dict[str, Json]:
    """A set of permissions as ARM has it."""
    return {"actions": [*actions], "notActions": [*without], "dataActions": [], "notDataActions": []}


def read(*replies: Reply, wanted: Any = (COMPUTE,)) -> Access:
    """What the replies say, the last about Microsoft.Compute itself."""
    access, asks = played(read_access(AZURE, Subscription(A), wanted), *replies)
    assert {(ask.kind, ask.subscription_id, ask.request.method) for ask in asks} == {
        (RequestKind.READ_ACCESS, A, "GET")
    }
    assert asks[0].request.url == PERMISSIONS
    return access


def permitted(access: Access) -> list[bool | None]:
    return [access.permitted[duty] for duty in Duty]


def test_two_roles_permit_together_what_neither_does_alone() -> None:
    access = read(page([role("*/read"), role(START)]), REGISTERED)
    assert (permitted(access), access.missing, access.error) == ([True, True, True], (), None)
    assert access.is_registered is True


def test_what_no_role_has_is_missing_by_its_name() -> None:
    access = read(page([role("*/read")]), REGISTERED)
    assert (permitted(access), access.missing) == ([True, False, True], (START,))


def test_no_role_at_all_is_a_whole_answer() -> None:
    access = read(page([]), REGISTERED)
    assert permitted(access) == [False, False, False]
    assert access.missing == tuple(COMPUTE.values())


def test_arc_servers_need_their_own_actions_and_only_where_they_are_asked_for() -> None:
    vms_alone = page([role("Microsoft.Compute/*")])
    assert permitted(read(vms_alone, REGISTERED)) == [True, True, True]
    with_arc = read(vms_alone, REGISTERED, wanted=(COMPUTE, ARC))
    assert permitted(with_arc) == [False, False, False]
    assert with_arc.missing == tuple(ARC.values())


def test_the_roles_of_all_pages_count() -> None:
    access = read(page([role("*/read")], f"{PERMISSIONS}&$skiptoken=2"), page([role(START)]), REGISTERED)
    assert permitted(access) == [True, True, True]


def test_where_a_page_is_refused_what_came_is_permitted_and_the_rest_is_not_known() -> None:
    access = read(
        page([role("*/read")], f"{PERMISSIONS}&$skiptoken=2"), refused(403, "AuthorizationFailed"), REGISTERED
    )
    assert (permitted(access), access.missing) == ([True, None, True], ())
    assert access.error is not None
    assert access.error.http_status == 403


@pytest.mark.parametrize(
    "odd",
    [
        {"value": "no list"},
        {"value": ["no object"]},
        {"value": [{"actions": "*"}]},
        {"value": [{"actions": ["*", 1]}]},
        {"value": [{"actions": ["*"], "notActions": {"a": 1}}]},
        {"value": [{"actions": ["*"], "notActions": [None]}]},
        [],
        "nothing",
    ],
    ids=str,
)
def test_what_makes_no_sense_permits_nothing_and_forbids_nothing(odd: Json) -> None:
    access = read(ok(odd), REGISTERED)
    assert (permitted(access), access.missing) == ([None, None, None], ())
    assert access.error is not None


def test_lists_that_are_left_out_or_null_are_empty() -> None:
    access = read(page([{"actions": ["*"], "notActions": None}, {}]), REGISTERED)
    assert permitted(access) == [True, True, True]


def test_links_that_leave_azure_are_not_followed() -> None:
    access = read(page([role("*/read")], "https://elsewhere.example/more"), REGISTERED)
    assert permitted(access) == [True, None, True]


@pytest.mark.parametrize(
    ("reply", "is_registered"),
    [
        (ok({"registrationState": "Registered"}), True),
        (ok({"registrationState": "registered"}), True),
        (ok({"registrationState": "NotRegistered"}), False),
        (ok({"registrationState": "Registering"}), False),
        (ok({}), None),
        (ok([]), None),
        (refused(403, "AuthorizationFailed"), None),
    ],
)
def test_a_registration_is_known_only_where_it_is_told(reply: Reply, is_registered: bool | None) -> None:
    assert read(page([role("*")]), reply).is_registered is is_registered
