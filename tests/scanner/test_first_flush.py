"""What is on the disk itself when the first start is sent, and how often a new run waited for the disk."""

from __future__ import annotations

from pathlib import Path

from fleetscan.model import Reply, Request
from fleetscan.scanner.live import scan_over
from tests.disk_faults import Disk, on_disk
from tests.faults.disk import killing
from tests.scanner.test_whole_scans import Transport, cloud_of, settings_for


async def test_a_new_run_waits_for_the_disk_once_for_each_thing_it_must_not_forget(tmp_path: Path) -> None:
    flushes: list[dict[str, int]] = []

    def look(request: Request, reply: Reply) -> Reply:
        if "assessPatches" in request.url:
            flushes.append({file: times for (call, file), times in disk.asked.items() if call == "fsync"})
        return reply

    with on_disk(Disk()) as disk:
        await scan_over(Transport(cloud_of(machines=3), look), settings_for(tmp_path / "run"))
    # How it began and its listing are one: between the two nothing is sent and no row is written.
    assert flushes[0] == {"journal.jsonl": 1, "run.json": 1, "run": 1}


async def test_how_a_run_began_and_its_listing_outlive_a_power_cut_once_a_start_is_sent(
    tmp_path: Path,
) -> None:
    flushed: dict[int, int] = {}
    journal = tmp_path / "run" / "journal.jsonl"
    safe: list[bytes] = []

    def look(request: Request, reply: Reply) -> Reply:
        if "assessPatches" in request.url:
            safe.append(journal.read_bytes()[: flushed[journal.stat().st_ino]])
        return reply

    with killing(None, lambda: 1.0, flushed):
        await scan_over(Transport(cloud_of(machines=3), look), settings_for(tmp_path / "run"))
    begun, *_, listing = safe[0].splitlines()
    assert begun.startswith(b'{"event":"begun"')
    assert listing.startswith(b'{"event":"listing","machines":3')
