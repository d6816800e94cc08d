"""Which shard of a scan a VM is in: the same in every process, whatever each of them lists. Pure.

Shards are numbered from 1. Ids compare without case.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

By: TypeAlias = Literal["subscription", "size", "vm"]
"""How VMs are divided: whole subscriptions by their ids or by their sizes, or VM by VM."""

MOST = 10_000
TEXT = re.compile(r"(\d{1,5})?/(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of the parts, `of` so many, that a scan is divided into; `number` is from 1."""

    number: int
    of: int

    @classmethod
    def of_text(cls, text: str, number: int | None = None) -> Shard:
        """What `2/4` says, or `/4` of the shard with this `number`; raises ValueError with a clause."""
        told = TEXT.fullmatch(text.strip())
        if told is None:
            raise ValueError("is not a shard such as 2/4")
        if told[1] is not None:
            number = int(told[1])
        if number is None:
            raise ValueError("does not say which shard")
        shard = cls(number, int(told[2]))
        if not 1 <= shard.number <= shard.of <= MOST:
            raise ValueError(f"is not one of 1/N to N/N, with N up to {MOST:,}")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard_of(resource_id: str, shards: int) -> int:
    """The shard of a subscription or a VM by the hash of its id."""
    digest = hashlib.sha256(resource_id.lower().encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % shards + 1


def balanced(sizes: Mapping[str, int], shards: int) -> dict[str, int]:
    """The shard of each subscription, by lower-case id, so that all shards have about as many VMs.

    The largest goes first, each to the shard that has the fewest; of equal ones the lowest id and number.
    """
    loads = [(0, number) for number in range(1, shards + 1)]
    divided: dict[str, int] = {}
    for key, size in sorted(sizes.items(), key=lambda each: (-each[1], each[0])):
        load, number = heapq.heappop(loads)
        divided[key] = number
        heapq.heappush(loads, (load + size, number))
    return divided
