"""The summary: every figure of the fleet's line that matters, at 80 columns, whatever the stream can show."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from fleetscan.records.totals import NotListed, Totals
from fleetscan.report.terminal import print_summary

FLEET: Totals = {
    "schema": "fleetscan.totals/1",
    "scan_id": "4f1c2a9e-0000-4000-8000-000000000000",
    "scope": "fleet",
    "key": None,
    "name": None,
    "listed": 300,
    "outcomes": {"assessed": 271, "failed": 9, "timed_out": 2, "skipped": 18, "interrupted": 0},
    "statuses": {"Succeeded": 271},
    "reasons": {
        "agent_not_ready": 3,
        "denied": 4,
        "not_running": 15,
        "operation_failed": 2,
        "operation_timeout": 2,
        "unsupported": 3,
    },
    "critical_and_security_count": 1412,
    "other_count": 1093,
    "reboot_pending": 31,
    "vms_with_critical_or_security": 88,
    "patches_incomplete": 4,
    "coverage_pct": 90.33,
    "compliance_pct": 61.0,
    "started_at": "2026-11-23T02:00:00.000000Z",
    "finished_at": "2026-11-23T02:04:12.300000Z",
    "duration_s": 252.3,
    "requests": {"list": 9, "start": 280, "poll": 915, "other": 0, "throttled": 3, "retried": 4},
    "selection": {"subscription": [], "limit": None},
    "not_scanned": [],
    "uniform_scale_set_vms": 0,
    "inventory_errors": [],
}


def summary(
    encoding: str = "utf-8",
    directory: Path | None = None,
    running: int = 0,
    resume_command: str | None = None,
    **changed: Any,
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    fleet: Any = {**FLEET, **changed}
    print_summary(fleet, directory=directory, stream=stream, running=running, resume_command=resume_command)
    stream.flush()
    return raw.getvalue().decode(encoding)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def error(message: str) -> NotListed:
    return {"subscription_id": "sub-1", "code": "AuthorizationFailed", "message": message, "http_status": 403}


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width rich takes where the stream is no terminal, whatever the terminal of the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_a_summary_says_what_happened_to_the_fleet_on_one_screen() -> None:
    assert lines(summary(directory=Path("fleetscan-runs/20261123T020000Z-4f1c2a9e"))) == [
        "300 VMs listed, 271 assessed in 4 min 12 s.",
        "Coverage     █████████░   90.33 % of VMs listed",
        "Compliance   ██████░░░░   61.00 % of VMs listed miss no critical/security patch",
        "Missing      1,412 critical and security patches on 88 VMs; 1,093 other",
        "Reboot       pending on 31 VMs",
        "Incomplete   4 patch lists are truncated; counts are correct",
        "Skipped      18: 15 not running, 3 unsupported",
        "Failed       9: 4 denied, 3 agent not ready, 2 operation failed",
        "Timed out    2",
        "Requests     1,204: 9 list, 280 start, 915 poll; 3 throttled, 4 retried",
        "Files        fleetscan-runs/20261123T020000Z-4f1c2a9e",
    ]


def test_machines_skipped_on_a_files_word_are_told_apart() -> None:
    stream = io.StringIO()
    print_summary(FLEET, directory=None, stream=stream, skipped_on_file_word=12)
    told = lines(stream.getvalue())
    assert told[told.index("Skipped      18: 15 not running, 3 unsupported") + 1] == (
        "             12 of them because the inventory file says so"
    )
    assert "inventory file" not in summary()


def test_no_line_is_wider_than_80_columns() -> None:
    text = summary(inventory_errors=[error("x" * 5000)])
    assert max(len(line) for line in text.splitlines()) <= 80


def test_without_a_terminal_there_are_no_escape_sequences() -> None:
    assert "\x1b" not in summary(inventory_errors=[error("no")])


def test_an_ascii_stream_gets_a_summary_too() -> None:
    text = summary("ascii", Path("läufe/1"))
    assert "Coverage     #########-   90.33 % of VMs listed" in text
    assert "Files        l\\xe4ufe/1" in text


def test_a_long_path_is_not_folded() -> None:
    directory = Path("/" + "deep/" * 40 + "run")
    assert str(directory) in summary(directory=directory)


def test_without_files_none_are_named() -> None:
    assert "Files" not in summary()


def test_what_could_not_be_listed_is_told_by_name_and_beyond_eight_by_number() -> None:
    text = lines(summary(inventory_errors=[error("no right") for _ in range(11)]))
    assert text.count("NOT LISTED   subscription sub-1: AuthorizationFailed (403): no right") == 8
    assert "NOT LISTED   and 3 more" in text
    told = " ".join(" ".join(text).split())
    assert (
        told.count("give the identity Microsoft.Compute/virtualMachines/read there (in the role Reader)") == 1
    )


def test_what_lines_above_said_in_full_is_only_named() -> None:
    stream = io.StringIO()
    fleet: Any = {**FLEET, "inventory_errors": [error("no right")]}
    print_summary(fleet, directory=None, stream=stream, are_errors_told=True)
    assert "NOT LISTED   subscription sub-1: AuthorizationFailed (403)" in lines(stream.getvalue())
    assert "give the identity" not in stream.getvalue()


def test_hostile_text_does_nothing_to_the_terminal() -> None:
    text = summary(inventory_errors=[error("a\x1b[2Jb\r\nc\u202ed [bold]e")])
    assert "a\\x1b[2Jb c\\u202ed [bold]e" in " ".join(text.split())
    assert "\x1b" not in text


def test_a_fleet_of_nothing_says_so_and_shows_no_shares() -> None:
    text = summary(listed=0, coverage_pct=None, compliance_pct=None, inventory_errors=[error("no")])
    assert lines(text)[0] == "0 VMs listed."
    assert "NOT LISTED" in text
    assert "Coverage" not in text


def test_an_interrupted_scan_says_how_many_never_ended() -> None:
    outcomes = {"assessed": 271, "failed": 0, "timed_out": 0, "skipped": 0, "interrupted": 29}
    text = lines(
        summary(outcomes=outcomes, directory=Path("run"), running=4, resume_command="fleetscan resume run")
    )
    assert "Unfinished   4 running, 25 not started; resume with: fleetscan resume run" in text
    assert not any(line.startswith(("Failed", "Skipped", "Timed out")) for line in text)


def test_a_scan_without_files_cannot_be_resumed() -> None:
    outcomes = {"assessed": 299, "failed": 0, "timed_out": 0, "skipped": 0, "interrupted": 1}
    assert "Unfinished   1 not started" in lines(summary(outcomes=outcomes))


def test_a_limit_is_shown_and_full_coverage_is_of_what_was_listed_alone() -> None:
    outcomes = {"assessed": 3, "failed": 0, "timed_out": 0, "skipped": 0, "interrupted": 0}
    whole: dict[str, Any] = {"listed": 3, "outcomes": outcomes, "coverage_pct": 100.0, "compliance_pct": 0.0}
    text = lines(summary(**whole, selection={"limit": 3, "subscription": []}))
    assert "Coverage     █████████?  100.00 % of what was listed" in text
    assert 'Left out     VMs beyond the limit of 3: "?" stands for them' in text
    assert "Selection    limit 3" in text
    # A limit that cut nothing leaves the fleet whole.
    text = lines(summary(**whole, selection={"limit": 500}))
    assert "Coverage     ██████████  100.00 % of VMs listed" in text
    assert "Selection    limit 500" in text


def test_a_retry_says_what_it_left_out() -> None:
    text = lines(summary(selection={"retry_failed": "run"}))
    assert 'Left out     VMs that did not need the retry: "?" stands for them' in text


def test_subscriptions_passed_over_are_named_with_their_state() -> None:
    names = ("Retired\x1b Sandbox", None, "c", "d")
    passed_over = [
        {"subscription_id": f"sub-{number}", "name": name, "state": "Disabled"}
        for number, name in enumerate(names)
    ]
    text = lines(summary(not_scanned=passed_over[:2], coverage_pct=100.0))
    assert "Passed over  2 subscriptions: Retired\\x1b Sandbox (Disabled), sub-1 (Disabled)" in text
    assert "Coverage     █████████?  100.00 % of what was listed" in text
    assert "(Disabled) and 1 more" in " ".join(summary(not_scanned=passed_over).split())


@pytest.mark.parametrize(
    ("changed", "is_green"),
    [
        ({}, True),
        ({"selection": {"limit": 301}}, True),
        ({"selection": {"subscription": ["a"]}}, True),
        ({"selection": {"limit": 300}}, False),
        ({"selection": {"retry_failed": "run"}}, False),
        ({"inventory_errors": [error("no")]}, False),
        ({"not_scanned": [{"subscription_id": "s", "name": None, "state": "Warned"}]}, False),
    ],
)
def test_a_bar_is_full_and_green_for_a_whole_fleet_alone(
    changed: dict[str, Any], is_green: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = summary(coverage_pct=100.0, compliance_pct=100.0, **changed)
    assert text.count("\x1b[32m██████████") == (2 if is_green else 0)
    assert text.count("\x1b[33m█████████?") == (0 if is_green else 2)
    assert ("of what was listed" in text) is not is_green
