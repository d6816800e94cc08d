"""The plan of a scan: the same listing, and then the same scheduler in virtual time. Nothing is started."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from anyio import Event

from fleetscan.engine.operation import Operation
from fleetscan.engine.time_left import ASSESSMENT_S
from fleetscan.errors import mendable
from fleetscan.model import Target
from fleetscan.planning.counts import Roster
from fleetscan.planning.earlier_reads import read_for_plan
from fleetscan.planning.forecast import Assumed, Forecast, forecast, foretold_by, no_later
from fleetscan.planning.plan_record import plan_record
from fleetscan.planning.virtual_time import run_through
from fleetscan.records.fleet_facts import not_scanned
from fleetscan.records.plan import Plan
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.blocking import in_thread
from fleetscan.scanner.connection import connect
from fleetscan.scanner.dispatcher import Exchanger
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listed import dispatcher_over, jitter
from fleetscan.scanner.listing import asking, read_fleet
from fleetscan.scanner.past_durations import PastDurations
from fleetscan.scanner.policy import limits_of, longest_first, operation_rules, past_durations
from fleetscan.scanner.token_end import expires_for_good, outlived
from fleetscan.settings.declared import PacedSettings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

# An assumption of ours: a status read is answered in some 0.1 s, a start in a few tenths.
REPLY_S = 0.2


async def plan(
    settings: PacedSettings | None = None,
    *,
    credential: str | AsyncTokenCredential | None = None,
    hooks: Hooks | None = None,
) -> Plan:
    """Estimate how long a scan with `settings` takes: lists its VMs, starts nothing.

    ```python
    plan = await fleetscan.plan(fleetscan.Settings(rate_share=0.5))
    print(plan["to_assess"], plan["predicted"]["ends_after_s"])
    ```

    `credential` and `hooks` are as `fleetscan.scan` takes them. Raises a `FleetscanError` for what would keep
    a scan from beginning.
    """
    settings, hooks = settings or PacedSettings(), hooks or Hooks()
    roster = await list_for_plan(settings, credential, hooks)
    # Reckoning takes seconds for a large fleet, and the caller's loop may have more to do.
    return await in_thread(partial(foresee, roster, settings, warn=hooks.warning))


async def list_for_plan(
    settings: PacedSettings,
    credential: str | AsyncTokenCredential | None,
    hooks: Hooks,
    stop: Event | None = None,
) -> Roster:
    """The fleet that a scan with these settings would assess. Raises what `plan` raises, and StoppedError."""
    settings.check_freshness()
    try:
        async with connect(settings, credential, hooks.warning) as (transport, tokens):
            roster = await list_over(transport, settings, hooks=hooks, stop=stop or Event())
            roster.token_expires_at = expires_for_good(tokens)
            return roster
    except ExceptionGroup as group:
        raise mendable(group) from None


async def list_over(transport: Exchanger, settings: PacedSettings, *, hooks: Hooks, stop: Event) -> Roster:
    """`list_for_plan` over a transport that is open already."""
    dispatcher, chance = dispatcher_over(transport, settings, hooks), jitter()
    fleet = await read_fleet(settings, asking(dispatcher, chance, stop), hooks=hooks, stop=stop)
    earlier = None
    if settings.wants_fresh:
        earlier = await read_for_plan(dispatcher, settings, fleet.targets, hooks, chance=chance, stop=stop)
    scope, uniform = not_scanned(fleet.scope), fleet.uniform_scale_set_vms
    return Roster(fleet.targets, fleet.errors, scope, uniform, earlier)


def foresee(
    roster: Roster,
    settings: PacedSettings,
    *,
    warn: Callable[[str], None],
    assessment_s: Callable[[Target], float] | None = None,
    reply_s: float = REPLY_S,
) -> Plan:
    """How a scan goes if each assessment takes `assessment_s` of its target and each reply `reply_s`.

    Without `assessment_s` a usual assessment takes the median of its operating system in the run to learn
    from, or else `ASSESSMENT_S`, and some take longer. `warn` gets a sentence if that run cannot be read.
    """
    # A VM that stands for others of its kind takes their time and not its own.
    past = replace(past_durations(settings, warn), by_machine={})
    rules, limits = operation_rules(settings, _middling, past), limits_of(settings)
    usual_s = assessment_s or median_of(past)
    course = run_through(
        (Operation(roster.answering[index], rules) for index in longest_first(roster.answering, past)),
        limits,
        usual_s,
        endpoint=settings.endpoint,
        max_in_flight=settings.max_in_flight,
        reply_s=reply_s,
    )
    longest_s = max(map(usual_s, course.targets.values()), default=ASSESSMENT_S)
    assumed = Assumed(longest_s, reply_s, settings.max_in_flight, limits.share, limits.askers)
    counts = Counter(target.resource_id for target in roster.answering)
    end_of = no_later if assessment_s is not None else foretold_by(course, counts, past.by_os)
    foreseen = forecast(course, assumed, end_of)
    _compare_with_token(roster, foreseen, warn)
    return plan_record(roster, course, foreseen, assumed, selection_of(settings), end_of)


def _compare_with_token(roster: Roster, foreseen: Forecast, warn: Callable[[str], None]) -> None:
    """Warn of a token that would expire before a scan that begins now ends."""
    ends_at = time.time() + foreseen.ends_s
    if roster.token_expires_at is not None and ends_at > roster.token_expires_at:
        warn(outlived(roster.token_expires_at, ends_at))


def median_of(past: PastDurations) -> Callable[[Target], float]:
    """How long an assessment of a target takes: the median of its operating system."""
    medians = past.medians()

    def assessment_s(target: Target) -> float:
        return medians.get(target.os_type or "", ASSESSMENT_S)

    return assessment_s


def _middling() -> float:
    """The mean of chance, so that the same fleet always has the same plan."""
    return 0.5
