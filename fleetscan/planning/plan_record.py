"""The record of a plan, which schedulers read, as `records.plan` declares it. Values in, values out."""

from __future__ import annotations

from fleetscan.model import Target
from fleetscan.planning.counts import Group, Roster
from fleetscan.planning.forecast import Assumed, Binding, EndOf, Forecast
from fleetscan.planning.virtual_time import Course
from fleetscan.records.asked import Selection
from fleetscan.records.fleet_facts import not_listed
from fleetscan.records.plan import (
    SCHEMA,
    Plan,
    PlanAssumed,
    PlanBinding,
    PlanEarlier,
    PlanGroup,
    PlanPredicted,
)

# Decimals of a second; more would suggest a precision that a forecast does not have.
DECIMALS = 3


def plan_record(
    roster: Roster,
    course: Course,
    foreseen: Forecast,
    assumed: Assumed,
    selection: Selection,
    end_of: EndOf,
) -> Plan:
    """The record of `foreseen`, which `course` comes to when it is run as `assumed` and ends by `end_of`."""
    earlier = (
        None
        if roster.earlier is None
        else roster.earlier.record(assumed.rate_share / assumed.askers, assumed.reply_s)
    )
    return {
        "schema": SCHEMA,
        "listed": roster.listed,
        "to_assess": len(roster.answering),
        "skipped": dict(roster.skipped.most_common()),
        "power_states": dict(roster.power_states.most_common()),
        "groups": _groups(roster, course, end_of),
        "predicted": _predicted(foreseen, earlier),
        "binding": None if foreseen.binding is None else _binding(foreseen.binding),
        "assumed": _assumed(assumed),
        "selection": selection,
        "earlier": earlier,
        "arc": {
            "listed": roster.arc_listed,
            "to_assess": sum(target.is_arc for target in roster.answering),
        },
        "uniform_scale_set_vms": roster.uniform_scale_set_vms,
        "not_scanned": [*roster.not_scanned],
        "inventory_errors": [not_listed(error) for error in roster.errors],
    }


def _groups(roster: Roster, course: Course, end_of: EndOf) -> list[PlanGroup]:
    last_starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    targets: dict[int, list[Target]] = {}
    for target_id, target in course.targets.items():
        key = id(roster.group_of(target))
        targets.setdefault(key, []).append(target)
        last_starts[key] = max(last_starts.get(key, 0.0), course.last_start[target_id].sent_at)
        ends[key] = max(ends.get(key, 0.0), course.end[target_id][0])
    ends = {key: max(at, end_of(targets[key])) for key, at in ends.items()}
    return [_group(each, last_starts.get(id(each)), ends.get(id(each))) for each in roster.groups]


def _group(group: Group, last_start_s: float | None, ends_s: float | None) -> PlanGroup:
    return {
        "subscription_id": group.subscription_id,
        "subscription_name": group.subscription_name,
        "location": group.location,
        "listed": group.listed,
        "fresh": group.fresh,
        "skipped": group.skipped,
        "to_assess": group.listed - group.fresh - group.skipped,
        "last_start_after_s": _rounded_or_none(last_start_s),
        "ends_after_s": _rounded_or_none(ends_s),
    }


def _predicted(foreseen: Forecast, earlier: PlanEarlier | None) -> PlanPredicted:
    only_read_s = earlier["needs_s"] if earlier is not None and not foreseen.starts else 0.0
    return {
        "last_start_after_s": _rounded_or_none(foreseen.last_start_s),
        "first_poll_after_s": _rounded_or_none(foreseen.first_poll_s),
        "last_poll_after_s": _rounded_or_none(foreseen.last_poll_s),
        "ends_after_s": _rounded(max(foreseen.ends_s, only_read_s)),
        "starts": foreseen.starts,
        "polls": foreseen.polls,
    }


def _binding(binding: Binding) -> PlanBinding:
    return {
        "bound": binding.bound,
        "subscription_id": binding.subscription_id,
        "location": binding.location,
        "requests": binding.requests,
        "needs_s": _rounded(binding.needs_s),
    }


def _assumed(assumed: Assumed) -> PlanAssumed:
    return {
        "assessment_s": assumed.assessment_s,
        "reply_s": assumed.reply_s,
        "max_in_flight": assumed.max_in_flight,
        "rate_share": assumed.rate_share,
    }


def _rounded(seconds: float) -> float:
    return round(seconds, DECIMALS)


def _rounded_or_none(seconds: float | None) -> float | None:
    return None if seconds is None else _rounded(seconds)
