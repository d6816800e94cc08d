"""Exports that the disk refuses, at whatever moment: no file is left, under its name or a hidden one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscan.errors import CannotReadRunError, CannotWriteError, UsageError
from fleetscan.export.exporting import Format, export_run, names_of
from fleetscan.runs.reader import open_run
from fleetscan.runs.whole_files import whole_files
from tests.big_run import write_big_run
from tests.disk_faults import Disk, Fault, Moment, on_disk
from tests.export.exported import FORMATS, files_in
from tests.records.examples import write_run
from tests.records.odd_runs import ODD_RUNS, missing, patch, vm

LONG_S = 60.0
CALLS = [
    *(Moment("open", f"{name}.csv", nth) for name in ("run", "vm", "vm_patch") for nth in (1, 2, 3)),
    *(Moment("write", f"{name}.csv") for name in ("run", "vm", "vm_patch")),
    *(Moment("fsync", f"{name}.csv") for name in ("run", "vm", "vm_patch")),
    *(Moment("replace", f"{name}.csv") for name in ("run", "vm", "vm_patch")),
    Moment("mkdir", "out"),
]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose every table of patches is larger than a megabyte."""
    path = tmp_path_factory.mktemp("big") / "run"
    write_big_run(path, 500, 50)
    return path


@pytest.mark.parametrize("moment", CALLS, ids=lambda moment: f"{moment.call}-{moment.file}-{moment.nth}")
def test_a_full_disk_leaves_no_csv_file(tmp_path: Path, moment: Moment) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    out = tmp_path / "out"
    disk = Disk(Fault(errno.ENOSPC, moment, later=frozenset({"write"})))
    with on_disk(disk), pytest.raises(CannotWriteError, match="No space left on device"):
        export_run(open_run(tmp_path / "run"), out, "csv")
    assert disk.has_failed
    # Of what is only read the disk does not hear the end.
    assert [name for name in disk.left_open if name.endswith(".csv")] == []
    assert list(files_in(out)) == []


def test_an_interrupt_while_files_are_put_in_place_leaves_none_of_them(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    ODD_RUNS["case twins"](tmp_path / "run")
    fault = Fault(errno.EIO, Moment("replace", "vm.csv"))
    with on_disk(Disk(fault, interrupt)), pytest.raises(KeyboardInterrupt):
        export_run(open_run(tmp_path / "run"), tmp_path / "out", "csv")
    assert list(files_in(tmp_path / "out")) == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("blocks", [0, 1, 200])
def test_a_file_that_cannot_grow_is_exit_4_and_leaves_none(
    tmp_path: Path, big: Path, form: Format, blocks: int
) -> None:
    line = f"ulimit -f {blocks} && exec {sys.executable} -m fleetscan export {big} --format {form} --out out"
    ended = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=tmp_path,
        # Python would leave its own half-written files in the checkout.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    if form == "parquet" and blocks == 200:
        # Its files are small, and so are those on the way there.
        assert ended.returncode in (0, 4)
        return
    assert ended.returncode == 4, ended.stderr
    assert ended.stderr.startswith("fleetscan: error: out")
    assert ended.stderr.count("\n") == 1
    assert list(files_in(tmp_path / "out")) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_that_cannot_be_read_leaves_no_file(tmp_path: Path, form: Format) -> None:
    write_run(tmp_path / "run", [vm("vm-1", missing(patch()))], 0, b"garbage\n")
    with pytest.raises(CannotReadRunError, match=r"line 2 of results\.jsonl is not JSON"):
        export_run(open_run(tmp_path / "run"), tmp_path / "out", form)
    assert list(files_in(tmp_path / "out")) == []


@pytest.mark.parametrize("form", FORMATS)
def test_no_file_that_is_there_is_replaced(tmp_path: Path, form: Format) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    (tmp_path / "out").mkdir()
    last = tmp_path / "out" / names_of(form)[-1]
    last.symlink_to("nowhere")
    with pytest.raises(UsageError, match="is there already; remove it, or name another directory with out"):
        export_run(open_run(tmp_path / "run"), tmp_path / "out", form)
    assert list(files_in(tmp_path / "out")) == [last.name]


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_killed_export_left_is_no_hindrance(tmp_path: Path, form: Format) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".{names_of(form)[0]}.new").write_bytes(b"half")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    export_run(open_run(tmp_path / "run"), tmp_path / "out", form)
    assert list(files_in(tmp_path / "out")) == sorted(["notes.txt", *names_of(form)])
    modes = {(tmp_path / "out" / name).stat().st_mode & 0o777 for name in names_of(form)}
    assert modes == {0o600}


def test_two_exports_into_one_directory_do_not_mix(tmp_path: Path) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    run = open_run(tmp_path / "run")
    with whole_files(tmp_path / "out", ["vm.csv"]) as ([first], _):
        first.write_bytes(b"whole")
        with pytest.raises(UsageError, match=r"another process is writing into .*; wait until it ends"):
            export_run(run, tmp_path / "out", "csv")
    assert list(files_in(tmp_path / "out")) == ["vm.csv"]
    assert (tmp_path / "out" / "vm.csv").read_bytes() == b"whole"


def test_a_file_in_the_directorys_place_is_exit_4(tmp_path: Path) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CannotWriteError, match="a file has that name"):
        export_run(open_run(tmp_path / "run"), tmp_path / "out", "csv")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("name", ["it's", "[a]*?", "a\nb", "ü \U0001f642", "--"])
@pytest.mark.parametrize("form", FORMATS)
def test_any_name_of_a_directory_will_do(tmp_path: Path, form: Format, name: str) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    export_run(open_run(tmp_path / "run"), tmp_path / name, form)
    assert list(files_in(tmp_path / name)) == sorted(names_of(form))


def test_a_name_that_is_no_text_will_do_where_the_format_can_say_it(tmp_path: Path) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    out = tmp_path / os.fsdecode(b"\xff")
    for form in ("csv", "sqlite"):
        export_run(open_run(tmp_path / "run"), out, form)
    with pytest.raises(UsageError, match="no Unicode text, which DuckDB cannot write"):
        export_run(open_run(tmp_path / "run"), out, "parquet")
    shutil.rmtree(os.fsencode(out))
