"""What the pages show of a run: printed by the commands that the pages name, about a run in virtual time.

The run is the same each time, its id and name too, so that a test can hold the pages to what is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import uuid
from functools import cache
from pathlib import Path
from unittest import mock

from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.virtual_scan import Clock, scan_in_virtual_time

FLEET = Scenario(machines=120)
SCAN_ID = uuid.UUID("5c1f2a90-0d6e-4b7a-9a53-3f1f6c0e7d21")
LONG_S = 60.0

REPORT = "fleetscan report latest"
ROW = """jq -n 'first(inputs | select(.critical_and_security_count > 0))
    | {name, resource_group, subscription_name, location, os_type, outcome, reason,
       critical_and_security_count, other_count, reboot_pending,
       one_patch: .assessment.availablePatches[0] | {kbId, name, classifications}}' \\
    fleetscan-runs/latest/results.jsonl"""
TOTALS = """head -n 1 fleetscan-runs/latest/totals.jsonl |
    jq -c '{listed, outcomes}, {coverage_pct, compliance_pct},
        {not_scanned: [.not_scanned[].name], inventory_errors}'"""


@cache
def printed(command: str) -> str:
    """What `command` prints on stdout in a directory with a run, as an indented block."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLEETSCAN_")}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=lived_in().name,
        env={**kept, "PATH": path, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=LONG_S,
        check=True,
    )
    return textwrap.indent(done.stdout.strip("\n") + "\n", "    ")


@cache
def lived_in() -> tempfile.TemporaryDirectory[str]:
    """A directory with a complete run under fleetscan-runs; it goes when the process does."""
    base = tempfile.TemporaryDirectory()
    with mock.patch("uuid.uuid4", return_value=SCAN_ID):
        scan_in_virtual_time(Cloud(FLEET), Clock(), Settings(runs=f"{base.name}/fleetscan-runs"))
    return base
