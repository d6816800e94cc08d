"""Why a run without a journal cannot be resumed, and what to do."""

from __future__ import annotations

from pathlib import Path

from fleetscan.errors import CannotReadRunError, CannotResumeError, Remedy
from fleetscan.runs.reader import open_run

OF_MERGED = Remedy(
    "resume the unfinished ones among the runs that it was made of, and merge again into another directory"
)


def no_journal(path: Path) -> CannotResumeError:
    """The error of a resume of the run in the directory `path`, which has no journal."""
    try:
        is_merged = bool(open_run(path).facts["sources"])
    except CannotReadRunError:
        is_merged = False
    if is_merged:
        return CannotResumeError(str(path), "it was merged of other runs", OF_MERGED)
    return CannotResumeError(str(path), "it has no journal")
