"""The page as a file: whole or not at all, and in the place of nothing but an earlier page.

A scheduler writes the same file each night, so a page replaces a page. A slip of the keyboard must not cost
anything else: other files, links, directories and devices are refused before the run is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fleetscan.errors import CannotScanError, Remedy, UsageError
from fleetscan.records.report import Report
from fleetscan.report.page.render import NOTHING, Beside, page_of
from fleetscan.runs.disk import NO_ROOM, put_file, reason
from fleetscan.runs.opening import open_to_read, refuse_others
from fleetscan.runs.reader import Run

# What stands near the beginning of every page, of this version and of others.
MARK = b'<meta name="generator" content="fleetscan'
MARK_WITHIN_BYTES = 512
ANOTHER_FILE = Remedy("name another file")


class WrittenPage(NamedTuple):
    """How large the file is, and the report that it shows."""

    size_bytes: int
    report: Report


def write_page(
    run: Run,
    path: str | os.PathLike[str],
    beside: Beside = NOTHING,
    on_new: Callable[[Path], object] = lambda _: None,
) -> WrittenPage:
    """Write the page that shows `run` into the file `path`, readable by its owner alone.

    `on_new` is told the hidden file that is written first.

    Raises UsageError where something else than an earlier page is there, CannotReadRunError where the run's
    files cannot be read, and CannotScanError where the file cannot be written: what was there stays then.
    """
    place = Path(path)
    refuse_what_is_no_page(place)
    html, report = page_of(run, beside)
    page = html.encode()
    try:
        put_file(place, page, on_new)
    except OSError as error:
        first = "make room there, or " if error.errno in NO_ROOM else ""
        remedy = Remedy(f"{first}name another file")
        raise CannotScanError(f"{place} cannot be written ({reason(error)})", remedy) from error
    return WrittenPage(len(page), report)


def refuse_what_is_no_page(path: Path) -> None:
    """Raise UsageError unless `path` is free, an empty file, or a page that fleetscan wrote."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({reason(error)})", ANOTHER_FILE) from error
    try:
        if stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{path} is a directory", Remedy("name a file in it"))
        refuse_others(path, found)
        with open_to_read(path) as file:
            beginning = file.read(MARK_WITHIN_BYTES)
    except OSError as error:
        raise UsageError(f"{path} is not replaced: {reason(error)}", ANOTHER_FILE) from error
    if beginning and MARK not in beginning:
        raise UsageError(f"{path} is not replaced: it is no page that fleetscan wrote", ANOTHER_FILE)
