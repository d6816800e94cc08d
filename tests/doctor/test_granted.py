"""What is said of permissions that no simulated identity has: unknown ones, and those on groups alone."""

from __future__ import annotations

import pytest

from fleetscan.doctor.access import Access
from fleetscan.doctor.actions import COMPUTE, Duty
from fleetscan.doctor.findings import Finding
from fleetscan.doctor.granted import findings_of
from fleetscan.doctor.groups import Groups
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError

A, B = "aaaaaaaa-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002"


def access(
    listing: bool | None = True,
    starting: bool | None = True,
    polling: bool | None = True,
    *,
    id_: str = A,
    error: InventoryError | None = None,
) -> Access:
    """What is permitted on a subscription."""
    permitted = dict(zip(Duty, (listing, starting, polling), strict=True))
    missing = tuple(COMPUTE[duty] for duty, is_permitted in permitted.items() if is_permitted is False)
    return Access(Subscription(id_, f"Name {id_[0]}"), permitted, missing, None, error)


def told(*several: Access, vms: int = 0, groups: Groups | None = None) -> list[Finding]:
    groups_of = {} if groups is None else {A: groups}
    return findings_of(several, {A: vms} if vms else {}, groups_of, None)


def test_where_vms_are_seen_without_a_role_on_the_subscription_others_may_not_be() -> None:
    [finding] = told(access(listing=False), vms=3)
    assert (finding.status, finding.what) == (
        "warning",
        "1 subscription: listing is permitted on resource groups alone: Name a",
    )
    [finding] = told(access(listing=False))
    assert finding.status == "failed"


def test_polling_has_to_be_permitted_on_the_subscription_itself() -> None:
    [finding] = told(access(False, False, False), vms=3, groups=Groups(1, ("rg",), ()))
    assert (finding.status, finding.what) == ("failed", "1 subscription: polling is not permitted: Name a")
    assert "--role fleetscan --scope" in str(finding.command)


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        (Groups(2, ("a", "b"), ()), "ok"),
        (Groups(3, ("a", "b"), ()), "warning"),
        (Groups(3, ("a", "b"), ("c",)), "failed"),
        (Groups(2, (), ("c",)), "failed"),
        (Groups(2, (), ()), "failed"),
        (None, "failed"),
    ],
)
def test_starting_may_be_permitted_on_groups(groups: Groups | None, status: str) -> None:
    [finding] = told(access(starting=False), vms=3, groups=groups)
    assert finding.status == status


def test_permissions_that_could_not_be_read_are_a_warning_and_no_claim() -> None:
    error = InventoryError(A, "cut", "the connection broke", None)
    [finding] = told(access(True, None, True, error=error))
    assert (finding.status, finding.command) == ("warning", None)
    assert finding.what == (
        "1 subscription: permissions could not all be read: Name a (the connection broke)"
    )
    [known] = told(access(error=error))
    assert known.status == "ok"


def test_subscriptions_with_one_answer_share_a_finding_the_most_frequent_first() -> None:
    found = told(access(starting=False, id_=B), *[access(id_=f"cc{number}") for number in range(5)])
    assert [finding.what for finding in found] == [
        "5 subscriptions: listing, starting and polling are permitted",
        "1 subscription: starting is not permitted: Name b",
    ]


def test_three_things_that_are_missing_are_one_sentence() -> None:
    [finding] = told(access(False, False, False))
    assert finding.what == "1 subscription: listing, starting and polling are not permitted: Name a"
    assert finding.details == tuple(COMPUTE.values())
