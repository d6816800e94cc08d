"""What is said of the permissions: subscriptions with the same answer are told together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from fleetscan.doctor.access import Access
from fleetscan.doctor.actions import Duty
from fleetscan.doctor.findings import Finding, name_of, some, subscriptions
from fleetscan.errors import Remedy

Answer: TypeAlias = tuple[tuple[str, ...], tuple[bool | None, ...], bool, str]
"""The actions that are missing, what is permitted, whether VMs are seen all the same, and an error."""

GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# Azure's own roles that have an action, those with the least first.
READER = "Reader"
STARTERS = {
    "Microsoft.Compute": "Virtual Machine Contributor",
    "Microsoft.HybridCompute": "Azure Connected Machine Resource Administrator",
}
LONGEST_ERROR = 300


def findings_of(access: Sequence[Access], vms_of: Mapping[str, int], object_id: str | None) -> list[Finding]:
    """A finding for each answer, the most frequent first. `vms_of` counts VMs by lower-case subscription id.

    `object_id` is that of the identity, to which a role would be assigned.
    """
    alike: dict[Answer, list[Access]] = {}
    for each in access:
        alike.setdefault(_answer_of(each, vms_of), []).append(each)
    groups = sorted(alike.values(), key=len, reverse=True)
    found = [_finding_of(group, vms_of, object_id) for group in groups]
    unregistered = [each for each in access if each.is_registered is False]
    return [*found, *_of_unregistered(unregistered)]


def _answer_of(access: Access, vms_of: Mapping[str, int]) -> Answer:
    is_below = access.permitted[Duty.LIST] is False and bool(vms_of.get(access.subscription.key))
    error = access.error
    why = "" if error is None else str(error.message or error.code or error.http_status)
    return access.missing, tuple(access.permitted.values()), is_below, why


def _finding_of(group: Sequence[Access], vms_of: Mapping[str, int], object_id: str | None) -> Finding:
    first = group[0]
    missing, permitted, is_below, why = _answer_of(first, vms_of)
    where, names = subscriptions(len(group)), some([name_of(each.subscription) for each in group])
    if all(permitted):
        # Where a list was cut short: what came permits it, and what did not come cannot take that back.
        return Finding("permissions", "ok", f"{where}: listing, starting and polling are permitted")
    if why:
        what = f"{where}: permissions could not all be read: {names} ({why[:LONGEST_ERROR]})"
        return Finding("permissions", "warning", what, Remedy("try again; a scan may work all the same"))
    command = _command(missing, group, object_id)
    told = _told([duty for duty, is_permitted in first.permitted.items() if not is_permitted])
    if is_below and first.permitted[Duty.POLL]:
        what = f"{where}: {told} permitted on some resource groups at most: {names}"
        remedy = Remedy("other VMs there are not seen: assign a role on the whole subscription")
        return Finding("permissions", "warning", what, remedy, command, missing)
    what = f"{where}: {told} not permitted: {names}"
    return Finding("permissions", "failed", what, _remedy(len(group)), command, missing)


def _told(duties: Sequence[str]) -> str:
    """ "starting is", "listing and starting are": what begins a sentence."""
    *others, last = duties
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def _remedy(number: int) -> Remedy:
    there = "on this subscription" if number == 1 else "on each of these subscriptions"
    return Remedy(f"assign the identity a role with what is missing {there}, or on a management group above")


def _command(missing: Sequence[str], group: Sequence[Access], object_id: str | None) -> str:
    """The command that assigns one of Azure's own roles; words in capitals stand for what is not known."""
    # A token may say anything, and what a person pastes into a shell may not.
    who = object_id if object_id and GUID.fullmatch(object_id) else "OBJECT_ID"
    where = group[0].subscription.id if len(group) == 1 else "SUBSCRIPTION_ID"
    role = next(iter(_roles(missing)))
    return f"az role assignment create --assignee {who} --role '{role}' --scope /subscriptions/{where}"


def _roles(missing: Sequence[str]) -> Iterator[str]:
    """Roles that have what is missing, the one to begin with first."""
    for action in missing:
        if action.endswith("/action"):
            yield STARTERS[action.partition("/")[0]]
    yield READER


def _of_unregistered(access: Sequence[Access]) -> Iterator[Finding]:
    if access:
        where, names = subscriptions(len(access)), some([name_of(each.subscription) for each in access])
        yield Finding(
            "permissions", "ok", f"{where} without VMs, not registered for Microsoft.Compute: {names}"
        )
