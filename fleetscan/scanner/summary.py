"""What a scan came to, for whoever called it: told by the run that has just ended, or had before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import StoppedError
from fleetscan.records.reading import is_record
from fleetscan.records.run import RunFacts
from fleetscan.records.totals import Totals
from fleetscan.runs.directory import RUN, TOTALS
from fleetscan.runs.store import RunStore
from fleetscan.scanner.run_facts import COMPLETE


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan came to. `fleet` is the first line of totals.jsonl; `directory` is None with `--out -`.

    `stopped_by` says in a sentence why the scan ended early, and is None when it did not.
    """

    exit_code: int
    directory: Path | None
    fleet: Totals
    stopped_by: str | None = None


def finished_summary(place: RunStore) -> ScanSummary | None:
    """The summary of a run that an earlier process has finished, files and all; None where it has not."""
    path = place.output.path
    if path is None or place.story is None or not place.story.is_finished:
        return None
    try:
        facts = json_text.parse((path / RUN).read_bytes())
        first = json_text.parse((path / TOTALS).read_bytes().partition(b"\n")[0])
    except (OSError, ValueError):
        return None
    if is_record(facts, RunFacts) and is_record(first, Totals) and facts["exit_code"] in COMPLETE:
        return ScanSummary(facts["exit_code"], path, first)
    return None


def stopped(error: StoppedError, fleet: Totals, path: Path | None) -> StoppedError | None:
    """What to say of a stop: how many machines had not ended, and how to go on; None where all had."""
    left = fleet["outcomes"]["interrupted"]
    if not left:
        return None
    had = "1 machine had" if left == 1 else f"{left} machines had"
    how = "" if path is None else f"; go on with --out {path} --resume"
    return StoppedError(f"{error}: {had} not ended{how}")
