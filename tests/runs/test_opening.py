"""What is no file, or not ours, in the place of a run's files: a sentence at once, and nothing changed."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from fleetscan.cli.config_file import read_config
from fleetscan.errors import CannotResumeError, FleetscanError, UsageError
from fleetscan.inventory.from_file import read_inventory
from fleetscan.inventory.listing import Fleet
from fleetscan.runs.directory import RUN_FILES
from fleetscan.runs.found import runs_in
from fleetscan.runs.journal import first_event, holder_of, is_held
from fleetscan.runs.reader import open_run
from fleetscan.runs.store import earlier_store, new_store
from fleetscan.settings.declared import Settings
from tests.records.examples import CLOCK, SCAN_ID, machine, timed_row, write_run


def fifo(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link(path: Path) -> None:
    path.symlink_to(kept(path))


def second_name(path: Path) -> None:
    path.hardlink_to(kept(path))


def kept(path: Path) -> Path:
    """Where the file that was at `path` is kept."""
    return path.parent.parent / f"{path.parent.name}-{path.name}"


Maker: TypeAlias = Callable[[Path], None]
NO_FILES: Mapping[Maker, str] = {
    fifo: "it is a pipe, not a file",
    directory: "it is a directory, not a file",
    unix_socket: "it is a socket, not a file",
    device: "it is a device, not a file",
}
NOT_TO_BE_WRITTEN: Mapping[Maker, str] = {
    **NO_FILES,
    device: "it is a symbolic link; copy the run with `cp -rL`",
    link: "it is a symbolic link; copy the run with `cp -rL`",
    second_name: "it has a second name elsewhere (a hard link); copy the run with `cp -rL`",
}


def run_in(path: Path) -> Path:
    """A run that was listed and killed."""
    with new_store(path) as store:
        store.begin(SCAN_ID, None, {}, CLOCK.epoch(CLOCK.monotonic))
        store.note_vms([machine("vm-1")])
        store.note_whole(1, [], Fleet([]).scope)
        store.output.write_run({"scan_id": SCAN_ID})
        store.output.write_totals([{}])
    return path


def put_in_place(make: Maker, path: Path) -> None:
    """Keep what is at `path`, and have `make` put something else there."""
    path.rename(kept(path))
    make(path)


def raised(call: Callable[[], object]) -> str:
    """What `call` says, at once: what waits for a FIFO would wait for ever."""
    said: list[str] = []

    def run() -> None:
        try:
            call()
        except FleetscanError as error:
            said.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10.0)
    assert said, "it waits, or says nothing"
    return said[0]


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Nothing in `path` is another when the block ends."""

    def state() -> list[tuple[str, int, int, int]]:
        stats = [(name, os.lstat(path / name)) for name in sorted(os.listdir(path))]
        return [(name, found.st_ino, found.st_mode, found.st_size) for name, found in stats]

    before = state()
    yield
    assert state() == before


@pytest.mark.parametrize("name", RUN_FILES)
@pytest.mark.parametrize("make", NOT_TO_BE_WRITTEN)
def test_a_resume_writes_only_files_that_are_ours_alone(name: str, make: Maker, tmp_path: Path) -> None:
    path = run_in(tmp_path / "run")
    put_in_place(make, path / name)
    with unchanged(path):
        said = raised(lambda: earlier_store(path, lambda _: {}))
    assert said.startswith(f"{path} cannot be resumed: {name}: {NOT_TO_BE_WRITTEN[make]}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", RUN_FILES)
def test_a_resume_leaves_the_files_of_another_user_alone(name: str, tmp_path: Path) -> None:
    path = run_in(tmp_path / "run")
    os.chown(path / name, 12345, -1)
    with unchanged(path), pytest.raises(CannotResumeError, match=f"{name}: it belongs to another user; copy"):
        earlier_store(path, lambda _: {})


def test_a_resumed_copy_is_readable_by_its_owner_alone_and_its_directory_stays(tmp_path: Path) -> None:
    path = run_in(tmp_path / "run")
    for name in RUN_FILES:
        (path / name).chmod(0o666)
    path.chmod(0o755)
    store = earlier_store(path, lambda _: {})
    assert store is not None
    store.close()
    assert [stat.S_IMODE((path / name).stat().st_mode) for name in RUN_FILES] == [0o600] * 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_refused_resume_changes_no_permissions(tmp_path: Path) -> None:
    path = run_in(tmp_path / "run")
    (path / "run.json").write_text('{"scan_id": "another"}')
    (path / "journal.jsonl").chmod(0o666)
    with unchanged(path), pytest.raises(CannotResumeError, match="are of two runs"):
        earlier_store(path, lambda _: {})


@pytest.mark.parametrize("make", NO_FILES)
def test_a_reader_waits_for_nothing_in_the_place_of_a_file(make: Maker, tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    write_run(path, [timed_row("vm-1", "Linux", 60.0)])
    (path / "totals.jsonl").touch()
    for name, read in (
        ("totals.jsonl", lambda: open_run(path).totals()),
        ("results.jsonl", lambda: list(open_run(path).rows())),
        ("results.jsonl", lambda: read_inventory(str(path))),
        ("run.json", lambda: open_run(path)),
    ):
        if not kept(path / name).exists():
            put_in_place(make, path / name)
        assert raised(read) == f"{path} cannot be read as a run: {name}: {NO_FILES[make]}", name
        if name == "results.jsonl":
            assert open_run(path).incomplete == ["the run was complete, and its totals cannot be read"]
    [damaged] = runs_in(tmp_path).damaged
    assert damaged == f"{path} cannot be read as a run: run.json: {NO_FILES[make]}"


@pytest.mark.parametrize("make", NO_FILES)
def test_a_journal_that_is_no_file_is_held_by_none_and_tells_nothing(make: Maker, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    make(journal)
    assert not is_held(journal)
    assert first_event(journal) is None
    assert holder_of(journal) == "another scan"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (directory, "cannot read {}: Is a directory"),
        (unix_socket, "cannot read {}: No such device or address"),
        (device, "{} has more than 1,048,576 bytes, which is no file of settings"),
    ],
)
def test_a_config_that_cannot_be_one_is_refused_at_once(make: Maker, why: str, tmp_path: Path) -> None:
    path = tmp_path / "nightly.toml"
    make(path)
    assert raised(lambda: read_config(str(path), Settings)) == why.format(path)


def test_a_config_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As `--config <(...)` names one."""
    fifo(path := tmp_path / "nightly.toml")
    writer = threading.Thread(target=path.write_bytes, args=(b"limit = 7",), daemon=True)
    writer.start()
    assert read_config(str(path), Settings) == {"limit": "7"}


def test_a_device_is_no_endless_inventory() -> None:
    with pytest.raises(UsageError, match=r"/dev/zero, line 1: it has 16,777,216 bytes and more"):
        read_inventory("/dev/zero")
