"""What is wrong with a selection is said alike by every command that lists, with the same exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from fleetscan.cli.main import run
from tests.cli.processes import simulation

Heard: TypeAlias = Callable[..., tuple[int, str, str]]
"""Runs a command; gives its exit code, what it prints, and what it says."""

COMMANDS = ("inventory", "plan", "scan")
UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A simulated Azure of seven VMs."""
    with simulation() as url:
        yield url


@pytest.fixture
def heard(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Heard:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "sesame")
    monkeypatch.setenv("FLEETSCAN_ENDPOINT", endpoint)

    def run_it(command: str, *arguments: str) -> tuple[int, str, str]:
        out = ["--out", str(tmp_path / "run")] if command == "scan" else []
        code = run([command, *out, *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run_it


every_command = pytest.mark.parametrize("command", COMMANDS)


@every_command
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--tag", "no-such-tag=1"], 0, "none is left by tag no-such-tag=1; check this rule"),
        (["--name", "zzz-*", "--location", "westeurope"], 0, "none is left by "),
        (["--location", "atlantis"], 0, "none is left by location atlantis; check this rule"),
        (["--subscription", "nosuch"], 4, "a subscription named 'nosuch' is not among the subscriptions"),
        (["--subscription", UNKNOWN_ID], 4, f"subscription {UNKNOWN_ID}: this subscription is not among"),
        (["--exclude-subscription", "nosuch"], 2, "what to leave out is not known"),
        (["--management-group", "nosuch"], 4, "management group nosuch cannot be read (404"),
        (["--tag", "=x"], 2, "--tag must be NAME=VALUE, NAME or NAME!=VALUE"),
        (["--name", "a", "--exclude-name", "A*"], 2, "no VM can pass both name a and exclude-name 'A*'"),
        (["--inventory", "nofile"], 2, "the inventory nofile cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_command_says_what_is_wrong(
    command: str, arguments: list[str], code: int, said: str, heard: Heard
) -> None:
    found, out, words = heard(command, *arguments)
    assert (found, "Traceback" in words) == (code, False)
    assert said in words
    assert bool(out) is (command == "plan" and code == 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scan", "--deadline", "5"], "--deadline needs a unit: write 5s for seconds"),
        (["plan", "--poll-interval", "1 parsec"], "--poll-interval must be a duration with its unit"),
        (["plan", "--max-age", "8d"], "because Resource Graph keeps assessments for seven days"),
        (
            ["plan", "--with-patches"],
            "with-patches is about earlier assessments or Arc servers, and none are asked for",
        ),
        (["plan", "--format", "yaml"], "--format must be one of text, markdown, json, not 'yaml'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_value_that_cannot_be_read_is_a_sentence(arguments: list[str], said: str, heard: Heard) -> None:
    code, out, words = heard(*arguments)
    assert (code, out) == (2, "")
    assert said in words


@every_command
@pytest.mark.parametrize("text", ["", "\ufeff\r\n", "id,name\r\n", "[]"], ids=repr)
def test_a_file_without_vms_is_what_is_to_be_checked(
    command: str, text: str, heard: Heard, tmp_path: Path
) -> None:
    (tmp_path / "vms").write_text(text, encoding="utf-8", newline="")
    code, _, words = heard(command, "--inventory", str(tmp_path / "vms"))
    assert code == 0
    assert "vms names none; check the file, and the command that writes it: --inventory" in words


def test_vms_that_no_longer_exist_have_rows_that_say_so(heard: Heard, tmp_path: Path) -> None:
    _, out, _ = heard("inventory")
    there = json.loads(out.splitlines()[0])["resource_id"]
    gone = f"{there.rpartition('/')[0]}/no-such-vm"
    # As a spreadsheet saves a column: a heading, a byte order mark, Windows line ends.
    (tmp_path / "vms").write_text(f"Resource Id\r\n{gone}\r\n", encoding="utf-8-sig", newline="")
    code, _, _ = heard("scan", "--inventory", str(tmp_path / "vms"))
    row = json.loads((tmp_path / "run" / "results.jsonl").read_text(encoding="utf-8"))
    assert (code, row["name"], row["outcome"], row["reason"]) == (3, "no-such-vm", "failed", "gone")
    code, out, _ = heard("plan", "--inventory", str(tmp_path / "vms"))
    # A plan asks nothing about a VM that a file names.
    assert (code, json.loads(out)["to_assess"]) == (0, 1)
