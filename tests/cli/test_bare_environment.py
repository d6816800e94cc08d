"""Real processes where nothing, or nothing sensible, is set: the same codes, data and words as anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from tests.cli.processes import NOTHING, begun, ended, scanning, simulation
from tests.strict_reader import read_run

ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "nothing": NOTHING,
    # What Python would mend of itself is switched off.
    "ascii": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "nonsense": {
        "HOME": "/nowhere",
        "PATH": "",
        "TERM": "none-9",
        "COLUMNS": "wide",
        "LINES": "-1",
        "TZ": "Nowhere/Else",
        "LANG": "xx_YY.none",
        "PYTHONUNBUFFERED": "1",
    },
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_scan_and_a_plan_need_nothing_of_the_environment(name: str, tmp_path: Path) -> None:
    environment = ENVIRONMENTS[name]
    with simulation(environment) as endpoint:
        scan = begun(environment, *scanning(endpoint, tmp_path / "run"))
        plan = begun(environment, "plan", "--endpoint", endpoint)
        told = begun(environment, "plan", "--endpoint", endpoint, "--format", "text")
        scan_code, scan_data, scan_words = ended(scan)
        plan_code, plan_data, plan_words = ended(plan)
        told_code, told_data, _ = ended(told)
    assert (scan_code, scan_data) == (0, "")
    assert "7 VMs listed, 7 assessed in " in scan_words
    assert len(read_run(tmp_path / "run").rows) == 7
    assert plan_code == 0
    assert orjson.loads(plan_data)["schema"] == "fleetscan.plan/1"
    assert (told_code, "7 VMs listed, 7 to assess" in told_data) == (0, True)
    assert "Traceback" not in scan_words + plan_words


@pytest.mark.parametrize("arguments", [("--help",), ("scan", "--help"), ("schema",)], ids=" ".join)
def test_help_and_schema_say_the_same_in_every_environment(arguments: tuple[str, ...]) -> None:
    processes = [begun(environment, *arguments) for environment in ENVIRONMENTS.values()]
    first, *others = [ended(process) for process in processes]
    assert (first[0], first[2]) == (0, "")
    assert first[1].isascii()
    assert others == [first, first]


def test_a_demo_needs_nothing_of_the_environment(tmp_path: Path) -> None:
    demo = begun(NOTHING, "demo", "--machines", "3", "--out", str(tmp_path / "run"))
    code, data, _ = ended(demo)
    assert (code, data) == (0, "")
    assert len(read_run(tmp_path / "run").rows) == 3
