"""Resource groups of subscriptions where no role on the whole lets assessments be started: theirs may.

So many subscriptions and groups are looked at as answer the question for most fleets in some seconds: the
groups with the most VMs first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fleetscan.doctor.access import Access, read_sets
from fleetscan.doctor.actions import ARC, COMPUTE, Duty, permits
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.pushed import pushed
from fleetscan.inventory.resource_graph import count_machines
from fleetscan.scanner.selecting import Ask, selection_in
from fleetscan.settings.selecting import ListSettings

# A query of Resource Graph for each: with four that count a thousand subscriptions they keep to its quota.
MOST_SUBSCRIPTIONS = 10
MOST_GROUPS = 100
# A group's name may have parentheses; a slash would lead elsewhere.
NAME_SAFE = "()-_.~"


@dataclass(frozen=True, slots=True)
class Groups:
    """The resource groups with selected VMs of one subscription, and those of them that were looked at.

    `starting` let assessments be started, `refusing` do not; of the others that is not known.
    """

    with_vms: int
    starting: tuple[str, ...]
    refusing: tuple[str, ...]

    @property
    def is_everywhere(self) -> bool:
        """Whether assessments may be started in all of them."""
        return len(self.starting) == self.with_vms


async def look_into(
    settings: ListSettings, access: Sequence[Access], vms_of: Mapping[str, int], ask: Ask
) -> dict[str, Groups]:
    """By lower-case subscription id: what is permitted on the groups of those that lack starting.

    `vms_of` counts VMs by lower-case subscription id: where there are none no group is looked at.
    """
    lacking = [
        each
        for each in access
        if each.permitted.get(Duty.START) is False and vms_of.get(each.subscription.key)
    ][:MOST_SUBSCRIPTIONS]
    groups_of = await _with_vms(settings, lacking, ask)
    places = [(id_, group) for id_, groups in groups_of.items() for group in groups[:MOST_GROUPS]]
    answers = await ask(_may_start(settings, *place) for place in places)
    told = dict(zip(places, answers, strict=True))
    return {
        id_.lower(): Groups(
            len(groups),
            tuple(group for group in groups if told.get((id_, group)) is True),
            tuple(group for group in groups if told.get((id_, group)) is False),
        )
        for id_, groups in groups_of.items()
    }


async def _with_vms(settings: ListSettings, lacking: Sequence[Access], ask: Ask) -> dict[str, list[str]]:
    """By subscription id: the resource groups with selected VMs, those with the most first."""
    where = [clause for _, clause in pushed(selection_in(settings).rules)]
    ids = [each.subscription.id for each in lacking]
    arc = settings.include_arc
    counts = await ask(
        count_machines(settings.endpoint, [id_], where, include_arc=arc, by="resourceGroup") for id_ in ids
    )
    return {
        id_: sorted(count, key=lambda name: (-count[name], name))
        for id_, count in zip(ids, counts, strict=True)
        if isinstance(count, dict)
    }


def _may_start(settings: ListSettings, subscription_id: str, group: str) -> Pages[bool | None]:
    """Whether roles on a resource group let assessments be started there; None where that is not known."""
    scope = f"/subscriptions/{subscription_id}/resourceGroups/{quote(group, NAME_SAFE)}"
    listed = yield from read_sets(settings.endpoint, scope, subscription_id)
    wanted = [COMPUTE[Duty.START], *([ARC[Duty.START]] if settings.include_arc else [])]
    if all(permits(listed.entries, action) for action in wanted):
        return True
    return None if listed.error else False
