"""A region that does not answer: what it costs, whom, and what is told of it."""

from __future__ import annotations

from fleetscan.engine.operation import Operation
from fleetscan.errors import Remedy
from fleetscan.model import Outcome, Reason, RequestKind
from fleetscan.scanner.hooks import Hooks
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.outages import Outage
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.ways import Way
from tests.faults.history import targets_of
from tests.virtual import History, cloud_of, operations, play, rules

HOUR_S = 3600.0
# Some of the machines are stopped.
WELL = {Outcome.ASSESSED, Outcome.SKIPPED}


class Notes(Hooks):
    """Everything a person would have been told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        self.warnings.append(sentence)


def scan_through(
    begins_at: float, ends_at: float, way: Way = Way.UNAVAILABLE
) -> tuple[Cloud, History, list[Operation], list[str]]:
    """600 machines of one subscription and two regions, of which westeurope answers nobody for a while."""
    cloud = cloud_of(Scenario(machines=600, subscriptions=1, regions=2, patches=2, failing_pct=0.0))
    subscription_id = cloud.fleet.subscriptions[0].subscription_id
    cloud._weather._outages = (Outage(begins_at, ends_at, way, subscription_id, "westeurope"),)
    jobs, notes = operations(targets_of(cloud), rules(1)), Notes()
    return cloud, play(cloud, jobs, hooks=notes), jobs, notes.warnings


def test_an_outage_of_five_minutes_costs_no_machine() -> None:
    for way in (Way.UNAVAILABLE, Way.RESET_BEFORE, Way.NOT_SENT, Way.GATEWAY_TIMEOUT):
        _, history, jobs, _ = scan_through(20.0, 320.0, way)
        assert len(history.ended) == 600
        assert {job.ending.outcome for job in jobs} == WELL, way


def test_a_region_that_never_answers_is_given_up_and_the_others_are_not() -> None:
    _, history, jobs, _ = scan_through(0.0, 24 * HOUR_S)
    assert len(history.ended) == 600
    for job in jobs:
        if job.target.location == "westeurope":
            assert (job.ending.outcome, job.ending.reason) == (Outcome.FAILED, Reason.UNREACHABLE)
        else:
            assert job.ending.outcome in WELL
    # Ten minutes of probes, and the retries before them.
    assert max(at for at, step in history.sent if step.turn.region == "westeurope") < 0.25 * HOUR_S


def test_the_rows_of_a_dead_region_say_who_was_not_tried() -> None:
    _, history, jobs, _ = scan_through(0.0, 24 * HOUR_S)
    tried = {step.job for _, step in history.sent if step.turn.kind is RequestKind.START}
    codes = {True: set[str | None](), False: set[str | None]()}
    for job in jobs:
        if job.target.location == "westeurope":
            assert job.ending.error is not None
            codes[job in tried].add(job.ending.error.code)
    assert codes[False] == {"NotTried"}
    assert "NotTried" not in codes[True]


def test_a_dead_region_costs_a_handful_of_requests() -> None:
    _, history, _, _ = scan_through(0.0, 24 * HOUR_S)
    dead = [step for _, step in history.sent if step.turn.region == "westeurope"]
    # Those that were under way when the tenth failed, and seven probes.
    assert len(dead) < 64 + 7


def test_operations_that_run_in_a_region_that_dies_are_not_started_again() -> None:
    cloud, _, jobs, _ = scan_through(60.0, 24 * HOUR_S)
    assert not cloud.ledger.superseded
    lost = [job for job in jobs if job.ending.reason is Reason.UNREACHABLE]
    assert lost
    assert all(cloud.ledger.starts[job.target.key] <= 1 for job in lost)


def test_a_person_is_told_once_that_it_began_and_once_that_it_is_over() -> None:
    _, _, _, warnings = scan_through(20.0, 320.0)
    assert len(warnings) == 2
    assert warnings[0].startswith("westeurope is not responding for subscription")
    assert warnings[1] == "westeurope is responding again"


def test_a_person_is_told_once_that_machines_are_given_up() -> None:
    _, _, _, warnings = scan_through(60.0, 24 * HOUR_S)
    assert len(warnings) == 2
    assert warnings[1] == "westeurope is still not responding: its waiting VMs fail as unreachable"
