"""`fleetscan plan`: a scan foreseen, on stdout: in words on a terminal, as one JSON object elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, handed_over, note, tell
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import RUNS, command, is_said
from fleetscan.cli.running import run_until_stopped
from fleetscan.settings.declared import PlanSettings

if TYPE_CHECKING:
    from fleetscan.planning.counts import Roster
    from fleetscan.records.plan import Plan

# For so many VMs the calculation takes some seconds: a line says so, so that it does not look like a hang.
LONG = 20_000
PART_NOT_LISTED = 3
EXAMPLES = (
    Example("Before a first scan", "fleetscan plan"),
    Example("With half of Azure's rate limits", "fleetscan plan --rate-share 0.5"),
    Example("For programs, some VMs alone", "fleetscan plan --inventory vms.txt -q > plan.json"),
    Example("In words, in the log of a job", "fleetscan plan --format text"),
)


@command(PlanSettings, EXAMPLES)
def plan(settings: PlanSettings) -> int:
    """Estimate how long a scan takes. Lists VMs; starts nothing.

    Shows how many VMs there are per subscription and region, which are skipped and why, when the last
    start, the polls and the end are expected under Azure's published limits, and what would make the
    scan faster. On a terminal it is told in words, the headline last; elsewhere it is one JSON object.

    Exit codes: 0 complete; 2 usage; 3 something could not be listed; 4 nothing could be listed; 5 stopped;
    70 internal error; 130 second Ctrl-C.
    """
    with trust_read_late():
        from fleetscan.planning.planner import foresee
        from fleetscan.scanner.earlier_place import at_its_endpoint

    if not is_said("endpoint"):
        settings = at_its_endpoint(settings, RUNS)
    roster = _list(settings)
    if not settings.quiet and len(roster.answering) >= LONG:
        tell(f"{len(roster.answering):,} VMs to assess: calculating the plan ...")
    plan = foresee(roster, settings, warn=lambda sentence: note("warning", sentence))
    _show(plan, settings.format or ("text" if sys.stdout.isatty() else "json"))
    return PART_NOT_LISTED if plan["inventory_errors"] else 0


def _show(plan: Plan, form: str) -> None:
    match form:
        case "json":
            from fleetscan import json_text

            hand_over(json_text.encode_ascii(plan))
        case "markdown":
            from fleetscan.report.plan_markdown import plan_markdown
            from fleetscan.report.sanitize import fit

            hand_over(fit(plan_markdown(plan), sys.stdout.encoding or "ascii"))
        case _:
            from fleetscan.report.plan_summary import print_plan

            print_plan(plan, stream=sys.stdout)
            handed_over()


def _list(settings: PlanSettings) -> Roster:
    """The fleet, listed as a scan does. What follows needs no event loop, so Ctrl-C ends it at once."""
    from fleetscan.cli.progress import progress
    from fleetscan.planning.planner import list_for_plan

    rosters: list[Roster] = []

    async def job(stop: anyio.Event) -> int:
        with progress(settings.quiet) as hooks:
            rosters.append(await list_for_plan(settings, None, hooks, stop))
        return 0

    run_until_stopped(job)
    return rosters[0]
