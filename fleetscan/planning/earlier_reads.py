"""What a plan reads of earlier assessments, as a scan does: which VMs are fresh, and what reading them costs.

Summaries alone are read: they tell how many patches a VM's list has, and so how many queries the lists take.
Nothing but Resource Graph is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar, cast

from anyio import Event

from fleetscan.engine.earlier_assessment import Freshness, patches_told
from fleetscan.engine.graph_request import MAX_ROWS
from fleetscan.engine.latest_assessment import KEPT_S
from fleetscan.engine.limits import GRAPH_QUERIES
from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import CannotScanError, Remedy
from fleetscan.inventory.earlier_assessments import (
    CHAINS,
    NAMED,
    Properties,
    Reading,
    parts_of,
    read_earlier,
)
from fleetscan.inventory.pages import Pages
from fleetscan.model import Target
from fleetscan.records.plan import PlanEarlier
from fleetscan.scanner.dispatcher import Dispatcher, Halt
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listing import LISTING_ATTEMPTS
from fleetscan.settings.declared import PacedSettings
from fleetscan.settings.freshness import KEPT_DAYS

T = TypeVar("T")
DAY_S = 86_400.0


@dataclass(slots=True)
class Earlier:
    """How many patches each VM has whose earlier assessment is fresh, by its key.

    `queries` told which VMs these are.
    """

    max_age_s: float
    is_all: bool
    """Whether nothing else is read: no VM is assessed."""
    has_lists: bool
    patches: dict[str, int] = field(default_factory=dict)
    queries: int = 0

    def record(self, rate_share: float, reply_s: float) -> PlanEarlier:
        """What the plan says of them."""
        lists = list_queries(self.patches.values())
        queries = self.queries + (lists if self.has_lists else 0)
        return {
            "max_age_s": self.max_age_s,
            "fresh": len(self.patches),
            "patches": sum(self.patches.values()),
            "summary_queries": self.queries,
            "patch_queries": lists,
            "patches_are_read": self.has_lists,
            "needs_s": round(reading_s(queries, rate_share, reply_s), 3),
            "patches_need_s": round(reading_s(lists, rate_share, reply_s), 3),
        }


async def read_for_plan(
    dispatcher: Dispatcher,
    settings: PacedSettings,
    targets: Sequence[Target],
    hooks: Hooks,
    *,
    chance: Callable[[], float],
    stop: Event,
) -> Earlier:
    """The earlier assessments of `targets` that count by `settings`; `hooks` hears of what cannot be read.

    Raises CannotScanError where nothing else is to be read, and StoppedError.
    """
    max_age_s = KEPT_S if settings.max_age_s is None else settings.max_age_s
    told_s = min(max_age_s, KEPT_DAYS * DAY_S)
    earlier = Earlier(told_s, settings.cached_only, settings.wants_lists)
    wanted = {target.key: target for target in targets}

    def found(target: Target, summary: Properties) -> None:
        earlier.patches[target.key] = patches_told(summary)

    # One that says InProgress is not fresh, however old: which of them are dead is the scan's to say.
    freshness = Freshness(max_age_s, math.inf)
    reading = Reading(
        settings.endpoint, freshness, False, datetime.now(UTC), wanted.get, found, lambda _: None
    )
    retrying = Retrying(chance, attempts=LISTING_ATTEMPTS)
    jobs = [
        ListingJob(_counting(read_earlier(reading, part), earlier), retrying) for part in parts_of(targets)
    ]
    if jobs:
        await dispatcher.run(jobs, stop, Halt())
    _tell_unread([job.result for job in jobs], settings, hooks)
    return earlier


def _tell_unread(whys: Iterable[str | None], settings: PacedSettings, hooks: Hooks) -> None:
    why = next((each for each in whys if each is not None), None)
    if why is None:
        return
    sentence = f"cannot read all earlier assessments: Resource Graph {why}"
    if settings.cached_only:
        remedy = Remedy("try again later, or assess the VMs: leave out {cached_only}", {"cached_only": None})
        raise CannotScanError(sentence, remedy)
    hooks.warning(f"{sentence}; VMs would be assessed instead")


def _counting(pages: Pages[T], earlier: Earlier) -> Pages[T]:
    """`pages`, each query of which is counted: a scan asks the same ones."""
    try:
        request = next(pages)
        while True:
            earlier.queries += 1
            request = pages.send((yield request))
    except StopIteration as end:
        return cast("T", end.value)


def list_queries(patches: Iterable[int]) -> int:
    """How many queries read the lists of fresh VMs with so many patches: a page has a thousand rows."""
    queries = vms = rows = 0
    for count in patches:
        if vms and (vms >= NAMED or rows + 1 + count > MAX_ROWS):
            queries, vms, rows = queries + -(-rows // MAX_ROWS), 0, 0
        vms, rows = vms + 1, rows + 1 + count
    return queries + -(-rows // MAX_ROWS)


def reading_s(queries: int, rate_share: float, reply_s: float) -> float:
    """How long so many queries take by Resource Graph's quota, whose first tokens the listing has used."""
    rounds_s = -(-queries // CHAINS) * reply_s
    if queries <= GRAPH_QUERIES.capacity * rate_share:
        return rounds_s
    return max(rounds_s, queries / (GRAPH_QUERIES.refill_per_s * rate_share))
