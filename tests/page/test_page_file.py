"""The page as a file: whole or not at all, for its owner alone, in the place of nothing but a page."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from fleetscan.errors import CannotScanError, UsageError
from fleetscan.report.page.write import write_page
from tests.cli.processes import begun, ended
from tests.disk_faults import Disk, Fault, Moment, on_disk
from tests.page.runs import ordinary_run

OLD = b'<!doctype html>\n<html lang="en">\n<meta name="generator" content="fleetscan 0.0.9">\nold'


def test_a_page_is_written_for_its_owner_alone_and_leaves_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "out" / "report.html"
    page.parent.mkdir()
    size_bytes = write_page(ordinary_run(tmp_path / "run"), page).size_bytes
    assert [each.name for each in page.parent.iterdir()] == ["report.html"]
    assert page.stat().st_size == size_bytes
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


@pytest.mark.parametrize("earlier", [OLD, b""], ids=["page", "empty"])
def test_an_earlier_page_is_replaced(tmp_path: Path, earlier: bytes) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(earlier)
    run = ordinary_run(tmp_path / "run")
    write_page(run, page)
    first = page.read_bytes()
    write_page(run, page)
    assert b"Missing patches" in first
    assert page.read_bytes() == first


def test_no_other_file_is_replaced(tmp_path: Path) -> None:
    run = ordinary_run(tmp_path / "run")
    for name in ("run.json", "results.jsonl", "totals.jsonl"):
        before = (tmp_path / "run" / name).read_bytes()
        with pytest.raises(UsageError, match="no page that fleetscan wrote"):
            write_page(run, tmp_path / "run" / name)
        assert (tmp_path / "run" / name).read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("directory", "is a directory"),
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("twice", "second name"),
        ("pipe", "it is a pipe"),
    ],
)
def test_what_is_no_file_of_ours_is_refused(tmp_path: Path, kind: str, said: str) -> None:
    run = ordinary_run(tmp_path / "run")
    place, old = tmp_path / "report.html", tmp_path / "old.html"
    match kind:
        case "directory":
            place.mkdir()
        case "link" | "twice":
            old.write_bytes(OLD)
            place.symlink_to(old) if kind == "link" else place.hardlink_to(old)
        case "dangling":
            place.symlink_to(old)
        case "pipe":
            os.mkfifo(place)
    with pytest.raises(UsageError, match=said):
        write_page(run, place)
    assert not old.exists() or old.read_bytes() == OLD


@pytest.mark.parametrize("call", ["write", "fsync", "close", "replace"])
def test_a_disk_that_fails_leaves_the_earlier_page_and_no_part_of_the_new_one(
    tmp_path: Path, call: str
) -> None:
    page = tmp_path / "out" / "report.html"
    page.parent.mkdir()
    page.write_bytes(OLD)
    run = ordinary_run(tmp_path / "run")
    fault = Fault(errno.ENOSPC, Moment(call, "report.html"), share=0.5)
    with on_disk(Disk(fault)), pytest.raises(CannotScanError, match="No space left") as failed:
        write_page(run, page)
    assert "make room there" in str(failed.value)
    assert [each.name for each in page.parent.iterdir()] == ["report.html"]
    assert page.read_bytes() == OLD


def test_the_command_says_where_the_page_is(tmp_path: Path) -> None:
    ordinary_run(tmp_path / "runs" / "one")
    page = tmp_path / "report.html"
    code, data, words = ended(begun({}, "report", "--html", str(page), "--runs", str(tmp_path / "runs")))
    assert (code, data) == (0, "")
    assert "Run of 2026-11-23 02:00 UTC" in words
    assert f"Page: {page}" in words
    assert page.stat().st_size > 50_000


def test_the_command_ends_with_4_where_the_page_cannot_be_written_and_2_where_it_may_not(
    tmp_path: Path,
) -> None:
    run = str(ordinary_run(tmp_path / "run").path)
    nowhere, directory = str(tmp_path / "no" / "report.html"), str(tmp_path)
    assert ended(begun({}, "report", "--html", nowhere, run))[::2] == (
        4,
        f"fleetscan: error: {nowhere} cannot be written (No such file or directory); name another file\n",
    )
    code, _, words = ended(begun({}, "report", "--html", directory, run))
    assert code == 2
    assert "is a directory; name a file in it" in words
    assert "Traceback" not in words
    assert ended(begun({}, "report", "--html", "x.html", str(tmp_path)))[0] == 2
    assert ended(begun({}, "report", "--html", "-", run))[0] == 2
