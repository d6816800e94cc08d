"""Why a run without a journal cannot be resumed, and what to do: of a merged one, and of one on a cluster."""

from __future__ import annotations

from pathlib import Path

from fleetscan.errors import CannotReadRunError, CannotResumeError, Remedy
from fleetscan.places import told
from fleetscan.runs.reader import open_run
from fleetscan.runs.shard_files import SCAN, SHARDS

OF_MERGED = Remedy(
    "resume the unfinished ones among the runs that it was made of, or scan the missing one, and merge again "
    "into another directory"
)


def is_of_cluster(path: Path) -> bool:
    """Whether a scan on a cluster began in the directory `path`."""
    return (path / SHARDS / SCAN).is_file()


def of_merged(path: Path) -> Remedy:
    """How the merged run in `path` is gone on with: by its driver's command, where a cluster scanned it."""
    if not is_of_cluster(path):
        return OF_MERGED
    template = "go on with the command that began it: fleetscan scan {engine} ... {resume} {out}"
    return Remedy(template, {"engine": "dask", "resume": True, "out": told(str(path))})


def no_journal(path: Path) -> CannotResumeError:
    """The error of a resume of the run in the directory `path`, which has no journal."""
    if is_of_cluster(path):
        return CannotResumeError(str(path), "a scan on a cluster began it", of_merged(path))
    try:
        is_merged = bool(open_run(path).facts["sources"])
    except CannotReadRunError:
        is_merged = False
    if is_merged:
        return CannotResumeError(str(path), "it was merged of other runs", OF_MERGED)
    return CannotResumeError(str(path), "it has no journal")
