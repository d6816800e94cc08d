"""A scan from the listing to its files, over the simulated Azure in this process, in virtual time."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import anyio
import pytest

from fleetscan.engine.operation import Operation
from fleetscan.errors import (
    BugError,
    NothingListedError,
    Remedy,
    RunExistsError,
    StoppedError,
    TokenRefusedError,
)
from fleetscan.model import Fault, InventoryError, Outcome, Reason, Reply, Request
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.transport import SimulatedTransport
from tests.strict_reader import Run, read_run
from tests.virtual import cloud_of as cloud_at_0
from tests.virtual_scan import in_virtual_time


def cloud_of(machines: int = 40, **more: object) -> Cloud:
    """Assessments of milliseconds and no limits."""
    plain: dict[str, object] = {"speed": 20_000.0, "limits_speed": 0.0, "patches": 3, "failing_pct": 0.0}
    scenario = Scenario(machines=machines, **(plain | more))  # type: ignore[arg-type]
    return cloud_at_0(scenario)


def settings_for(out: Path | None, **more: object) -> Settings:
    plain: dict[str, object] = {"out": out and str(out), "first_poll_s": 0.05, "poll_interval_s": 0.05}
    return Settings(**(plain | more))  # type: ignore[arg-type]


class Transport:
    """The simulated Azure, with a say in every reply."""

    def __init__(
        self, cloud: Cloud, change: Callable[[Request, Reply], Reply] = lambda _, reply: reply
    ) -> None:
        self._wire = SimulatedTransport(cloud, time.monotonic)
        self._change = change

    async def exchange(self, request: Request) -> Reply:
        await anyio.lowlevel.checkpoint()
        return self._change(request, await self._wire.exchange(request))


class Notes(Hooks):
    """Everything a person would have been told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.inventory_errors: list[InventoryError] = []

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        self.notes.append(sentence if remedy is None else f"{sentence}; {remedy}")

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        self.warnings.append(sentence)

    def inventory_error(self, error: InventoryError) -> None:
        self.inventory_errors.append(error)


async def run_of(wire: Transport, settings: Settings, hooks: Hooks | None = None) -> tuple[ScanSummary, Run]:
    summary = await scan_over(wire, settings, hooks=hooks)
    assert summary.directory is not None
    return summary, read_run(summary.directory)


@in_virtual_time
async def test_every_listed_machine_has_one_row_and_the_exit_code_is_0(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60)
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"))
    assert set(run.by_id) == {machine.key for machine in cloud.fleet}
    assert summary.exit_code == 0
    assert run.facts["exit_code"] == 0
    for machine in cloud.fleet:
        row = run.by_id[machine.key]
        if machine.fate is Fate.STOPPED:
            assert (row["outcome"], row["reason"], row["operation"]) == ("skipped", "not_running", None)
            assert cloud.ledger.starts[machine.key] == 0
        else:
            assert row["outcome"] == "assessed"
            assert row["assessment"] == cloud.ledger.result_of(machine.key)
            assert row["subscription_name"] == machine.subscription.name
            assert row["power_state"] == "running"
            assert (row["os_name"], row["patch_mode"]) != (None, None)


@in_virtual_time
async def test_a_failed_machine_makes_the_exit_code_3(tmp_path: Path) -> None:
    summary, run = await run_of(
        Transport(cloud_of(machines=40, seed=23, failing_pct=30.0)), settings_for(tmp_path / "run")
    )
    assert run.fleet["outcomes"]["failed"] > 0
    assert summary.exit_code == 3


@in_virtual_time
async def test_totals_are_grouped_by_the_tags_asked_for(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", group_by=("tag:owner", "tag:Environment"))
    _, run = await run_of(Transport(cloud_of(machines=60)), settings)
    for scope in settings.group_by:
        lines = [line for line in run.totals if line["scope"] == scope]
        assert len(lines) > 1
        assert sum(line["listed"] for line in lines) == 60


@in_virtual_time
async def test_limit_takes_the_first_machines_that_may_answer(tmp_path: Path) -> None:
    cloud = cloud_of(machines=40)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", limit=5))
    answering = sorted(machine.key for machine in cloud.fleet if machine.fate is not Fate.STOPPED)
    assert sorted(run.by_id) == answering[:5]


@in_virtual_time
async def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run")
    await run_of(Transport(cloud_of(machines=3)), settings)
    before = (tmp_path / "run" / "results.jsonl").read_bytes()
    with pytest.raises(RunExistsError):
        await scan_over(Transport(cloud_of(machines=3)), settings)
    assert (tmp_path / "run" / "results.jsonl").read_bytes() == before


@in_virtual_time
async def test_the_directory_of_runs_has_a_link_to_the_latest_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_for(None, runs="my-runs")
    summary, _ = await run_of(Transport(cloud_of(machines=3)), settings)
    assert summary.directory is not None
    assert (tmp_path / "my-runs" / "latest").resolve() == (tmp_path / summary.directory).resolve()


@pytest.mark.parametrize("graph", ["denied", "broken"])
@in_virtual_time
async def test_without_resource_graph_the_fleet_comes_from_compute(graph: str, tmp_path: Path) -> None:
    cloud, notes = cloud_of(machines=40, graph=graph), Notes()
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"), notes)
    assert set(run.by_id) == {machine.key for machine in cloud.fleet}
    assert sum("listed through Compute" in warning for warning in notes.warnings) == 1
    assert sum("cannot check for running patch installations" in note for note in notes.warnings) == 1
    skipped = {key for key, row in run.by_id.items() if row["outcome"] == "skipped"}
    assert skipped == {machine.key for machine in cloud.fleet if machine.fate is Fate.STOPPED}


@in_virtual_time
async def test_a_subscription_that_cannot_be_listed_is_an_error_and_not_a_smaller_fleet(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=40, graph="denied")
    lost = cloud.fleet.subscriptions[0].subscription_id

    def deny(request: Request, reply: Reply) -> Reply:
        is_lost = f"/subscriptions/{lost}/providers/Microsoft.Compute/virtualMachines?" in request.url
        return (
            Reply(403, {}, b'{"error": {"code": "AuthorizationFailed", "message": "no"}}')
            if is_lost
            else reply
        )

    summary, run = await run_of(Transport(cloud, deny), settings_for(tmp_path / "run"))
    (error,) = run.fleet["inventory_errors"]
    assert (error["subscription_id"], error["code"], error["http_status"]) == (
        lost,
        "AuthorizationFailed",
        403,
    )
    assert set(run.by_id) == {m.key for m in cloud.fleet if m.subscription.subscription_id != lost}
    assert summary.exit_code == 3


@in_virtual_time
async def test_a_fleet_of_nothing_is_complete_and_warned_about(tmp_path: Path) -> None:
    notes = Notes()
    summary, run = await run_of(Transport(cloud_of(machines=0)), settings_for(tmp_path / "run"), notes)
    assert (summary.exit_code, run.rows, run.fleet["coverage_pct"]) == (0, [], None)
    assert notes.warnings == ["no VMs found"]


@in_virtual_time
async def test_nothing_listed_at_all_is_no_empty_fleet(tmp_path: Path) -> None:
    refused = Transport(cloud_of(), lambda *_: Reply(403, {}, b'{"error": {"code": "AuthorizationFailed"}}'))
    with pytest.raises(NothingListedError, match="AuthorizationFailed"):
        await scan_over(refused, settings_for(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


class Unreadable(Mapping[str, str]):
    """Headers that make whoever reads them raise."""

    def __getitem__(self, name: str) -> str:
        raise RuntimeError("planted")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("planted")

    def __len__(self) -> int:
        return 1


def odd_for(keys: set[str]) -> Callable[[Request, Reply], Reply]:
    """Replies to these machines' starts that break our own code."""

    def change(request: Request, reply: Reply) -> Reply:
        is_odd = "/assesspatches" in request.url.lower() and any(key in request.url.lower() for key in keys)
        return Reply(202, Unreadable()) if is_odd else reply

    return change


@in_virtual_time
async def test_one_odd_reply_that_makes_our_own_code_raise_ends_one_machine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cloud = cloud_of(machines=40)
    odd = next(machine.key for machine in cloud.fleet if machine.fate is Fate.SUCCEEDED)
    with caplog.at_level(logging.ERROR, "fleetscan"):
        summary, run = await run_of(Transport(cloud, odd_for({odd})), settings_for(tmp_path / "run"))
    assert run.by_id[odd]["outcome"] == Outcome.FAILED
    assert run.by_id[odd]["reason"] == Reason.INTERNAL_ERROR
    error = run.by_id[odd]["error"]
    assert (error["code"], error["message"]) == ("InternalError", "RuntimeError: planted")
    assert (error["http_status"], error["origin"]) == (None, "fleetscan")
    assert (len(run.rows), run.fleet["reasons"]["internal_error"], summary.exit_code) == (40, 1, 3)
    assert "planted" in caplog.text


@in_virtual_time
async def test_a_wire_that_raises_ends_one_machine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cloud = cloud_of(machines=20, stopped_pct=0.0)
    odd = next(iter(cloud.fleet)).key

    def raise_for_odd(request: Request, reply: Reply) -> Reply:
        if request.url.lower().startswith(f"https://management.azure.com{odd}/assesspatches"):
            raise UnicodeError("planted")
        return reply

    summary, run = await run_of(Transport(cloud, raise_for_odd), settings_for(tmp_path / "run"))
    assert (run.by_id[odd]["reason"], len(run.rows), summary.exit_code) == ("internal_error", 20, 3)
    assert "planted" in caplog.text


@in_virtual_time
async def test_a_machine_of_another_tenant_ends_alone(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, stopped_pct=0.0)
    odd = next(iter(cloud.fleet)).key

    def refuse(request: Request, reply: Reply) -> Reply:
        return Reply(401) if odd in request.url.lower() else reply

    summary, run = await run_of(Transport(cloud, refuse), settings_for(tmp_path / "run"))
    assert (run.by_id[odd]["reason"], summary.exit_code) == ("denied", 3)
    assert run.fleet["outcomes"]["assessed"] == 19


@in_virtual_time
async def test_the_tenth_bug_stops_the_scan_and_keeps_its_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cloud = cloud_of(machines=40)
    summary, run = await run_of(
        Transport(cloud, odd_for({machine.key for machine in cloud.fleet})), settings_for(tmp_path / "run")
    )
    assert summary.exit_code == BugError.exit_code == 70
    assert run.fleet["reasons"]["internal_error"] >= 10
    assert run.fleet["outcomes"]["interrupted"] > 0
    assert caplog.text.count("fleetscan failed on a reply") >= 10


class StopAfter(Hooks):
    """Asks for the end once this many rows are written."""

    def __init__(self, rows: int) -> None:
        self.stop = anyio.Event()
        self._rows = rows

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        self._rows -= 1
        if not self._rows:
            self.stop.set()


@in_virtual_time
async def test_a_stopped_scan_keeps_its_rows_and_counts_the_others_as_interrupted(tmp_path: Path) -> None:
    hooks = StopAfter(rows=20)
    wire = Transport(cloud_of(machines=60))
    summary = await scan_over(
        wire, settings_for(tmp_path / "run", max_in_flight=4, drain_s=0.0), hooks=hooks, stop=hooks.stop
    )
    run = read_run(tmp_path / "run")
    assert summary.exit_code == 5
    assert 20 <= len(run.rows) < 60
    assert run.fleet["outcomes"]["interrupted"] == 60 - len(run.rows)


@in_virtual_time
async def test_a_scan_stopped_while_listing_leaves_nothing_behind(tmp_path: Path) -> None:
    stop = anyio.Event()
    stop.set()
    with pytest.raises(StoppedError):
        await scan_over(Transport(cloud_of()), settings_for(tmp_path / "run"), stop=stop)
    assert not (tmp_path / "run").exists()


@in_virtual_time
async def test_a_token_that_is_never_good_ends_the_scan_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(TokenRefusedError):
        await scan_over(Transport(cloud_of(), lambda *_: Reply(401)), settings_for(tmp_path / "run"))


@in_virtual_time
async def test_a_401_in_the_middle_is_asked_again_and_never_becomes_a_row(tmp_path: Path) -> None:
    refused: set[str] = set()

    def refuse_once(request: Request, reply: Reply) -> Reply:
        if request.url in refused or "/operations/" not in request.url:
            return reply
        refused.add(request.url)
        return Reply(401)

    summary, run = await run_of(Transport(cloud_of(machines=20), refuse_once), settings_for(tmp_path / "run"))
    assert len(refused) > 10
    assert (summary.exit_code, run.fleet["outcomes"]["failed"]) == (0, 0)


@in_virtual_time
async def test_no_connection_on_every_first_listing_and_poll_loses_no_machine(tmp_path: Path) -> None:
    seen: set[str] = set()

    def reset_once(request: Request, reply: Reply) -> Reply:
        is_start = request.url.endswith("/assessPatches?api-version=2022-08-01")
        if is_start or request.url in seen:
            return reply
        seen.add(request.url)
        return Reply(0, fault=Fault.NOT_SENT, detail="no connection")

    cloud = cloud_of(machines=8, speed=20_000.0)
    summary, run = await run_of(Transport(cloud, reset_once), settings_for(tmp_path / "run"))
    assert (summary.exit_code, len(run.rows)) == (0, 8)
    assert run.fleet["requests"]["retried"] >= 8


class LiveOperations(Hooks):
    """How many operations are alive when the last rows are written."""

    def __init__(self, after: int) -> None:
        self._left = after
        self.alive: list[int] = []

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        self._left -= 1
        if self._left == 0:
            self.alive.append(sum(isinstance(thing, Operation) for thing in gc.get_objects()))


@in_virtual_time
async def test_memory_does_not_grow_with_results_already_written(tmp_path: Path) -> None:
    gc.collect()
    hooks = LiveOperations(after=190)
    cloud = cloud_of(machines=200, stopped_pct=0.0)
    await run_of(Transport(cloud), settings_for(tmp_path / "run", max_in_flight=4), hooks)
    # Ten have not ended; a few that have are still on their way out of the workers' hands.
    assert hooks.alive[0] <= 20


@in_virtual_time
async def test_no_installation_is_ended_by_an_assessment(tmp_path: Path) -> None:
    cloud = cloud_of(machines=120, installing_pct=40.0, speed=2_000.0)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"))
    assert cloud.ledger.installations_killed == []
    reasons = [row["reason"] for row in run.rows]
    busy = sum(machine.lot.installs_until is not None for machine in cloud.fleet)
    # Some are over when all others have ended: those are assessed, late.
    assert 0 < reasons.count("busy") < busy


@in_virtual_time
async def test_machines_whose_operation_died_days_ago_are_assessed_and_told(tmp_path: Path) -> None:
    cloud, notes = cloud_of(machines=40, stuck_pct=50.0, stopped_pct=0.0), Notes()
    dead = sum(machine.lot.stuck is not None for machine in cloud.fleet)
    assert dead > 5
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"), notes)
    assert (run.fleet["outcomes"]["assessed"], summary.exit_code) == (40, 0)
    assert notes.warnings == [
        f"{dead} VMs have a patch operation that Azure has shown as running for more than 6 h: "
        "it is ignored as dead, and assessments are started"
    ]


@in_virtual_time
async def test_an_operation_is_believed_for_as_long_as_the_setting_says(tmp_path: Path) -> None:
    cloud, notes = cloud_of(machines=40, stuck_pct=50.0, stopped_pct=0.0), Notes()
    stuck = [machine.lot.stuck for machine in cloud.fleet if machine.lot.stuck is not None]
    settings = settings_for(tmp_path / "run", busy_max_age_s=31 * 86_400.0)
    _, run = await run_of(Transport(cloud), settings, notes)
    # A VM that is said to be assessed is waited for, and started when its time is over.
    assert run.fleet["reasons"] == {"busy": sum(each.is_installation for each in stuck)}
    assert run.fleet["outcomes"]["assessed"] == 40 - run.fleet["reasons"]["busy"]
    assert notes.warnings == []


@in_virtual_time
async def test_a_lost_start_on_a_machine_whose_operation_died_waits_a_minute_and_not_the_timeout(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=12, stuck_pct=100.0, stopped_pct=0.0, speed=1.0, durations="regular")
    lost: set[str] = set()

    class Losing(Transport):
        async def exchange(self, request: Request) -> Reply:
            if request.method == "POST" and "assessPatches" in request.url and request.url not in lost:
                # The first start of each machine never arrives, and that is not known.
                lost.add(request.url)
                return Reply(0, fault=Fault.CUT)
            return await super().exchange(request)

    settings = settings_for(tmp_path / "run", first_poll_s=75.0, poll_interval_s=30.0)
    _, run = await run_of(Losing(cloud), settings)
    assert run.fleet["outcomes"]["assessed"] == 12
    # A minute until a start would have shown, and three for the assessment.
    assert run.fleet["duration_s"] < 360.0


@in_virtual_time
async def test_whoever_ignores_what_runs_is_let(tmp_path: Path) -> None:
    cloud = cloud_of(machines=40, installing_pct=40.0, speed=2_000.0)
    await run_of(Transport(cloud), settings_for(tmp_path / "run", ignore_busy=True))
    assert cloud.ledger.installations_killed
