"""What is said of the permissions: subscriptions with the same answer are told together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from fleetscan.doctor.access import Access
from fleetscan.doctor.actions import Duty
from fleetscan.doctor.findings import Finding, name_of, some, subscriptions
from fleetscan.doctor.groups import Groups
from fleetscan.errors import Remedy

Below: TypeAlias = Literal["nowhere", "some", "most", "everywhere"]
"""On which resource groups starting is permitted; most are all that were looked at."""
Answer: TypeAlias = tuple[tuple[str, ...], tuple[bool | None, ...], bool, str, Below]
"""What is missing, what is permitted, whether VMs are seen all the same, an error, and starts in groups."""

GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# The custom roles of deploy/, which permit a scan and nothing else, by the provider of what is missing.
ROLES = {
    "Microsoft.Compute": ("fleetscan", "deploy/azure-role.json"),
    "Microsoft.HybridCompute": ("fleetscan-arc", "deploy/azure-role-arc.json"),
}
LONGEST_ERROR = 300


def findings_of(
    access: Sequence[Access],
    vms_of: Mapping[str, int],
    groups_of: Mapping[str, Groups],
    object_id: str | None,
) -> list[Finding]:
    """A finding for each answer, the most frequent first.

    `vms_of` counts VMs, and `groups_of` has what resource groups permit, by lower-case subscription id.
    `object_id` is that of the identity, to which a role would be assigned.
    """
    alike: dict[Answer, list[Access]] = {}
    for each in access:
        alike.setdefault(_answer_of(each, vms_of, groups_of), []).append(each)
    ordered = sorted(alike.items(), key=lambda item: len(item[1]), reverse=True)
    found = [_finding_of(answer, group, groups_of, object_id) for answer, group in ordered]
    unregistered = [each for each in access if each.is_registered is False]
    return [*found, *_of_unregistered(unregistered)]


def _answer_of(access: Access, vms_of: Mapping[str, int], groups_of: Mapping[str, Groups]) -> Answer:
    key, error = access.subscription.key, access.error
    is_seen = access.permitted.get(Duty.LIST) is False and bool(vms_of.get(key))
    why = "" if error is None else str(error.message or error.code or error.http_status)
    return access.missing, tuple(access.permitted.values()), is_seen, why, _below(groups_of.get(key))


def _below(groups: Groups | None) -> Below:
    if groups is None or not groups.starting:
        return "nowhere"
    if groups.refusing:
        return "some"
    return "everywhere" if groups.is_everywhere else "most"


def _finding_of(
    answer: Answer, group: Sequence[Access], groups_of: Mapping[str, Groups], object_id: str | None
) -> Finding:
    missing, permitted, is_seen, why, below = answer
    where, names = subscriptions(len(group)), some([name_of(each.subscription) for each in group])
    if all(permitted):
        # Where a list was cut short: what came permits it, and what did not come cannot take that back.
        return Finding("permissions", "ok", f"{where}: {_told([*group[0].permitted])} permitted")
    if why:
        what = f"{where}: permissions could not all be read: {names} ({why[:LONGEST_ERROR]})"
        return Finding("permissions", "warning", what, Remedy("try again; a scan may work all the same"))
    command = _command(missing, group, object_id)
    lacking = [duty for duty, is_permitted in group[0].permitted.items() if not is_permitted]
    in_groups = {Duty.LIST: is_seen, Duty.START: below in ("most", "everywhere")}
    failing = [duty for duty in lacking if not in_groups.get(duty)]
    if failing == [Duty.START] and below == "some":
        refusing = [name for each in group for name in groups_of[each.subscription.key].refusing]
        what = f"{where}: starting is permitted on some resource groups alone: {names}"
        details = (*missing, f"not on: {some(refusing)}")
        return Finding("permissions", "failed", what, _remedy(len(group)), command, details)
    if failing:
        what = f"{where}: {_told(failing)} not permitted: {names}"
        return Finding("permissions", "failed", what, _remedy(len(group)), command, missing)
    return _of_groups(
        f"{where}: {_told(lacking)} permitted on resource groups alone: {names}",
        in_groups,
        below,
        command,
        missing,
    )


def _of_groups(
    what: str, in_groups: Mapping[Duty, bool], below: Below, command: str, missing: tuple[str, ...]
) -> Finding:
    """What is permitted on each resource group that is seen: enough, where these are known to be all."""
    if in_groups[Duty.LIST]:
        remedy = Remedy("VMs in other groups are not seen: assign a role on the whole subscription")
        return Finding("permissions", "warning", what, remedy, command, missing)
    if below == "most":
        remedy = Remedy("not all groups were looked at: assign a role on the whole subscription")
        return Finding("permissions", "warning", what, remedy, command, missing)
    return Finding("permissions", "ok", what)


def _told(duties: Sequence[str]) -> str:
    """ "starting is", "listing and starting are": what begins a sentence."""
    *others, last = duties
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def _remedy(number: int) -> Remedy:
    there = "on this subscription" if number == 1 else "on each of these subscriptions"
    return Remedy(
        f"assign the identity the custom role with the least permissions {there}, or on a group above; "
        "make it once, with its AssignableScopes filled in"
    )


def _command(missing: Sequence[str], group: Sequence[Access], object_id: str | None) -> str:
    """The commands that make and assign the roles; words in capitals stand for what is not known."""
    # A token may say anything, and what a person pastes into a shell may not.
    who = object_id if object_id and GUID.fullmatch(object_id) else "OBJECT_ID"
    where = group[0].subscription.id if len(group) == 1 else "SUBSCRIPTION_ID"
    lacking = dict.fromkeys(action.partition("/")[0] for action in missing)
    return " && ".join(
        f"az role definition create --role-definition {file} && "
        f"az role assignment create --assignee {who} --role {role} --scope /subscriptions/{where}"
        for role, file in map(ROLES.__getitem__, lacking)
    )


def _of_unregistered(access: Sequence[Access]) -> Iterator[Finding]:
    if access:
        where, names = subscriptions(len(access)), some([name_of(each.subscription) for each in access])
        yield Finding(
            "permissions", "ok", f"{where} without VMs, not registered for Microsoft.Compute: {names}"
        )
