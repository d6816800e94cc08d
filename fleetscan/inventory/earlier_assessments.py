"""What Resource Graph keeps of VMs' last assessments, for those that are fresh: counts, and lists of patches.

Summaries come first, a row a VM: for up to `NAMED_MOST` VMs they are asked for by id, so that an audit of a
few costs no more queries in a large tenant than in a small one; for more, whole subscriptions are read.
Patches are asked for by the ids of fresh VMs alone, as many at a time as their counts say fit a page, each
with its summary once more, so that a list never goes with another assessment's counts. Nothing is kept of a
page but the VMs whose patches are still to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import TypeAlias

from fleetscan.engine.earlier_assessment import (
    Freshness,
    Standing,
    patches_told,
    with_patches,
    without_patches,
)
from fleetscan.engine.graph_request import MAX_ROWS
from fleetscan.engine.latest_assessment import ARC_ASSESSMENTS, ASSESSMENTS
from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import BATCH_SUBSCRIPTIONS, GraphQuery
from fleetscan.inventory.graph_stream import GraphStream
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, RequestKind, Target

# The types of assessments' rows by what the ids of their machines have.
TYPES = {
    "/providers/microsoft.compute/": ASSESSMENTS,
    "/providers/microsoft.hybridcompute/": ARC_ASSESSMENTS,
}
PATCHES = "/softwarepatches"
TABLE = "patchassessmentresources"
BELOW = "/patchassessmentresults/"
# VMs that one query names, and how many are named at all: the 15 queries that Graph answers at once.
NAMED = 50
NAMED_MOST = 15 * NAMED
# Whole subscriptions are read in so many chains of pages side by side, each page after the one before.
CHAINS = 4

Properties: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Part:
    """What one job reads: rows of these `types`, of these VMs or else of all in the subscriptions."""

    subscription_ids: tuple[str, ...]
    types: tuple[str, ...]
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What all parts share.

    `target_of` is the VM with a key, None where it is not wanted (any more). `found` gets a fresh VM and its
    assessment, `passed_over` the key of one whose assessment says InProgress and is dead. `now` stands in for
    a reply without a Date.
    """

    endpoint: str
    freshness: Freshness
    has_lists: bool
    now: datetime
    target_of: Callable[[str], Target | None]
    found: Callable[[Target, Properties], None]
    passed_over: Callable[[str], None]


def parts_of(targets: Sequence[Target]) -> list[Part]:
    """How the VMs' assessments are read: by their ids where they are few, else by their subscriptions."""
    if len(targets) <= NAMED_MOST:
        named = (tuple(targets[at : at + NAMED]) for at in range(0, len(targets), NAMED))
        return [Part(_subscriptions(some), _types(some), some) for some in named]
    ids, types = _subscriptions(targets), _types(targets)
    size = min(BATCH_SUBSCRIPTIONS, -(-len(ids) // CHAINS))
    return [Part(ids[at : at + size], types) for at in range(0, len(ids), size)]


def _subscriptions(targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(target.subscription_id.lower() for target in targets))


def _types(targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(type_ for part, type_ in TYPES.items() if any(part in target.key for target in targets))


def read_earlier(reading: Reading, part: Part) -> Pages[str | None]:
    """Reads the fresh assessments of a part.

    Returns a clause on why some are unknown, which completes "Resource Graph ...".
    """
    summaries, text = _Summaries(reading), _query(part.targets, part.types)
    query = GraphQuery(RequestKind.QUERY_PATCHES, text, "assessments", summaries.read)
    stream = GraphStream(reading.endpoint, query, part.subscription_ids)
    has_more = True
    while has_more:
        has_more = yield from stream.page()
        for targets in summaries.due(is_last=not has_more):
            if (why := (yield from _read_lists(reading, targets))) is not None:
                return why
    return stream.why


def _query(targets: Sequence[Target], types: Sequence[str]) -> str:
    """Rows of these types, of the VMs alone where there are any.

    It has no `where` on what an assessment changes: rows would leave the pages between two of them.
    """
    named = " or ".join(f"id startswith {_prefix(target)}" for target in targets)
    where = f"type in~ ({', '.join(map(repr, types))})" + (f" and ({named})" if named else "")
    return f"{TABLE} | where {where} | project id, type, properties | order by id asc"


def _prefix(target: Target) -> str:
    """What the ids of a VM's rows begin with, as a literal; less of it where that is no plain text."""
    text = "".join(takewhile(str.isprintable, target.resource_id + BELOW))
    return "@'{}'".format(text.replace("'", "''"))


class _Summaries:
    """Summary rows as they come: those without lists are told at once, the others wait for theirs."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._waiting: list[Target] = []
        self._batches: list[list[Target]] = []
        self._rows = 0

    def read(self, row: Json, sent_at: datetime | None) -> None:
        """One row."""
        reading, key = self._reading, _machine_of(row)
        target, summary = reading.target_of(key), _properties(row)
        if target is None:
            return
        match reading.freshness.standing(summary, sent_at or reading.now):
            case Standing.DEAD:
                reading.passed_over(key)
            case Standing.FRESH if reading.has_lists:
                self._wait(target, summary)
            case Standing.FRESH:
                reading.found(target, without_patches(summary))

    def _wait(self, target: Target, summary: Properties) -> None:
        rows = 1 + patches_told(summary)
        if self._waiting and (self._rows + rows > MAX_ROWS or len(self._waiting) >= NAMED):
            self._batches.append(self._waiting)
            self._waiting, self._rows = [], 0
        self._waiting.append(target)
        self._rows += rows

    def due(self, *, is_last: bool) -> Iterator[list[Target]]:
        """The VMs whose lists are to be read now, as many at a time as fit a page."""
        if is_last and self._waiting:
            self._batches.append(self._waiting)
            self._waiting = []
        while self._batches:
            yield self._batches.pop(0)


@dataclass(slots=True)
class _Told:
    """What Graph tells of one VM: its summary, and its patches by the ids of their rows."""

    summary: Properties | None = None
    at: datetime | None = None
    patches: dict[str, Properties] = field(default_factory=dict)


def _read_lists(reading: Reading, targets: Sequence[Target]) -> Pages[str | None]:
    """Reads the VMs' assessments with their patches, and tells those that are still fresh."""
    told, types = {target.key: _Told() for target in targets}, _types(targets)

    def read_row(row: Json, sent_at: datetime | None) -> None:
        one = told.get(_machine_of(row))
        row_id, kind = (text_at(row, "id") or "").lower(), (text_at(row, "type") or "").lower()
        if one is not None and kind in types:
            one.summary, one.at = _properties(row), sent_at or reading.now
        elif one is not None and kind.endswith(PATCHES):
            one.patches[row_id] = _properties(row)

    text = _query(targets, [*types, *(type_ + PATCHES for type_ in types)])
    query = GraphQuery(RequestKind.QUERY_PATCHES, text, "patches", read_row)
    stream = GraphStream(reading.endpoint, query, _subscriptions(targets))
    while (yield from stream.page()):
        pass
    if stream.why is not None:
        return stream.why
    for target in targets:
        one = told[target.key]
        if one.summary is None or one.at is None or reading.target_of(target.key) is None:
            continue
        if reading.freshness.standing(one.summary, one.at) is Standing.FRESH:
            reading.found(target, with_patches(one.summary, one.patches.values()))
    return None


def _properties(row: Json) -> Properties:
    found = row.get("properties") if isinstance(row, dict) else None
    return found if isinstance(found, dict) else {}


def _machine_of(row: Json) -> str:
    """The key of the VM that a row is about."""
    return (text_at(row, "id") or "").lower().partition(BELOW)[0]
