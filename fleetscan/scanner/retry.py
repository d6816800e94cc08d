"""The VMs of an earlier run that are scanned again: those that failed or timed out, or were skipped too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fleetscan.errors import NothingListedError, Remedy, UsageError, resume_with
from fleetscan.inventory.choice import find, not_found
from fleetscan.inventory.from_file import target_of_row
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.narrowing import Narrowing, without
from fleetscan.inventory.selection import first, of_subscriptions
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError
from fleetscan.runs.found import found_run, run_path
from fleetscan.runs.no_journal import of_merged
from fleetscan.runs.reader import Run, open_run
from fleetscan.scanner.arc import without_arc
from fleetscan.scanner.earlier_place import refuse_elsewhere
from fleetscan.scanner.listing import unfound
from fleetscan.scanner.selecting import in_part, selection_in, sifted
from fleetscan.settings.declared import Settings

FAILED = frozenset({"failed", "timed_out"})
SKIPPED = "skipped"


def retried_path(settings: Settings) -> str | None:
    """The directory of the run to retry; None where none is. Raises UsageError where several may be meant."""
    if settings.retry_failed is None:
        return None
    # (The runs themselves, and not the directory where a new one of them is made.)
    return str(run_path(settings.retry_failed, None if settings.runs is None else Path(settings.runs)))


def retried_fleet(path: str, settings: Settings) -> Fleet:
    """The VMs of the run in the directory `path` that `settings` have retried, as they were listed then.

    Their known power state is old, so it is dropped. Raises CannotReadRunError where there is no such run,
    UsageError where it has not finished, was scanned at another endpoint or a name means several
    subscriptions, and NothingListedError where nothing is selected because it knows no such subscription.
    """
    refuse_elsewhere(settings)
    run = open_run(path)
    if not run.is_complete:
        # Its assessments may still be running, and another start would cancel them.
        remedy = of_merged(run.path) if run.facts["sources"] else resume_with(found_run(run.path).command)
        raise UsageError(f"{path} is unfinished, so its failed VMs are not known yet", remedy)
    wanted = FAILED | {SKIPPED} if settings.retry_skipped else FAILED
    earlier = [
        replace(target_of_row(row), power_state=None) for row in run.rows() if row["outcome"] in wanted
    ]
    known = _known(run)
    ids, errors = _selected(run, known, settings.subscription)
    narrowing = without(Narrowing(), [], settings.exclude_subscription, known)
    fleet = Fleet(
        of_subscriptions(earlier, ids),
        errors=errors,
        notes=list(narrowing.notes),
        listed_scope={**run.facts["scope"], "shard": None},
    )
    fleet = without_arc(fleet, f"the run {path}", include_arc=settings.include_arc)
    fleet = sifted(fleet, selection_in(settings), lambda target: narrowing.refused_by(target.subscription_id))
    fleet = in_part(fleet, settings)
    targets = first(fleet.targets, settings.limit)
    if errors and not targets:
        raise NothingListedError(f"nothing to retry: {unfound(errors)}")
    return replace(fleet, targets=targets)


def _known(run: Run) -> list[Subscription]:
    """The subscriptions that the run knows: those that were listed, and those of its rows."""
    scope = run.facts["scope"]
    listed = [*scope["subscriptions"], *scope["not_enabled"]]
    seen = {
        each["subscription_id"].lower(): Subscription(each["subscription_id"], each["name"])
        for each in listed
    }
    for row in run.rows():
        seen.setdefault(
            row["subscription_id"].lower(), Subscription(row["subscription_id"], row["subscription_name"])
        )
    return list(seen.values())


def _selected(
    run: Run, known: Sequence[Subscription], named: Sequence[str]
) -> tuple[list[str] | None, list[InventoryError]]:
    """The ids of the subscriptions `named`, as the run knows them, None for all; and those it does not know.

    Raises UsageError for a name that several have.
    """
    if not named:
        return None, []
    chosen, missing = find(named, known)
    where = f"the subscriptions of the run {run.path}"
    return [each.id for each in chosen], [not_found(value, known, where) for value in missing]


def nothing_to_retry(path: str, settings: Settings) -> tuple[str, Remedy | None]:
    """What is said where the run in `path` has no such VM, and what to do about it."""
    skipped = open_run(path).totals()["outcomes"]["skipped"]
    where = " in the selected subscriptions" if settings.subscription else ""
    where = " among the selected VMs" if selection_in(settings).rules else where
    none = f"nothing to retry: no VM of {path}{where}"
    if settings.retry_skipped or not skipped:
        return f"{none} failed, timed out or was skipped; no run was made", None
    what = f"{none} failed or timed out; no run was made"
    vms = "skipped VM" if skipped == 1 else f"{skipped:,} skipped VMs"
    return what, Remedy(f"{{retry_skipped}} retries its {vms}", {"retry_skipped": True})
