"""run.json of a merged run, and the facts of its fleet: what all runs agree in, and what each adds."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetscan.merging.given import BY_VM, SHARD, SHARD_BY, WHOLE_SUBSCRIPTIONS, Given
from fleetscan.merging.missing_shards import named
from fleetscan.merging.rowless import Told
from fleetscan.model import InventoryError, Json
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts, not_scanned
from fleetscan.records.run import SCHEMA, Principal, RunFacts, Scope, ScopeSubscription
from fleetscan.records.times import utc_text
from fleetscan.runs.begun import grouped_by
from fleetscan.runs.found import moment_of
from fleetscan.version import __version__

# What is null in the settings of a whole scan, or else as it is there.
OF_WHOLE: dict[str, Json] = {SHARD: None, SHARD_BY: WHOLE_SUBSCRIPTIONS}


def group_by_of(runs: Sequence[Given]) -> list[str]:
    """The tags that one of the runs has totals for, each once whatever its case."""
    words: dict[str, str] = {}
    for each in runs:
        for word in grouped_by(each.facts):
            words.setdefault(word.lower(), word)
    return [*words.values()]


def scope_of(bases: Sequence[Given], *, is_missing: bool) -> Scope:
    """The subscriptions that one of the runs listed or passed over; `is_missing` where a shard is."""
    scopes = [each.facts["scope"] for each in bases]
    listed = _each_once(told for scope in scopes for told in scope["subscriptions"])
    passed_over = _each_once(told for scope in scopes for told in scope["not_enabled"])
    # A shard that listed no subscription was told of none.
    counts = [scope["uniform_scale_set_vms"] for scope in scopes if scope["subscriptions"]]
    known = [count for count in counts if count is not None]
    # Shards by VM are each told all that are in the subscriptions they share.
    is_shared = bases[0].by == BY_VM
    is_told = bool(known) and len(known) == len(counts) and not is_missing
    uniform = max(known, default=0) if is_shared else sum(known)
    return {
        "subscriptions": [*listed.values()],
        "not_enabled": [told for key, told in passed_over.items() if key not in listed],
        "uniform_scale_set_vms": uniform if is_told else None,
        "shard": None,
    }


def fleet_facts(
    runs: Sequence[Given], told: Sequence[Told], errors: Sequence[InventoryError], scope: Scope
) -> FleetFacts:
    """What the fleet's line of totals.jsonl tells besides sums. Shards run side by side."""
    began = [each.facts["started_at"] for each in runs]
    ended = [each.facts["finished_at"] for each in runs]
    last = [utc_text(datetime.fromtimestamp(each.spent.last_at, UTC)) for each in told if each.spent.last_at]
    started_at = min(began, key=moment_of)
    finished_at = max((*began, *filter(None, ended), *last), key=moment_of)
    requests = RequestCounts()
    for each in told:
        requests = requests.plus(
            {name: getattr(each.spent.requests, name) for name in RequestCounts.__slots__}
        )
    return FleetFacts(
        started_at=started_at,
        finished_at=finished_at,
        duration_s=(moment_of(finished_at) - moment_of(started_at)).total_seconds(),
        requests=requests,
        inventory_errors=[*dict.fromkeys((*(error for each in told for error in each.errors), *errors))],
        selection=_of_whole(runs[0].facts["selection"]),
        not_scanned=not_scanned(scope),
        uniform_scale_set_vms=scope["uniform_scale_set_vms"],
    )


def warnings_of(runs: Sequence[Given]) -> Iterator[str]:
    """The warnings of all runs, each once, and whose each is: its numbers are that run's, not the fleet's."""
    told: dict[str, list[Given]] = {}
    for each in runs:
        for warning in dict.fromkeys(each.facts["warnings"]):
            told.setdefault(warning, []).append(each)
    shards = [each for each in runs if each.retries is None]
    for warning, whose in told.items():
        if any(each.shard is None and each.retries is None for each in whose):
            yield warning
        elif whose == shards:
            yield f"each shard: {warning}"
        else:
            yield f"{named([str(each) for each in whose])}: {warning}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the merged run ended."""

    exit_code: int
    stopped_by: str | None
    warnings: Sequence[str]


def run_facts(
    scan_id: str, runs: Sequence[Given], fleet: FleetFacts, scope: Scope, ended: Ended, out: str
) -> RunFacts:
    """run.json; `runs` in the order of the shards, the first one's settings standing for all."""
    settings = _of_whole(runs[0].facts["settings"])
    own: dict[str, Json] = {"out": out, "group_by": [*group_by_of(runs)]}
    settings |= {name: value for name, value in own.items() if name in settings or value}
    return {
        "schema": SCHEMA,
        "scan_id": scan_id,
        "started_at": fleet.started_at,
        "finished_at": fleet.finished_at,
        "exit_code": ended.exit_code,
        "stopped_by": ended.stopped_by,
        "warnings": [*ended.warnings],
        "versions": {"fleetscan": __version__, "python": platform.python_version()},
        "principal": _principal([each.facts["principal"] for each in runs]),
        "scope": scope,
        "selection": fleet.selection,
        "settings": settings,
        "sources": [each.source() for each in runs],
    }


def _of_whole(told: Mapping[str, Json]) -> dict[str, Json]:
    """A shard's selection or settings as those of the whole scan."""
    return {name: OF_WHOLE.get(name, value) for name, value in told.items()}


def _principal(told: Sequence[Principal | None]) -> Principal | None:
    """Whose token all runs had; what differs is null."""
    known = [each for each in told if each is not None]
    if len(known) < len(told):
        return None
    return {
        "object_id": _same(each["object_id"] for each in known),
        "app_id": _same(each["app_id"] for each in known),
        "tenant_id": _same(each["tenant_id"] for each in known),
        "name": _same(each["name"] for each in known),
    }


def _same(told: Iterable[str | None]) -> str | None:
    values = {*told}
    return values.pop() if len(values) == 1 else None


def _each_once(told: Iterable[ScopeSubscription]) -> dict[str, ScopeSubscription]:
    """By the id in lower case, the first that tells of it."""
    found: dict[str, ScopeSubscription] = {}
    for each in told:
        found.setdefault(each["subscription_id"].lower(), each)
    return found
