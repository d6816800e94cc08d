"""Whole scans of fleets in which a subscription, a group or a VM refuses every start: only those VMs fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscan.errors import Remedy
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.locks import group_of
from fleetscan.simulator.scenario import Scenario
from tests.strict_reader import Run, read_run
from tests.virtual import cloud_of as cloud_at_0
from tests.virtual_scan import Clock, Transport, run_to_end, virtual


def cloud_of(machines: int, **more: object) -> Cloud:
    """A fleet without any failures of its own."""
    plain: dict[str, object] = {
        "durations": "regular",
        "patches": 2,
        "stopped_pct": 0.0,
        "warned_pct": 0.0,
        "truncated_pct": 0.0,
        "failing_pct": 0.0,
        "subscriptions": 3,
        "regions": 2,
    }
    return cloud_at_0(Scenario(machines=machines, **(plain | more)))  # type: ignore[arg-type]


def scanned(cloud: Cloud, out: Path, **more: object) -> Run:
    settings = Settings(out=str(out), first_poll_s=200.0, poll_interval_s=30.0, **more)  # type: ignore[arg-type]
    clock = Clock()
    with virtual(clock):
        run_to_end(scan_over(Transport(cloud, clock), settings), clock)
    return read_run(out)


def refused(cloud: Cloud) -> set[str]:
    """The keys of the machines whose start the cloud refuses."""
    return {machine.key for machine in cloud.fleet if cloud.locks.refusal(machine) is not None}


def failed(run: Run) -> set[str]:
    return {key for key, row in run.by_id.items() if row["outcome"] != "assessed"}


def starts(cloud: Cloud, machines: Iterator[Machine] | set[str]) -> int:
    return sum(cloud.ledger.starts[each if isinstance(each, str) else each.key] for each in machines)


class Warnings(Hooks):
    """Keeps what the scan warns of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warning(self, text: str, remedy: Remedy | None = None) -> None:
        self.told.append(text)


def test_a_refusal_after_which_no_other_vm_is_left_counts_none(tmp_path: Path) -> None:
    cloud, clock, hooks = cloud_of(1, subscriptions=1, disabled_subscriptions=1), Clock(), Warnings()
    with virtual(clock):
        settings = Settings(out=str(tmp_path / "run"))
        run_to_end(scan_over(Transport(cloud, clock), settings, hooks=hooks), clock)
    [told] = [each for each in hooks.told if "refuses every start" in each]
    assert told.endswith(")")


def test_a_disabled_subscription_of_1000_machines_is_asked_eight_times_at_most(tmp_path: Path) -> None:
    cloud = cloud_of(1000, subscriptions=1, disabled_subscriptions=1)
    run = scanned(cloud, tmp_path / "run")
    assert cloud.ledger.starts.total() <= 8
    assert failed(run) == {machine.key for machine in cloud.fleet}
    unasked = [row for row in run.rows if row["error"]["code"] == "NotTried"]
    assert len(unasked) >= 992
    assert {row["reason"] for row in run.rows} == {"refused"}
    for row in unasked:
        assert (row["operation"], row["error"]["origin"], row["error"]["stage"]) == (
            None,
            "fleetscan",
            "start",
        )
        assert "ReadOnlyDisabledSubscription" in row["error"]["message"]


@pytest.mark.parametrize(
    "dials",
    [
        {"locked_groups": 1},
        {"locked_groups": 4},
        {"locked_subscriptions": 1},
        {"locked_machines": 5},
        {"disabled_subscriptions": 1},
        {"locked_subscriptions": 1, "locked_groups": 2, "locked_machines": 3},
        {"denied_groups": 3},
    ],
    ids=str,
)
def test_only_the_locked_the_disabled_and_the_denied_fail(tmp_path: Path, dials: dict[str, int]) -> None:
    for seed in range(2):
        cloud = cloud_of(200, seed=seed, **dials)
        run = scanned(cloud, tmp_path / str(seed))
        assert failed(run) == refused(cloud)
        assert failed(run)


def test_a_locked_subscription_and_a_locked_group_are_asked_a_few_times(tmp_path: Path) -> None:
    cloud = cloud_of(600, locked_subscriptions=1, locked_groups=1)
    scanned(cloud, tmp_path / "run")
    locked = refused(cloud)
    assert len(locked) > 200
    assert starts(cloud, locked) < 40


def test_a_denied_group_ends_no_other_and_each_is_asked(tmp_path: Path) -> None:
    cloud = cloud_of(400, subscriptions=1, regions=1, denied_groups=1000)
    run = scanned(cloud, tmp_path / "run")
    groups = {group_of(machine) for machine in cloud.fleet}
    asked = {group_of(machine) for machine in cloud.fleet if cloud.ledger.starts[machine.key]}
    assert asked == groups
    assert {row["reason"] for row in run.rows} == {"denied"}
    assert cloud.ledger.starts.total() < 300


def test_one_denied_vm_ends_no_other_of_its_group(tmp_path: Path) -> None:
    cloud = cloud_of(200, seed=3, failing_pct=20.0)
    run = scanned(cloud, tmp_path / "run")
    assert not [row for row in run.rows if row["error"] and row["error"]["code"] == "NotTried"]


def test_a_resumed_run_does_not_ask_them_all_again(tmp_path: Path) -> None:
    cloud, out = cloud_of(1000, subscriptions=1, disabled_subscriptions=1), tmp_path / "run"
    scanned(cloud, out, deadline_s=0.3, drain_s=0.0)
    scanned(cloud, out, resume=True)
    # The first process left eight starts without an answer, which are made once more.
    assert cloud.ledger.starts.total() <= 24
    assert len(read_run(out).rows) == 1000
