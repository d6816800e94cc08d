"""A whole run directory of any size, made in seconds: for measurements, and for tests of what reads runs.

`python -m tests.big_run DIR --vms 20000 --patches 50` writes one. Its patches are the simulator's catalogue;
the same arguments make the same bytes. Names repeat in its resource groups, as they do in a fleet.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import orjson

from fleetscan.model import InventoryError, Json, Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.row import SCHEMA, Row
from fleetscan.records.run import SCHEMA as RUN_SCHEMA
from fleetscan.records.run import RunFacts
from fleetscan.records.sums import RunningTotals
from fleetscan.simulator.catalogue import Patch, catalogue

SCAN_ID = "b16b16b1-6b16-4b16-8b16-b16b16b16b16"
STARTED_AT = "2026-11-23T02:00:00.000000Z"
FINISHED_AT = "2026-11-23T02:41:10.000000Z"
DISTROS = (
    "windows-2022",
    "ubuntu",
    "windows-2019",
    "redhat",
    "debian",
    "windows-2016",
    "suse",
)
REGIONS = ("westeurope", "northeurope", "eastus", "swedencentral")
TEAMS = ("shop", "erp", "data", "web", "identity", "billing")
NAMES = ("web", "app", "sql", "batch", "cache", "jump", "file")
VMS_A_SUBSCRIPTION = 1000
VMS_A_GROUP = 25
TAIL = ',"activityId":"6b1f0000-0000-4000-8000-000000000000","lastModifiedDateTime":"2026-11-23T02:10:00Z"}'
FACTS = {
    "os_name": None,
    "os_version": "22.10",
    "image": "publisher:offer:sku",
    "patch_mode": "AutomaticByPlatform",
    "assessment_mode": "ImageDefault",
    "esu_status": None,
    "hotpatch_status": None,
}
# Of a thousand VMs: how many end otherwise than assessed, with what Azure says of them.
ENDS = (
    (40, "skipped", "not_running", None, None),
    (6, "skipped", "unsupported", None, None),
    (12, "failed", "agent_not_ready", "VMAgentStatusCommunicationError", "VM has reported a failure."),
    (8, "failed", "denied", "AuthorizationFailed", "The client does not have authorization."),
    (4, "failed", "assessment_failed", "PACKAGE_MANAGER_FAILURE", "apt-get update returned 100."),
    (5, "timed_out", "operation_timeout", "OperationTimeout", "The operation did not finish in 30 minutes."),
)


def write_big_run(
    path: Path,
    vms: int,
    patches: int,
    *,
    seed: int = 1,
    first: int = 0,
    group_by: tuple[str, ...] = (),
    errors: tuple[InventoryError, ...] = (),
) -> None:
    """Write a complete run of `vms` VMs, with `patches` patches on each assessed one, into the new `path`.

    `first` is the number of the first VM.
    """
    path.mkdir(parents=True)
    totals = RunningTotals(SCAN_ID, group_by)
    with (path / "results.jsonl").open("wb") as results:
        for target, row, listed in _machines(range(first, first + vms), patches, random.Random(seed)):
            totals.listed(target)
            totals.ended(target, machine_row.counted(row))
            results.write(line_of(row, listed))
    counts = RequestCounts(list=12, start=vms, poll=5 * vms)
    facts = FleetFacts(STARTED_AT, FINISHED_AT, 2470.0, counts, errors, _selection(group_by))
    lines = totals.lines(facts)
    (path / "totals.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    (path / "journal.jsonl").write_bytes(b"")
    (path / "run.json").write_bytes(orjson.dumps(run_facts(3, group_by)))


def run_facts(exit_code: int | None, group_by: tuple[str, ...] = ()) -> RunFacts:
    """run.json of such a run, which ended with `exit_code`, or has not ended."""
    return {
        "schema": RUN_SCHEMA,
        "scan_id": SCAN_ID,
        "started_at": STARTED_AT,
        "finished_at": None if exit_code is None else FINISHED_AT,
        "exit_code": exit_code,
        "stopped_by": None,
        "versions": {"fleetscan": "0.1.0", "python": "3.11.0"},
        "principal": None,
        "scope": {"subscriptions": [], "not_enabled": [], "uniform_scale_set_vms": None, "shard": None},
        "warnings": [],
        "selection": _selection(group_by),
        "settings": {},
        "sources": [],
    }


def _selection(group_by: tuple[str, ...]) -> dict[str, Json]:
    return {"subscription": [], "inventory": None, "limit": None, "endpoint": "https://management.azure.com"}


def _machines(vms: range, patches: int, draw: random.Random) -> Iterator[tuple[Target, Row, str]]:
    """Each VM, its row without the list of patches, and that list as JSON."""
    ends = [end for end in ENDS for _ in range(end[0])]
    for number in vms:
        target, distro = target_of(number)
        place = draw.randrange(1000)
        if place < len(ends):
            yield target, row_of(target, ends[place]), ""
            continue
        found = _missing(catalogue(distro), patches, draw)
        pressing = sum(patch.is_pressing for patch in found)
        row = row_of(target, None)
        row["critical_and_security_count"], row["other_count"] = pressing, len(found) - pressing
        row["reboot_pending"], row["patch_count"] = place % 7 == 0, len(found)
        row["patches_complete"] = place % 101 != 0
        yield target, row, ",".join([patch.head + TAIL for patch in found])


def _missing(choice: tuple[Patch, ...], patches: int, draw: random.Random) -> tuple[Patch, ...]:
    """About so many patches, each VM its own: a stretch of the catalogue, which goes round."""
    length = 0 if draw.random() < 0.12 else min(draw.randrange(patches // 2, 2 * patches), len(choice))
    first = draw.randrange(len(choice))
    return choice[first : first + length] + choice[: max(0, first + length - len(choice))]


def target_of(number: int) -> tuple[Target, str]:
    distro = DISTROS[number % len(DISTROS)]
    group_number, subscription_number = number // VMS_A_GROUP, number // VMS_A_SUBSCRIPTION
    subscription = f"00000000-0000-4000-8000-{subscription_number:012d}"
    team = TEAMS[group_number % len(TEAMS)]
    group = f"rg-{team}-{group_number % (VMS_A_SUBSCRIPTION // VMS_A_GROUP):02d}"
    name = f"{NAMES[number % len(NAMES)]}-{team}-{number % VMS_A_GROUP:02d}"
    within = f"/subscriptions/{subscription}/resourceGroups/{group}"
    target = Target(
        resource_id=f"{within}/providers/Microsoft.Compute/virtualMachines/{name}",
        subscription_id=subscription,
        resource_group=group,
        name=name,
        location=REGIONS[subscription_number % len(REGIONS)],
        subscription_name=f"Landing Zone {subscription_number:02d}",
        os_type="Windows" if distro.startswith("windows") else "Linux",
        power_state="running",
        tags={"owner": f"team-{team}", "env": "prod" if number % 3 else "test"},
    )
    return target, distro


def row_of(target: Target, end: tuple[int, str, str, str | None, str | None] | None) -> Row:
    """The row of `target`; of an assessed one the counts and the list are still to be told."""
    _, outcome, reason, code, message = end or (0, "assessed", None, None, None)
    is_assessed = outcome == "assessed"
    row: dict[str, object] = {
        "schema": SCHEMA,
        "scan_id": SCAN_ID,
        "resource_id": target.resource_id,
        "kind": "vm",
        "subscription_id": target.subscription_id,
        "subscription_name": target.subscription_name,
        "resource_group": target.resource_group,
        "name": target.name,
        "location": target.location,
        "os_type": target.os_type,
        **FACTS,
        "power_state": "deallocated" if reason == "not_running" else "running",
        "tags": dict(target.tags),
        "outcome": outcome,
        "reason": reason,
        **machine_row.NOTHING_TOLD,
        "assessment": None,
        "error": None if code is None else _error(code, message),
        "operation": None,
    }
    if is_assessed:
        row |= {"source": "operation", "status": "Succeeded", "assessed_at": "2026-11-23T02:10:05.000000Z"}
    return row  # type: ignore[return-value] # every key of a row is there


def _error(code: str, message: str | None) -> dict[str, object]:
    return {
        "code": code,
        "message": message,
        "http_status": 409,
        "stage": "start",
        "correlation_id": "5c1f2a90-0000-4000-8000-000000000000",
        "origin": "azure",
    }


def line_of(row: Row, listed: str) -> bytes:
    line = orjson.dumps(row)
    if row["outcome"] == "assessed":
        counts = (
            f'"criticalAndSecurityPatchCount":{row["critical_and_security_count"]},'
            f'"otherPatchCount":{row["other_count"]}'
        )
        assessment = f'{{"status":"Succeeded",{counts},"availablePatches":[{listed}],"error":null}}'
        line = line.replace(b'"assessment":null', b'"assessment":' + assessment.encode(), 1)
    return line + b"\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--vms", type=int, default=20_000)
    parser.add_argument("--patches", type=int, default=50)
    asked = parser.parse_args()
    write_big_run(asked.path, asked.vms, asked.patches)
