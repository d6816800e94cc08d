"""A disk that goes bad: the scan starts nothing more, keeps whole rows, says so once, and can be resumed."""

from __future__ import annotations

import errno
import os
import random
import re
import resource
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from fleetscan.errors import OutputError
from fleetscan.records.journal import StartSending
from fleetscan.runs.files import RunFiles
from fleetscan.runs.journal import JournalFile
from fleetscan.scanner import run
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.scenario import Scenario
from tests.disk_faults import Disk, Fault, Moment, on_disk
from tests.scanner.spoilt_scan import breaches, come_to, resumed, settings_for, spoil, starts, undisturbed
from tests.scanner.test_whole_scans import Transport, cloud_of
from tests.scanner.test_whole_scans import settings_for as brisk_settings_for
from tests.series import IS_WHOLE, length
from tests.strict_reader import read_run
from tests.virtual import ENDPOINT
from tests.virtual import cloud_of as virtual_cloud_of
from tests.virtual_scan import Clock, in_virtual_time

KINDS = {
    "full": (errno.ENOSPC, frozenset({"write", "mkdir"}), True),
    "full for a moment": (errno.ENOSPC, frozenset[str](), False),
    "failing once": (errno.EIO, frozenset[str](), False),
    "a failing file": (errno.EIO, frozenset({"write", "fsync", "ftruncate", "close"}), False),
    "failing": (errno.EIO, frozenset({"open", "write", "fsync", "ftruncate", "replace", "close"}), True),
    "read-only": (errno.EROFS, frozenset({"open", "write", "ftruncate", "replace", "mkdir"}), True),
    "denied": (errno.EACCES, frozenset({"open", "replace", "mkdir"}), True),
    "not permitted": (errno.EPERM, frozenset({"open", "replace", "mkdir"}), True),
}
FILES = ("run", "results.jsonl", "journal.jsonl", "totals.jsonl", "run.json")
ROWS, JOURNAL = ("write", "results.jsonl"), ("write", "journal.jsonl")
SEEDS = length(30, whole=100)
# A disk is full for a moment at each line, or, in a brief series, at each third.
EVERY = 1 if IS_WHOLE else 3


def fault_of(kind: str, moment: Moment, share: float = 0.0) -> Fault:
    code, later, is_everywhere = KINDS[kind]
    return Fault(code, moment, later, is_everywhere, share)


def wrong_with(faults: list[Fault], place: Path) -> str:
    """What goes wrong under each of the faults, a line each."""
    return "\n".join(
        f"{fault}: {breach}"
        for number, fault in enumerate(faults)
        for breach in breaches(spoil(fault, place / str(number)))
    )


def test_of_many_workers_none_starts_another_once_the_disk_is_full(tmp_path: Path) -> None:
    plain = Scenario(
        machines=450, subscriptions=1, regions=1, patches=1,
        failing_pct=50.0, durations="regular", limits_speed=1.5,
    )  # fmt: skip
    cloud = virtual_cloud_of(plain)
    starts_then: list[int] = []
    fault = Fault(errno.ENOSPC, Moment("write", "results.jsonl", 89), share=0.5)
    full = Disk(fault, lambda: starts_then.append(starts(cloud)))
    settings = Settings(endpoint=ENDPOINT, out=str(tmp_path / "run"), first_poll_s=75.0, poll_interval_s=5.0)
    with on_disk(full):
        code, _ = come_to(cloud, Clock(), settings)
    assert (code, starts_then) == (5, [starts(cloud)])


@pytest.mark.parametrize("kind", ["full", "failing once", "failing", "read-only", "denied"])
def test_a_disk_may_go_bad_at_the_first_and_last_of_each_call(kind: str, tmp_path: Path) -> None:
    moments = {
        Moment(call, file, nth)
        for (call, file), times in undisturbed().asked.items()
        for nth in (1, times)
        if file in FILES
    }
    assert wrong_with([fault_of(kind, moment, 0.5) for moment in moments], tmp_path) == ""


@pytest.mark.series
def test_a_disk_may_be_full_for_a_moment_at_any_line_and_no_machine_has_two_rows(tmp_path: Path) -> None:
    faults = [
        fault_of("full for a moment", Moment(*file, nth), 0.5)
        for file in (ROWS, JOURNAL)
        for nth in range(1, undisturbed().asked[file] + 1, EVERY)
    ]
    assert wrong_with(faults, tmp_path) == ""


@pytest.mark.series
def test_disks_may_go_bad_in_any_way_at_any_line_or_flush(tmp_path: Path) -> None:
    assert wrong_with([drawn(seed) for seed in range(SEEDS)], tmp_path) == ""


def drawn(seed: int) -> Fault:
    draw = random.Random(seed)
    call, file = draw.choice((ROWS, JOURNAL, ("fsync", "results.jsonl"), ("fsync", "journal.jsonl")))
    moment = Moment(call, file, draw.randint(1, undisturbed().asked[call, file]))
    return fault_of(draw.choice(sorted(KINDS)), moment, draw.choice((0.0, 0.5, 0.99)))


def test_half_a_row_that_cannot_be_taken_back_is_cut_off_by_the_resume(tmp_path: Path) -> None:
    spoilt = spoil(fault_of("a failing file", Moment(*ROWS, 5), 0.5), tmp_path)
    assert len(spoilt.rows.splitlines()) == 5
    assert not spoilt.rows.endswith(b"\n")
    resumed(spoilt)
    assert len(read_run(spoilt.out).rows) == 16


@pytest.mark.parametrize(
    ("moment", "code", "file"),
    [
        (Moment("open", "journal.jsonl"), 4, "journal.jsonl"),
        (Moment("flock", "journal.jsonl"), 4, "journal.jsonl"),
        (Moment("open", "results.jsonl"), 4, "results.jsonl"),
        (Moment("ftruncate", "results.jsonl"), 5, "results.jsonl"),
        (Moment("write", "journal.jsonl"), 5, "journal.jsonl"),
    ],
)
def test_a_resume_may_meet_a_bad_disk_too(moment: Moment, code: int, file: str, tmp_path: Path) -> None:
    spoilt = spoil(fault_of("a failing file", Moment(*ROWS, 5), 0.5), tmp_path)
    with on_disk(Disk(fault_of("failing once", moment))):
        came_to, sentence = come_to(spoilt.cloud, spoilt.clock, settings_for(spoilt.out, resume=True))
    assert came_to == code
    assert re.match(
        rf"{spoilt.out}/{file} cannot be written( any more)? \(Input/output error\); ", str(sentence)
    )
    assert list(breaches(spoilt)) == []


def test_a_journal_that_cannot_be_read_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    spoilt = spoil(fault_of("full", Moment(*ROWS, 5)), tmp_path)
    with mock.patch("io.FileIO", side_effect=OSError(errno.EIO, "Input/output error")):
        code, sentence = come_to(spoilt.cloud, spoilt.clock, settings_for(spoilt.out, resume=True))
    assert code == 4
    assert str(sentence).endswith(
        "run cannot be written (Input/output error); fix that, or scan into another directory: out"
    )
    assert list(breaches(spoilt)) == []


def test_a_start_whose_acceptance_could_not_be_noted_is_read_after_and_not_sent_again(tmp_path: Path) -> None:
    # Three lines of a beginning and a listing, four starts, and then what Azure answers to the first.
    spoilt = spoil(fault_of("full", Moment(*JOURNAL, 8)), tmp_path)
    assert b'"event":"accepted"' not in (spoilt.out / "journal.jsonl").read_bytes()
    assert spoilt.cloud.ledger.accepted.total() > 0
    assert list(breaches(spoilt)) == []


def test_after_a_line_that_is_lost_the_journal_takes_no_more(tmp_path: Path) -> None:
    with on_disk(Disk(fault_of("full for a moment", Moment(*JOURNAL, 2), 0.5))):
        journal = JournalFile.create(tmp_path / "journal.jsonl")
        journal.write(StartSending(1, 1.0))
        whole = (tmp_path / "journal.jsonl").read_bytes()
        for number in (2, 3):
            with pytest.raises(
                OutputError, match=r"journal.jsonl cannot be written any more \(No space left"
            ):
                journal.write(StartSending(number, 2.0))
        journal.close()
    assert (tmp_path / "journal.jsonl").read_bytes() == whole


def test_half_a_row_that_could_not_be_taken_back_is_taken_back_before_the_next(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    with on_disk(Disk(fault_of("a failing file", Moment(*ROWS, 2), 0.5))) as disk:
        rows = RunFiles.open(tmp_path)
        rows.write_row(b'{"row": 1}\n')
        with pytest.raises(OutputError):
            rows.write_row(b'{"row": 2}\n')
        assert results.read_bytes() == b'{"row": 1}\n{"row'
        disk.fault = None
        rows.write_row(b'{"row": 3}\n')
        rows.close()
    assert results.read_bytes() == b'{"row": 1}\n{"row": 3}\n'


@in_virtual_time
async def test_a_flush_in_the_background_that_fails_ends_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SYNC_EVERY_S", 0.001)
    # Assessments of minutes: nothing but the disk ends this scan.
    settings = brisk_settings_for(tmp_path / "run", first_poll_s=0.01, poll_interval_s=0.01)
    with on_disk(Disk(fault_of("failing once", Moment("fsync", "results.jsonl")))):
        summary = await scan_over(Transport(cloud_of(machines=10, speed=1.0)), settings)
    assert (summary.exit_code, read_run(tmp_path / "run").facts["exit_code"]) == (5, 5)
    assert summary.stopped_by is not None
    told = "results.jsonl cannot be written any more (Input/output error); fix that, then resume with: fleets"
    assert told in str(summary.stopped_by)


def test_a_person_is_told_in_one_line_and_without_a_traceback(tmp_path: Path) -> None:
    """A real process, which the system itself keeps from writing more than 100 kB into a file."""
    limit_bytes = 100_000
    done = subprocess.run(
        [sys.executable, "-m", "fleetscan", "demo", "--machines", "100", "--out", str(tmp_path / "run")],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
        timeout=60,
        check=False,
    )
    *_, last = done.stderr.splitlines()
    assert done.returncode == 5
    assert done.stderr.count("fleetscan: ") == 1
    assert last == (
        # The demo's Azure ends with it: there is nothing to resume.
        f"fleetscan: error: {tmp_path}/run/journal.jsonl cannot be written any more (File too large)"
    )
    rows = (tmp_path / "run" / "results.jsonl").read_bytes()
    assert rows == b"" or rows.endswith(b"\n")
