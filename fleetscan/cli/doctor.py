"""`fleetscan doctor`: what would stop a scan and what mends it, on stdout. Nothing is started."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import as_flag, hand_over, handed_over, tell
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import RUNS, command, is_said
from fleetscan.cli.running import run_until_stopped
from fleetscan.settings.examining import DoctorSettings

if TYPE_CHECKING:
    from fleetscan.doctor.findings import Examined

EXAMPLES = (
    Example("Before a first scan", "fleetscan doctor"),
    Example(
        "As the scan of every night, for programs", "fleetscan doctor --runs fleetscan-runs --format json"
    ),
)


CHECKING = "Checking: some seconds, up to a minute where something does not answer ..."


@command(DoctorSettings, EXAMPLES)
def doctor(settings: DoctorSettings) -> int:
    """Check what would stop a scan. Starts nothing.

    Looks up and connects to the endpoint, gets a token and shows whose it is, and says for each selected
    subscription whether listing, starting and polling are permitted. Checks Resource Graph, the requests
    that are left, this computer's clock, and the disk. Takes the settings of a scan, such as its --config.

    Exit codes: 0 nothing would stop a scan; 2 usage; 4 a check failed; 5 stopped; 70 internal error;
    130 second Ctrl-C.
    """
    with trust_read_late():
        from fleetscan.doctor.doctor_record import doctor_record
        from fleetscan.scanner.earlier_place import at_its_endpoint

    if not is_said("endpoint"):
        settings = at_its_endpoint(settings, RUNS)
    if sys.stderr.isatty() and not settings.quiet:
        tell(CHECKING)
    at = datetime.now(UTC)
    record = doctor_record(_examined(settings), settings.endpoint, at, as_flag)
    if settings.format == "json":
        from fleetscan import json_text

        hand_over(json_text.encode_ascii(record))
    else:
        from fleetscan.report.doctor_screen import print_doctor

        print_doctor(record, stream=sys.stdout)
        handed_over()
    return record["exit_code"]


def _examined(settings: DoctorSettings) -> Examined:
    from fleetscan.doctor.examine import examine

    found: list[Examined] = []

    async def job(stop: anyio.Event) -> int:
        found.append(await examine(settings, None, runs=RUNS, stop=stop))
        return 0

    run_until_stopped(job)
    return found[0]
