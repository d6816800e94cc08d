"""What an inventory file says of a machine's power: believed or not, and always said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.scanner.summary import ScanSummary
from fleetscan.simulator.cloud import Cloud
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import Run
from tests.virtual_scan import in_virtual_time


def rows_of(cloud: Cloud, power_state: str, **more: str) -> str:
    """A line for each machine of `cloud`, all in one power state."""
    ids = [machine.resource_id for machine in cloud.fleet]
    return "".join(
        json.dumps({"resource_id": each, "power_state": power_state} | more) + "\n" for each in ids
    )


async def scanned(tmp_path: Path, lines: str) -> tuple[ScanSummary, Run, list[str]]:
    """The scan of six running machines, listed by `lines`, and the warnings."""
    (tmp_path / "vms.jsonl").write_text(lines)
    notes = Notes()
    settings = settings_for(tmp_path / "run", inventory=str(tmp_path / "vms.jsonl"))
    summary, run = await run_of(Transport(running()), settings, notes)
    return summary, run, notes.warnings


def running() -> Cloud:
    return cloud_of(machines=6, stopped_pct=0.0)


@in_virtual_time
async def test_machines_that_an_earlier_run_found_stopped_are_tried_again(tmp_path: Path) -> None:
    lines = rows_of(running(), "stopped", schema="fleetscan.result/1")
    summary, run, warnings = await scanned(tmp_path, lines)
    assert (run.fleet["outcomes"]["assessed"], summary.skipped_on_file_word, warnings) == (6, 0, [])
    assert {row["power_state"] for row in run.rows} == {None}


@pytest.mark.parametrize("word", ["VM running", "PowerState/running", "Running", "VM wird ausgeführt"])
def test_a_word_that_is_not_known_to_mean_stopped_skips_no_machine(word: str, tmp_path: Path) -> None:
    @in_virtual_time
    async def scan() -> None:
        summary, run, warnings = await scanned(tmp_path, rows_of(running(), word))
        assert (run.fleet["outcomes"]["assessed"], summary.skipped_on_file_word, warnings) == (6, 0, [])

    scan()


@in_virtual_time
async def test_machines_skipped_on_a_files_word_are_counted_aloud(tmp_path: Path) -> None:
    summary, run, warnings = await scanned(tmp_path, rows_of(running(), "VM deallocated"))
    assert run.fleet["outcomes"]["skipped"] == 6
    assert {(row["reason"], row["power_state"]) for row in run.rows} == {("not_running", "deallocated")}
    assert summary.skipped_on_file_word == 6
    assert warnings[0] == (
        f"6 VMs are skipped because the inventory {tmp_path / 'vms.jsonl'} says that they do not run"
    )
