"""`fleetscan merge`: one run of the shards of a scan, or of a run and its retry."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import as_command, note, note_error, tell
from fleetscan.cli.leading import attendant
from fleetscan.cli.log_lines import current
from fleetscan.cli.options import RUNS, reading
from fleetscan.errors import Remedy, StoppedError, UsageError
from fleetscan.settings.declared import Settings
from fleetscan.settings.reading import MergeSettings

if TYPE_CHECKING:
    from fleetscan.merging.merge import Merged

EXAMPLES = (
    Example("All shards of a scan", "fleetscan merge shards/* --out whole"),
    Example("A run, and its run of --retry-failed", "fleetscan merge latest again --out mended"),
)


@reading(MergeSettings, EXAMPLES, arguments=("RUN...",))
def merge(runs: tuple[str, ...], settings: MergeSettings) -> int:
    """Make one run of the shards of a scan, or of a run and its retry.

    RUN is a directory, or how a run's name or id under --runs begins, or latest. The runs stay as they are.
    Each row stands as its scan wrote it; of a VM that was scanned again, the later one. Totals are counted
    anew. A shard that is missing or was not finished is said, and its VMs count as interrupted: resume it,
    and merge again into another directory. The new run has no journal, so it cannot be resumed itself.

    Exit codes: 0 complete; 3 complete, but some VMs failed or timed out, or something could not be listed;
    5 a run is missing or not whole; 2 usage, or runs that do not fit together; 4 the disk refuses.
    """
    from fleetscan.merging.given import given
    from fleetscan.merging.merge import merge as merge_runs
    from fleetscan.runs.directory import path_of
    from fleetscan.runs.found import run_path

    if settings.out is None or settings.out == "-":
        raise UsageError("a run is files", Remedy("name a directory for it with {out}", {"out": None}))
    out = path_of(settings.out)
    kept_in = Path(settings.runs or RUNS)
    named = [given(name, run_path(name, kept_in)) for name in runs]
    merged = merge_runs(named, out, attendant().half_written.extend)
    _tell_end(merged, settings)
    if merged.facts["exit_code"] in (0, 3):
        _follow_latest(merged, kept_in)
    return merged.facts["exit_code"] or 0


def _tell_end(merged: Merged, settings: MergeSettings) -> None:
    from fleetscan.cli.reading import spelled_for
    from fleetscan.cli.scan_end import report_at_end
    from fleetscan.report.terminal import print_summary
    from fleetscan.runs.how_to_resume import command_for

    log = current()
    report = None if settings.quiet else report_at_end(merged.directory, Settings())
    if report is not None:
        # They are told below.
        report["warnings"] = [each for each in report["warnings"] if each not in merged.lacking]
    if not settings.quiet and not (log is not None and log.is_json):
        print_summary(
            merged.totals,
            directory=merged.directory,
            stream=sys.stderr if log is None else log.stream(logging.INFO),
            report=report,
            spelled=spelled_for(
                str(merged.directory), merged.facts["selection"].get("endpoint"), is_merged=True
            ),
            running=None,
        )
    if merged.lacking:
        first = "wait for what still runs, " if merged.is_running else ""
        again = f"{first}resume or scan what is missing, and merge again into another directory with {{out}}"
        note_error(StoppedError(merged.lacking[0], Remedy(again, {"out": None}), tuple(merged.lacking[1:])))
        for run in merged.unfinished:
            endpoint = run.facts["selection"].get("endpoint")
            tell(f"  {as_command(command_for(run.run.path, endpoint))}", level=logging.ERROR)


def _follow_latest(merged: Merged, runs: Path) -> None:
    from fleetscan.cli.console import with_remedy
    from fleetscan.runs.latest import switch_latest

    if (unswitched := switch_latest(merged.directory, runs, merged.totals["listed"])) is None:
        return
    sentence = with_remedy(unswitched.sentence, unswitched.remedy)
    if unswitched.is_failure:
        note("warning", sentence)
    else:
        tell(f"fleetscan: {sentence}")
