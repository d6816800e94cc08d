"""run.json, schema fleetscan.run/1, declared: whose run it is, of what, with which settings, how it ended.

It holds no secrets. While the run goes on, what only its end tells is null.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.model import Json
from fleetscan.records.shapes import Count, UtcTime

Schema: TypeAlias = Literal["fleetscan.run/1"]
SCHEMA: Schema = "fleetscan.run/1"

# The exit codes of a run in which every listed VM ended.
COMPLETE = (0, 1, 3)
# That of a complete run that does not pass a gate.
BREACHED = 1


class Versions(TypedDict):
    """What wrote the run."""

    fleetscan: Annotated[str, "The version of fleetscan."]
    python: Annotated[str, "The version of Python."]


class Principal(TypedDict):
    """Whose token it was, as the token says; null where none was used."""

    object_id: Annotated[str | None, "The identity's object id."]
    app_id: Annotated[str | None, "The id of the application that asked for the token."]
    tenant_id: Annotated[str | None, "The tenant's id."]
    name: Annotated[str | None, "The name of the person or the application."]


class ScopeSubscription(TypedDict):
    """One subscription that the identity can see."""

    subscription_id: Annotated[str, "The subscription's id."]
    name: Annotated[str | None, "The subscription's display name."]
    state: Annotated[str | None, "Azure's word for its state: Enabled, Disabled and others."]
    tenant_id: Annotated[str | None, "The id of the tenant it belongs to."]


class ShardSubscription(TypedDict):
    """One subscription that a shard of a scan sees, whichever shard scans it."""

    subscription_id: Annotated[str, "The subscription's id."]
    name: Annotated[str | None, "The subscription's display name."]
    vms: Annotated[
        Count | None,
        "How many VMs of the selection it has, as this shard was told; null where that is not known.",
    ]
    shard: Annotated[Count | None, "The shard that scans it, from 1; null where each scans a part of it."]


class ShardScope(TypedDict):
    """Which shard of a scan this is, and what the others have to scan."""

    number: Annotated[Count, "The shard, from 1."]
    of: Annotated[Count, "How many shards there are."]
    by: Annotated[
        Literal["subscription", "size", "vm"],
        "How VMs are divided: whole subscriptions by the hash of their ids or by their sizes, or single VMs.",
    ]
    subscriptions: Annotated[list[ShardSubscription], "Every subscription that could be scanned."]


class Scope(TypedDict):
    """What was listed; empty lists where the VMs came from a file."""

    subscriptions: Annotated[list[ScopeSubscription], "Those whose VMs were listed."]
    not_enabled: Annotated[list[ScopeSubscription], "Those that were passed over because of their state."]
    uniform_scale_set_vms: Annotated[
        Count | None,
        "VMs in scale sets of uniform mode, which Azure cannot assess: no row is theirs; null if not told.",
    ]
    shard: Annotated[ShardScope | None, "Of a shard of a scan, which one it is; null for a whole scan."]


class Source(TypedDict):
    """One of the runs that a merged run was made of."""

    path: Annotated[str, "Where it was, as it was named."]
    scan_id: Annotated[str, "Its id."]
    shard: Annotated[str | None, "Which shard it is, such as 2/4; null for a whole scan."]
    retries: Annotated[str | None, "The id of the run whose VMs it scanned again; null where it did not."]
    started_at: Annotated[UtcTime, "When it began."]
    finished_at: Annotated[UtcTime | None, "When it ended; null where it did not."]
    exit_code: Annotated[Count | None, "Its exit code; null where it did not end."]
    rows: Annotated[Count, "How many of the merged run's rows are its own."]


class RunFacts(TypedDict):
    """One run: whose, of what, with which settings, and how it ended."""

    schema: Schema
    scan_id: Annotated[str, "The scan's id; a resumed scan keeps it."]
    started_at: Annotated[UtcTime, "When the scan began; a resumed scan keeps it."]
    finished_at: Annotated[UtcTime | None, "When the scan ended; null while it runs."]
    exit_code: Annotated[Count | None, "The exit code; null while the scan runs."]
    stopped_by: Annotated[str | None, "Why the scan ended early; null if it did not."]
    warnings: Annotated[
        list[str], "What the scan warned of, each sentence once: what it could not see, or took for dead."
    ]
    versions: Versions
    principal: Principal | None
    scope: Scope
    selection: Annotated[dict[str, Json], "What was asked for: every setting that selects, as it was set."]
    settings: Annotated[dict[str, Json], "Every setting of the scan by its name; no secrets."]
    sources: Annotated[list[Source], "The runs that this one was merged of; none for a scan."]
