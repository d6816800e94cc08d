"""Azure's published request limits as data: which buckets a request draws on, and how large they are.

Numbers from Microsoft's "Understand how Azure Resource Manager throttles requests" (2024) and "Throttling
limits for the Compute resource provider" (2024). Both may have changed: replies correct the buckets.
Per-VM limits are not here: an operation keeps its own distance between requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from fleetscan.clouds import BY_HOST
from fleetscan.model import RequestKind


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket of `capacity` requests that gains `refill_per_s` each second."""

    capacity: float
    refill_per_s: float


class Account(StrEnum):
    """The outer bucket, one for each subscription: ARM's front door, or Resource Graph's per-user quota."""

    READS = "reads"
    WRITES = "writes"
    GRAPH = "graph"


class Policy(StrEnum):
    """The inner bucket, one for each subscription and region: Microsoft.Compute's own policies."""

    PATCH_OPERATIONS = "patch_operations"
    GET_OPERATION = "get_operation"
    GET_VM = "get_vm"
    LIST_VMS = "list_vms"
    ARC = "arc"
    UNLIMITED = "unlimited"


# Those behind which a region may be dead. A listing bounds its own attempts; Resource Graph has no region.
REGIONAL = frozenset({Policy.PATCH_OPERATIONS, Policy.GET_OPERATION, Policy.GET_VM, Policy.ARC})


@dataclass(frozen=True, slots=True)
class Limits:
    """Where every bucket begins; `share` of each may be used, 0.0 to 1.0, the rest is left to others.

    Of Resource Graph's, which is a user's, each of so many `askers` has an equal part of that.
    """

    accounts: Mapping[Account, Limit]
    policies: Mapping[Policy, Limit]
    share: float = 1.0
    askers: int = 1

    def share_of(self, account: Account) -> float:
        """The part of an outer bucket that may be used."""
        return self.share / self.askers if account is Account.GRAPH else self.share


# 15 queries in 5 s for each user.
GRAPH_QUERIES = Limit(15.0, 3.0)

PUBLIC = Limits(
    accounts=MappingProxyType(
        {
            Account.READS: Limit(250.0, 25.0),
            Account.WRITES: Limit(200.0, 10.0),
            Account.GRAPH: GRAPH_QUERIES,
        }
    ),
    policies=MappingProxyType(
        {
            Policy.PATCH_OPERATIONS: Limit(600.0, 200.0 / 60.0),
            Policy.GET_OPERATION: Limit(15_000.0, 5_000.0 / 60.0),
            Policy.GET_VM: Limit(24_000.0, 8_000.0 / 60.0),
            Policy.LIST_VMS: Limit(900.0, 300.0 / 60.0),
            # No published limit: the bucket is there to be frozen by a 429.
            Policy.ARC: Limit(1e9, 1e9),
            Policy.UNLIMITED: Limit(1e9, 1e9),
        }
    ),
)

# The sovereign clouds count by the hour, 12,000 reads and 1,200 writes; Compute's policies are the same.
SOVEREIGN = replace(
    PUBLIC,
    accounts=MappingProxyType(
        {
            Account.READS: Limit(12_000.0, 12_000.0 / 3600.0),
            Account.WRITES: Limit(1_200.0, 1_200.0 / 3600.0),
            Account.GRAPH: GRAPH_QUERIES,
        }
    ),
)


def limits_for(host: str, share: float, askers: int = 1) -> Limits:
    """The published limits of the cloud whose Resource Manager is at `host`, or of the public one."""
    cloud = BY_HOST.get(host)
    is_by_hour = cloud is not None and cloud.counts_by_hour
    return replace(SOVEREIGN if is_by_hour else PUBLIC, share=share, askers=askers)


DRAWS = MappingProxyType(
    {
        RequestKind.LIST_SUBSCRIPTIONS: (Account.READS, Policy.UNLIMITED),
        RequestKind.QUERY_GRAPH: (Account.GRAPH, Policy.UNLIMITED),
        RequestKind.LIST_VMS: (Account.READS, Policy.LIST_VMS),
        RequestKind.LIST_SERVERS: (Account.READS, Policy.UNLIMITED),
        RequestKind.READ_ACCESS: (Account.READS, Policy.UNLIMITED),
        RequestKind.START: (Account.WRITES, Policy.PATCH_OPERATIONS),
        # Whether polls count as ARM reads is published nowhere; assuming so is the safe side.
        RequestKind.POLL: (Account.READS, Policy.GET_OPERATION),
        RequestKind.RESULT: (Account.READS, Policy.GET_OPERATION),
        RequestKind.QUERY_PATCHES: (Account.GRAPH, Policy.UNLIMITED),
        RequestKind.VIEW: (Account.READS, Policy.GET_VM),
    }
)


def policy_of(kind: RequestKind, *, is_arc: bool) -> Policy:
    """The inner bucket: Microsoft.Compute counts what is about its VMs, and no Arc server's operation."""
    _, policy = DRAWS[kind]
    return Policy.ARC if is_arc and policy in REGIONAL else policy
