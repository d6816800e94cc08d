"""The VMs of a run that was not finished: those that its journal lists and that have no row, else its sums.

Each way counts them in every group, so that the merged run's groups add up to its fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fleetscan.errors import CannotReadRunError
from fleetscan.merging.given import Family, Given
from fleetscan.merging.row_pass import RowPass
from fleetscan.model import InventoryError, Target
from fleetscan.records.fleet_facts import (
    LISTING_STOPPED,
    SHARD_NOT_COUNTED,
    RequestCounts,
    could_not_list,
)
from fleetscan.records.sums import SUBSCRIPTION, TAG_PREFIX
from fleetscan.records.totals import GroupTotals, Totals
from fleetscan.runs.directory import JOURNAL, TOTALS
from fleetscan.runs.listed_vms import Listing, Spent, read_listing, read_spent
from fleetscan.runs.own_totals import own_totals
from fleetscan.runs.reader import Run, State


@dataclass(slots=True)
class Told:
    """What one run's totals or journal tell besides its VMs. `listed` is by subscription, in lower case.

    `why` says what it lacks, None for a whole run; `is_counted` is False where its number of VMs is unknown.
    """

    why: str | None = None
    is_counted: bool = True
    errors: list[InventoryError] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    listed: dict[str, int] = field(default_factory=dict)


def take_family(family: Family, rows: RowPass) -> list[Told]:
    """Have `rows` take the family's rows, and its VMs without one. What each member tells, the base's first.

    Raises what `RowPass.take` raises.
    """
    fleet, groups = rows.take(family)
    base = _of_base(family, rows, fleet, groups)
    return [base, *(_of_retry(retry) for retry in family.retries)]


def _of_base(family: Family, rows: RowPass, fleet: GroupTotals, groups: Sequence[GroupTotals]) -> Told:
    run, own = family.base.run, own_totals(family.base.run)
    missing = 0 if own is None else own[0]["listed"] - fleet["listed"]
    if missing < 0:
        raise CannotReadRunError(str(run.path), f"it has more rows than its {TOTALS} counts VMs")
    told = Told() if own is None else _of_totals(own[0])
    told.listed = {str(each["key"]): each["listed"] for each in groups if each["scope"] == SUBSCRIPTION}
    if run.is_complete and own is not None and not missing:
        return told
    listing = read_listing(run.path / JOURNAL, family.base.scan_id)
    if own is None:
        told.errors = [] if listing is None else listing.errors
        told.spent = read_spent(run.path / JOURNAL)
    without = 0
    for target, count in _rowless(family, rows, listing, None if own is None else own[1], groups):
        without += count
        key = target.subscription_id.lower()
        told.listed[key] = told.listed.get(key, 0) + count
    if own is None and listing is None:
        told.is_counted = False
        told.errors = [not_counted(f"{family.base} {_state(family.base)}")]
    told.why = f"{family.base} {_state(family.base)}: {_lacking(without, told)}"
    return told


def _rowless(
    family: Family,
    rows: RowPass,
    listing: Listing | None,
    own: Sequence[GroupTotals] | None,
    groups: Sequence[GroupTotals],
) -> Iterator[tuple[Target, int]]:
    """Count in `rows` each VM without a row, by the journal's `listing`, else by the run's `own` sums.

    Yields each, and how many are like it.
    """
    run = family.base.run
    if listing is not None:
        try:
            yield from ((target, 1) for target in listing.targets() if rows.claim_rowless(target, family))
        except (OSError, ValueError) as error:
            raise CannotReadRunError(str(run.path), f"its {JOURNAL} changed while it was read") from error
    elif own is not None:
        for target, count in _of_sums(run, own, groups):
            rows.add_unknown(target, count)
            yield target, count


def _of_sums(
    run: Run, own: Sequence[GroupTotals], groups: Sequence[GroupTotals]
) -> Iterator[tuple[Target, int]]:
    """As many VMs as the run's `own` sums count and those over its rows, `groups`, do not.

    Of each scope as many as the sums tell; which of these go together is not known, and matters to no sum.
    """
    with_row = {(each["scope"], each["key"]): each["listed"] for each in groups}
    left: dict[str, list[tuple[str | None, int]]] = {}
    for each in own:
        count = each["listed"] - with_row.get((each["scope"], each["key"]), 0)
        if count < 0:
            raise CannotReadRunError(str(run.path), f"it has more rows than its {TOTALS} counts VMs")
        if count:
            left.setdefault(each["scope"], []).append((each["key"], count))
    names = {each["key"]: each["name"] for each in own if each["scope"] == SUBSCRIPTION}
    while left.get(SUBSCRIPTION):
        heads = {scope: counts[-1] for scope, counts in left.items() if counts}
        count = min(count for _, count in heads.values())
        for scope, (key, of_key) in heads.items():
            left[scope].pop()
            if of_key > count:
                left[scope].append((key, of_key - count))
        yield _like({scope: key for scope, (key, _) in heads.items()}, names), count


def _like(keys: Mapping[str, str | None], names: Mapping[str | None, str | None]) -> Target:
    """A VM that is in these groups."""
    tags = {
        scope.removeprefix(TAG_PREFIX): value
        for scope, value in keys.items()
        if scope.startswith(TAG_PREFIX) and value is not None
    }
    key = keys[SUBSCRIPTION]
    place = keys.get("location"), names.get(key), keys.get("os_type")
    return Target(f"/subscriptions/{key}", str(key), "", "", *place, tags=tags)


def _of_totals(own: Totals) -> Told:
    requests = {name: own["requests"].get(name, 0) for name in RequestCounts.__slots__}
    errors = [could_not_list(each) for each in own["inventory_errors"]]
    return Told(errors=errors, spent=Spent(RequestCounts(**requests)))  # type: ignore[arg-type]


def _of_retry(retry: Given) -> Told:
    """What a run of another's VMs tells; those that it did not reach have the earlier run's row."""
    own = own_totals(retry.run)
    told = Told() if own is None else _of_totals(own[0])
    if own is None:
        told.spent = read_spent(retry.run.path / JOURNAL)
    if not retry.run.is_complete or retry.run.incomplete:
        told.why = f"{retry} {_state(retry)}: VMs that it did not reach keep their earlier row"
    return told


def _state(run: Given) -> str:
    if run.is_held:
        return "is still running"
    match run.run.state:
        case State.UNFINISHED:
            return "has not finished"
        case State.STOPPED:
            return "was stopped"
    return "was complete, and is not any more"


def _lacking(without: int, told: Told) -> str:
    vms = ["1 VM has no row" if without == 1 else f"{without:,} VMs have no row"] if without else []
    codes = {error.code for error in told.errors}
    unlisted = ["how many VMs it has is not known"] if not told.is_counted else []
    unlisted = ["not all VMs were listed"] if LISTING_STOPPED in codes else unlisted
    return " and ".join([*vms, *unlisted]) or "no VM is known to lack a row"


def not_counted(what: str) -> InventoryError:
    """That VMs are missing, and how many is not known."""
    why = f"{what}, and how many VMs it has is not known: none of them is counted"
    return InventoryError(None, SHARD_NOT_COUNTED, why, None)
