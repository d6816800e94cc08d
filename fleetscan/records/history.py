"""What a history tells of earlier nights, declared: one record a night, for the trend of a report."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fleetscan.records.run import RunFacts
from fleetscan.records.shapes import Count, Percent, UtcTime
from fleetscan.records.totals import GroupTotals


class Night(TypedDict):
    """What one run came to. Sums of patches are null, not 0, where no VM was assessed."""

    scan_id: Annotated[str, "The scan."]
    started_at: Annotated[UtcTime, "When it began."]
    listed: Annotated[Count, "VMs that were selected."]
    assessed: Annotated[Count, "VMs that were assessed."]
    critical_and_security_count: Annotated[
        Count | None, "Critical and security patches missing on assessed VMs."
    ]
    other_count: Annotated[Count | None, "Other patches missing on assessed VMs."]
    vms_with_critical_or_security: Annotated[
        Count | None, "Assessed VMs that miss a critical or security patch."
    ]
    reboot_pending: Annotated[Count | None, "Assessed VMs where a restart is due."]
    coverage_pct: Annotated[Percent, "Assessed VMs, of those listed, %."]
    compliance_pct: Annotated[
        Percent, "Assessed VMs that miss no critical or security patch, of those listed, %."
    ]


def night_of(facts: RunFacts, fleet: GroupTotals) -> Night:
    """What the run with these facts came to, whose sums over the fleet are `fleet`."""
    assessed = fleet["outcomes"]["assessed"]
    return {
        "scan_id": facts["scan_id"],
        "started_at": facts["started_at"],
        "listed": fleet["listed"],
        "assessed": assessed,
        "critical_and_security_count": fleet["critical_and_security_count"] if assessed else None,
        "other_count": fleet["other_count"] if assessed else None,
        "vms_with_critical_or_security": fleet["vms_with_critical_or_security"] if assessed else None,
        "reboot_pending": fleet["reboot_pending"] if assessed else None,
        "coverage_pct": fleet["coverage_pct"],
        "compliance_pct": fleet["compliance_pct"],
    }
