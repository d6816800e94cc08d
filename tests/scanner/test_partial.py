"""What a scan leaves out stands in its totals: subscriptions passed over, a limit, and VMs without a tag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleetscan.errors import CannotReadRunError, NothingListedError
from fleetscan.scanner.live import scan_over
from tests.scanner.test_resume import stopped_run
from tests.scanner.test_whole_scans import Notes, StopAfter, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import read_run
from tests.virtual_scan import in_virtual_time


@in_virtual_time
async def test_past_due_subscriptions_are_scanned_and_warned_and_disabled_ones_are_named(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=40, subscriptions=4, past_due=1, warned=2, stopped_pct=0.0)
    past_due, *warned, enabled = cloud.fleet.estate.subscriptions
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"))
    assert summary.exit_code == 0
    assert run.fleet["outcomes"]["assessed"] == run.fleet["listed"] > 0
    assert {row["subscription_id"] for row in run.rows} == {past_due.subscription_id, enabled.subscription_id}
    assert run.fleet["not_scanned"] == [
        *({"subscription_id": each.subscription_id, "name": each.name, "state": "Warned"} for each in warned),
        {
            "subscription_id": cloud.fleet.estate.disabled.subscription_id,
            "name": "Retired Sandbox",
            "state": "Disabled",
        },
    ]


@in_virtual_time
async def test_a_warned_subscription_that_is_named_is_tried_and_refuses_each_start(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, subscriptions=2, warned=1, stopped_pct=0.0)
    named = cloud.fleet.estate.subscriptions[0].subscription_id
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", subscription=(named,)))
    assert summary.exit_code == 3
    assert {row["error"]["code"] for row in run.rows} == {"ReadOnlyDisabledSubscription", "NotTried"}
    assert run.fleet["not_scanned"] == []


@in_virtual_time
async def test_the_fleet_s_line_and_run_json_say_what_was_asked_for(tmp_path: Path) -> None:
    _, run = await run_of(Transport(cloud_of(machines=40)), settings_for(tmp_path / "run", limit=3))
    rules = ("resource_group", "location", "os", "tag", "name", "power_state", "patch_mode")
    lists = ("subscription", "management_group", *rules)
    asked: dict[str, object] = {
        **{prefix + name: [] for prefix in ("", "exclude_") for name in lists},
        "include_arc": False,
        "cached_only": False,
        "inventory": None,
        "inventory_source": "auto",
        "limit": 3,
        "shard": None,
        "shard_by": "subscription",
        "endpoint": "https://management.azure.com",
        "retry_failed": None,
        "retry_skipped": False,
        "inventory_sha256": None,
        "retried_scan_id": None,
    }
    assert (run.fleet["selection"], run.facts["selection"]) == (asked, asked)


@in_virtual_time
async def test_a_resumed_run_keeps_what_was_passed_over(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=60), tmp_path / "run"
    await stopped_run(out, Transport(cloud))
    before = read_run(out).fleet["not_scanned"]
    await scan_over(Transport(cloud), settings_for(out, resume=True))
    assert [each["name"] for each in before] == ["Retired Sandbox"]
    assert read_run(out).fleet["not_scanned"] == before


@in_virtual_time
async def test_subscriptions_have_names_and_vms_without_a_tag_the_key_null(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, subscriptions=2)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", group_by=("tag:owner",)))
    names = {line["key"]: line["name"] for line in run.totals if line["scope"] == "subscription"}
    assert names == {each.subscription_id: each.name for each in cloud.fleet.estate.subscriptions}
    owners = {line["key"]: line["listed"] for line in run.totals if line["scope"] == "tag:owner"}
    assert owners[None] == sum("owner" not in machine.tags for machine in cloud.fleet) > 0
    assert "unknown" not in owners
    assert {line["name"] for line in run.totals if line["scope"] != "subscription"} == {None}


@pytest.mark.parametrize("with_skipped", [False, True])
@in_virtual_time
async def test_where_nothing_is_to_be_retried_no_run_is_made_and_that_is_said(
    tmp_path: Path, with_skipped: bool
) -> None:
    first, runs, notes = tmp_path / "first", tmp_path / "runs", Notes()
    cloud = cloud_of(machines=20, stopped_pct=0.0 if with_skipped else 40.0)
    assert (await run_of(Transport(cloud), settings_for(first)))[0].exit_code == 0
    skipped = read_run(first).fleet["outcomes"]["skipped"]
    settings = settings_for(None, runs=str(runs), retry_failed=str(first), retry_skipped=with_skipped)
    summary = await scan_over(Transport(cloud), settings, hooks=notes)
    assert (summary.exit_code, summary.directory, summary.has_run) == (0, None, False)
    assert summary.totals["listed"] == 0
    assert not runs.exists()
    told = f"nothing to retry: no VM of {first} failed"
    assert notes.notes == [
        f"{told}, timed out or was skipped; no run was made"
        if with_skipped
        else f"{told} or timed out; no run was made; retry_skipped=True retries its {skipped} skipped VMs"
    ]


@in_virtual_time
async def test_only_whole_fleets_move_latest_and_the_others_say_so(tmp_path: Path) -> None:
    runs, cloud = tmp_path / "runs", cloud_of(machines=30, failing_pct=40.0, stopped_pct=0.0)
    notes = Notes()

    async def scan(**more: object) -> str | None:
        notes.notes.clear()
        settings = settings_for(None, runs=str(runs), **more)
        await scan_over(Transport(cloud), settings, hooks=notes)
        link = runs / "latest"
        return link.resolve().name if link.is_symlink() else None

    assert await scan(limit=3) is None
    assert notes.notes[0].startswith(
        f"{runs}/latest is not set; a run with limit has only a part of the fleet; "
    )
    whole = await scan()
    assert (notes.notes, whole is None) == ([], False)
    assert await scan(retry_failed=str(runs / "latest")) == whole
    assert notes.notes[0].startswith(
        f"{runs}/latest stays at {whole}; a run with retry_failed has only a part"
    )
    assert await scan(subscription=(cloud.fleet.estate.subscriptions[0].subscription_id,)) == whole
    assert "this run has another selection (subscription); point it there with `ln -sfn " in notes.notes[0]
    # A run that was stopped is not complete, and says how to go on instead.
    hooks = StopAfter(rows=3)
    settings = settings_for(None, runs=str(runs), max_in_flight=2, drain_s=0.0)
    assert (await scan_over(Transport(cloud), settings, hooks=hooks, stop=hooks.stop)).exit_code == 5
    assert (runs / "latest").resolve().name == whole
    assert await scan() != whole


@in_virtual_time
async def test_a_run_to_retry_is_named_by_its_path_by_latest_or_by_the_beginning_of_its_id(
    tmp_path: Path,
) -> None:
    runs, cloud = str(tmp_path / "runs"), cloud_of(machines=30, failing_pct=40.0, stopped_pct=0.0)
    summary, run = await run_of(Transport(cloud), settings_for(None, runs=runs))
    failed = {key for key, row in run.by_id.items() if row["outcome"] in ("failed", "timed_out")}
    assert failed
    for name in (str(summary.directory), "latest", run.facts["scan_id"], run.facts["scan_id"][:6].upper()):
        _, again = await run_of(Transport(cloud), settings_for(None, runs=runs, retry_failed=name))
        assert set(again.by_id) == failed
        assert again.facts["selection"]["retried_scan_id"] == run.facts["scan_id"]
    name = summary.directory.name if summary.directory else ""
    _, again = await run_of(Transport(cloud), settings_for(None, runs=runs, retry_failed=name))
    assert set(again.by_id) == failed
    with pytest.raises(CannotReadRunError, match="there is no such directory"):
        await scan_over(Transport(cloud), settings_for(None, runs=runs, retry_failed="zz"))


@in_virtual_time
async def test_a_retry_has_the_vms_of_its_selection_alone(tmp_path: Path) -> None:
    first, cloud = tmp_path / "first", cloud_of(machines=60, subscriptions=3, failing_pct=60.0)
    _, run = await run_of(Transport(cloud), settings_for(first))
    failed = {key: row for key, row in run.by_id.items() if row["outcome"] in ("failed", "timed_out")}
    one = next(iter(failed.values()))["subscription_id"]
    in_one = {key for key, row in failed.items() if row["subscription_id"] == one}
    assert 1 < len(in_one) < len(failed)

    async def retried(name: str, **more: object) -> set[str]:
        settings = settings_for(tmp_path / name, retry_failed=str(first), **more)
        return set((await run_of(Transport(cloud), settings))[1].by_id)

    assert await retried("subscription", subscription=(one.upper(),)) == in_one
    assert len(await retried("limit", limit=1)) == 1
    assert await retried("both", subscription=(one,), limit=1) < in_one
    name = next(row["subscription_name"] for row in run.rows if row["subscription_id"] == one)
    assert name is not None
    assert await retried("name", subscription=(name.upper(), one)) == in_one


@in_virtual_time
async def test_a_retry_of_a_subscription_without_failed_vms_is_no_run(tmp_path: Path) -> None:
    first, cloud = tmp_path / "first", cloud_of(machines=20, subscriptions=2, failing_pct=0.0)
    await run_of(Transport(cloud), settings_for(first))
    notes, named = Notes(), cloud.fleet.estate.subscriptions[0].name
    settings = settings_for(None, runs=str(tmp_path), retry_failed=str(first), subscription=(named,))
    assert not (await scan_over(Transport(cloud), settings, hooks=notes)).has_run
    assert f"no VM of {first} in the selected subscriptions failed" in notes.notes[0]


@in_virtual_time
async def test_a_retry_of_a_subscription_that_the_run_does_not_know_is_an_error(tmp_path: Path) -> None:
    first, cloud = tmp_path / "first", cloud_of(machines=60, subscriptions=2, failing_pct=60.0)
    await run_of(Transport(cloud), settings_for(first))
    named = cloud.fleet.estate.subscriptions[0].name
    retry = settings_for(tmp_path / "second", retry_failed=str(first))
    with pytest.raises(
        NothingListedError, match=f"nothing to retry: .*; the nearest name is '{named}'"
    ) as none:
        await scan_over(Transport(cloud), replace(retry, subscription=(f"{named}s",)))
    assert none.value.exit_code == 4
    for value in ("Nowhere", "3f8c0d5e-1111-2222-3333-444444444444"):
        with pytest.raises(NothingListedError, match="nothing to retry: "):
            await scan_over(Transport(cloud), replace(retry, subscription=(value,)))
    summary, run = await run_of(Transport(cloud), replace(retry, subscription=(named, "Nowhere")))
    assert (summary.exit_code, run.fleet["inventory_errors"][0]["code"]) == (3, "SubscriptionNotFound")
