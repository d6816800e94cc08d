"""How large a reply may be, by what was asked for and by its status: in unpacked bytes and in JSON marks.

A mark is a comma, a colon or an opening bracket: without one there is no further value. Counting them costs
no parsing, and those inside texts, which count too, only make the bound stricter. Python needs up to 90 bytes
for each mark beside the text itself, so that 30 kB of gzip could become a gigabyte of empty lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fleetscan.model import RequestKind

KIB, MIB = 1024, 1024 * 1024
MARKS = (b",", b":", b"[", b"{")


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that one reply may have."""

    size_bytes: int
    marks: int


# A code and a message. Proxies' pages have some ten kB; of these no more than a message's length is kept.
REFUSAL = Bound(64 * KIB, 10_000)
# ARM's 202 and 204 have no body, or a status without a result.
NO_RESULT = Bound(64 * KIB, 10_000)
# The Linux extension keeps its list under 126 KiB. On Windows an update has some 500 bytes and 35 marks: the
# thousand that a VM which was never updated may miss have half a MiB and 35,000 marks.
RESULT = Bound(4 * MIB, 200_000)
# The VM's model and what its extensions say, some 4 kB each.
VIEW = Bound(MIB, 40_000)
# Resource Graph sends 16 MiB at most, and a thousand rows. A row with the fifty tags that Azure allows has
# 200 marks at most. A page beyond this is asked for again with half the rows.
GRAPH_PAGE = Bound(16 * MIB, 400_000)
# At most 500 VMs, or some hundred subscriptions. A recorded VM has 1.3 kB and 85 marks, one of many disks ten
# times as much.
LIST_PAGE = Bound(16 * MIB, 400_000)

_SUCCESS: Mapping[RequestKind | None, Bound] = {
    RequestKind.START: RESULT,
    RequestKind.POLL: RESULT,
    RequestKind.RESULT: RESULT,
    RequestKind.VIEW: VIEW,
    RequestKind.QUERY_PATCHES: GRAPH_PAGE,
    RequestKind.QUERY_GRAPH: GRAPH_PAGE,
    RequestKind.LIST_SUBSCRIPTIONS: LIST_PAGE,
    RequestKind.LIST_VMS: LIST_PAGE,
    RequestKind.LIST_SERVERS: LIST_PAGE,
    RequestKind.READ_ACCESS: LIST_PAGE,
    None: LIST_PAGE,
}


def bound_of(kind: RequestKind | None, status: int) -> Bound:
    """What a reply of `status` to a request of `kind` may have; None is a request of no known kind."""
    if status == 200:
        return _SUCCESS[kind]
    return NO_RESULT if status < 300 else REFUSAL


def too_many_marks(body: bytes, bound: Bound) -> str | None:
    """A clause on a `body` with more marks than the bound; None where it keeps to it."""
    # What is shorter than that cannot have so many: nearly every reply.
    if len(body) <= bound.marks:
        return None
    marks = sum(map(body.count, MARKS))
    if marks <= bound.marks:
        return None
    return f"it has {marks:,} commas, colons and brackets, and at most {bound.marks:,} make sense"


def too_many_bytes(bound: Bound) -> str:
    """A clause on a body that is longer than the bound."""
    return f"it has more than {_size(bound.size_bytes)}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes // MIB} MiB" if size_bytes >= MIB else f"{size_bytes // KIB} KiB"
