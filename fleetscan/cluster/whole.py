"""The run that the shards of a scan come to: merged beside them, then put in its place, run.json last.

A later resume puts another in its place. While that is done there is no run.json: no reader takes files of
two merges for one run, and after a kill the same command merges again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fleetscan import json_text
from fleetscan.cluster.place import Place
from fleetscan.errors import CannotReadRunError, CannotWriteError
from fleetscan.merging.given import Given, given
from fleetscan.merging.merge import Merged, merge
from fleetscan.runs.directory import RESULTS, RUN, TOTALS
from fleetscan.runs.disk import reason, replace_file
from fleetscan.runs.shard_files import FILES, MERGED, SHARDS


def merge_shards(place: Place) -> Merged | None:
    """The merged run in the scan's directory; None where no shard has a run yet.

    Raises what `merge` raises.
    """
    if not (runs := _begun(place)):
        return None
    beside = place.path / SHARDS / MERGED
    try:
        _remove(beside)
        merged = merge(runs, beside)
        merged.facts["settings"]["out"] = str(place.path)
        _put(beside, place.path, merged)
        _remove(beside)
    except OSError as error:
        raise CannotWriteError(str(place.path), reason(error)) from error
    return replace(merged, directory=place.path)


def _begun(place: Place) -> list[Given]:
    """The shards' runs; one that was stopped before its VMs were listed counts as missing."""
    runs = []
    for path in place.shards():
        with suppress(CannotReadRunError):
            runs.append(given(str(path), path))
    return runs


def _put(beside: Path, path: Path, merged: Merged) -> None:
    (path / RUN).unlink(missing_ok=True)
    for name in (RESULTS, TOTALS):
        os.replace(beside / name, path / name)
    replace_file(path / RUN, json_text.encode_indented(merged.facts))


def _remove(beside: Path) -> None:
    """Remove what is left of a merge, of one too that was killed."""
    for name in FILES:
        (beside / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        beside.rmdir()
