"""What `fleetscan show` counts as unknown where VMs of a run have no row: unknown is never zero."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.cli.main import run
from tests.cli.test_show_command import fleet
from tests.report.small_runs import small_run


def notes(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> list[str]:
    """What is said of the lines."""
    assert run(("show", str(path), *arguments, "--format", "csv")) == 0
    return [line for line in capsys.readouterr().err.splitlines() if "warning:" not in line]


@pytest.mark.parametrize("exit_code", [5, None])
def test_vms_without_a_row_are_unknown_in_every_list(
    exit_code: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of five assessed VMs and three others; an unfinished run has its journal alone.
    path = small_run(tmp_path / "run", fleet(), exit_code, unfinished=29)
    unknown = "32 VMs were not assessed: what they miss is unknown"
    assert notes(capsys, path, "--missing", "KB5034441")[0] == (
        f"2 of 5 assessed VMs miss KB5034441; {unknown}."
    )
    assert f"{unknown}." in notes(capsys, path, "--patches")
    assert f"{unknown}." in notes(capsys, path, "--worst", "2")
    assert f"{unknown}." in notes(capsys, path, "--reboot")
    assert notes(capsys, path) == ["8 VMs of 37.", "29 VMs have no row: nothing is known of them."]
    skipped = notes(capsys, path, "--skipped")
    assert (skipped[0], skipped[-1]) == ("1 VM of 37.", "29 VMs have no row: nothing is known of them.")


def test_a_vm_without_a_row_may_have_the_name_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path / "run", fleet(), 5, unfinished=1)
    assert notes(capsys, path, "--machine", "*")[-1] == (
        "1 VM has no row: whether it is named so is unknown."
    )


@pytest.mark.parametrize("totals", [None, b"no\n", "of fewer rows"])
def test_where_no_sums_are_to_be_believed_the_number_is_not_known(
    totals: bytes | str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path / "run", fleet(), 5, unfinished=4, has_journal=False)
    if isinstance(totals, str):
        fewer = small_run(tmp_path / "fewer", fleet()[1:], 5, unfinished=4)
        totals = (fewer / "totals.jsonl").read_bytes()
    (path / "totals.jsonl").write_bytes(totals or b"")
    open_end = "How many more VMs were listed and have no row is not known."
    assert notes(capsys, path) == ["8 VMs of 8 that have a row.", open_end]
    assert notes(capsys, path, "--patches")[1:3] == [
        "At least 3 VMs were not assessed: what they miss is unknown.",
        "1 list of patches is cut short: that VM may miss more.",
    ]
    assert notes(capsys, path, "--missing", "KB5034441")[0].endswith(
        "; at least 3 VMs were not assessed: what they miss is unknown."
    )
    assert notes(capsys, path, "--missing", "KB5034441")[-1] == open_end


def test_a_row_that_was_lost_leaves_its_vm_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path / "run", fleet())
    assert notes(capsys, path) == ["8 VMs in all."]
    rows = (path / "results.jsonl").read_bytes().splitlines(keepends=True)
    (path / "results.jsonl").write_bytes(b"".join(rows[:-1]))
    assert notes(capsys, path) == ["7 VMs of 8.", "1 VM has no row: nothing is known of it."]
