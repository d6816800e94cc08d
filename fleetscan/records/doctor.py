"""What `fleetscan doctor` tells as JSON, schema fleetscan.doctor/1, declared: what would stop a scan."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.records.shapes import Count, UtcTime
from fleetscan.records.totals import NotScanned

Schema: TypeAlias = Literal["fleetscan.doctor/1"]
SCHEMA: Schema = "fleetscan.doctor/1"

CheckName: TypeAlias = Literal[
    # Where runs are kept: whether it can be written, its free space, and whether locks work.
    "directory",
    # Whether the endpoint's name is known here.
    "name",
    # TCP and TLS to the endpoint, through a proxy where there is one.
    "connection",
    # A token, and whose it is.
    "token",
    # This computer's clock against Azure's.
    "clock",
    # Which subscriptions are seen and selected.
    "subscriptions",
    # Listing, starting and polling; one check for all subscriptions with the same answer.
    "permissions",
    # Resource Graph, and the VMs that it counts.
    "resource_graph",
    # Requests that are left by Azure's own counts.
    "quota",
]
"""What is looked at."""
Status: TypeAlias = Literal["ok", "warning", "failed", "not_checked"]
"""How a check ended; one that failed would stop a scan, or a part of it."""


class DoctorCheck(TypedDict):
    """One check and how it ended."""

    check: Annotated[CheckName, "What was looked at."]
    status: Annotated[
        Status,
        "failed would stop a scan or a part of it; warning would not; not_checked could not be made because "
        "another failed.",
    ]
    what: Annotated[str, "What was found, in a sentence."]
    remedy: Annotated[str | None, "What mends it; null where nothing is wrong or nothing is known to."]
    command: Annotated[str | None, "A command for a shell that mends it; words in capitals stand for yours."]
    details: Annotated[list[str], "Lines that say more, such as what each credential said."]


class DoctorIdentity(TypedDict):
    """Whose token it is, as the token says itself; never the token."""

    name: Annotated[str | None, "Its name, where the token tells one."]
    object_id: Annotated[str | None, "The object id, to which roles are assigned."]
    app_id: Annotated[str | None, "The id of the application that signed in."]
    tenant_id: Annotated[str | None, "The tenant it belongs to."]
    expires_at: Annotated[UtcTime | None, "When the token expires; a scan renews it before where it can."]


class DoctorGroups(TypedDict):
    """The resource groups with VMs of a subscription that lacks starting; null where none was looked at."""

    with_vms: Annotated[Count, "How many there are with selected VMs."]
    may_start: Annotated[list[str], "Those on which assessments may be started."]
    may_not_start: Annotated[list[str], "Those on which they may not; others were not looked at."]


class DoctorSubscription(TypedDict):
    """What the identity may do in one selected subscription, by the roles that hold on all of it."""

    subscription_id: Annotated[str, "The subscription's id."]
    name: Annotated[str | None, "Its name, where one was told."]
    state: Annotated[str | None, "Azure's word for its state, such as Enabled."]
    vms: Annotated[Count | None, "VMs that are selected there; null if Resource Graph could not be asked."]
    may_list: Annotated[bool | None, "Whether VMs may be listed; null if that is not known."]
    may_start: Annotated[
        bool | None, "Whether assessments may be started; null if not known or not asked for."
    ]
    may_poll: Annotated[bool | None, "Whether assessments may be polled; null if not known or not asked for."]
    missing_actions: Annotated[list[str], "The actions that no role on the subscription has."]
    resource_groups: DoctorGroups | None
    compute_registered: Annotated[
        bool | None,
        "Whether it is registered for Microsoft.Compute: without, it has no VMs. Null if not told.",
    ]
    error: Annotated[str | None, "Why its permissions could not be read."]


class DoctorDirectory(TypedDict):
    """Where runs would be kept."""

    path: Annotated[str, "The directory."]
    is_writable: Annotated[bool, "Whether files can be made there."]
    locks_work: Annotated[bool | None, "Whether a file can be locked there; null if no file could be made."]
    free_bytes: Annotated[Count | None, "The free space; null if it is not told."]
    needed_bytes: Annotated[Count | None, "What one run of the fleet needs; null if it was not counted."]


class Doctor(TypedDict):
    """What would stop a scan, and what mends it. Nothing was started."""

    schema: Schema
    version: Annotated[str, "The version of fleetscan that looked."]
    endpoint: Annotated[str, "Azure Resource Manager's base URL."]
    examined_at: Annotated[UtcTime, "When, by this computer's clock."]
    exit_code: Annotated[Literal[0, 4], "4 where a check failed."]
    checks: Annotated[list[DoctorCheck], "The checks in their order, those that could not be made last."]
    identity: DoctorIdentity | None
    clock_ahead_s: Annotated[
        float | None, "Seconds that this computer's clock is ahead of Azure's; below 0 where it is behind."
    ]
    vms: Annotated[
        Count | None, "VMs that are selected, as Resource Graph counts them; null if it could not be asked."
    ]
    subscriptions: Annotated[list[DoctorSubscription], "The subscriptions that a scan would go through."]
    not_scanned: Annotated[list[NotScanned], "Subscriptions passed over because of their state."]
    quotas: Annotated[
        dict[str, Count], "Requests that were left, by the name of Azure's count, the fewest told."
    ]
    directory: DoctorDirectory | None
