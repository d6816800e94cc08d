"""A listed VM as one record: what `fleetscan inventory` prints and an inventory file may hold. Pure.

Its names are those of a row of results.jsonl, so that a file of either tells the same.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from fleetscan.model import Target
from fleetscan.records.machine_facts import NAMES, NOT_TOLD


class ListedVm(TypedDict):
    """One VM of a listing, as far as the inventory tells of it."""

    resource_id: Annotated[str, "The VM's id as Azure wrote it; unique without regard to case."]
    kind: Annotated[Literal["vm", "arc"], "An Azure VM or an Arc server."]
    subscription_id: Annotated[str, "Compared without case."]
    subscription_name: Annotated[str | None, "The subscription's display name."]
    resource_group: Annotated[str, "Compared without case."]
    name: Annotated[str, "The VM's own name; unique in its resource group alone."]
    location: Annotated[str | None, "The region, lower case without spaces."]
    os_type: Annotated[str | None, "What the VM runs."]
    os_name: Annotated[str | None, "The operating system's name as the guest told it."]
    os_version: Annotated[str | None, "The operating system's version as the guest told it."]
    image: Annotated[str | None, "The image the VM was made from."]
    patch_mode: Annotated[str | None, "How the VM is set to be patched."]
    assessment_mode: Annotated[str | None, "How the VM is set to be assessed."]
    esu_status: Annotated[str | None, "An Arc server's state of extended security updates."]
    hotpatch_status: Annotated[str | None, "Whether an Arc server is patched without restarts."]
    power_state: Annotated[str | None, "Lower-case word: running, stopped, deallocated and others."]
    tags: Annotated[dict[str, str], "The VM's tags. Names compare without case, values with it."]
    excluded_by: Annotated[str | None, "The rule that leaves the VM out; null where it is selected."]


COLUMNS: tuple[str, ...] = tuple(ListedVm.__annotations__)


def listed_vm(target: Target, excluded_by: str | None = None) -> ListedVm:
    """The record of `target`."""
    facts = {**NOT_TOLD, **target.facts}
    return {
        "resource_id": target.resource_id,
        "kind": target.kind,
        "subscription_id": target.subscription_id,
        "subscription_name": target.subscription_name,
        "resource_group": target.resource_group,
        "name": target.name,
        "location": target.location,
        "os_type": target.os_type,
        **{name: facts[name] for name in NAMES},  # type: ignore[typeddict-item]
        "power_state": target.power_state,
        "tags": dict(target.tags),
        "excluded_by": excluded_by,
    }
