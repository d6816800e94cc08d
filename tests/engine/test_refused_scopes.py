"""How far the refusal of a start reaches: as far as Azure says, and in doubt no further than the VM."""

from __future__ import annotations

import pytest

from fleetscan.engine.first_starts import FirstStarts
from fleetscan.engine.refused_scopes import RefusedScopes, Scope
from fleetscan.model import CodeOrigin, Outcome, Reason, Reply, Stage, Target
from tests.engine.test_operation import error, reply

SUBSCRIPTION = "00000000-0000-0000-0000-00000000000A"
OTHER = "00000000-0000-0000-0000-00000000000b"
WHOLE = f"/subscriptions/{SUBSCRIPTION}"
VM_TYPE = "providers/Microsoft.Compute/virtualMachines"
DENIED = error(403, "AuthorizationFailed", "no")


def vm(name: str = "vm-1", group: str = "Rg.One", subscription: str = SUBSCRIPTION) -> Target:
    resource_id = f"/subscriptions/{subscription}/resourceGroups/{group}/{VM_TYPE}/{name}"
    return Target(resource_id, subscription, group, name)


def locked(*scopes: str) -> Reply:
    named = ",".join(f"'{scope}'" for scope in scopes)
    return error(
        409,
        "ScopeLocked",
        f"The scope '{vm().resource_id}' cannot perform write operation because following scope(s) are "
        f"locked: {named}. Please remove the lock and try again.",
    )


def reach(answer: Reply) -> Scope | None:
    return RefusedScopes().heard(vm(), answer)


@pytest.mark.parametrize(
    ("answer", "group"),
    [
        (error(409, "ReadOnlyDisabledSubscription", f"The subscription '{SUBSCRIPTION}' is disabled."), ""),
        (error(404, "subscriptionnotfound", "It could not be found."), ""),
        (error(409, "MissingSubscriptionRegistration", "not registered to use 'Microsoft.Compute'"), ""),
        (error(404, "ResourceGroupNotFound", "no"), "rg.one"),
        (error(404, "ResourceGroupNotFound", "Resource group 'RG.One' could not be found."), "rg.one"),
        (error(409, "ScopeLocked", f"The following scope(s) are Locked: '{WHOLE}'"), ""),
        (locked(WHOLE), ""),
        (locked(WHOLE.upper()), ""),
        (locked(f"{WHOLE}/resourcegroups/RG.ONE"), "rg.one"),
        (locked(f"{WHOLE}/resourceGroups/Rg.One/providers/Microsoft.Authorization/locks/keep"), "rg.one"),
        (locked(f"{WHOLE}/resourceGroups/Rg.One", vm().resource_id), "rg.one"),
        (locked(f"{WHOLE}/resourceGroups/Rg.One", WHOLE), ""),
    ],
)
def test_a_refusal_reaches_as_far_as_azure_says(answer: Reply, group: str) -> None:
    assert reach(answer) == Scope(SUBSCRIPTION.lower(), group)


@pytest.mark.parametrize(
    "answer",
    [
        locked(vm().resource_id),
        locked(f"{WHOLE}/resourceGroups/rg-two"),
        locked(f"{WHOLE}/resourceGroups/Rg"),
        locked(f"{WHOLE}/resourceGroups"),
        locked(f"/subscriptions/{OTHER}"),
        error(409, "ScopeLocked", f"The scope '{WHOLE}' cannot be written to because of a lock."),
        error(409, "ScopeLocked", "locked"),
        error(409, "ScopeLocked", f"VM is locked. Contact an owner of {WHOLE}"),
        error(409, "ScopeLocked", f"It is locked: '{vm().resource_id}'. Ask for {WHOLE}"),
        error(404, "ResourceGroupNotFound", "Resource group 'rg-two' could not be found."),
        error(404, "SubscriptionNotFound", f"The subscription '{OTHER}' could not be found."),
        error(403, "ReadOnlyDisabledSubscriptionToo", "no"),
        error(409, "Conflict", "no"),
        Reply(503),
        Reply(429),
        error(401, "ReadOnlyDisabledSubscription", "no"),
        DENIED,
    ],
)
def test_in_doubt_nothing_spreads(answer: Reply) -> None:
    assert reach(answer) is None


def test_a_403_never_spreads_beyond_the_group_whatever_its_code() -> None:
    assert reach(error(403, "SubscriptionDisabled", "no")) == Scope(SUBSCRIPTION.lower(), "rg.one")


def test_four_vms_of_a_group_are_denied_before_its_others_are() -> None:
    scopes = RefusedScopes()
    heard = [scopes.heard(vm(f"vm-{number}"), DENIED) for number in range(4)]
    assert heard == [None, None, None, Scope(SUBSCRIPTION.lower(), "rg.one")]
    ending = scopes.ending_of(vm("vm-9", "RG.one"))
    assert ending is not None
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.DENIED)
    assert scopes.ending_of(vm("vm-9", "rg-two")) is None


def test_a_group_in_which_one_was_let_in_is_not_denied() -> None:
    scopes = RefusedScopes()
    scopes.heard(vm("in"), reply(202))
    assert [scopes.heard(vm(f"vm-{number}"), DENIED) for number in range(9)] == [None] * 9


def test_where_starts_were_accepted_one_odd_reply_is_not_believed_for_all() -> None:
    scopes, no = RefusedScopes(), error(404, "SubscriptionNotFound", "no")
    scopes.heard(vm("in", "rg-two"), reply(202))
    assert scopes.heard(vm("vm-1"), no) is None
    assert scopes.heard(vm("vm-2"), no) == Scope(SUBSCRIPTION.lower())


def test_an_unasked_vm_says_what_was_refused() -> None:
    scopes = RefusedScopes()
    scopes.heard(vm("vm-1"), locked(WHOLE))
    ending = scopes.ending_of(vm("vm-2", "rg-two"))
    assert ending is not None
    failure = ending.error
    assert failure is not None
    assert (failure.code, failure.origin, failure.stage) == ("NotTried", CodeOrigin.FLEETSCAN, Stage.START)
    assert failure.message is not None
    assert failure.message.startswith(
        f"ScopeLocked on subscription {SUBSCRIPTION.lower()}; not tried: "
        "Azure refused to start vm-1 (HTTP 409): The scope "
    )
    assert scopes.ending_of(vm("vm-2", subscription=OTHER)) is None


def test_eight_first_starts_are_on_their_way_until_one_is_answered() -> None:
    first = FirstStarts(8)
    for _ in range(8):
        assert first.ready_at < 0.0
        first.sent()
    assert first.ready_at == float("inf")
    first.came_back(is_verdict=False)
    assert first.ready_at < 0.0
    first.sent()
    assert first.ready_at == float("inf")
    first.came_back(is_verdict=True)
    for _ in range(100):
        first.sent()
    assert first.ready_at < 0.0
