"""What `fleetscan diff` prints as JSON, schema fleetscan.diff/1, declared: what changed between two runs.

VMs are compared where both runs assessed them; of all others it is said why they are not. Lists of VMs and
patches hold the first few; a count beside each says how many there are.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.model import Json
from fleetscan.records.report import StateWord
from fleetscan.records.reported_vm import MOST_PATCHES, MOST_VMS, ReportedVm
from fleetscan.records.row import OutcomeWord, ReasonWord
from fleetscan.records.shapes import Count, UtcTime

Schema: TypeAlias = Literal["fleetscan.diff/1"]
SCHEMA: Schema = "fleetscan.diff/1"


class DiffRun(TypedDict):
    """One of the two runs."""

    scan_id: Annotated[str, "The scan."]
    directory: Annotated[str, "Where the run is kept."]
    started_at: Annotated[UtcTime, "When the scan began."]
    state: Annotated[StateWord, "Whether every VM listed has ended."]
    partial: Annotated[list[str], "Why it is not whole, a sentence each; empty where it is."]
    selection: Annotated[dict[str, Json], "What was asked for: every setting that selects, as it was set."]
    critical_and_security_count: Annotated[
        Count, "Critical and security patches missing on the VMs that are compared."
    ]
    other_count: Annotated[Count, "Other patches missing on the VMs that are compared."]
    vms_with_critical_or_security: Annotated[Count, "Compared VMs that miss a critical or security patch."]


class ChangedVm(ReportedVm):
    """A VM that changed."""

    before: Annotated[OutcomeWord | None, "How it ended in the old run; null where it has no row there."]
    after: Annotated[OutcomeWord | None, "How it ended in the new run; null where it has no row there."]
    reason: Annotated[ReasonWord, "Why it was not assessed in the new run; null where it was."]


class ChangedVms(TypedDict):
    """The VMs that changed in one way."""

    count: Annotated[Count, "How many."]
    vms: Annotated[list[ChangedVm], f"The first {MOST_VMS} of them by name."]


class ChangedPatch(TypedDict):
    """A patch that some VMs miss in one of the runs alone."""

    patch: Annotated[str, "The KB (KB5034441), or the package's name."]
    name: Annotated[str | None, "Its newest title, as Azure says it."]
    classifications: Annotated[list[str], "Azure's words for its kind."]
    is_critical_or_security: Annotated[bool, "Whether Azure counts it among those."]
    newly_missing: Annotated[Count, "VMs that miss it in the new run alone."]
    installed: Annotated[Count, "VMs that miss it in the old run alone."]


class VmBackAgain(ReportedVm):
    """A VM that misses patches again."""

    count: Annotated[Count, "How many."]
    patches: Annotated[list[str], f"The first {MOST_PATCHES} of them, critical and security ones first."]


class BackAgain(TypedDict):
    """Newly missing patches that their VM had installed before, as far back as the history goes."""

    history_since: Annotated[str | None, "The day (UTC) of the history's first night, as 2026-11-10."]
    count: Annotated[Count, "How many, summed over the VMs."]
    vm_count: Annotated[Count, "VMs with such a patch."]
    vms: Annotated[list[VmBackAgain], f"The first {MOST_VMS} of them by name."]


class Diff(TypedDict):
    """What changed from one run to a later one."""

    schema: Schema
    old: DiffRun
    new: DiffRun
    is_same_selection: Annotated[bool, "Whether both runs were asked for the same VMs."]
    compared: Annotated[Count, "VMs that both runs assessed."]
    lists_not_compared: Annotated[
        Count, "Those of them whose patches are compared in part at most: a list is cut short, or none came."
    ]
    not_comparable: Annotated[Count, "VMs with a row in both that were not assessed in one of them."]
    appeared: Annotated[ChangedVms, "VMs that the old run did not have, though it listed their subscription."]
    gone: Annotated[ChangedVms, "VMs that the new run does not have, though it listed their subscription."]
    only_old: Annotated[Count, "VMs of the old run at which the new one did not look."]
    only_new: Annotated[Count, "VMs of the new run at which the old one did not look."]
    newly_unseen: Annotated[ChangedVms, "VMs assessed in the old run and skipped in the new one."]
    newly_failing: Annotated[ChangedVms, "VMs that failed or timed out in the new run alone."]
    seen_again: Annotated[ChangedVms, "VMs assessed in the new run that had failed or were skipped before."]
    reboots_cleared: Annotated[ChangedVms, "Compared VMs whose restart is no longer pending."]
    reboots_due: Annotated[ChangedVms, "Compared VMs whose restart is pending now."]
    newly_missing: Annotated[Count, "Patches missing in the new run alone, summed over the compared VMs."]
    installed: Annotated[Count, "Patches missing in the old run alone, summed over the compared VMs."]
    back_again: Annotated[
        BackAgain | None, "Newly missing patches that had been installed before; null without a history."
    ]
    patches: Annotated[
        list[ChangedPatch],
        f"The {MOST_PATCHES} patches that changed on most VMs, critical and security ones first.",
    ]
    distinct_patches: Annotated[Count, "How many different patches changed."]
