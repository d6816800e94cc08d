"""Going on with a run: nothing twice, nothing of another scope, nothing while another process is at work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.errors import CannotResumeError, LockedError, UsageError
from fleetscan.runs.journal import JournalFile
from fleetscan.scanner.live import scan, scan_over
from fleetscan.settings.declared import Settings
from tests.scanner.test_whole_scans import Notes, StopAfter, Transport, cloud_of, settings_for
from tests.strict_reader import read_run
from tests.virtual_scan import in_virtual_time


async def stopped_run(out: Path, wire: Transport) -> None:
    """A run of 60 machines that was stopped after 10 rows."""
    hooks = StopAfter(rows=10)
    settings = settings_for(out, max_in_flight=4, drain_s=0.0)
    summary = await scan_over(wire, settings, hooks=hooks, stop=hooks.stop)
    assert summary.exit_code == 5
    assert summary.stopped_by is not None
    assert str(summary.stopped_by).endswith(f"; resume with: fleetscan.resume({str(out)!r})")


@in_virtual_time
async def test_a_stopped_run_is_gone_on_with_and_nothing_is_started_twice(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=60), tmp_path / "run"
    await stopped_run(out, Transport(cloud))
    first = (out / "results.jsonl").read_bytes()
    scan_id = json.loads((out / "run.json").read_bytes())["scan_id"]
    summary = await scan_over(Transport(cloud), settings_for(out, resume=True))
    run = read_run(out)
    assert (summary.exit_code, len(run.rows), run.fleet["outcomes"]["interrupted"]) == (0, 60, 0)
    assert (out / "results.jsonl").read_bytes().startswith(first)
    assert run.facts["scan_id"] == scan_id
    assert not cloud.ledger.superseded
    assert run.fleet["requests"]["start"] == sum(cloud.ledger.starts.values())


@in_virtual_time
async def test_a_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=20), tmp_path / "run"
    await scan_over(Transport(cloud), settings_for(out))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    notes = Notes()
    summary = await scan_over(Transport(cloud), settings_for(out, resume=True), hooks=notes)
    assert summary.exit_code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert notes.warnings == []
    assert notes.notes == [
        f"nothing was scanned: the run in {out} began 2026-01-01 00:00 UTC, ended 2026-01-01 00:00 UTC "
        "and is complete; this is its result"
    ]


@in_virtual_time
async def test_where_there_is_nothing_to_resume_it_is_an_ordinary_scan(tmp_path: Path) -> None:
    summary = await scan_over(Transport(cloud_of(machines=5)), settings_for(tmp_path / "run", resume=True))
    assert (summary.exit_code, len(read_run(tmp_path / "run").rows)) == (0, 5)


@in_virtual_time
async def test_a_run_of_another_scope_is_refused(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=60), tmp_path / "run"
    await stopped_run(out, Transport(cloud))
    with pytest.raises(
        CannotResumeError,
        match=r"it was started with another limit \(not given, now 5\); to scan anew,",
    ):
        await scan_over(Transport(cloud), settings_for(out, resume=True, limit=5))


@in_virtual_time
async def test_a_journal_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    await stopped_run(out, Transport(cloud_of(machines=60)))
    journal = out / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"fleetscan.journal/1", b"fleetscan.journal/2"))
    with pytest.raises(
        CannotResumeError,
        match=r"is fleetscan\.journal/2, not fleetscan\.journal/1; use the version of",
    ):
        await scan_over(Transport(cloud_of(machines=60)), settings_for(out, resume=True))


@in_virtual_time
async def test_a_directory_that_another_process_is_writing_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    await stopped_run(out, Transport(cloud_of(machines=60)))
    holder = JournalFile.reopen(out / "journal.jsonl")
    with pytest.raises(LockedError, match=r"is being written by process \d+ on "):
        await scan_over(Transport(cloud_of(machines=60)), settings_for(out, resume=True))
    holder.close()


@in_virtual_time
async def test_a_deadline_stops_a_scan_in_good_order(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", deadline_s=0.2, drain_s=0.1)
    summary = await scan_over(Transport(cloud_of(machines=30, speed=1.0)), settings)
    assert summary.exit_code == 5
    assert summary.stopped_by is not None
    assert summary.stopped_by.what.startswith("the deadline has passed: ")
    assert read_run(tmp_path / "run").fleet["outcomes"]["interrupted"] > 0


@in_virtual_time
async def test_what_failed_is_tried_again_in_a_run_of_its_own_and_what_was_skipped_if_asked_for(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=60, stopped_pct=30.0, failing_pct=30.0)
    await scan_over(Transport(cloud), settings_for(tmp_path / "first"))
    first = read_run(tmp_path / "first")
    settings = settings_for(tmp_path / "second", retry_failed=str(tmp_path / "first"))
    await scan_over(Transport(cloud), settings)
    wanted = {key for key, row in first.by_id.items() if row["outcome"] in ("failed", "timed_out")}
    assert wanted
    assert set(read_run(tmp_path / "second").by_id) == wanted
    settings = settings_for(tmp_path / "third", retry_failed=str(tmp_path / "first"), retry_skipped=True)
    await scan_over(Transport(cloud), settings)
    skipped = {key for key, row in first.by_id.items() if row["outcome"] == "skipped"}
    assert skipped
    assert set(read_run(tmp_path / "third").by_id) == wanted | skipped


@in_virtual_time
async def test_a_run_that_has_not_ended_is_gone_on_with_and_not_retried(tmp_path: Path) -> None:
    cloud, first = cloud_of(machines=60, speed=100.0), tmp_path / "first"
    summary = await scan_over(Transport(cloud), settings_for(first, deadline_s=0.2, drain_s=0.0))
    assert summary.exit_code == 5
    with pytest.raises(
        UsageError,
        match=r"is unfinished, so its failed VMs are not known yet; resume with: fleetscan\.resume",
    ):
        await scan_over(Transport(cloud), settings_for(tmp_path / "second", retry_failed=str(first)))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(resume=True), "a run is resumed in its directory; name it with out, or the .* with runs"),
        (Settings(resume=True, out="-", runs="r"), "a run is resumed in its directory; name it with out"),
        (Settings(retry_skipped=True), "retry-skipped needs a run whose skipped VMs are meant; name the run"),
        (Settings(resume=True, out="-"), "a run is resumed in its directory; name it with out"),
        (Settings(retry_failed="a", inventory="b"), "two settings say which VMs to scan"),
    ],
)
@in_virtual_time
async def test_settings_that_do_not_go_together_are_refused(settings: Settings, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        async with scan(settings, credential="t"):
            pass


@in_virtual_time
async def test_an_inventory_file_that_has_changed_is_another_selection(tmp_path: Path) -> None:
    cloud, out, file = cloud_of(machines=60), tmp_path / "run", tmp_path / "vms.txt"
    ids = [machine.resource_id for machine in cloud.fleet]
    file.write_text("\n".join(ids))
    hooks = StopAfter(rows=10)
    settings = settings_for(out, max_in_flight=4, drain_s=0.0, inventory=str(file))
    await scan_over(Transport(cloud), settings, hooks=hooks, stop=hooks.stop)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    file.write_text("\n".join(ids[:30]))
    resumed = settings_for(out, resume=True, inventory=str(file))
    with pytest.raises(CannotResumeError, match="its inventory file has changed since it was started"):
        await scan_over(Transport(cloud), resumed)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    # A file that is gone changes nothing: the run has its listing.
    file.unlink()
    assert (await scan_over(Transport(cloud), resumed)).exit_code == 0
    assert len(read_run(out).rows) == 60
