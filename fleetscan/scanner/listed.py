"""A listing alone, as a scan with the same settings makes it: nothing is started."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from anyio import Event

from fleetscan.engine.scheduler import Scheduler
from fleetscan.errors import mendable
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Job
from fleetscan.scanner.broker import Broker
from fleetscan.scanner.connection import connect
from fleetscan.scanner.dispatcher import Dispatcher, Exchanger
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listing import asking, read_fleet
from fleetscan.scanner.policy import limits_of
from fleetscan.settings.selecting import ListSettings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


async def list_alone(
    settings: ListSettings,
    credential: str | AsyncTokenCredential | None,
    hooks: Hooks,
    stop: Event | None = None,
    *,
    is_everything: bool = False,
) -> Fleet:
    """The fleet that `settings` select; with `is_everything` all that they leave out is `refused`, too.

    Raises a FleetscanError for what keeps a fleet from being listed, and StoppedError.
    """
    try:
        async with connect(settings, credential, hooks.warning) as (transport, _):
            stop = stop or Event()
            return await list_over(transport, settings, hooks=hooks, stop=stop, is_everything=is_everything)
    except ExceptionGroup as group:
        raise mendable(group) from None


async def list_over(
    transport: Exchanger, settings: ListSettings, *, hooks: Hooks, stop: Event, is_everything: bool = False
) -> Fleet:
    """`list_alone` over a transport that is open already."""
    dispatcher = dispatcher_over(transport, settings, hooks)
    ask = asking(dispatcher, jitter(), stop)
    return await read_fleet(settings, ask, hooks=hooks, stop=stop, is_everything=is_everything)


def dispatcher_over(transport: Exchanger, settings: ListSettings, hooks: Hooks) -> Dispatcher:
    """What sends requests that start nothing, within the rate limits; a bug in a job is raised."""
    broker = Broker(Scheduler(limits_of(settings)), hooks=hooks, on_end=_keeps_its_result, on_bug=_broke)
    return Dispatcher(
        broker, transport, max_in_flight=settings.max_in_flight, clock=time.monotonic, hooks=hooks
    )


def jitter() -> Callable[[], float]:
    """Chance, from 0.0 to 1.0."""
    return random.Random().random  # noqa: S311 - jitter, not a secret


def _keeps_its_result(_: Job) -> None:
    """A listing has finished; its caller reads the result."""


def _broke(_: Job, bug: Exception, now: float) -> None:
    raise bug
