"""The VMs of an earlier run that are scanned again: those that failed or timed out, or were skipped too."""

from __future__ import annotations

from dataclasses import replace

from fleetscan.errors import Remedy, UsageError, resume_with
from fleetscan.inventory.from_file import target_of_row
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.selection import first, of_subscriptions
from fleetscan.runs.found import found_run, run_path
from fleetscan.runs.reader import open_run
from fleetscan.scanner.stores import runs_of
from fleetscan.settings.declared import Settings

FAILED = frozenset({"failed", "timed_out"})
SKIPPED = "skipped"


def retried_path(settings: Settings) -> str | None:
    """The directory of the run to retry; None where none is. Raises UsageError where several may be meant."""
    return None if settings.retry_failed is None else str(run_path(settings.retry_failed, runs_of(settings)))


def retried_fleet(path: str, settings: Settings) -> Fleet:
    """The VMs of the run in the directory `path` that `settings` have retried, as they were listed then.

    Their known power state is old, so it is dropped. Raises CannotReadRunError where there is no such run,
    UsageError where it has not finished.
    """
    run = open_run(path)
    if not run.is_complete:
        # Its assessments may still be running, and another start would cancel them.
        remedy = resume_with(found_run(run.path).command)
        raise UsageError(f"{path} is unfinished, so its failed VMs are not known yet", remedy)
    wanted = FAILED | {SKIPPED} if settings.retry_skipped else FAILED
    earlier = [
        replace(target_of_row(row), power_state=None) for row in run.rows() if row["outcome"] in wanted
    ]
    targets = first(of_subscriptions(earlier, settings.subscription), settings.limit)
    return Fleet(targets, listed_scope=run.facts["scope"])


def nothing_to_retry(path: str, settings: Settings) -> tuple[str, Remedy | None]:
    """What is said where the run in `path` has no such VM, and what to do about it."""
    skipped = open_run(path).totals()["outcomes"]["skipped"]
    where = " in the selected subscriptions" if settings.subscription else ""
    none = f"nothing to retry: no VM of {path}{where}"
    if settings.retry_skipped or not skipped:
        return f"{none} failed, timed out or was skipped; no run was made", None
    what = f"{none} failed or timed out; no run was made"
    return what, Remedy(f"{{retry_skipped}} retries its {skipped:,} skipped VMs", {"retry_skipped": True})
