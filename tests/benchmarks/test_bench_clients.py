"""The compared programs: what they are called with, and that the floor does what it is fixed to."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks.__main__ import weather
from benchmarks.clients.inputs import Machine, machine
from benchmarks.commands import Client, command, first_look_after, learning_from, pace_at
from benchmarks.process import RowWatch
from benchmarks.rows import read_row, read_rows
from benchmarks.runs import measure, measure_first_start
from benchmarks.scenarios import BRIEF_PACE, brief, limited_fleet
from benchmarks.soon import TWO_LASTING
from fleetscan.runs.reader import open_run
from fleetscan.scanner.past_durations import durations_of

VM = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/N"
RESULT = {"status": "Succeeded", "criticalAndSecurityPatchCount": 0, "otherPatchCount": 3}


def test_a_later_scan_learns_from_what_a_run_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "bench")
    measure(Client.FLEETSCAN, brief(5), BRIEF_PACE, machines=5, cap_s=60.0, keep=tmp_path)
    assert len(durations_of(open_run(tmp_path)).by_machine) == 5
    again = measure(
        Client.FLEETSCAN_AGAIN, brief(5), learning_from(tmp_path, BRIEF_PACE), machines=5, cap_s=60.0
    )
    # Of what the last run tells, Resource Graph is not asked again.
    assert (again.results, again.trouble) == (5, "")
    assert again.requests == {"start": 5, "poll": 5, "list": 1}


@pytest.mark.parametrize("client", [Client.FLOOR, Client.FLEETSCAN])
def test_a_machine_costs_one_start_and_one_look(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "bench")
    run = measure(client, brief(70), BRIEF_PACE, machines=70, cap_s=60.0)
    assert (run.results, run.lost, run.unreached, run.throttled, run.trouble) == (70, 0, 0, 0, "")
    # fleetscan asks once for all where patches are being installed, and how long they took last time.
    asked_once = {"list": 2} if client is Client.FLEETSCAN else {}
    assert run.requests == {"start": 70, "poll": 70, **asked_once}
    assert run.cpu_s > 0.05
    assert run.peak_mb > 10
    # Nobody can have written a result before it was there.
    assert run.delay_median_s is not None
    assert 0 < run.delay_median_s < 5


def test_the_cpu_until_the_first_start_is_known_and_the_listing_is_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "bench")
    run = measure_first_start(Client.FLEETSCAN, TWO_LASTING, first_look_after(3600.0), cap_s=60.0)
    assert run.requests is not None
    assert (run.requests["start"], run.trouble) == (2, "")
    # Subscriptions, their VMs, and where patches are being installed.
    assert run.requests["list"] >= 2
    assert run.first_start_cpu_s is not None
    assert 0.05 < run.first_start_cpu_s <= run.cpu_s + 0.011


def test_the_floor_is_64_tasks_that_wait_the_time_they_are_told(tmp_path: Path) -> None:
    order = command(Client.FLOOR, "http://127.0.0.1:1", tmp_path / "vms", tmp_path, BRIEF_PACE)
    assert order.line[-4:] == ("--wait-s", "0.1", "--width", "64")


def test_at_lifes_own_speed_fleetscan_gets_ordinary_flags_alone(tmp_path: Path) -> None:
    order = command(Client.FLEETSCAN, "http://127.0.0.1:1", tmp_path / "vms", tmp_path, pace_at(1.0))
    assert order.line[1:4] == ("-m", "fleetscan", "scan")
    assert [word for word in order.line if word.startswith("--")] == [
        "--endpoint", "--inventory", "--out", "--quiet",
    ]  # fmt: skip


def test_every_client_waits_a_hundredth_at_a_hundred_times_lifes_speed(tmp_path: Path) -> None:
    pace = pace_at(100.0)
    assert pace.fleetscan == ("--first-poll", "1.9s", "--poll-interval", "1.9s")
    assert (pace.wait_s, pace.floor_wait_s) == (0.3, 1.9)


def test_a_second_run_is_told_of_the_first(tmp_path: Path) -> None:
    pace = learning_from(tmp_path, pace_at(1.0))
    order = command(Client.FLEETSCAN_AGAIN, "http://127.0.0.1:1", tmp_path / "vms", tmp_path, pace)
    assert order.line[-2:] == ("--last-run", str(tmp_path))


@pytest.mark.parametrize(
    ("row", "is_result"),
    [
        ({"id": VM, "result": RESULT}, True),
        ({"resource_id": VM, "outcome": "assessed", "assessment": RESULT}, True),
        ({"id": VM, "result": None, "error": "HttpResponseError()"}, False),
        ({"id": VM, "result": {"status": "Succeeded"}}, False),
        ({"id": VM, "result": RESULT | {"status": "Failed"}}, False),
        ({"resource_id": VM, "outcome": "failed", "assessment": None}, False),
    ],
)
def test_a_line_is_a_result_when_a_good_status_and_a_count_are_in_it(row: object, is_result: bool) -> None:
    assert read_row(orjson.dumps(row)) == (VM, is_result)


def test_a_line_that_was_cut_off_is_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    line = orjson.dumps({"id": VM, "result": RESULT})
    path.write_bytes(line + b"\n" + line[:20])
    watch = RowWatch(path)
    watch.look()
    rows = read_rows(watch, {})
    assert (rows.results, rows.without, rows.delays_s) == (1, 0, ())


def test_a_row_is_dated_by_when_its_last_byte_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    watch = RowWatch(path)
    watch.look()
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b"12345\n")
        watch.look()
    assert watch.seen_at(6) < watch.seen_at(7) == watch.seen_at(12)


def test_an_id_gives_what_the_official_clients_ask_for() -> None:
    assert machine(VM) == Machine(VM, "S", "G", "N")


def test_the_weather_of_limits_is_any_field_of_the_scenario() -> None:
    asked = dict([weather("limits_speed=0.5"), weather("refill=by-minute")])
    name, fleet = limited_fleet(asked)
    assert name == "4 subscriptions of 500 VMs, limits_speed 0.5, refill by-minute"
    assert (fleet.limits_speed, fleet.refill, fleet.machines) == (0.5, "by-minute", 2_000)
