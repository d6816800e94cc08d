"""A machine's name as people read it: what is an Arc server says so, since a VM may have its name."""

from __future__ import annotations

from fleetscan.model import ARC_PROVIDER
from fleetscan.records.reported_vm import ReportedVm


def name_with_kind(vm: ReportedVm) -> str:
    """The name, of an Arc server with a mark behind it; foreign text still, and empty where there is none."""
    is_arc = ARC_PROVIDER in vm["resource_id"].lower()
    return f"{vm['name']} (Arc)" if is_arc and vm["name"] else vm["name"]
