"""Real scans that are told to stop, or to go on where nothing is left to do: codes, times and files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from fleetscan.simulator.scenario import Scenario
from tests.process.azure import Azure
from tests.process.history import contents
from tests.process.scanner import TOKEN, Files, Scanner
from tests.strict_reader import read_run

# A scan takes seconds; one that takes so long has failed.
LONG_S = 60.0
DRAIN_S = 5.0


def scenario_of(machines: int, **more: float) -> Scenario:
    """Machines that can all be assessed, in two or three seconds."""
    plain = {"speed": 60.0, "limits_speed": 100.0, "stopped_pct": 0.0, "failing_pct": 0.0}
    return Scenario(machines=machines, durations="regular", token=TOKEN, **(plain | more))  # type: ignore[arg-type]


def gone_on(azure: Azure, out: Path) -> tuple[int | None, str]:
    """The exit code of a scan that goes on in `out`, and what it said."""
    with Scanner(azure.endpoint, out, out.with_suffix(".resumed.log"), "--resume") as scanner:
        return scanner.wait(LONG_S), scanner.said


def test_sigterm_ends_a_scan_within_its_drain_and_resume_completes_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(scenario_of(40, speed=240.0), tmp_path) as azure:
        with Scanner(azure.endpoint, out, tmp_path / "scan.log") as scanner:
            assert scanner.wait_until(lambda: Files.of(out).count("accepted") > 5, LONG_S)
            scanner.send(signal.SIGTERM)
            assert scanner.wait(DRAIN_S + 5.0) == 5
        assert f"resume with: fleetscan resume {out}" in scanner.said
        stopped, rows = read_run(out), Files.of(out).rows
        assert stopped.facts["exit_code"] == 5
        assert stopped.fleet["outcomes"]["interrupted"] > 0
        assert gone_on(azure, out)[0] == 0
    assert Files.of(out).rows.startswith(rows)
    assert read_run(out).fleet["outcomes"]["assessed"] == 40
    assert [len(posts) for posts in azure.account.posts.values()] == [1] * 40


def test_a_second_sigint_ends_a_scan_at_once_and_resume_follows_what_runs(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(scenario_of(20, speed=80.0), tmp_path) as azure:
        with Scanner(azure.endpoint, out, tmp_path / "scan.log") as scanner:
            assert scanner.wait_until(lambda: Files.of(out).count("accepted") == 20, LONG_S)
            scanner.send(signal.SIGINT)
            # Two signals that nobody has heard yet are one.
            assert scanner.wait(0.3) is None
            scanner.send(signal.SIGINT)
            assert scanner.wait(1.0) == 130
        assert f" error: Quit. Resume with: fleetscan resume {out}\n" in scanner.said
        told = subprocess.run(
            [sys.executable, "-m", "fleetscan", "resume", str(out), "--no-quiet"],
            env=os.environ | {"FLEETSCAN_ACCESS_TOKEN": TOKEN},
            stderr=subprocess.PIPE,
            text=True,
            timeout=LONG_S,
            check=False,
        )
        assert told.returncode == 0
        assert told.stderr.splitlines()[1].endswith(" UTC: 0 VMs done, 20 followed, 0 to start")
    assert read_run(out).fleet["outcomes"]["assessed"] == 20
    assert [len(posts) for posts in azure.account.posts.values()] == [1] * 20


def test_to_go_on_with_a_finished_run_touches_no_file_and_leaves_with_its_code(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(scenario_of(20, speed=600.0, failing_pct=20.0), tmp_path) as azure:
        with Scanner(azure.endpoint, out, tmp_path / "scan.log") as scanner:
            assert scanner.wait(LONG_S) == 3
        before = contents(out)
        code, said = gone_on(azure, out)
        assert (code, contents(out)) == (3, before)
        assert " info: nothing was scanned: the run in " in said
