"""A VM as the records that people look at name it, and how many VMs and patches they name."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fleetscan.records.row import OsType, Row

MOST_VMS = 50
MOST_PATCHES = 50


class ReportedVm(TypedDict):
    """Which VM: names repeat in a fleet, ids do not."""

    resource_id: Annotated[str, "The VM's id as Azure wrote it; unique without regard to case."]
    name: Annotated[str, "The VM's own name; unique in its resource group alone."]
    resource_group: Annotated[str, "Its resource group."]
    subscription_id: Annotated[str, "Its subscription."]
    subscription_name: Annotated[str | None, "The subscription's display name."]
    location: Annotated[str | None, "The region, lower case without spaces."]
    os_type: Annotated[OsType | None, "What the VM runs."]


def reported_vm(row: Row) -> ReportedVm:
    """Which VM a row is of."""
    return {
        "resource_id": row["resource_id"],
        "name": row["name"],
        "resource_group": row["resource_group"],
        "subscription_id": row["subscription_id"],
        "subscription_name": row["subscription_name"],
        "location": row["location"],
        "os_type": row["os_type"],
    }
