"""A plan on one screen of 80 columns: how long it takes, what limits it, what makes it faster, and the fleet.

Reads only the record of fleetscan.plan/1; foreign names go through `sanitize`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

from fleetscan.records.plan import Bound, Plan, PlanBinding, PlanGroup
from fleetscan.report.figures import counted, duration, parts_of
from fleetscan.report.left_out import billing_words, passed_over_words, selection_words, unseen_words
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.report.screen import console_on

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

LABEL_CELLS = 11
GROUPS_SHOWN = 12
STATES_SHOWN = 8
# The longest name of a subscription, in the table and in a sentence; ids have 36 characters.
NAME_CELLS = 28
NAME_LIMIT_CHARS = 60

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


def print_plan(record: Plan, *, stream: TextIO) -> None:
    """Print what `record`, of schema fleetscan.plan/1, says. Colours are only used on terminals."""
    console = console_on(stream)
    summary = _Summary(record, console.encoding)
    console.print()
    console.print(summary.headline())
    _print_rows(console, summary)
    if groups := record["groups"]:
        console.print()
        console.print(summary.table(groups))
    console.print()


def _print_rows(console: Console, summary: _Summary) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=LABEL_CELLS)
    grid.add_column(overflow="fold")
    for label, words, style in summary.rows():
        grid.add_row(summary.text(label, style), summary.text(words, style))
    if grid.row_count:
        console.print()
        console.print(grid)


class _Summary:
    """The record in words that `encoding` has characters for."""

    def __init__(self, record: Plan, encoding: str) -> None:
        self._record = record
        self._encoding = encoding

    def headline(self) -> Text:
        """The most important facts in one sentence."""
        listed, to_assess = self._record["listed"], self._record["to_assess"]
        if not listed:
            return self.text("0 VMs listed.", "bold yellow")
        vms = counted(listed, "VM", "VMs")
        if not to_assess:
            return self.text(f"{vms} listed, none to assess.", "bold yellow")
        ends = duration(self._record["predicted"]["ends_after_s"])
        return self.text(f"{vms} listed, {to_assess:,} to assess: a scan takes about {ends}.", "bold")

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Label, text and style of each line below the headline."""
        if binding := self._record["binding"]:
            yield from self._moments()
            yield from self._bound(binding)
        skipped = sum(self._record["skipped"].values())
        if skipped:
            yield "Skipped", f"{skipped:,} not running: {self._power_states()}", ""
        if billed := billing_words(self._record["arc"]["to_assess"]):
            yield "Arc servers", billed, "yellow"
        if unseen := unseen_words(self._record["uniform_scale_set_vms"]):
            yield "Not seen", unseen, ""
        if asked := selection_words(self._record["selection"]):
            yield "Selection", asked, ""
        if passed_over := passed_over_words(self._record["not_scanned"]):
            yield "Passed over", passed_over, "yellow"
        missing = len(self._record["inventory_errors"])
        if missing:
            parts = counted(missing, "part of the fleet", "parts of the fleet")
            yield "NOT LISTED", f"{parts}; these figures do not include them", "bold red"

    def table(self, groups: list[PlanGroup]) -> Table:
        """The VMs of each subscription and location, the one with the latest start first."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        # Where the terminal is too narrow, names go over several lines; a figure never does.
        table.add_column("Subscription", overflow="fold")
        table.add_column("Region", overflow="fold")
        for title in ("To assess", "Skipped", "Last start"):
            table.add_column(title, justify="right", no_wrap=True)
        slowest = sorted(groups, key=_last_start_s, reverse=True)
        for group in slowest[:GROUPS_SHOWN]:
            table.add_row(*map(self.text, _cells(group)))
        rest = slowest[GROUPS_SHOWN:]
        if rest:
            to_assess = sum(each["to_assess"] for each in rest)
            skipped = sum(each["skipped"] for each in rest)
            last = duration(max(map(_last_start_s, rest)))
            cells = (f"{len(rest):,} more", "", f"{to_assess:,}", f"{skipped:,}", last)
            table.add_row(*map(self.text, cells))
        return table

    def text(self, words: str, style: str = "") -> Text:
        """`words` as the stream can show them; rich does not read markup in them."""
        from rich.text import Text

        return Text(fit(words, self._encoding), style)

    def _moments(self) -> Iterator[tuple[str, str, str]]:
        predicted, assumed = self._record["predicted"], self._record["assumed"]
        last_start = duration(predicted["last_start_after_s"] or 0.0)
        first_poll = duration(predicted["first_poll_after_s"] or 0.0)
        last_poll = duration(predicted["last_poll_after_s"] or 0.0)
        yield "Starts", f"{predicted['starts']:,}, the last after {last_start}", ""
        yield "Polls", f"{predicted['polls']:,}, from {first_poll} to {last_poll}", ""
        at_once = counted(assumed["max_in_flight"], "concurrent request", "concurrent requests")
        lasting, reply_s = duration(assumed["assessment_s"]), assumed["reply_s"]
        yield "Assuming", f"{lasting} per assessment, {reply_s:g} s per reply, {at_once}", ""

    def _bound(self, binding: PlanBinding) -> Iterator[tuple[str, str, str]]:
        needs = duration(binding["needs_s"])
        if binding["bound"] == "assessments":
            yield "Limited by", f"assessment time ({needs} each)", ""
            yield "Faster", self._faster_by_spreading(), ""
            return
        limit, remedy = BOUNDS[binding["bound"]]
        requests = counted(binding["requests"], "request needs", "requests need")
        yield "Limited by", f"{limit}{self._scope(binding)}: {requests} {needs}", "yellow"
        yield "Faster", f"with {remedy}", ""

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
        names = (
            _name(group)
            for group in self._record["groups"]
            if group["subscription_id"].lower() == subscription_id
        )
        region = f" in {sanitize(location)}" if location else ""
        return f" of subscription {sanitize(next(names), NAME_LIMIT_CHARS)}{region}"

    def _power_states(self) -> str:
        states = [
            (sanitize(word, NAME_CELLS), number) for word, number in self._record["power_states"].items()
        ]
        shown = parts_of(sum(self._record["skipped"].values()), states[:STATES_SHOWN])
        left = len(states) - STATES_SHOWN
        return f"{shown} and {counted(left, 'other state', 'other states')}" if left > 0 else shown


def _cells(group: PlanGroup) -> tuple[str, ...]:
    started = group["last_start_after_s"]
    return (
        sanitize(_name(group), NAME_CELLS),
        sanitize(group["location"] or "unknown"),
        f"{group['to_assess']:,}",
        f"{group['skipped']:,}",
        "none" if started is None else duration(started),
    )


def _name(group: PlanGroup) -> str:
    return group["subscription_name"] or group["subscription_id"]


def _last_start_s(group: PlanGroup) -> float:
    return group["last_start_after_s"] or 0.0
