"""One line of totals.jsonl, schema fleetscan.totals/1, declared: the fleet's line, then one for each group.

What the fleet's line tells besides is told of the scan as a whole.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.model import Json
from fleetscan.records.shapes import Count, HttpStatus, Keyword, Percent, Seconds, Tally, UtcTime

Schema: TypeAlias = Literal["fleetscan.totals/1"]
SCHEMA: Schema = "fleetscan.totals/1"

Scope: TypeAlias = Annotated[str, Keyword("pattern", "^(fleet|subscription|location|os_type|tag:.+)$")]


class Outcomes(TypedDict):
    """Their sum is listed. Interrupted VMs have no row."""

    assessed: Annotated[Count, "VMs that ended so."]
    failed: Annotated[Count, "VMs that ended so."]
    timed_out: Annotated[Count, "VMs that ended so."]
    skipped: Annotated[Count, "VMs that ended so."]
    interrupted: Annotated[Count, "VMs that ended so."]


class Requests(TypedDict):
    """Requests sent to Azure, retries too."""

    list: Annotated[Count, "Requests sent to list the fleet."]
    start: Annotated[Count, "Requests sent to start assessments."]
    poll: Annotated[Count, "Requests sent to read operations and their results."]
    other: Annotated[Count, "All other requests sent."]
    throttled: Annotated[Count, "Replies with HTTP status 429, among all of these."]
    retried: Annotated[Count, "Requests sent again, among all of these."]


class NotListed(TypedDict):
    """One part of the fleet that could not be listed."""

    subscription_id: Annotated[str | None, "The subscription, or null where all are meant."]
    code: Annotated[str | None, "The innermost error code; Azure's is verbatim."]
    message: Annotated[str | None, "The innermost message; Azure's is verbatim."]
    http_status: HttpStatus


class NotScanned(TypedDict):
    """One subscription that was passed over."""

    subscription_id: Annotated[str, "The subscription's id."]
    name: Annotated[str | None, "The subscription's display name."]
    state: Annotated[str | None, "Azure's word for its state, for which it was passed over."]


class GroupTotals(TypedDict):
    """Sums over one group of the fleet, or all of it; those of patches are over assessed VMs alone."""

    schema: Schema
    scan_id: Annotated[str, "The scan these sums are of."]
    scope: Annotated[Scope, "What the VMs of this line have in common."]
    key: Annotated[
        str | None,
        "The group's subscription id (lower case), location, OS type or tag value; "
        "null for VMs without one, and for the fleet.",
    ]
    name: Annotated[str | None, "A subscription's display name; null for every other group, or if unknown."]
    listed: Annotated[Count, "VMs that were selected."]
    outcomes: Outcomes
    statuses: Annotated[Tally, "Rows for each status word of the assessment."]
    reasons: Annotated[Tally, "Rows for each reason."]
    critical_and_security_count: Annotated[Count, "Critical and security patches missing on assessed VMs."]
    other_count: Annotated[Count, "Other patches missing on assessed VMs."]
    reboot_pending: Annotated[Count, "Assessed VMs where a restart is due."]
    vms_with_critical_or_security: Annotated[Count, "Assessed VMs that miss a critical or security patch."]
    patches_incomplete: Annotated[Count, "Assessed VMs whose list of patches is not complete."]
    coverage_pct: Annotated[Percent, "Assessed VMs, of those listed, %."]
    compliance_pct: Annotated[
        Percent, "Assessed VMs that miss no critical or security patch, of those listed, %."
    ]


class Totals(GroupTotals):
    """Sums over the fleet or one group of it."""

    started_at: Annotated[UtcTime, "When the scan began."]
    finished_at: Annotated[UtcTime, "When the scan ended."]
    duration_s: Annotated[Seconds, "How long the scan ran, in seconds; resumed scans add up."]
    requests: Requests
    selection: Annotated[
        dict[str, Json], "What was asked for: every setting that selects, as it was set; the limit too."
    ]
    not_scanned: Annotated[
        list[NotScanned],
        "Subscriptions passed over because of their state: no VM of theirs is listed.",
    ]
    uniform_scale_set_vms: Annotated[
        Count | None,
        "VMs in scale sets of uniform mode, which Azure cannot assess: none is listed; null if not told.",
    ]
    inventory_errors: Annotated[
        list[NotListed], "What could not be listed, so that it is not taken for empty."
    ]
