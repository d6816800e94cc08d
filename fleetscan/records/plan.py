"""What `fleetscan plan` prints, schema fleetscan.plan/1, declared: a scan foreseen, for schedulers.

Seconds count from the first start; a moment that does not come is null.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.model import Json
from fleetscan.records.shapes import Count, Keyword, Seconds, Tally
from fleetscan.records.totals import NotListed, NotScanned

Schema: TypeAlias = Literal["fleetscan.plan/1"]
SCHEMA: Schema = "fleetscan.plan/1"

Bound: TypeAlias = Literal[
    # ARM's writes of one subscription: every start is one.
    "writes",
    # Compute's patch operations of one subscription and region: every start is one.
    "patch_operations",
    # ARM's reads of one subscription: every poll is one.
    "reads",
    # Compute's status reads of one subscription and region: every poll is one.
    "get_operation",
    # Our own: so many requests at once, each under way for as long as its reply takes.
    "max_in_flight",
    # No limit: one assessment takes longer than any bucket needs.
    "assessments",
]
"""What may keep a scan from ending sooner."""
Share: TypeAlias = Annotated[float, Keyword("exclusiveMinimum", 0), Keyword("maximum", 1)]


class PlanGroup(TypedDict):
    """The VMs of one subscription and location."""

    subscription_id: Annotated[str, "The subscription's id."]
    subscription_name: Annotated[str | None, "Its name, where the inventory told one."]
    location: Annotated[str | None, "The region, lower case without spaces."]
    listed: Annotated[Count, "VMs listed."]
    fresh: Annotated[Count, "Those whose earlier assessment is young enough."]
    skipped: Annotated[Count, "Those that are skipped."]
    to_assess: Annotated[Count, "Those that are assessed."]
    last_start_after_s: Annotated[Seconds | None, "When the last of them is started."]
    ends_after_s: Annotated[Seconds | None, "When the last of them ends."]


class PlanPredicted(TypedDict):
    """The moments of the scan, and its requests."""

    last_start_after_s: Annotated[Seconds | None, "When the last start is sent."]
    first_poll_after_s: Annotated[Seconds | None, "When the first poll is sent."]
    last_poll_after_s: Annotated[Seconds | None, "When the last poll is sent."]
    ends_after_s: Annotated[
        Seconds, "When the last VM ends; of a scan that starts none, from its first query of assessments."
    ]
    starts: Annotated[Count, "Requests that start assessments."]
    polls: Annotated[Count, "Requests that read operations and their results."]


class PlanBinding(TypedDict):
    """What keeps the end from coming sooner."""

    bound: Annotated[Bound, "The bucket that binds, or what binds instead."]
    subscription_id: Annotated[str | None, "Whose bucket it is, in lower case."]
    location: Annotated[str | None, "The bucket's region."]
    requests: Annotated[Count, "Requests that draw on it."]
    needs_s: Annotated[Seconds, "How long these take, less what the bucket holds at the beginning."]


class PlanAssumed(TypedDict):
    """What the prediction rests on beside the published limits."""

    assessment_s: Annotated[Seconds, "How long an assessment takes, the longest where they differ."]
    reply_s: Annotated[Seconds, "How long a reply takes."]
    max_in_flight: Annotated[Count, "Requests at once, the setting."]
    rate_share: Annotated[Share, "The part of the limits that is ours, the setting."]


class PlanEarlier(TypedDict):
    """Earlier assessments, which Resource Graph keeps for seven days: read before the first start."""

    max_age_s: Annotated[Seconds, "How old one may be."]
    fresh: Annotated[Count, "VMs with one that is young enough: they need no assessment."]
    patches: Annotated[Count, "Patches that these told of."]
    summary_queries: Annotated[Count, "Queries that read which VMs these are."]
    patch_queries: Annotated[Count, "Queries that read their lists of patches."]
    patches_are_read: Annotated[bool, "Whether the scan reads these lists."]
    needs_s: Annotated[Seconds, "How long what is read takes by Resource Graph's quota."]
    patches_need_s: Annotated[Seconds, "How long the lists take, read or not."]


class PlanArc(TypedDict):
    """The Arc servers of the fleet: an assessed one can be billed."""

    listed: Annotated[Count, "Arc servers listed."]
    to_assess: Annotated[Count, "Those that would be assessed."]


class Plan(TypedDict):
    """A scan foreseen. Seconds count from its first start."""

    schema: Schema
    listed: Annotated[Count, "VMs listed."]
    to_assess: Annotated[Count, "Those of them that a scan would start assessments for."]
    skipped: Annotated[Tally, "Those that are neither assessed nor fresh, by the reason of their rows."]
    power_states: Annotated[Tally, "Those that do not run, by power state."]
    groups: Annotated[
        list[PlanGroup], "The fleet by the scope of Compute's buckets: subscription and location."
    ]
    predicted: PlanPredicted
    binding: PlanBinding | None
    assumed: PlanAssumed
    selection: Annotated[dict[str, Json], "What was asked for: every setting that selects, as it was set."]
    earlier: PlanEarlier | None
    arc: Annotated[PlanArc, "Arc servers among them."]
    uniform_scale_set_vms: Annotated[
        Count | None,
        "VMs in scale sets of uniform mode, which Azure cannot assess: none is listed; null if not told.",
    ]
    not_scanned: Annotated[
        list[NotScanned], "Subscriptions passed over because of their state: no VM of theirs is listed."
    ]
    inventory_errors: Annotated[
        list[NotListed], "What could not be listed, and is no part of the prediction."
    ]
