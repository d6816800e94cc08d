"""The demo beside the runs of a fleet: it leaves them alone, and what it prints works as printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from fleetscan.runs.reader import open_run
from tests.report.small_runs import small_run, vm


def fleetscan(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A real process in the directory `here`, with a wide screen."""
    return subprocess.run(
        [sys.executable, "-m", "fleetscan", *arguments],
        cwd=here,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_demo_leaves_the_runs_of_a_fleet_alone_and_its_commands_work_as_printed(tmp_path: Path) -> None:
    runs = tmp_path / "fleetscan-runs"
    runs.mkdir()
    small_run(runs / "20261123T020000Z-5c1f2a90", [vm("a")], 0)
    (runs / "latest").symlink_to("20261123T020000Z-5c1f2a90")
    demo = fleetscan(tmp_path, "demo", "--machines", "20", "--speed", "100000")
    assert demo.returncode == 0, demo.stderr
    assert sorted(os.listdir(runs)) == ["20261123T020000Z-5c1f2a90", "latest"]
    [made] = os.listdir(tmp_path / "fleetscan-demo")
    assert (
        f"This run is not among those of a fleet. Show it with: fleetscan report fleetscan-demo/{made}\n"
        in (demo.stderr)
    )
    printed = re.findall(r"fleetscan ((?:report|show) fleetscan-demo/.*)", demo.stderr)
    assert len(printed) == 2
    endpoint = open_run(tmp_path / "fleetscan-demo" / made).facts["selection"]["endpoint"]
    for command in printed:
        shown = fleetscan(tmp_path, *shlex.split(command))
        assert shown.returncode == 0, shown.stderr
        assert f"endpoint {endpoint}" in shown.stdout + shown.stderr
    # Without a name it is not the run of the demo that is shown.
    assert "fleetscan-runs/20261123T020000Z-5c1f2a90" in fleetscan(tmp_path, "report").stderr


def test_no_latest_leads_to_a_demo_wherever_it_is_written(tmp_path: Path) -> None:
    for out in ("fleetscan-runs/demo", "fleetscan-demo/demo"):
        demo = fleetscan(tmp_path, "demo", "--machines", "3", "--speed", "100000", "--out", out)
        assert (demo.returncode, "latest" in demo.stderr) == (0, False)
        assert os.listdir((tmp_path / out).parent) == ["demo"]


def test_a_demo_that_is_quiet_says_nothing(tmp_path: Path) -> None:
    demo = fleetscan(tmp_path, "demo", "--machines", "3", "--speed", "100000", "--quiet")
    assert (demo.returncode, demo.stdout, demo.stderr) == (0, "", "")
