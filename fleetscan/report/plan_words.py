"""A plan in sentences: what limits it, what makes it faster, what it leaves out, and its headline.

Reads only the record of fleetscan.plan/1. Foreign text goes through the function that the caller gives: a
screen has it sanitized, Markdown in code spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from fleetscan.records.plan import Bound, Plan, PlanBinding, PlanEarlier
from fleetscan.report.figures import counted, duration, parts_of
from fleetscan.report.left_out import billing_words, passed_over_words, selection_words, unseen_words
from fleetscan.report.plan_groups import name_of_group

Foreign: TypeAlias = Callable[[str, int], str]
"""Makes a text that strangers gave safe to show, cut to so many characters."""
Row: TypeAlias = tuple[str, str, str]
"""Label, text and style of a line."""

# Graph's quota is full again after 5 s: what takes less is not limited by it.
QUOTA_TOLD_S = 5.0
DAY_S = 86_400
STATES_SHOWN = 8
STATE_LIMIT_CHARS = 28
# The longest name in a sentence; ids have 36 characters.
NAME_LIMIT_CHARS = 60
TEXT_LIMIT_CHARS = 300
ASSESSMENT_TIME = "assessment time"
WARNING = "yellow"
BAD = "bold red"

# What limits the scan, by the record's word, and what would make it faster.
BOUNDS: Mapping[Bound, tuple[str, str]] = {
    "writes": (
        "Azure Resource Manager's writes",
        "more subscriptions, or a second identity for some VMs; regions do not help",
    ),
    "patch_operations": (
        "Compute's patch operations",
        "more subscriptions or regions; nothing else helps",
    ),
    "reads": (
        "Azure Resource Manager's reads",
        "fewer polls (a longer --poll-interval), or a second identity for some VMs",
    ),
    "get_operation": ("Compute's status reads", "fewer polls (a longer --poll-interval)"),
    "max_in_flight": ("concurrent requests", "a larger --max-in-flight"),
}


class PlanWords:
    """The sentences about `record`, in which `foreign` makes texts that strangers gave safe to show."""

    def __init__(self, record: Plan, foreign: Foreign) -> None:
        self._record = record
        self._foreign = foreign

    def headline(self) -> tuple[str, str]:
        """The most important facts in one sentence, and its style."""
        is_partial = bool(self._record["inventory_errors"])
        listed, to_assess, earlier = (
            self._record["listed"],
            self._record["to_assess"],
            self._record["earlier"],
        )
        parts = [f"{'PARTIAL: ' if is_partial else ''}{counted(listed, 'VM', 'VMs')} listed"]
        fresh = earlier["fresh"] if earlier else 0
        parts += [f"{fresh:,} fresh"] if fresh else []
        parts += [f"{to_assess:,} to assess" if to_assess else "none to assess"] if listed else []
        style = BAD if is_partial else "bold" if to_assess or fresh else "bold yellow"
        if not listed or not (to_assess or earlier):
            return f"{', '.join(parts)}.", style
        ends_s = self._record["predicted"]["ends_after_s"] + (
            earlier["needs_s"] if earlier and to_assess else 0
        )
        return f"{', '.join(parts)}: a scan takes {_about(ends_s)}{self._limited_by()}.", style

    def rows(self) -> Iterator[Row]:
        """What stands between the groups and the headline."""
        yield from self._left_out()
        if earlier := self._record["earlier"]:
            yield from _earlier(earlier)
        if binding := self._record["binding"]:
            yield from self._moments()
            yield from self._bound(binding)
        if missing := len(self._record["inventory_errors"]):
            parts = counted(missing, "part of the fleet", "parts of the fleet")
            yield "NOT LISTED", f"{parts}; these figures do not include them", BAD

    def _left_out(self) -> Iterator[Row]:
        if asked := selection_words(self._record["selection"]):
            yield "Selection", self._foreign(asked, TEXT_LIMIT_CHARS), ""
        if passed_over := passed_over_words(self._record["not_scanned"]):
            yield "Passed over", self._foreign(passed_over, TEXT_LIMIT_CHARS), WARNING
        if not_running := self._record["skipped"].get("not_running"):
            yield "Skipped", f"{not_running:,} not running: {self._power_states(not_running)}", ""
        if not_cached := self._record["skipped"].get("not_cached"):
            yield "Not cached", f"{not_cached:,} skipped: no earlier assessment is young enough", WARNING
        if unseen := unseen_words(self._record["uniform_scale_set_vms"]):
            yield "Not seen", unseen, ""
        if billed := billing_words(self._record["arc"]["to_assess"]):
            yield "Arc servers", billed, WARNING

    def _moments(self) -> Iterator[Row]:
        predicted, assumed = self._record["predicted"], self._record["assumed"]
        last_start = duration(predicted["last_start_after_s"] or 0.0)
        first_poll = duration(predicted["first_poll_after_s"] or 0.0)
        last_poll = duration(predicted["last_poll_after_s"] or 0.0)
        yield "Starts", f"{predicted['starts']:,}, the last after {last_start}", ""
        yield "Polls", f"{predicted['polls']:,}, from {first_poll} to {last_poll}", ""
        at_once = counted(assumed["max_in_flight"], "concurrent request", "concurrent requests")
        lasting, reply_s = duration(assumed["assessment_s"]), assumed["reply_s"]
        yield "Assuming", f"{lasting} per assessment, {reply_s:g} s per reply, {at_once}", ""

    def _bound(self, binding: PlanBinding) -> Iterator[Row]:
        needs = duration(binding["needs_s"])
        if binding["bound"] == "assessments":
            yield "Limited by", f"{ASSESSMENT_TIME} ({needs} each)", ""
            yield "Faster", self._faster_by_spreading(), ""
            return
        limit, remedy = BOUNDS[binding["bound"]]
        requests = counted(binding["requests"], "request needs", "requests need")
        yield "Limited by", f"{limit}{self._scope(binding)}: {requests} {needs}", WARNING
        yield "Faster", f"with {remedy}", ""

    def _limited_by(self) -> str:
        binding = self._record["binding"]
        if binding is None:
            earlier = self._record["earlier"]
            is_quota = earlier is not None and earlier["needs_s"] >= QUOTA_TOLD_S
            return ", limited by Resource Graph's quota" if is_quota else ""
        is_bucket = binding["bound"] != "assessments"
        return f", limited by {BOUNDS[binding['bound']][0] if is_bucket else ASSESSMENT_TIME}"

    def _faster_by_spreading(self) -> str:
        last_start_s = self._record["predicted"]["last_start_after_s"] or 0.0
        if round(last_start_s) == 0:
            return "not possible (all start at once)"
        return f"by up to {duration(last_start_s)}, with more subscriptions or regions"

    def _scope(self, binding: PlanBinding) -> str:
        """ " of subscription X in westeurope", as much of it as the binding names."""
        subscription_id, location = binding["subscription_id"], binding["location"]
        if subscription_id is None:
            return ""
        groups = self._record["groups"]
        names = (name_of_group(each) for each in groups if each["subscription_id"].lower() == subscription_id)
        region = f" in {self._foreign(location, NAME_LIMIT_CHARS)}" if location else ""
        return f" of subscription {self._foreign(next(names), NAME_LIMIT_CHARS)}{region}"

    def _power_states(self, number: int) -> str:
        states = [*self._record["power_states"].items()]
        told = [(self._foreign(word, STATE_LIMIT_CHARS), count) for word, count in states[:STATES_SHOWN]]
        shown = parts_of(number, told)
        left = len(states) - STATES_SHOWN
        return f"{shown} and {counted(left, 'other state', 'other states')}" if left > 0 else shown


def _earlier(earlier: PlanEarlier) -> Iterator[Row]:
    fresh, patches = counted(earlier["fresh"], "VM", "VMs"), counted(earlier["patches"], "patch", "patches")
    yield "Fresh", f"{fresh} assessed within {_age(earlier['max_age_s'])}, {patches} missing", ""
    lists = counted(earlier["patch_queries"], "query", "queries")
    listed = f"{earlier['summary_queries']:,} of summaries"
    if earlier["patches_are_read"]:
        yield (
            "Queries",
            f"{listed}, {earlier['patch_queries']:,} of patches: {_about(earlier['needs_s'])}",
            "",
        )
        return
    yield "Queries", f"{listed}, none of patches: {_about(earlier['needs_s'])}", ""
    if earlier["patch_queries"]:
        yield "With patches", f"{lists} more, {_about(earlier['patches_need_s'])}: --with-patches", ""


def _about(span_s: float) -> str:
    return f"about {duration(span_s)}" if round(span_s) else "less than a second"


def _age(span_s: float) -> str:
    days, rest_s = divmod(span_s, DAY_S)
    return duration(span_s) if rest_s or not days else counted(int(days), "day", "days")
