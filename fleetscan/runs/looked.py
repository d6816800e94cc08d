"""Whether a run looked at a part of the fleet: only then its silence about a VM means that there is none."""

from __future__ import annotations

from collections.abc import Callable

from fleetscan.model import ARC_PROVIDER
from fleetscan.records.asked import RULES
from fleetscan.records.totals import NotListed
from fleetscan.runs.reader import Run

# What makes a run look at some VMs of a subscription alone.
PARTS = ("limit", "inventory", "retry_failed", "shard", *RULES)


def looked_at(run: Run, errors: list[NotListed] | None) -> Callable[[str, str], bool]:
    """Whether `run` listed all of the subscription with this id that is of the kind of this resource id.

    `errors` are what it could not list. A run that is not complete, or has lost rows, may have listed VMs
    without a row: of it nothing is certain.
    """
    selection = run.facts["selection"]
    failed = {error["subscription_id"] for error in errors or []}
    is_part = bool(run.incomplete) or errors is None or None in failed
    if is_part or any(selection.get(name) for name in PARTS):
        return lambda _, __: False
    refused = {str(subscription_id).lower() for subscription_id in failed}
    listed = {each["subscription_id"].lower() for each in run.facts["scope"]["subscriptions"]} - refused
    has_arc = bool(selection.get("include_arc"))

    def looked(subscription_id: str, resource_id: str) -> bool:
        is_of_kind = has_arc or ARC_PROVIDER not in resource_id.lower()
        return is_of_kind and subscription_id.lower() in listed

    return looked
