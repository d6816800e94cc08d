"""How much all listings of a fleet may bring together, whatever Azure sends: what the largest fleets need.

Each page keeps to its bound, but 2,000 of 16 MiB would be 32 GB of tags.
"""

from __future__ import annotations

GIB = 1024**3
# A million VMs from Resource Graph, where one with twenty tags comes to 3.5 kB; half as many through Compute,
# which tells of each in two lists.
MOST_BYTES = 3 * GIB
# What Python needs at least for a text beside the text itself; each value is followed by a comma.
VALUE_BYTES = 64


class Bulk:
    """What has been listed so far, estimated as the memory that it would need as parsed JSON."""

    __slots__ = ("most_bytes", "taken_bytes")

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.taken_bytes = 0


class Part:
    """The part of one listing in the bulk."""

    __slots__ = ("_bulk", "_taken_bytes")

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._taken_bytes = 0

    def take(self, page: bytes, who: str) -> None:
        """Count one more page. Raises ValueError with what `who` did once all is too much."""
        size_bytes = len(page) + VALUE_BYTES * page.count(b",")
        self._taken_bytes += size_bytes
        self._bulk.taken_bytes += size_bytes
        if self._bulk.taken_bytes > self._bulk.most_bytes:
            raise ValueError(f"{who}gave pages that come to more than {self._bulk.most_bytes / GIB:g} GiB")

    def drop(self) -> None:
        """Nothing of the listing was kept."""
        self._bulk.taken_bytes -= self._taken_bytes
        self._taken_bytes = 0
