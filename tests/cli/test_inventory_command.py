"""`fleetscan inventory`: the selection as JSON, a table or CSV, and the others with their rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.cli.main import run

SUBSCRIPTION = "3f8c0d5e-1111-2222-3333-444444444444"


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No width, and a token that nothing asks for."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "opens-nothing")


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Three VMs, of which one has no tags and one has odd ones."""
    rows = [
        {"id": vm("web-1"), "location": "westeurope", "os_type": "Linux", "tags": {"Env": "prod"}},
        {"id": vm("web-2"), "location": "eastus", "os_type": "Windows", "tags": {"env": "=1+1\n"}},
        {"id": vm("db-1"), "location": "westeurope", "power_state": "stopped", "tags": {}},
    ]
    path = tmp_path / "vms.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def vm(name: str) -> str:
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{name}"
    )


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["inventory", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_selection_is_printed_as_lines_that_a_scan_takes_back(
    capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path
) -> None:
    code, out, _ = printed(capsys, "--inventory", file, "--location", "West Europe")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["name"] for row in rows] == ["web-1", "db-1"]
    assert rows[0]["tags"] == {"Env": "prod"}
    assert rows[0]["excluded_by"] is None
    (tmp_path / "again.jsonl").write_text(out, encoding="utf-8")
    _, again, _ = printed(capsys, "--inventory", str(tmp_path / "again.jsonl"))
    assert again == out


def test_the_others_are_printed_with_the_rule_that_leaves_each_out(
    capsys: pytest.CaptureFixture[str], file: str
) -> None:
    selecting = ("--tag", "env", "--exclude-os", "windows", "--limit", "1")
    code, out, _ = printed(capsys, "--inventory", file, *selecting, "--show-excluded")
    told = {row["name"]: row["excluded_by"] for row in map(json.loads, out.splitlines())}
    assert (code, told) == (0, {"web-2": "exclude-os windows", "db-1": "tag env"})
    _, out, _ = printed(capsys, "--inventory", file, "--limit", "2", "--show-excluded")
    assert [json.loads(line)["excluded_by"] for line in out.splitlines()] == ["limit 2"]


def test_a_table_is_for_people_and_csv_is_safe_for_spreadsheets(
    capsys: pytest.CaptureFixture[str], file: str
) -> None:
    _, table, _ = printed(capsys, "--inventory", file, "--format", "table")
    head, first, *_ = table.splitlines()
    assert head.split()[:2] == ["NAME", "RESOURCE"]
    assert first.split()[0] == "web-1"
    _, csv, _ = printed(capsys, "--inventory", file, "--format", "csv", "--show-excluded", "--name", "db-*")
    assert csv.splitlines()[0].startswith('"resource_id","kind"')
    assert csv.splitlines()[1].endswith("\"name 'db-*'\"")


def test_a_scan_s_file_of_settings_is_read_and_what_only_a_scan_has_is_passed_over(
    capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path
) -> None:
    config = tmp_path / "nightly.toml"
    config.write_text('deadline = "2h"\nfail-on = "failed>0"\nname = ["db-*"]\n', encoding="utf-8")
    code, out, _ = printed(capsys, "--inventory", file, "--config", str(config))
    assert (code, [json.loads(line)["name"] for line in out.splitlines()]) == (0, ["db-1"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--name", "nothing"), 0, "no VMs selected: none is left by name nothing"),
        (("--os", "windows", "--exclude-os", "windows"), 2, "no VM can pass both"),
        (("--tag", "=x"), 2, "--tag must be NAME=VALUE, NAME or NAME!=VALUE"),
        (("--power-state", "runing"), 2, "did you mean running?"),
        (("--format", "xml"), 2, "--format must be one of jsonl, json, table, csv, markdown"),
    ],
)
def test_what_is_wrong_with_a_selection_is_a_sentence(
    capsys: pytest.CaptureFixture[str], file: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended, out, err = printed(capsys, "--inventory", file, *arguments)
    assert (ended, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
