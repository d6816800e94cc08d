"""Which runs may be merged: parts of one fleet, divided in one way, each once. All else is refused in words.

It reads run.json alone, before a directory is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from fleetscan.errors import Remedy, UsageError
from fleetscan.merging.given import SHARD, SHARD_BY, Family, Given
from fleetscan.model import Json
from fleetscan.records.asked import INVENTORY_SHA256, is_same_value
from fleetscan.records.times import moment_of

ONCE = Remedy("name each run once")
ONE_FLEET = Remedy("merge the runs of one fleet alone")
AT_ONCE = Remedy("merge all shards at once, and not what was merged of some")
LEAVE_OUT = Remedy("leave one of the two out")
CUT_ONCE = Remedy("merge shards that were divided in one way alone, or scan the others again")


def families_of(runs: Sequence[Given]) -> list[Family]:
    """The `runs`, each with its retries, in the order of the shards. Raises UsageError if they do not fit."""
    _refuse_same(runs)
    _refuse_elsewhere(runs)
    families = _joined(runs)
    first = families[0].base
    for family in families[1:]:
        _refuse_apart(first, family.base)
    families.sort(key=lambda family: 0 if family.base.shard is None else family.base.shard.number)
    for one, other in pairwise(family.base for family in families):
        if one.shard == other.shard:
            why = f"{one} and {other.name} are the same shard"
            raise UsageError(why, Remedy("name the one that is to count"))
    _refuse_shared([family.base for family in families])
    return families


def _refuse_same(runs: Sequence[Given]) -> None:
    by_id: dict[str, Given] = {}
    for each in runs:
        if (other := by_id.setdefault(each.scan_id, each)) is not each:
            raise UsageError(f"{other.name} and {each.name} are the same run ({each.scan_id})", ONCE)


def _refuse_elsewhere(runs: Sequence[Given]) -> None:
    """Raise UsageError where two asked two endpoints or tenants; what is not told is no other one."""
    asked = [(each, each.facts["selection"].get("endpoint")) for each in runs]
    for (one, endpoint), (other, another) in pairwise(told for told in asked if told[1] is not None):
        if not is_same_value("endpoint", endpoint, another):
            raise UsageError(f"{one.name} asked {endpoint}, and {other.name} {another}", ONE_FLEET)
    tenants = [(each, _tenant_of(each)) for each in runs]
    for (one, tenant), (other, another) in pairwise(told for told in tenants if told[1] is not None):
        if tenant != another:
            raise UsageError(
                f"{one.name} is of the tenant {tenant}, and {other.name} of {another}", ONE_FLEET
            )


def _tenant_of(run: Given) -> str | None:
    principal = run.facts["principal"]
    return None if principal is None else (principal["tenant_id"] or "").lower() or None


def _joined(runs: Sequence[Given]) -> list[Family]:
    """Each run that is no retry with the retries that lead to it, the last one first."""
    by_id = {each.scan_id: each for each in runs}
    families = {each.scan_id: Family(each, []) for each in runs if each.retries is None}
    order: dict[str, tuple[str, int]] = {}
    for each in runs:
        chain = [*_chain(each, by_id)]
        # A retry comes after what it retries, whatever the clocks of two hosts say.
        order[each.scan_id] = max(_began(link) for link in chain), len(chain)
        if each.retries is not None:
            families[chain[-1].scan_id].retries.append(each)
    for family in families.values():
        family.retries.sort(key=lambda each: order[each.scan_id], reverse=True)
    return [*families.values()]


def _chain(run: Given, by_id: Mapping[str, Given]) -> Iterator[Given]:
    """The run, the one that it retries, and so on. Raises UsageError where one of them is not given."""
    passed = {run.scan_id}
    yield run
    while (retried := run.retries) is not None:
        if retried not in by_id or retried in passed:
            why = f"{run.name} scanned VMs of the run {retried} again, which is not among the runs"
            raise UsageError(why, Remedy("name that run too"))
        run = by_id[retried]
        passed.add(retried)
        yield run


def _began(run: Given) -> str:
    moment = moment_of(run.facts["started_at"])
    return "" if moment is None else moment.isoformat(timespec="microseconds")


def _refuse_apart(one: Given, other: Given) -> None:
    """Raise UsageError unless the two are shards of one scan."""
    if one.shard is None and other.shard is None:
        why = f"{one.name} and {other.name} are two scans: neither is a shard, or a retry of the other"
        raise UsageError(why, Remedy("`fleetscan diff` compares them"))
    if one.shard is None or other.shard is None:
        whole, shard = (one, other) if one.shard is None else (other, one)
        remedy = AT_ONCE if whole.facts["sources"] else CUT_ONCE
        raise UsageError(f"{shard} is a part of a scan, and {whole.name} is not", remedy)
    if one.shard.of != other.shard.of:
        raise UsageError(
            f"{one} and {other} are of scans that were divided into other numbers of shards", CUT_ONCE
        )
    if one.by != other.by:
        why = f"{one} was divided by {one.by}, and {other} by {other.by}"
        raise UsageError(why, CUT_ONCE)
    if differing := _differing(one.facts["selection"], other.facts["selection"]):
        named = ", ".join(name.replace("_", " ") for name in differing)
        raise UsageError(f"{one} and {other} have two selections: they differ in {named}", ONE_FLEET)


def _refuse_shared(shards: Sequence[Given]) -> None:
    """Raise UsageError where two shards took the same subscription for their own, with VMs or without."""
    owners: dict[str, Given] = {}
    for each in shards:
        for told in each.seen or ():
            if each.shard is None or told["shard"] != each.shard.number:
                continue
            if (other := owners.setdefault(told["subscription_id"].lower(), each)) is not each:
                raise twice(other, each, f"the subscription {told['subscription_id']}")


def twice(one: Given, other: Given, what: str) -> UsageError:
    """That two runs have the same VM or subscription."""
    return UsageError(f"{one} and {other} both have {what}", LEAVE_OUT)


def _differing(one: Mapping[str, Json], other: Mapping[str, Json]) -> list[str]:
    """The names of what two shards were asked for in two ways."""
    digest = one.get(INVENTORY_SHA256)
    # Hosts may have the same file in two places.
    is_same_file = digest is not None and digest == other.get(INVENTORY_SHA256)
    passed_over = {SHARD, SHARD_BY, "endpoint", *(("inventory",) if is_same_file else ())}
    names = sorted((one.keys() | other.keys()) - passed_over)
    return [name for name in names if not is_same_value(name, one.get(name), other.get(name))]
