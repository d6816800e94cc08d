"""The JSON Schema (draft 2020-12) of the record that `plan_record` describes."""

from __future__ import annotations

from fleetscan.model import Json
from fleetscan.planning.forecast import Bound
from fleetscan.planning.plan_record import SCHEMA
from fleetscan.records.schema import DIALECT
from fleetscan.records.schema_shapes import closed_object, count, http_status, seconds, tally, text, words


def plan_schema() -> dict[str, Json]:
    """The schema of what `fleetscan plan` writes to standard output."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": SCHEMA,
        **closed_object("A scan foreseen. Seconds count from its first start.", _properties()),
    }


def _properties() -> dict[str, Json]:
    return {
        "schema": {"const": SCHEMA},
        "listed": count("Machines listed."),
        "to_assess": count("Those of them that a scan would start assessments for."),
        "skipped": tally("The others, by the reason their rows would give."),
        "power_states": tally("Those that do not run, by power state."),
        "groups": {
            "description": "The fleet by the scope of Compute's buckets: subscription and location.",
            "type": "array",
            "items": closed_object("The machines of one subscription and location.", _group()),
        },
        "predicted": closed_object("The moments of the scan, and its requests.", _predicted()),
        "binding": closed_object("What keeps the end from coming sooner.", _binding(), or_null=True),
        "assumed": closed_object("What the prediction rests on beside the published limits.", _assumed()),
        "inventory_errors": {
            "description": "What could not be listed, and is no part of the prediction.",
            "type": "array",
            "items": closed_object("One part of the fleet that could not be listed.", _error()),
        },
    }


def _group() -> dict[str, Json]:
    return {
        "subscription_id": text("The subscription's id."),
        "subscription_name": text("Its name, where the inventory told one.", or_null=True),
        "location": text("The region, lower case without spaces.", or_null=True),
        "listed": count("Machines listed."),
        "skipped": count("Those that are not assessed."),
        "to_assess": count("Those that are."),
        "last_start_after_s": seconds("When the last of them is started.", or_null=True),
        "ends_after_s": seconds("When the last of them ends.", or_null=True),
    }


def _predicted() -> dict[str, Json]:
    return {
        "last_start_after_s": seconds("When the last start is sent.", or_null=True),
        "first_poll_after_s": seconds("When the first poll is sent.", or_null=True),
        "last_poll_after_s": seconds("When the last poll is sent.", or_null=True),
        "ends_after_s": seconds("When the last machine ends."),
        "starts": count("Requests that start assessments."),
        "polls": count("Requests that read operations and their results."),
    }


def _binding() -> dict[str, Json]:
    return {
        "bound": words("The bucket that binds, or what binds instead.", [bound.value for bound in Bound]),
        "subscription_id": text("Whose bucket it is, in lower case.", or_null=True),
        "location": text("The bucket's region.", or_null=True),
        "requests": count("Requests that draw on it."),
        "needs_s": seconds("How long these take, less what the bucket holds at the beginning."),
    }


def _assumed() -> dict[str, Json]:
    return {
        "assessment_s": seconds("How long an assessment takes, the longest where they differ."),
        "reply_s": seconds("How long a reply takes."),
        "max_in_flight": count("Requests at once, the setting."),
        "rate_share": {
            "description": "The part of the limits that is ours, the setting.",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
        },
    }


def _error() -> dict[str, Json]:
    return {
        "subscription_id": text("The subscription, or null where all are meant.", or_null=True),
        "code": text("Azure's innermost error code, verbatim.", or_null=True),
        "message": text("Azure's innermost message, verbatim.", or_null=True),
        "http_status": http_status(),
    }
