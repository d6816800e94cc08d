"""The result of a scan, for its caller: of the run that just ended, or of one that was finished before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleetscan.errors import (
    OTHER_VERSION,
    CannotReadRunError,
    CannotScanError,
    FleetscanError,
    OutputError,
    Remedy,
    ResumeCommand,
    StoppedError,
    resume_with,
)
from fleetscan.places import place_of
from fleetscan.records.asked import Selection
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.sums import RunningTotals
from fleetscan.records.times import WallClock
from fleetscan.records.totals import Totals
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.latest import NotSwitched, switch_latest
from fleetscan.runs.reader import open_run
from fleetscan.runs.store import RunStore
from fleetscan.scanner.hooks import Conclusion, Hooks


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The result of a scan. `totals` are the fleet's, `directory` is None if nothing was kept on disk.

    `stopped_by` says why the scan ended early, and is None when it did not. `has_run` is False where
    there was nothing to retry, so that no run was made. `skipped_on_file_word` VMs were skipped because the
    inventory file says that they do not run. The VMs without a row are `running`, where Azure accepted a
    start or may have, or `not_started`. `breaches` has a sentence for each gate of `fail_on` that a complete
    run does not pass.
    """

    exit_code: int
    directory: Path | None
    totals: Totals
    stopped_by: FleetscanError | None = None
    has_run: bool = True
    skipped_on_file_word: int = 0
    running: int = 0
    not_started: int = 0
    breaches: tuple[str, ...] = ()


def conclusion(
    summary: ScanSummary | None,
    error: Exception | None,
    directory: Path | None,
    requests: RequestCounts,
    exit_code: int | None,
) -> Conclusion:
    """How a scan ended, for its hooks: with a summary, or with an error, or cut off with this exit code."""
    if summary is not None and error is None:
        why = None if summary.stopped_by is None else summary.stopped_by.what
        totals = summary.totals
        return Conclusion(summary.exit_code, summary.directory, totals, totals["requests"], why)
    if error is None:
        code = StoppedError.exit_code if exit_code is None else exit_code
        return Conclusion(code, directory, None, requests.told(), "the scan was cut off")
    code = error.exit_code if isinstance(error, FleetscanError) else FleetscanError.exit_code
    why = error.what if isinstance(error, FleetscanError) else repr(error)
    return Conclusion(code, directory, None, requests.told(), why)


def finished_summary(store: RunStore) -> ScanSummary | None:
    """The summary of a run that an earlier process finished; None if it did not, or a file is missing.

    Raises CannotReadRunError if a later fleetscan wrote the files.
    """
    path = store.output.path
    if path is None or store.story is None or not store.story.is_finished:
        return None
    try:
        run = open_run(path)
        code = run.facts["exit_code"]
        return ScanSummary(code, path, run.totals()) if run.is_complete and code is not None else None
    except CannotReadRunError as error:
        if error.remedy is OTHER_VERSION:
            raise
        # A kill between the last row and the totals: they are written over the rows there are.
        return None


def earlier_warnings(store: RunStore) -> list[str]:
    """What the processes warned of that worked on the run before; none where it is new, or does not tell."""
    if store.output.path is None or store.story is None:
        return []
    try:
        return open_run(store.output.path).facts["warnings"]
    except CannotReadRunError:
        return []


def no_run(scan_id: str, selection: Selection, clock: WallClock) -> ScanSummary:
    """The summary where there is nothing to scan: no VM, no request, no file."""
    at = clock.iso(clock.monotonic)
    facts = FleetFacts(at, at, 0.0, RequestCounts(), selection=selection)
    return ScanSummary(0, None, RunningTotals(scan_id).lines(facts)[0], has_run=False)


def follow_latest(path: Path, runs: Path | None, listed: int, hooks: Hooks) -> None:
    """Have `latest` lead to the complete run in `path`, or say why it does not."""
    # (A run in object storage is not there yet: what uploads it has its `latest` follow.)
    if place_of(str(path)) is None:
        tell_latest(switch_latest(path, runs, listed), hooks)


def tell_latest(unswitched: NotSwitched | None, hooks: Hooks) -> None:
    """Say why `latest` does not lead to a complete run, where that is so."""
    if unswitched is None:
        return
    tell = hooks.warning if unswitched.is_failure else hooks.note
    tell(unswitched.sentence, unswitched.remedy)


def stopped_with(
    error: FleetscanError | None,
    totals: Totals,
    running: int,
    path: Path | None,
    endpoint: str,
    *,
    is_listed: bool,
) -> FleetscanError | None:
    """What ended the scan early, with the VMs that are left and the command that resumes it in `path`."""
    command = None if path is None else command_for(path, endpoint)
    return None if error is None else stopped(error, totals, running, command, is_listed=is_listed)


def stopped(
    error: FleetscanError,
    totals: Totals,
    running: int,
    command: ResumeCommand | None,
    *,
    is_listed: bool = True,
) -> FleetscanError | None:
    """The error of an early end: how many VMs are unfinished, and the `command` that resumes the run.

    None for a stop after which all VMs are finished, if the whole fleet `is_listed`.
    """
    left = totals["outcomes"]["interrupted"]
    match error:
        case StoppedError() if left or not is_listed:
            are = "1 VM is" if left == 1 else f"{left:,} VMs are"
            unfinished = f"{are} unfinished ({unfinished_words(running, left - running)})" if left else ""
            unlisted = "" if is_listed else "not all VMs were listed"
            what = f"{error.what}: {' and '.join(part for part in (unfinished, unlisted) if part)}"
            # A deadline that is too short for the listing is so again.
            return StoppedError(
                what, None if command is None else _then(None if is_listed else error.remedy, command)
            )
        case StoppedError():
            return None
        case OutputError() if command is not None and command.endpoint is not None:
            error.name_endpoint(command.endpoint)
        case CannotScanError() if command is not None and (left or not is_listed):
            error.remedy = _then(error.remedy, command)
    return error


def _then(first: Remedy | None, command: ResumeCommand) -> Remedy:
    """To do what is to be done `first`, and then to resume the run."""
    rest = resume_with(command)
    if first is None:
        return rest
    return Remedy(f"{first.template}; then {rest.template}", {**first.settings, **rest.settings})


def stopped_before(error: StoppedError, path: Path | None, endpoint: str) -> StoppedError:
    """The error of a stop before an earlier process's run, in `path`, went on."""
    why = error.what.partition(" before ")[0]
    remedy = None if path is None else _then(error.remedy, command_for(path, endpoint))
    return StoppedError(f"{why} before the run went on; nothing more was started", remedy)


def unfinished_words(running: int, not_started: int) -> str:
    """How far the VMs without a row have come: "134 running, 977 not started"."""
    parts = [(running, "running"), (not_started, "not started")]
    return ", ".join(f"{number:,} {word}" for number, word in parts if number)
