"""Whole scans whose run is kept in object storage, over HTTP, against a real Azurite."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

import fleetscan
from fleetscan.cli.main import run as fleetscan_with
from fleetscan.errors import CannotReadRunError, LockedError, OutputError, RunExistsError
from fleetscan.places import Address
from fleetscan.remote.fetching import new_directory, pointed_at
from fleetscan.remote.lease import Lease
from fleetscan.remote.parts import parts_of
from fleetscan.remote.pointing import follow
from fleetscan.remote.storage import Storage, StorageError
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.summary import ScanSummary
from tests.face.test_live_scan import TOKEN, azure, settings_for
from tests.face.test_scans_with_a_history import Heard
from tests.remote.azurite import Azurite
from tests.remote.relay import Relay


async def scanned(endpoint: str, **more: Any) -> tuple[ScanSummary, Heard]:
    """A scan's summary, and what it told."""
    hooks = Heard()
    async with fleetscan.scan(settings_for(endpoint, **more), credential=TOKEN, hooks=hooks) as live:
        return await live.finish(), hooks


async def opened(live: LiveScan) -> None:
    """Return once the run is there."""
    with anyio.fail_after(10.0):
        while live.directory is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)


def names_in(place: str) -> list[str]:
    """The objects at a place."""
    return [each.name for each in Storage.open(Address.of(place)).listed()]


async def test_a_complete_run_has_its_parts_its_marker_last_and_reads_as_it_was(container: str) -> None:
    async with azure(machines=9) as (cloud, endpoint):
        summary, _ = await scanned(endpoint, out=f"{container}/night")
    assert (summary.exit_code, summary.stopped_by) == (0, None)
    names = names_in(f"{container}/night")
    assert {"complete", "lease", "run.json", "totals.jsonl"} < set(names)
    assert parts_of("results", names)[0].name == "results/000000000000000.jsonl"
    run = fleetscan.open_run(f"{container}/night")
    assert {row["resource_id"].lower() for row in run.rows()} == {machine.key for machine in cloud.fleet}
    assert (run.is_complete, run.incomplete) == (True, [])
    assert run.totals() == summary.totals
    # What it was asked for is as it was said: no private directory.
    assert run.facts["settings"]["out"] == f"{container}/night"
    storage = Storage.open(Address.of(f"{container}/night"))
    marked_at = storage.written_at("complete")
    assert marked_at is not None
    assert all(marked_at >= (storage.written_at(name) or marked_at) for name in names if name != "lease")


async def test_runs_are_found_by_name_and_latest_follows_the_later_one(container: str) -> None:
    runs = f"{container}/fleet/runs"
    async with azure() as (_, endpoint):
        first, _ = await scanned(endpoint, runs=runs)
        await asyncio.sleep(1.1)
        second, _ = await scanned(endpoint, runs=runs)
    assert first.directory is not None
    assert second.directory is not None
    assert fleetscan.open_run(f"{runs}/latest").facts["scan_id"] == second.totals["scan_id"]
    assert fleetscan.open_run(f"{runs}/{first.directory.name}").facts["scan_id"] == first.totals["scan_id"]


async def test_latest_stays_where_a_part_of_the_fleet_was_scanned(container: str) -> None:
    async with azure() as (_, endpoint):
        whole, _ = await scanned(endpoint, runs=f"{container}/runs")
        await asyncio.sleep(1.1)
        await scanned(endpoint, runs=f"{container}/runs", limit=2)
    assert fleetscan.open_run(f"{container}/runs/latest").facts["scan_id"] == whole.totals["scan_id"]


async def test_scans_that_end_at_once_leave_latest_at_the_one_that_began_last(container: str) -> None:
    runs = Address.of(f"{container}/runs")
    async with azure() as (_, endpoint):
        summary, _ = await scanned(endpoint, out=f"{container}/night")
    assert summary.directory is not None
    facts = json.loads((summary.directory / "run.json").read_bytes())
    directory = new_directory(runs)
    for day in range(1, 9):
        facts["started_at"] = f"2026-11-{day:02d}T02:00:00.000Z"
        (directory / f"night-{day}").mkdir()
        (directory / f"night-{day}" / "run.json").write_text(json.dumps(facts))
        for name in ("run.json", "complete"):
            Storage.open(runs.below(f"night-{day}")).put(name, json.dumps(facts).encode())
    for _ in range(5):
        Storage.open(runs).remove("latest")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda day: follow(directory / f"night-{day}", runs, 7), range(1, 9)))
        assert pointed_at(Storage.open(runs)) == "night-8"


async def test_a_place_that_holds_a_run_is_refused_and_nothing_is_started(container: str) -> None:
    async with azure() as (cloud, endpoint):
        await scanned(endpoint, out=f"{container}/night")
        started = cloud.ledger.accepted.total()
        with pytest.raises(RunExistsError, match=r"already holds a run.*resume"):
            await scanned(endpoint, out=f"{container}/night")
        assert cloud.ledger.accepted.total() == started


async def test_storage_that_is_down_at_the_begin_ends_the_scan_at_once(
    container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with azure() as (cloud, endpoint):
        with pytest.raises(StorageError, match="404 ContainerNotFound") as refused:
            await scanned(endpoint, out="az://never-made/night")
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:1/devstoreaccount1")
        with pytest.raises(StorageError, match="connection refused"):
            await scanned(endpoint, runs=f"{container}/runs")
        assert not cloud.ledger.accepted.total()
    assert refused.value.exit_code == 4


async def test_a_stopped_run_has_no_marker_reads_as_stopped_and_is_resumed(container: str) -> None:
    place = f"{container}/night"
    async with azure(machines=20, speed=100.0) as (cloud, endpoint):
        async with fleetscan.scan(
            settings_for(endpoint, out=place, drain_s=0.0, max_in_flight=4), credential=TOKEN
        ) as live:
            async for _ in live:
                live.stop()
        assert live.summary.exit_code == 5
        assert "complete" not in names_in(place)
        run = fleetscan.open_run(place)
        assert (run.is_complete, run.totals()["listed"]) == (False, 20)
        async with fleetscan.resume(place, credential=TOKEN) as rest:
            summary = await rest.finish()
        assert summary.exit_code == 0
        assert max(cloud.ledger.accepted.values()) == 1
    whole = fleetscan.open_run(place)
    assert Counter(row["resource_id"] for row in whole.rows()).most_common(1)[0][1] == 1
    assert (whole.is_complete, whole.totals()["listed"]) == (True, 20)


async def test_the_newest_unfinished_run_of_the_selection_is_resumed_from_storage(container: str) -> None:
    runs = f"{container}/runs"
    async with azure(machines=12, speed=100.0) as (cloud, endpoint):
        settings = settings_for(endpoint, runs=runs, drain_s=0.0, max_in_flight=4)
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            async for _ in live:
                live.stop()
        summary, _ = await scanned(endpoint, runs=runs, resume=True)
        assert summary.totals["scan_id"] == live.summary.totals["scan_id"]
        assert (summary.exit_code, max(cloud.ledger.accepted.values())) == (0, 1)
    assert fleetscan.open_run(f"{runs}/latest").facts["scan_id"] == summary.totals["scan_id"]


async def test_a_run_of_which_only_the_begin_went_up_is_resumed_too(container: str, quick: None) -> None:
    runs = f"{container}/runs"
    async with azure(machines=12) as (cloud, endpoint):
        first, _ = await scanned(endpoint, runs=runs)
        assert first.directory is not None
        storage = Storage.open(Address.of(f"{runs}/{first.directory.name}"))
        begin, _ = storage.read("journal/000000000000000.jsonl") or (b"", "")
        for name in names_in(f"{runs}/{first.directory.name}"):
            storage.remove(name)
        storage.put("journal/000000000000000.jsonl", begin.splitlines(keepends=True)[0])
        storage.put("lease", b'{"host":"lost","pid":7}')
        await anyio.sleep(1.5)
        summary, _ = await scanned(endpoint, runs=runs, resume=True, ignore_busy=True)
        assert summary.totals["scan_id"] == first.totals["scan_id"]
        assert (summary.exit_code, summary.totals["listed"]) == (0, 12)
        assert max(cloud.ledger.accepted.values()) == 1


async def test_without_its_marker_a_run_never_reads_as_a_whole_one(container: str) -> None:
    async with azure() as (_, endpoint):
        await scanned(endpoint, out=f"{container}/night")
    Storage.open(Address.of(f"{container}/night")).remove("complete")
    run = fleetscan.open_run(f"{container}/night")
    assert run.state == "unfinished"
    with pytest.raises(CannotReadRunError, match="no totals yet"):
        run.totals()


@pytest.mark.parametrize("lost", ["results/000000000000000.jsonl", "totals.jsonl", "run.json"])
async def test_a_run_that_lacks_what_its_marker_tells_of_is_refused(container: str, lost: str) -> None:
    async with azure() as (_, endpoint):
        await scanned(endpoint, out=f"{container}/night")
    Storage.open(Address.of(f"{container}/night")).remove(lost)
    with pytest.raises(CannotReadRunError, match="cannot be read as a run"):
        fleetscan.open_run(f"{container}/night")


async def test_a_run_that_another_process_takes_over_is_left_at_once(container: str, quick: None) -> None:
    place = f"{container}/night"
    storage = Storage.open(Address.of(place))
    async with azure(machines=40, speed=20.0) as (_, endpoint):
        settings = settings_for(endpoint, out=place, max_in_flight=4, drain_s=30.0)

        async def scan_and_lose_it() -> None:
            async with fleetscan.scan(settings, credential=TOKEN) as live:
                async for _ in live:
                    storage.put("lease", json.dumps({"host": "elsewhere", "pid": 7}).encode())

        with pytest.raises(OutputError, match="process 7 on elsewhere has taken it over"):
            await scan_and_lose_it()


async def test_a_run_that_is_held_is_not_taken_and_one_that_was_left_is(container: str, quick: None) -> None:
    storage = Storage.open(Address.of(f"{container}/night"))
    held = Lease.take(storage)
    told: list[str] = []
    taken = await anyio.to_thread.run_sync(lambda: Lease.take(storage, told.append))
    assert not taken.was_released
    assert "waiting up to 1 s" in told[0]
    with pytest.raises(OutputError, match="has taken it over"):
        held.renew(_no_sizes())

    async def renew_on() -> None:
        while True:
            await anyio.to_thread.run_sync(lambda: taken.renew(_no_sizes()))
            await anyio.sleep(0.1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(renew_on)
        with pytest.raises(LockedError, match="is being written by process"):
            await anyio.to_thread.run_sync(lambda: Lease.take(storage))
        tasks.cancel_scope.cancel()


def _no_sizes() -> Any:
    from fleetscan.remote.parts import Sizes

    return Sizes()


async def test_outages_in_mid_upload_change_nothing(
    container: str, azurite: Azurite, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Relay(azurite.port) as relay:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{relay.at}/devstoreaccount1")
        async with azure(machines=12) as (cloud, endpoint):
            settings = settings_for(endpoint, out=f"{container}/night", max_in_flight=4)
            async with fleetscan.scan(settings, credential=TOKEN) as live:
                async for _ in live:
                    relay.break_for(0.2)
            monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azurite.environment["AZURE_STORAGE_ENDPOINT"])
        assert (live.summary.exit_code, live.summary.stopped_by) == (0, None)
        assert relay.broken > 0
    run = fleetscan.open_run(f"{container}/night")
    assert (run.is_complete, run.incomplete, sum(1 for _ in run.rows())) == (True, [], 12)
    assert max(cloud.ledger.accepted.values()) == 1


async def test_storage_that_goes_down_for_good_stops_the_scan_and_leaves_the_run_here(
    container: str, azurite: Azurite, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscan.scanner.keeping.STOPPED_WITHIN_S", 0.3)
    with Relay(azurite.port) as relay:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{relay.at}/devstoreaccount1")
        async with azure(machines=20, speed=200.0, long_pct=0.0) as (cloud, endpoint):
            hooks = Heard()
            settings = settings_for(endpoint, out=f"{container}/night", drain_s=0.0, unknown_start_wait_s=0.5)
            async with fleetscan.scan(settings, credential=TOKEN, hooks=hooks) as live:
                await opened(live)
                relay.break_for(1000.0)
                assert (await live.finish()).exit_code == 5
            assert "nothing more is started" in hooks.warnings[0]
            kept = live.summary.directory
            assert kept is not None
            # The run is there, and nothing of it was lost.
            async with fleetscan.resume(kept, credential=TOKEN) as rest:
                assert (await rest.finish()).exit_code == 0
            assert max(cloud.ledger.accepted.values()) == 1
    shutil.rmtree(kept.parent)


async def test_the_end_of_a_run_that_cannot_be_uploaded_is_told_with_where_it_is(
    container: str, azurite: Azurite, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscan.scanner.keeping.HOLD_S", 0.3)
    with Relay(azurite.port) as relay:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{relay.at}/devstoreaccount1")
        async with (
            azure(machines=5) as (_, endpoint),
            fleetscan.scan(settings_for(endpoint, out=f"{container}/night"), credential=TOKEN) as live,
        ):
            await opened(live)
            relay.break_for(1000.0)
            summary = await live.finish()
    assert summary.exit_code == 5
    assert summary.directory is not None
    assert f"resume with: fleetscan.resume('{summary.directory}')" in str(summary.stopped_by)
    assert fleetscan.open_run(summary.directory).is_complete
    shutil.rmtree(summary.directory.parent)


async def test_storage_that_answers_no_more_stops_the_scan_before_another_may_take_it(
    container: str, azurite: Azurite, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscan.remote.storage.EXCHANGE_S", 2)
    with Relay(azurite.port) as relay:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{relay.at}/devstoreaccount1")
        async with azure(machines=60, speed=5.0) as (_, endpoint):
            hooks = Heard()
            settings = settings_for(endpoint, out=f"{container}/night", drain_s=0.0)
            async with fleetscan.scan(settings, credential=TOKEN, hooks=hooks) as live:
                await opened(live)
                relay.hang_for(3.0)
                with anyio.fail_after(2.0):
                    while not hooks.warnings:  # noqa: ASYNC110 - nothing tells of it
                        await asyncio.sleep(0.02)
                assert "(no answer): nothing more is started" in hooks.warnings[0]
                assert (await live.finish()).exit_code == 5


async def test_a_complete_run_that_is_resumed_stays_as_it_is(container: str) -> None:
    place = f"{container}/night"
    async with azure() as (cloud, endpoint):
        first, _ = await scanned(endpoint, out=place)
        before = names_in(place)
        again, _ = await scanned(endpoint, out=place, resume=True)
        assert (again.exit_code, again.totals) == (0, first.totals)
        assert cloud.ledger.accepted.total() == 7
    assert names_in(place) == before
    assert fleetscan.open_run(place).is_complete
    # The next one has nothing to wait for.
    assert Lease.take(Storage.open(Address.of(place))).was_released


async def test_every_command_reads_from_storage_and_leaves_no_copy(
    container: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, copies = f"{container}/runs", tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    async with azure() as (_, endpoint):
        first, _ = await scanned(endpoint, runs=runs)
        await asyncio.sleep(1.1)
        await scanned(endpoint, runs=runs, last_run=f"{runs}/latest")
        again, _ = await scanned(endpoint, inventory=f"{runs}/latest")
        retried, _ = await scanned(endpoint, retry_failed=f"{runs}/latest")
    assert (again.totals["listed"], retried.has_run) == (7, False)
    assert first.directory is not None
    name = first.directory.name
    commands: dict[tuple[str, ...], int] = {
        ("report", f"{runs}/latest"): 0,
        ("report", "--runs", runs, "--format", "json"): 0,
        ("show", name[:15], "--runs", runs): 0,
        ("diff", f"{runs}/{name}", "latest", "--runs", runs): 0,
        ("export", "latest", "--runs", runs, "--out", str(tmp_path / "tables")): 0,
        ("history", "add", name, "latest", "--runs", runs, "--history", str(tmp_path / "h.db")): 0,
        ("report", f"{runs}/nothing"): 2,
        ("schema", "--sql", f"{runs}/latest"): 2,
        ("prune", "--keep", "1d", "--runs", runs): 2,
    }
    for command, code in commands.items():
        assert (command, fleetscan_with(list(command))) == (command, code)
    told = capsys.readouterr()
    assert f"{runs}/{name}" in told.out + told.err
    # People see places, and no private directory.
    assert "fleetscan-copy" not in told.out + told.err
    assert list(copies.iterdir()) == []


def test_the_doctor_tries_storage_and_leaves_nothing_there(
    container: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", TOKEN)
    assert fleetscan_with(["doctor", "--endpoint", "http://127.0.0.1:1", "--runs", f"{container}/runs"]) == 4
    assert f"{container}/runs can be written, read and listed" in capsys.readouterr().out
    assert names_in(f"{container}/runs") == []
    assert fleetscan_with(["doctor", "--endpoint", "http://127.0.0.1:1", "--out", "az://nowhere/run"]) == 4
    assert "az://nowhere/run cannot be used (404 ContainerNotFound)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "url",
    [
        "az://user:SECRET@container/run",
        "az://container/run?sig=SECRET",
        "https://account.blob.core.windows.net/container?sig=SECRET",
        "s3://bucket/a b SECRET",
        "gs://bucket/../SECRET",
        "az://C/SECRET",
    ],
)
def test_a_url_that_may_have_a_secret_in_it_is_refused_and_not_repeated(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "fleetscan.toml"
    config.write_text(f"runs = {json.dumps(url)}")
    for command in (
        ["scan", "--out", url],
        ["report", url],
        ["report", "--runs", url],
        ["scan", "--last-run", url],
        ["scan", "--config", str(config)],
    ):
        assert (command, fleetscan_with(command)) == (command, 2)
    monkeypatch.setenv("FLEETSCAN_OUT", url)
    assert fleetscan_with(["scan"]) == 2
    told = capsys.readouterr()
    assert "SECRET" not in told.out + told.err
    with pytest.raises(fleetscan.UsageError) as refused:
        fleetscan.Settings(out=url)
    assert "SECRET" not in str(refused.value)


async def test_a_signature_is_not_told_where_storage_refuses_it(
    container: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2021-08-06&sp=rwl&sig=c2VjcmV0U0lHTkFUVVJF")
    assert fleetscan_with(["report", f"{container}/night"]) == 4
    told = capsys.readouterr().err
    assert "403" in told
    assert "c2VjcmV0" not in told
