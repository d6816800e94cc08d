"""The directory of a run: the names in it, how a new one is made, and that no run overwrites another."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from fleetscan.errors import CannotWriteError, Remedy, RunExistsError, UsageError
from fleetscan.places import Address, directory_of, is_url
from fleetscan.runs.disk import make_directories, reason
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.journal import first_event

LATEST = "latest"
RESULTS = "results.jsonl"
# The same, compressed: of a complete run alone.
PACKED = "results.jsonl.zst"
TOTALS = "totals.jsonl"
RUN = "run.json"
JOURNAL = "journal.jsonl"
RUN_FILES = (RESULTS, TOTALS, RUN, JOURNAL)
EVERY_FILE = (*RUN_FILES, PACKED)
# How the name begins that a run gets before its files are removed: it is no run any more. The `*` of a shell
# does not name it.
BEING_REMOVED = ".being-removed-"


def new_name(now: datetime, scan_id: str) -> str:
    """The name of a new run's directory: its UTC time, and the first 8 characters of its id."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{scan_id[:8]}"


def make_directory(path: Path) -> None:
    """Make `path`, or take it where it is there and holds no run. Raises RunExistsError, CannotWriteError."""
    try:
        refuse_used(path)
        make_directories(path)
    except FileExistsError as error:
        raise CannotWriteError(str(error.filename), "a file has that name") from error
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error


def refuse_used(path: Path) -> None:
    """Raise RunExistsError where the directory `path` holds a run: cheap, and worth asking early."""
    if holds_run(path):
        raise already_holds(path)


def already_holds(path: Path) -> RunExistsError:
    """The error of a directory that holds a run, with the command for that run where its journal begins."""
    began = first_event(path / JOURNAL)
    command = None if began is None else command_for(path, began.asked.get("endpoint"))
    return RunExistsError(str(path), command)


def holds_run(path: Path) -> bool:
    """Whether any file of a run is in the directory `path`."""
    return any(os.path.lexists(path / name) for name in EVERY_FILE)


def path_of(out: str) -> Path:
    """The directory that a setting names, or that stands for the place that it names.

    Raises UsageError for an empty name: it is an unset variable.
    """
    if not out:
        raise UsageError("the output directory's name is empty", Remedy("give {out} a name", {"out": None}))
    if is_url(out):
        known = directory_of(Address.of(out))
        return Path(out if known is None else known)
    return Path(out)
