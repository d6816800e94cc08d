"""The history file as a database: opened to be read, or for one transaction that takes a night whole.

It is refused where it is not a history, or a later fleetscan made it. What SQLite says becomes a sentence
that says what to do.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fleetscan.errors import OTHER_VERSION, CannotWriteError, HistoryError, Remedy
from fleetscan.history.tables import APPLICATION_ID, TABLES, VERSION
from fleetscan.runs.disk import reason
from fleetscan.runs.opening import open_to_append, open_to_read

# A night takes about a second to write, and two scans may end together.
WAIT_S = 20.0
ADD_FIRST = Remedy(
    "make it with `fleetscan history add RUN...`, or by a scan with {history}", {"history": None}
)
MAKE_DIRECTORY = Remedy("make the directory, or name another file with {history}", {"history": None})
NAME_ANOTHER = Remedy("name another file with {history}", {"history": None})
BUILD_ANEW = Remedy("move it away, and build it anew from the runs: `fleetscan history add RUN...`")
LATER = Remedy("try again once that has ended")
MAKE_ROOM = Remedy("fix that; then add the run with `fleetscan history add RUN`")
# What SQLite calls a disk that takes no more, and a file that may not be written.
NOT_WRITTEN = frozenset({"SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN"})


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The history at `path`, to be read as it is now. Raises HistoryError.

    What a killed process left half written is undone first: so it is opened to be written, where that may be.
    """
    _refuse_no_file(path)
    with _told(path), closing(_connect(f"{path.absolute().as_uri()}?mode=rw")) as db:
        # What is asked is held in memory: there may be no room beside the history.
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("BEGIN")
        if not _is_made(path, db):
            raise HistoryError(str(path), "is empty: no run was added to it", ADD_FIRST)
        yield db


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """The history at `path`, made where there is none; what is written meanwhile is kept together at the end.

    Raises HistoryError, and CannotWriteError; the file is then as it was.
    """
    try:
        os.close(open_to_append(path, os.O_CREAT))
    except OSError as error:
        raise CannotWriteError(str(path), reason(error), NAME_ANOTHER) from error
    with _told(path), closing(_connect(path.absolute().as_uri())) as db:
        db.execute("BEGIN IMMEDIATE")
        if not _is_made(path, db):
            _make(db)
        yield db
        db.execute("COMMIT")


def check_history(path: Path, made: Path | None = None) -> None:
    """Raise HistoryError or CannotWriteError where a scan could not keep its history at `path`.

    `made` is a directory that the scan makes itself, where it is not there.
    """
    if path.parent != made and not path.parent.is_dir():
        why = "cannot be made: there is no directory of that name"
        raise HistoryError(str(path), why, MAKE_DIRECTORY)
    if path.exists() or path.is_symlink():
        _refuse_no_file(path)
        with _told(path), closing(_connect(f"{path.absolute().as_uri()}?mode=rw")) as db:
            _is_made(path, db)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)


def _refuse_no_file(path: Path) -> None:
    """Raise HistoryError unless there is a file that can be read: SQLite would wait for a pipe."""
    try:
        open_to_read(path).close()
    except FileNotFoundError as error:
        raise HistoryError(str(path), "does not exist", ADD_FIRST) from error
    except OSError as error:
        raise HistoryError(str(path), f"cannot be read: {reason(error)}", NAME_ANOTHER) from error


def _is_made(path: Path, db: sqlite3.Connection) -> bool:
    """Whether it has its tables; an empty file is none yet. Raises HistoryError for what is no history."""
    (application_id,), (version,) = db.execute("PRAGMA application_id"), db.execute("PRAGMA user_version")
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema")
    found = application_id[0]
    if found != APPLICATION_ID and (found or version[0] or tables[0]):
        raise HistoryError(str(path), "is another program's database", NAME_ANOTHER)
    if version[0] > VERSION:
        raise HistoryError(str(path), f"is of schema {version[0]}, later than {VERSION}", OTHER_VERSION)
    return bool(found)


def _make(db: sqlite3.Connection) -> None:
    for statement in TABLES.split(";\n"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors in our words."""
    try:
        yield
    except sqlite3.Error as error:
        # The first two words of names such as SQLITE_IOERR_WRITE.
        name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
        if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            raise HistoryError(str(path), "is in use by another process", LATER) from error
        if name in NOT_WRITTEN:
            raise CannotWriteError(str(path), str(error), MAKE_ROOM) from error
        if name == "SQLITE_NOTADB":
            raise HistoryError(str(path), "is no history, and no database", NAME_ANOTHER) from error
        raise HistoryError(str(path), f"is damaged ({error})", BUILD_ANEW) from error
