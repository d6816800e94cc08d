"""A plan on one screen of 80 columns: how long, what binds, what would shorten it, and who is in the fleet.

Reads the record of fleetscan.plan/1 and nothing else; names that strangers gave go through `harmless`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

from fleetscan.records.plan import Bound, Plan, PlanBinding, PlanGroup
from fleetscan.report.figures import counted, duration
from fleetscan.report.harmless import fit, harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

LABEL_CELLS = 11
GROUPS_SHOWN = 12
STATES_SHOWN = 8
# A subscription's name in the table and in a sentence; ids have 36 characters.
NAME_CELLS = 28
NAME_LIMIT_CHARS = 60

# What binds, by the record's word: whose it is, and what would shorten the scan.
BOUNDS: Mapping[Bound, tuple[str, str]] = {
    "writes": (
        "Azure Resource Manager's writes",
        "more subscriptions, or another identity for a part; more regions do not help",
    ),
    "patch_operations": (
        "Compute's patch operations",
        "more subscriptions or regions; nothing else helps",
    ),
    "reads": (
        "Azure Resource Manager's reads",
        "fewer polls (a longer --poll-interval), or another identity for a part",
    ),
    "get_operation": ("Compute's status reads", "fewer polls (a longer --poll-interval)"),
    "max_in_flight": ("the requests at once", "a larger --max-in-flight"),
}


def print_plan(record: Plan, *, stream: TextIO) -> None:
    """Print what `record`, of schema fleetscan.plan/1, says. Colours are for terminals alone."""
    # rich takes longer to import than the rest of the program: only who shows something pays for it.
    from rich.console import Console

    console = Console(file=stream, highlight=False)
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
    """The record in words, fit for `encoding`."""

    def __init__(self, record: Plan, encoding: str) -> None:
        self._record = record
        self._encoding = encoding

    def headline(self) -> Text:
        """The one sentence for who reads no further."""
        listed, to_assess = self._record["listed"], self._record["to_assess"]
        if not listed:
            return self.text("No virtual machine was listed.", "bold yellow")
        machines = counted(listed, "virtual machine", "virtual machines")
        if not to_assess:
            return self.text(f"{machines} listed, none to assess.", "bold yellow")
        ends = duration(self._record["predicted"]["ends_after_s"])
        return self.text(f"{machines} listed, {to_assess:,} to assess: a scan takes about {ends}.", "bold")

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Label, text and style of each line below the headline."""
        if binding := self._record["binding"]:
            yield from self._moments()
            yield from self._bound(binding)
        skipped = sum(self._record["skipped"].values())
        if skipped:
            yield "Skipped", f"{skipped:,} not running: {self._power_states()}", ""
        missing = len(self._record["inventory_errors"])
        if missing:
            parts = counted(missing, "part of the fleet is", "parts of the fleet are")
            yield "NOT LISTED", f"{parts} missing here, and in these figures", "bold red"

    def table(self, groups: list[PlanGroup]) -> Table:
        """The machines of each subscription and location, those that are started last first."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        # Cropped: rich would end what is too wide in a character that not every stream has.
        table.add_column("Subscription", no_wrap=True, overflow="crop")
        table.add_column("Region", no_wrap=True, overflow="crop")
        for title in ("To assess", "Skipped", "Last start"):
            table.add_column(title, justify="right", no_wrap=True, overflow="crop")
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
        """`words` as they can be shown; rich reads no markup in them."""
        from rich.text import Text

        return Text(fit(words, self._encoding), style)

    def _moments(self) -> Iterator[tuple[str, str, str]]:
        predicted, assumed = self._record["predicted"], self._record["assumed"]
        last_start = duration(predicted["last_start_after_s"] or 0.0)
        first_poll = duration(predicted["first_poll_after_s"] or 0.0)
        last_poll = duration(predicted["last_poll_after_s"] or 0.0)
        yield "Starts", f"{predicted['starts']:,}, the last after {last_start}", ""
        yield "Polls", f"{predicted['polls']:,}, from {first_poll} to {last_poll}", ""
        yield "End", f"after {duration(predicted['ends_after_s'])}", ""
        at_once = counted(assumed["max_in_flight"], "request", "requests")
        lasting, reply_s = duration(assumed["assessment_s"]), assumed["reply_s"]
        yield "Assuming", f"{lasting} an assessment, {reply_s:g} s a reply, {at_once} at once", ""

    def _bound(self, binding: PlanBinding) -> Iterator[tuple[str, str, str]]:
        needs = duration(binding["needs_s"])
        if binding["bound"] == "assessments":
            yield "Bound by", f"the assessments themselves, {needs} each", ""
            yield "Shorter", self._shorter_by_spreading(), ""
            return
        whose, shorter = BOUNDS[binding["bound"]]
        requests = counted(binding["requests"], "request", "requests")
        yield "Bound by", f"{whose}{self._scope(binding)}: {requests}, {needs}", "yellow"
        yield "Shorter", f"with {shorter}", ""

    def _shorter_by_spreading(self) -> str:
        last_start_s = self._record["predicted"]["last_start_after_s"] or 0.0
        if round(last_start_s) == 0:
            return "by nothing: all are started at once"
        return f"by {duration(last_start_s)} at most, with more subscriptions or regions"

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
        place = f" in {harmless(location)}" if location else ""
        return f" of subscription {harmless(next(names), NAME_LIMIT_CHARS)}{place}"

    def _power_states(self) -> str:
        states = self._record["power_states"]
        shown = [f"{number:,} {harmless(word, NAME_CELLS)}" for word, number in states.items()]
        more = counted(len(shown) - STATES_SHOWN, "state", "states")
        rest = [f"and {more} more"] if len(shown) > STATES_SHOWN else []
        return ", ".join([*shown[:STATES_SHOWN], *rest])


def _cells(group: PlanGroup) -> tuple[str, ...]:
    started = group["last_start_after_s"]
    return (
        harmless(_name(group), NAME_CELLS),
        harmless(group["location"] or "unknown"),
        f"{group['to_assess']:,}",
        f"{group['skipped']:,}",
        "none" if started is None else duration(started),
    )


def _name(group: PlanGroup) -> str:
    return group["subscription_name"] or group["subscription_id"]


def _last_start_s(group: PlanGroup) -> float:
    return group["last_start_after_s"] or 0.0
