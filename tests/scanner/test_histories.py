"""Whole assessments against the simulated Azure in virtual time: each machine is judged by its fate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fleetscan.engine.operation import Operation
from fleetscan.engine.queues import Step
from fleetscan.model import Outcome, Reason, Reply, RequestKind, Target
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.scenario import Scenario
from tests.series import length
from tests.virtual import History, cloud_of, lateness_s, operations, play, rules

EXPECTED: Mapping[Fate, tuple[Outcome, Reason | None]] = {
    Fate.SUCCEEDED: (Outcome.ASSESSED, None),
    Fate.WARNED: (Outcome.ASSESSED, None),
    Fate.TRUNCATED: (Outcome.ASSESSED, None),
    Fate.STOPPED: (Outcome.SKIPPED, Reason.NOT_RUNNING),
    Fate.STOPPED_UNSEEN: (Outcome.SKIPPED, Reason.NOT_RUNNING),
    Fate.PACKAGE_MANAGER_FAILURE: (Outcome.FAILED, Reason.ASSESSMENT_FAILED),
    Fate.ESM_REQUIRED: (Outcome.FAILED, Reason.ASSESSMENT_FAILED),
    Fate.PATCH_INTERNAL_ERROR: (Outcome.FAILED, Reason.ASSESSMENT_FAILED),
    Fate.OPERATION_FAILED: (Outcome.FAILED, Reason.OPERATION_FAILED),
    Fate.OPERATION_CANCELED: (Outcome.FAILED, Reason.OPERATION_CANCELED),
    Fate.NO_COUNTS: (Outcome.FAILED, Reason.NO_RESULT),
    Fate.NO_CONTENT: (Outcome.FAILED, Reason.NO_RESULT),
    Fate.REFUSED_BAD_REQUEST: (Outcome.FAILED, Reason.REFUSED),
    Fate.REFUSED_DENIED: (Outcome.FAILED, Reason.DENIED),
    Fate.REFUSED_GONE: (Outcome.FAILED, Reason.GONE),
    Fate.REFUSED_CONFLICT: (Outcome.FAILED, Reason.CONFLICT),
    Fate.AGENT_NOT_READY: (Outcome.FAILED, Reason.AGENT_NOT_READY),
}


def target_of(machine: Machine) -> Target:
    return Target(
        machine.resource_id,
        machine.subscription.subscription_id,
        machine.resource_group,
        machine.name,
        location=machine.region,
    )


def scan_of(scenario: Scenario) -> tuple[Cloud, History, list[Operation]]:
    cloud = cloud_of(scenario)
    jobs = operations([target_of(machine) for machine in cloud.fleet], rules(scenario.seed))
    return cloud, play(cloud, jobs), jobs


def test_every_fate_has_an_expected_end() -> None:
    assert set(EXPECTED) == set(Fate)


@pytest.mark.series
@pytest.mark.parametrize("durations", ["lognormal", "regular"])
def test_every_machine_ends_as_its_fate_wills_in_each_history_of_a_series(durations: str) -> None:
    for seed in range(length(100, whole=500)):
        scenario = Scenario(
            machines=12, seed=seed, patches=3, failing_pct=40.0, truncated_pct=10.0,
            durations="regular" if durations == "regular" else "lognormal",
        )  # fmt: skip
        cloud, history, jobs = scan_of(scenario)
        assert len(history.ended) == 12, f"seed {seed}"
        for operation in jobs:
            machine = cloud.fleet.machine(operation.target.key)
            ending = operation.ending
            assert (ending.outcome, ending.reason) == EXPECTED[machine.fate], f"seed {seed}: {machine}"
            if ending.assessment is not None:
                assert ending.assessment == cloud.ledger.result_of(machine.key), f"seed {seed}: {machine.key}"
        assert not cloud.ledger.superseded, f"seed {seed}"


def test_a_fleet_at_azures_limits_is_neither_throttled_nor_slow() -> None:
    """1,500 machines of one subscription and region: 200 at once, 10 a second to 600, then 200 a minute."""
    scenario = Scenario(
        machines=1500,
        subscriptions=1,
        regions=1,
        patches=1,
        durations="regular",
        failing_pct=0.0,
        stopped_pct=0.0,
    )
    cloud, history, _ = scan_of(scenario)
    starts = [at for at, step in history.sent if step.turn.kind is RequestKind.START]
    assert history.throttled() == 0
    assert max(cloud.ledger.accepted.values()) == 1
    assert len(starts) == 1500
    # (1500 - 600) / 200 minutes, and not a second more than the buckets ask for.
    assert 269.0 <= starts[-1] <= 272.0


def test_the_same_seed_is_the_same_history() -> None:
    scenario = Scenario(machines=40, seed=7, patches=2)
    first, second = ([(at, step.request.url) for at, step in scan_of(scenario)[1].sent] for _ in range(2))
    assert first == second


def learned_scan_of(scenario: Scenario) -> tuple[Cloud, History, list[Operation]]:
    """A scan that learns when to look, as scans do unless settings say otherwise."""
    cloud = cloud_of(scenario)
    targets = [
        replace(target_of(machine), os_type="Windows" if machine.image.is_windows else "Linux")
        for machine in cloud.fleet
    ]
    jobs = operations(targets, rules(scenario.seed, first_poll_s=None, poll_interval_s=None))
    return cloud, play(cloud, jobs), jobs


def one_region(**more: object) -> Scenario:
    plain: dict[str, object] = {
        "machines": 2000, "subscriptions": 1, "regions": 1, "patches": 1,
        "durations": "regular", "failing_pct": 0.0, "stopped_pct": 0.0,
    }  # fmt: skip
    return Scenario(**(plain | more))  # type: ignore[arg-type]


def last_start_s(history: History) -> float:
    return [at for at, step in history.sent if step.turn.kind is RequestKind.START][-1]


def is_refused_poll(step: Step, reply: Reply) -> bool:
    return step.turn.kind is RequestKind.POLL and reply.status == 429


def lost(jobs: list[Operation]) -> int:
    return sum(operation.ending.outcome is not Outcome.ASSESSED for operation in jobs)


@pytest.mark.parametrize("policy_names", ["2023", "2024", "novel"])
def test_limits_by_any_name_are_followed_without_a_429(policy_names: str) -> None:
    _, history, jobs = learned_scan_of(one_region(machines=1200, policy_names=policy_names))
    assert (history.throttled(), lost(jobs)) == (0, 0)
    # (1200 - 600) / 200 minutes.
    assert 179.0 <= last_start_s(history) <= 184.0


def test_a_refill_by_the_minute_costs_one_429_for_two_hundred_machines_at_most() -> None:
    _, history, jobs = learned_scan_of(one_region(refill="by-minute"))
    assert history.throttled() <= 10
    assert lost(jobs) == 0
    assert last_start_s(history) <= 430.0


def test_doubled_limits_are_noticed_and_used() -> None:
    _, history, jobs = learned_scan_of(one_region(limits_speed=2.0))
    assert (history.throttled(), lost(jobs)) == (0, 0)
    # (2000 - 1200) / 400 minutes.
    assert last_start_s(history) <= 130.0


@pytest.mark.parametrize("weather", [{"limits_speed": 0.5}, {"rival_share": 0.5}], ids=["halved", "rival"])
def test_nobody_is_lost_where_limits_are_halved_unannounced_or_shared(weather: dict[str, object]) -> None:
    _, history, jobs = learned_scan_of(one_region(**weather))
    assert lost(jobs) == 0
    # Halved: (2000 - 300) / 100 minutes. A rival takes half of the refill: (2000 - 600) / 100 minutes.
    assert last_start_s(history) <= 1050.0
    assert history.throttled() < 400


@pytest.mark.parametrize(
    ("fleet", "median_s", "p90_s"),
    [
        ({"machines": 40, "subscriptions": 2, "durations": "even"}, 2.0, 4.0),
        ({"machines": 200, "durations": "lognormal"}, 2.5, 6.0),
        ({"machines": 200, "durations": "bimodal"}, 2.5, 12.0),
        ({"machines": 200, "durations": "brief"}, 2.0, 3.0),
        ({"machines": 800, "durations": "lognormal"}, 7.5, 22.0),
        ({"machines": 800, "durations": "regular"}, 4.0, 12.0),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_an_end_is_seen_seconds_after_it(fleet: dict[str, object], median_s: float, p90_s: float) -> None:
    cloud, history, jobs = learned_scan_of(one_region(**fleet))
    late_s = lateness_s(cloud, history)
    assert len(late_s) == len(jobs) - lost(jobs) == len(jobs)
    assert late_s[len(late_s) // 2] <= median_s
    assert late_s[len(late_s) * 9 // 10] <= p90_s
    assert history.throttled() == 0


@pytest.mark.parametrize(
    "weather",
    [
        {"limits_speed": 0.5},
        {"rival_share": 0.5},
        {"refill": "by-minute"},
        {"limits_speed": 0.5, "rival_share": 0.5, "refill": "by-minute"},
    ],
    ids=["halved", "rival", "by the minute", "all three"],
)
def test_no_poll_is_refused_whatever_the_limits(weather: dict[str, object]) -> None:
    _, history, jobs = learned_scan_of(one_region(machines=800, durations="lognormal", **weather))
    assert lost(jobs) == 0
    assert not [step for _, step, reply in history.replies if is_refused_poll(step, reply)]
