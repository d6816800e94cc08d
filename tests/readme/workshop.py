"""A directory as the README assumes it, with a fleet to scan and an `az` to ask, and commands run in it.

`az` is a stand-in that prints, in az's forms, the VMs of the simulated fleet. Everything else is real.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import fleetscan
from tests.readme.pages import CHECKOUT, Command
from tests.readme.tables import INSTEAD

LONG_S = 60.0
PROGRAMS = "programs"
# A VM that is newer than the earlier run.
NEW_NAME = "web-new-01\n"
# Assessments of minutes take a tenth of a second in this fleet, so the waits are as much shorter.
FIRST_POLL_S = 0.2
POLL_INTERVAL_S = 0.5
AZ = """#!/bin/sh
case "$*" in
    "vm list --query [].id -o tsv") exec cat "${0%/*}"/ids.tsv ;;
    "vm list -d -o json") exec cat "${0%/*}"/vms.json ;;
    "graph query --first 1000 -o json -q resources"*) exec cat "${0%/*}"/graph.json ;;
esac
echo "az stands in for the real one and does not know: $*" >&2
exit 2
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed and wrote."""

    command: Command
    exit_code: int
    data: str
    words: str


@dataclass(frozen=True, slots=True)
class Workshop:
    """A directory to work in, and what commands get in the place of the examples' own words."""

    base: Path
    endpoint: str
    facts: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """What a reader has set who tries the lines with a simulator."""
        programs = f"{self.base / PROGRAMS}:{Path(sys.executable).parent}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLEETSCAN_")}
        return {
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "FLEETSCAN_ENDPOINT": self.endpoint,
            "FLEETSCAN_ACCESS_TOKEN": "any",
            "FLEETSCAN_FIRST_POLL": f"{FIRST_POLL_S}s",
            "FLEETSCAN_POLL_INTERVAL": f"{POLL_INTERVAL_S}s",
        }

    def with_own_words(self, typed: str) -> str:
        """`typed` with what the fleet has in the place of the example's words."""
        newest = max(path.name for path in (self.base / "fleetscan-runs").glob("2*"))
        for words, instead in INSTEAD.items():
            typed = typed.replace(words, instead.format(**self.facts, newest_run=newest))
        return typed

    async def leave_a_run(self) -> None:
        """A run that is newer than all others and unfinished: most of its VMs are not started."""
        settings = replace(settings_for(self.base, self.endpoint), max_in_flight=1)
        async with fleetscan.scan(settings, credential="any") as live:
            async for _ in live:
                break

    def run(self, command: Command) -> Ended:
        """A command in a shell, in the directory."""
        typed = self.with_own_words(command.text)
        serves = typed.startswith("fleetscan simulate") and "--help" not in typed
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {typed}" if serves else typed],
            cwd=self.base,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        with process:
            try:
                data = _until_served(process) if serves else ""
                rest, words = process.communicate(timeout=LONG_S)
            finally:
                process.kill()
        return Ended(command, process.returncode, data + rest, words)


def _until_served(process: subprocess.Popen[str]) -> str:
    """The endpoint of a simulator, which is told to stop when it has printed it."""
    assert process.stdout is not None
    endpoint = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    return endpoint


def settings_for(base: Path, endpoint: str) -> fleetscan.Settings:
    """A scan of the fleet at `endpoint` from the directory `base`."""
    return fleetscan.Settings(
        endpoint=endpoint,
        runs=str(base / "fleetscan-runs"),
        first_poll_s=FIRST_POLL_S,
        poll_interval_s=POLL_INTERVAL_S,
    )


async def prepared(base: Path, endpoint: str) -> Workshop:
    """A workshop in `base`: a complete run, and the files that lines name."""
    async with fleetscan.scan(settings_for(base, endpoint), credential="any") as live:
        await live.finish()
    shutil.copytree(CHECKOUT / "configs", base / "configs")
    shutil.copy(CHECKOUT / "configs" / "nightly.toml", base)
    rows = list(fleetscan.open_run(base / "fleetscan-runs" / "latest").rows())
    (base / "vms.txt").write_text("".join(f"{row['resource_id']}\n" for row in rows[:10]))
    (base / "names.txt").write_text("".join(f"{row['name'].upper()}\n" for row in rows[:10]) + NEW_NAME)
    _stand_in_for_az(base, rows[:10])
    kbs = (patch.get("kbId") for row in rows for patch in patches_of(row))
    facts = {
        "endpoint": endpoint,
        "subscription_name": str(rows[0]["subscription_name"]),
        "kb": next(kb for kb in kbs if kb),
    }
    return Workshop(base, endpoint, facts)


def patches_of(row: fleetscan.Row) -> list[dict[str, str | None]]:
    """The patches in a row whose assessment was read from its operation; none in any other."""
    assessment = row["assessment"]
    patches = assessment.get("availablePatches") if isinstance(assessment, dict) else None
    assert patches is None or isinstance(patches, list)
    return patches or []  # type: ignore[return-value]


def _stand_in_for_az(base: Path, rows: Sequence[fleetscan.Row]) -> None:
    """An `az` that knows the VMs of `rows`: `az vm list -d` as az prints it, of what a reader may pick."""
    programs = base / PROGRAMS
    programs.mkdir()
    (programs / "az").write_text(AZ)
    (programs / "az").chmod(0o755)
    (programs / "ids.tsv").write_text("".join(f"{row['resource_id']}\n" for row in rows))
    described = [
        {
            "id": row["resource_id"].replace(row["resource_group"], row["resource_group"].upper()),
            "location": row["location"],
            "name": row["name"],
            "powerState": f"VM {row['power_state']}",
            "resourceGroup": row["resource_group"].upper(),
            "storageProfile": {"osDisk": {"osType": row["os_type"]}},
            "tags": row["tags"] or None,
            "type": "Microsoft.Compute/virtualMachines",
            "zones": None,
        }
        for row in rows
    ]
    (programs / "vms.json").write_text(json.dumps(described, indent=2))
    found = [{"id": row["resource_id"], "location": row["location"], "tags": row["tags"]} for row in rows]
    answer = {"count": len(found), "data": found, "skip_token": None, "total_records": len(found)}
    (programs / "graph.json").write_text(json.dumps(answer, indent=2))
