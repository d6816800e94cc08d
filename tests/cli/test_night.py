"""Unattended scans as real processes: the first line, the last one, and what stands between."""

from __future__ import annotations

import base64
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import NONE_ASSESSED, NOTHING, begun, ended, scanning, simulation, spoken
from tests.cli.processes import TOKEN as SESAME
from tests.strict_reader import read_run

CLAIMS = {"oid": "0b-1", "appid": "a1-2", "tid": "t3-4", "app_displayname": "nightly scanner"}
PAYLOAD = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip("=")
TOKEN = f"eyJhbGciOiJub25lIn0.{PAYLOAD}.c2lnbmF0dXJl"
SLOW = ("--speed", "1")


def night(
    endpoint: str, out: Path | str, *more: str, token: str = SESAME, **environment: str
) -> tuple[int, list[str]]:
    """A scan without a terminal: its exit code and the lines of its log."""
    process = begun(environment, *scanning(endpoint, out), *more, token=token)
    code, _, words = ended(process)
    return code, words.splitlines()


def records(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_the_first_line_says_what_runs_as_whom_over_what_and_where_and_the_last_how_it_ended(
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    with simulation(NOTHING, "--token", TOKEN, "--failing-pct", "60", "--seed", "5") as endpoint:
        code, lines = night(endpoint, out, token=TOKEN)
    assert code == 3
    first, *rest = spoken("\n".join(lines)).splitlines()
    assert re.fullmatch(
        r"fleetscan \d+\.\d+\.\d+ as nightly scanner \(app a1-2, tenant t3-4\): "
        rf"7 VMs in [1-4] subscriptions, run in {out}",
        first,
    )
    totals = read_run(out).totals[0]
    outcomes = totals["outcomes"]
    assert rest[-1].startswith(
        "exit 3 (complete, but some VMs failed or could not be listed): 7 VMs "
        f"({outcomes['assessed']} assessed, {outcomes['failed']} failed"
    )
    assert rest[-1].endswith(f"; run in {out}")
    assert f"missing: {totals['critical_and_security_count']} critical and security, " in rest[-1]
    assert " warning: exit 3" in lines[-1]


def test_what_no_assessed_vm_misses_is_unknown_and_not_zero(tmp_path: Path) -> None:
    with simulation(NOTHING, *NONE_ASSESSED) as endpoint:
        code, lines = night(endpoint, tmp_path / "plain")
        assert code == 0
        assert "; missing: unknown; " in lines[-1]
        assert "0 critical" not in lines[-1]
        _, lines = night(endpoint, tmp_path / "json", "--log-format", "json")
    assert read_run(tmp_path / "json").totals[0]["outcomes"]["assessed"] == 0
    last = records(lines)[-1]
    assert (last["critical_and_security_count"], last["other_count"]) == (None, None)
    assert (last["listed"], last["coverage_pct"]) == (7, 0)


def test_json_has_the_same_in_fields_and_no_other_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with simulation(NOTHING, "--token", TOKEN) as endpoint:
        code, lines = night(endpoint, out, "--log-format", "json", token=TOKEN)
    assert code == 0
    first, *_, last = records(lines)
    subscriptions = {row["subscription_id"] for row in read_run(out).rows}
    assert first["event"] == "begin"
    assert first["principal"]["name"] == "nightly scanner"
    assert (first["vms"], first["subscriptions"], first["directory"]) == (7, len(subscriptions), str(out))
    assert (last["event"], last["exit_code"], last["level"]) == ("end", 0, "info")
    assert last["outcomes"] == read_run(out).totals[0]["outcomes"]
    assert last["directory"] == str(out)


def test_failed_vms_have_their_names_with_v_and_the_stats_come_as_often_as_asked(tmp_path: Path) -> None:
    with simulation(NOTHING, "--failing-pct", "60", "--seed", "5", "--speed", "100") as endpoint:
        often = night(endpoint, tmp_path / "a", "-v", "--stats-interval", "300ms", "--log-format", "json")[1]
        never = night(endpoint, tmp_path / "b", "--stats-interval", "0s", "--log-format", "json")[1]
    failed = {row["resource_id"] for row in read_run(tmp_path / "a").rows if row["outcome"] == "failed"}
    told = [each for each in records(often) if each.get("event") == "vm"]
    assert failed
    assert {each["resource_id"] for each in told} == failed
    assert {each["level"] for each in told} == {"warning"}
    assert len([each for each in records(often) if each.get("event") == "progress"]) >= 2
    assert not [each for each in records(never) if each.get("event") in ("progress", "vm")]


@pytest.mark.parametrize("failing", [0, 60])
def test_quiet_has_the_last_line_only_where_the_exit_code_is_not_0(failing: int, tmp_path: Path) -> None:
    with simulation(NOTHING, "--failing-pct", str(failing), "--seed", "5") as endpoint:
        code, lines = night(endpoint, tmp_path / "run", "--quiet")
    ends = [line for line in spoken("\n".join(lines)).splitlines() if line.startswith("exit ")]
    assert (code, len(ends)) == ((3, 1) if failing else (0, 0))
    assert lines[-1:] == [line for line in lines if " exit 3 (" in line]


def test_a_scan_that_cannot_begin_says_so_between_its_first_and_last_line(tmp_path: Path) -> None:
    with simulation() as endpoint:
        code, lines = night(endpoint, tmp_path / "run", token="wrong-token")
        again = night(endpoint, tmp_path, "--log-format", "json", token="wrong-token")
    assert code == 4
    first, *_, last = spoken("\n".join(lines)).splitlines()
    assert first.startswith("fleetscan ")
    assert last.startswith("exit 4 (could not scan): ")
    assert [each["level"] for each in records(again[1])][-1] == "error"


def test_a_stopped_scan_and_one_that_is_cut_off_have_a_last_line_too(tmp_path: Path) -> None:
    with simulation(NOTHING, *SLOW) as endpoint:
        for number, code in ((signal.SIGTERM, 5), (signal.SIGINT, 130)):
            out = tmp_path / number.name
            process = begun(NOTHING, *scanning(endpoint, out), "--drain", "1s" if code == 5 else "1h")
            assert process.stderr is not None
            while "7 VMs in" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(number)
            if code == 130:
                while "Stopping." not in process.stderr.readline():
                    assert process.poll() is None
                process.send_signal(number)
            ended_with, _, words = ended(process)
            assert ended_with == code
            assert spoken(words).splitlines()[-1].startswith(f"exit {code} (")
            assert str(out) in words.splitlines()[-1]


def test_a_run_that_is_finished_already_ends_with_its_totals_and_directory(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with simulation() as endpoint:
        night(endpoint, out)
        code, lines = night(endpoint, out, "--resume")
    assert code == 0
    assert spoken(lines[0]).startswith("fleetscan ")
    assert spoken(lines[-1]).startswith("exit 0 (complete): 7 VMs (7 assessed)")
    assert lines[-1].endswith(f"run in {out}")


def test_a_warning_that_comes_early_does_not_come_before_the_first_line(tmp_path: Path) -> None:
    with simulation() as endpoint:
        _, lines = night(endpoint, tmp_path / "run", FLEETSCAN_LIMITS="5")
    said = spoken("\n".join(lines)).splitlines()
    assert said[0].startswith("fleetscan ")
    assert "FLEETSCAN_LIMITS" in said[1]


def test_a_gate_that_is_not_passed_is_said_in_a_log_without_a_second_prefix(tmp_path: Path) -> None:
    with simulation() as endpoint:
        code, lines = night(endpoint, tmp_path / "run", "--fail-on", "listed>1")
    assert code == 1
    assert [line for line in lines if " warning: gate not passed: listed is 7, more than 1: " in line]
    assert not [line for line in lines if "warning: fleetscan:" in line]
