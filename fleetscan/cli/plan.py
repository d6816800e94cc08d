"""`fleetscan plan`: one JSON object on stdout for programs, and the same in words on stderr for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, note, tell
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import RUNS, command, is_said
from fleetscan.cli.running import run_until_stopped
from fleetscan.settings.declared import PlanSettings

if TYPE_CHECKING:
    from fleetscan.planning.counts import Roster

# For so many VMs the calculation takes some seconds: a line says so, so that it does not look like a hang.
LONG = 20_000
PART_NOT_LISTED = 3
EXAMPLES = (
    Example("Before a first scan", "fleetscan plan"),
    Example("With half of Azure's rate limits", "fleetscan plan --rate-share 0.5"),
    Example("For programs, some VMs alone", "fleetscan plan --inventory vms.txt -q > plan.json"),
)


@command(PlanSettings, EXAMPLES)
def plan(settings: PlanSettings) -> int:
    """Estimate how long a scan takes. Lists VMs; starts nothing.

    Shows how many VMs there are per subscription and region, which are skipped and why, when the last
    start, the polls and the end are expected under Azure's published limits, and what would make the
    scan faster. Writes one JSON object to stdout and the same in words to stderr.

    Exit codes: 0 complete; 2 usage; 3 something could not be listed; 4 nothing could be listed; 5 stopped;
    70 internal error; 130 second Ctrl-C.
    """
    with trust_read_late():
        from fleetscan.planning.planner import foresee
        from fleetscan.scanner.earlier_place import at_its_endpoint
    from fleetscan import json_text
    from fleetscan.report.plan_summary import print_plan

    if not is_said("endpoint"):
        settings = at_its_endpoint(settings, RUNS)
    roster = _list(settings)
    if not settings.quiet and len(roster.answering) >= LONG:
        tell(f"{len(roster.answering):,} VMs to assess: calculating the plan ...")
    plan = foresee(roster, settings, warn=lambda sentence: note("warning", sentence))
    hand_over(json_text.encode_ascii(plan))
    if not settings.quiet:
        print_plan(plan, stream=sys.stderr)
    return PART_NOT_LISTED if plan["inventory_errors"] else 0


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
