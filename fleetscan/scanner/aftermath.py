"""What follows a scan once its run is whole on disk: the night enters the history, and its gates are judged.

What goes wrong with the history is a warning: it changes neither what the scan found nor how it ended. An age
that it should have told is unknown then, which no gate passes. What judges loads where a setting asks for it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscan import json_text
from fleetscan.errors import FleetscanError, OutputError, Remedy, UsageError
from fleetscan.records.run import BREACHED, COMPLETE
from fleetscan.runs.directory import RUN
from fleetscan.runs.disk import reason, replace_file
from fleetscan.runs.reader import open_run
from fleetscan.runs.zstd import is_packed, pack
from fleetscan.scanner.blocking import in_thread
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

if TYPE_CHECKING:
    from fleetscan.judgement.standards import Standards

# A run that was stopped has rows that count, too.
ENTERS = (*COMPLETE, OutputError.exit_code)
KEEP_THE_RUN = Remedy("keep the run with {out} or {runs}", {"out": None, "runs": None})


def check_standards(settings: Settings) -> Standards | None:
    """The standards of a scan, before anything is asked of Azure; None where no setting names any.

    Raises UsageError where they cannot be read or need a run that is kept, and HistoryError or
    CannotWriteError where the history cannot be kept.
    """
    named = settings.fail_on, settings.sla, settings.exceptions, settings.history
    if not any(named) and not settings.ignore_classification:
        return None
    from fleetscan.scanner.named_standards import read_standards

    standards = read_standards(settings)
    is_kept = settings.out is not None or settings.runs is not None
    if settings.history is not None:
        if not is_kept:
            raise UsageError("a history is made of runs that are kept on disk", KEEP_THE_RUN)
        from fleetscan.history.file import check_history

        check_history(Path(settings.history), None if settings.runs is None else Path(settings.runs))
    if standards.gates_need_rows and not is_kept:
        why = "gates on age, and gates beside exceptions, are judged by the rows of a run on disk"
        raise UsageError(why, KEEP_THE_RUN)
    return standards


async def follow_up(
    summary: ScanSummary, settings: Settings, standards: Standards | None, hooks: Hooks
) -> ScanSummary:
    """Keep the night in the history, and judge the gates of a complete run."""
    directory = summary.directory
    if standards is None or not summary.has_run:
        return summary
    history = None if settings.history is None else Path(settings.history)
    if directory is None:
        from fleetscan.judgement.gates import breaches

        is_judged = summary.exit_code in COMPLETE
        found = (
            [each.sentence for each in breaches(standards.gates, summary.totals, None)] if is_judged else []
        )
        return _with(summary, found)
    if history is not None and summary.exit_code in ENTERS:
        history = await _entered(directory, history, hooks)
    if not standards.gates or summary.exit_code not in COMPLETE:
        return summary
    found = await in_thread(lambda: _breaches(directory, standards, history))
    if found and summary.exit_code != BREACHED:
        try:
            await in_thread(lambda: _keep(directory, code=BREACHED))
        except FleetscanError as error:
            hooks.warning(f"run.json does not tell that a gate was not passed: {error.what}")
    return _with(summary, found)


async def compressed(summary: ScanSummary, hooks: Hooks) -> ScanSummary:
    """`summary`, once the rows of a complete run are compressed; where that fails they stay as they are."""
    directory = summary.directory
    if directory is None or summary.exit_code not in COMPLETE or is_packed(directory):
        return summary
    try:
        await in_thread(lambda: pack(directory))
    except OSError as error:
        hooks.warning(f"the rows in {directory} are not compressed: {reason(error)}")
    return summary


def _breaches(directory: Path, standards: Standards, history: Path | None) -> list[str]:
    from fleetscan.history.judged_run import breaches_of

    try:
        return breaches_of(open_run(directory), standards, history)
    except FleetscanError as error:
        return [f"no gate can be judged: {error.what}"]


def _with(summary: ScanSummary, found: list[str]) -> ScanSummary:
    return replace(summary, exit_code=BREACHED, breaches=tuple(found)) if found else summary


async def _entered(directory: Path, history: Path, hooks: Hooks) -> Path | None:
    """The history with the run in it; None, said in a warning, where it cannot be used."""
    from fleetscan.history.taking_in import take_in

    try:
        await in_thread(lambda: take_in(open_run(directory), history))
    except FleetscanError as error:
        told = f"this run is not in the history: {error.what}"
        hooks.warning(told, error.remedy)
        with suppress(FleetscanError):
            await in_thread(lambda: _keep(directory, warning=told))
        return None
    return history


def _keep(directory: Path, *, code: int | None = None, warning: str | None = None) -> None:
    """Have run.json tell how the scan ends, or what was wrong then."""
    facts = open_run(directory).facts
    if code is not None:
        facts["exit_code"] = code
    if warning is not None and warning not in facts["warnings"]:
        facts["warnings"] = [*facts["warnings"], warning]
    replace_file(directory / RUN, json_text.encode_indented(facts))
