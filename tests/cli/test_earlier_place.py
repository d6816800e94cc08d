"""The VMs of an earlier run are scanned again where that run found them, unless a person says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

import fleetscan
from fleetscan.cli.main import run
from fleetscan.errors import UsageError
from fleetscan.runs.reader import open_run
from tests.cli.processes import NOTHING, begun, ended, scanning, simulation
from tests.report.small_runs import edit_facts, small_run, unassessed, vm

PUBLIC = "https://management.azure.com"
POLLS = ("--first-poll", "0.5s", "--poll-interval", "1s")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the tests' own shell; a token, so that nothing else ends a scan."""
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "sesame")
    monkeypatch.chdir(tmp_path)


def scanned_at(path: Path, endpoint: object) -> str:
    """A finished run of that endpoint, in which one VM failed."""
    small_run(path, [vm("a"), unassessed("b")], 3)
    edit_facts(path, selection={"endpoint": endpoint})  # type: ignore[dict-item]
    return str(path)


def by_retry(path: str) -> tuple[str, ...]:
    return "scan", "--retry-failed", path


def by_directory(path: str) -> tuple[str, ...]:
    return "scan", "--inventory", path


def by_rows(path: str) -> tuple[str, ...]:
    return "scan", "--inventory", f"{path}/results.jsonl"


def by_plan(path: str) -> tuple[str, ...]:
    return "plan", "--inventory", path


every_way = pytest.mark.parametrize("way", [by_retry, by_directory, by_rows, by_plan])


@pytest.mark.parametrize("way", [by_retry, by_directory, by_rows])
def test_an_endpoint_that_is_not_said_is_that_of_the_run(
    way: Callable[[str], tuple[str, ...]], tmp_path: Path
) -> None:
    with simulation(NOTHING, "--failing-pct", "60", "--seed", "5") as endpoint:
        assert ended(begun(NOTHING, *scanning(endpoint, tmp_path / "first")))[0] == 3
        again = begun(NOTHING, *way(str(tmp_path / "first")), "--out", str(tmp_path / "again"), *POLLS)
        code, _, words = ended(again)
    assert code == 3, words
    assert f"At endpoint {endpoint}: " in words
    assert open_run(tmp_path / "again").facts["selection"]["endpoint"] == endpoint


@every_way
def test_another_endpoint_that_is_said_is_refused(
    way: Callable[[str], tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scanned_at(tmp_path / "run", "http://127.0.0.1:8080")
    assert run([*way(path), "--endpoint", PUBLIC]) == 2
    assert (
        f" error: {path} was scanned at http://127.0.0.1:8080, and its VMs are not at {PUBLIC}; "
        "scan them at --endpoint http://127.0.0.1:8080\n"
    ) in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["run"]


def test_a_variable_and_a_file_say_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scanned_at(tmp_path / "run", "http://127.0.0.1:8080")
    (tmp_path / "fleet.toml").write_text(f'endpoint = "{PUBLIC}"\n')
    assert run([*by_retry(path), "--config", str(tmp_path / "fleet.toml")]) == 2
    assert f"its VMs are not at {PUBLIC}" in capsys.readouterr().err
    monkeypatch.setenv("FLEETSCAN_ENDPOINT", PUBLIC)
    assert run(by_retry(path)) == 2
    assert f"its VMs are not at {PUBLIC}" in capsys.readouterr().err


@every_way
@pytest.mark.parametrize("endpoint", ["https://arm.example.net", "http://10.0.0.1", "https://a:b@host", "x"])
def test_an_endpoint_of_a_stranger_s_is_taken_only_where_it_is_said_again(
    way: Callable[[str], tuple[str, ...]],
    endpoint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(way(scanned_at(tmp_path / "run", endpoint))) == 2
    said = capsys.readouterr().err
    assert "which is none of Azure's clouds and not on this machine" in said
    assert "if the token may be sent there, say so with --endpoint" in said


def test_a_run_is_found_among_the_runs_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleetscan-runs").mkdir()
    scanned_at(tmp_path / "fleetscan-runs" / "20261123T020000Z-5c1f2a90", "https://arm.example.net")
    assert run(["scan", "--retry-failed", "20261123"]) == 2
    assert "scanned at https://arm.example.net" in capsys.readouterr().err


def test_a_plan_of_a_run_s_vms_is_of_its_endpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scanned_at(tmp_path / "run", "https://management.usgovcloudapi.net")
    assert run([*by_plan(path), "--quiet"]) == 0
    assert orjson.loads(capsys.readouterr().out)["selection"]["endpoint"] == (
        "https://management.usgovcloudapi.net"
    )


async def test_a_program_that_names_another_endpoint_is_refused(tmp_path: Path) -> None:
    path = scanned_at(tmp_path / "run", "http://127.0.0.1:8080")
    for settings in (fleetscan.Settings(retry_failed=path), fleetscan.Settings(inventory=path)):
        with pytest.raises(UsageError, match=r"scan them at endpoint=.http://127\.0\.0\.1:8080"):
            async with fleetscan.scan(settings, credential="sesame") as live:
                await live.finish()
