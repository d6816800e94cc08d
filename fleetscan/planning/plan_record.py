"""The record of a plan, schema fleetscan.plan/1: what schedulers read. Values in, one JSON object out.

Seconds count from the first start; a moment that does not come is null.

    schema
    listed, to_assess      machines; the others are skipped
    skipped                {reason: machines}, the reasons of fleetscan.result/1
    power_states           {word: machines} of those skipped for not running
    groups                 one for each subscription and location, the scope of Compute's buckets:
                           {subscription_id, subscription_name, location, listed, skipped, to_assess,
                            last_start_after_s, ends_after_s}
    predicted              {last_start_after_s, first_poll_after_s, last_poll_after_s, ends_after_s,
                            starts, polls}
    binding                what keeps the end from coming sooner, null where nothing is started:
                           {bound, subscription_id, location, requests, needs_s}, `bound` a word of
                           `forecast.Bound`, `requests` those that draw on it, `needs_s` how long they take
    assumed                {assessment_s, reply_s, max_in_flight, rate_share}: what the prediction rests on
                           beside Azure's published limits; the longest assessment where they differ
    inventory_errors       what could not be listed, as in fleetscan.totals/1
"""

from __future__ import annotations

from dataclasses import asdict

from fleetscan.model import Json, Reason
from fleetscan.planning.counts import Group, Roster
from fleetscan.planning.forecast import Assumed, Binding, Forecast
from fleetscan.planning.virtual_time import Course

SCHEMA = "fleetscan.plan/1"
# Decimals of a second; more would suggest a precision that a forecast does not have.
DECIMALS = 3


def plan_record(roster: Roster, course: Course, foreseen: Forecast, assumed: Assumed) -> dict[str, Json]:
    """The record; see above."""
    skipped = roster.listed - len(roster.answering)
    return {
        "schema": SCHEMA,
        "listed": roster.listed,
        "to_assess": len(roster.answering),
        "skipped": {Reason.NOT_RUNNING.value: skipped} if skipped else {},
        "power_states": dict(roster.power_states.most_common()),
        "groups": _groups(roster, course),
        "predicted": {
            "last_start_after_s": _rounded(foreseen.last_start_s),
            "first_poll_after_s": _rounded(foreseen.first_poll_s),
            "last_poll_after_s": _rounded(foreseen.last_poll_s),
            "ends_after_s": _rounded(foreseen.ends_s),
            "starts": foreseen.starts,
            "polls": foreseen.polls,
        },
        "binding": None if foreseen.binding is None else _binding(foreseen.binding),
        "assumed": asdict(assumed),
        "inventory_errors": [asdict(error) for error in roster.errors],
    }


def _groups(roster: Roster, course: Course) -> list[Json]:
    last_starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for target_id, target in course.targets.items():
        key = id(roster.group_of(target))
        last_starts[key] = max(last_starts.get(key, 0.0), course.last_start[target_id].sent_at)
        ends[key] = max(ends.get(key, 0.0), course.end[target_id][0])
    return [_group(each, last_starts.get(id(each)), ends.get(id(each))) for each in roster.groups]


def _group(group: Group, last_start_s: float | None, ends_s: float | None) -> Json:
    return {
        "subscription_id": group.subscription_id,
        "subscription_name": group.subscription_name,
        "location": group.location,
        "listed": group.listed,
        "skipped": group.skipped,
        "to_assess": group.listed - group.skipped,
        "last_start_after_s": _rounded(last_start_s),
        "ends_after_s": _rounded(ends_s),
    }


def _binding(binding: Binding) -> Json:
    return {
        "bound": binding.bound.value,
        "subscription_id": binding.subscription_id,
        "location": binding.location,
        "requests": binding.requests,
        "needs_s": _rounded(binding.needs_s),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, DECIMALS)
