"""The result of a scan, for its caller: of the run that just ended, or of one that was finished before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import StoppedError
from fleetscan.model import Json, Outcome
from fleetscan.records.schema import fleet_keys
from fleetscan.runs.directory import RUN, TOTALS
from fleetscan.runs.store import RunStore
from fleetscan.scanner.run_facts import COMPLETE


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The result of a scan. `fleet` is the first line of totals.jsonl; `directory` is None with `--out -`.

    `stopped_by` says in a sentence why the scan ended early, and is None when it did not.
    """

    exit_code: int
    directory: Path | None
    fleet: dict[str, Json]
    stopped_by: str | None = None


def finished_summary(store: RunStore) -> ScanSummary | None:
    """The summary of a run that an earlier process finished; None if it did not, or a file is missing."""
    path = store.output.path
    if path is None or store.story is None or not store.story.is_finished:
        return None
    try:
        facts = json_text.parse((path / RUN).read_bytes())
        first = json_text.parse((path / TOTALS).read_bytes().partition(b"\n")[0])
    except (OSError, ValueError):
        return None
    match facts, first:
        case {"exit_code": int(code)}, dict(fleet) if code in COMPLETE and fleet.keys() == fleet_keys():
            return ScanSummary(code, path, fleet)
    return None


def stopped(error: StoppedError, fleet: Mapping[str, Json], path: Path | None) -> StoppedError | None:
    """The error of a stop: how many VMs are unfinished, and how to resume; None if all are finished."""
    outcomes = fleet["outcomes"]
    assert isinstance(outcomes, dict)
    left = outcomes[Outcome.INTERRUPTED]
    if not left:
        return None
    unfinished = "1 VM is" if left == 1 else f"{left:,} VMs are"
    how = "" if path is None else f"; resume with --out {path} --resume"
    return StoppedError(f"{error}: {unfinished} unfinished{how}")
