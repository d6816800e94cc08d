"""A run's files as the product writes them, by any course of events, and a process that goes on with them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeAlias

from hypothesis import strategies as st

from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.selection import is_skipped
from fleetscan.model import InventoryError, Target
from fleetscan.records.journal import OperationMoved, StartAccepted, StartNotTaken, StartSending
from fleetscan.records.times import WallClock
from fleetscan.report.terminal import print_summary
from fleetscan.runs.store import RunStore
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.resume import Resumption
from fleetscan.scanner.session import Session
from fleetscan.scanner.stores import fresh_store, resumed_store
from fleetscan.scanner.summary import finished_summary
from fleetscan.settings.declared import Settings
from tests.properties.strategies import targets
from tests.records.examples import CLOCK, SCAN_ID, assessed, failed, skipped
from tests.virtual import ENDPOINT

Kind: TypeAlias = Literal["start", "refuse", "accept", "move", "end", "count", "sync"]
Step: TypeAlias = tuple[Kind, int]

KINDS: tuple[Kind, ...] = ("start", "refuse", "accept", "move", "end", "end", "count", "sync")
ENDINGS = (assessed(), failed(), skipped(), assessed(title="\u2028 \ud800 \n \x1b"))
LATER = WallClock(CLOCK.utc + timedelta(hours=1), 77.0)

courses = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 4)), max_size=20)
fleets = st.lists(targets(), min_size=1, max_size=5, unique_by=lambda target: target.key)


@dataclass(slots=True)
class Told:
    """What has been written: by machine the starts without an answer, who was accepted, and who has ended."""

    in_doubt: dict[int, int] = field(default_factory=dict)
    accepted: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)


def settings_of(path: Path) -> Settings:
    """The settings with which the run at `path` is begun and gone on with."""
    return Settings(endpoint=ENDPOINT, out=str(path), resume=True)


def opened(path: Path, fleet: Sequence[Target], clock: WallClock = CLOCK) -> tuple[Session, RunStore]:
    """A process that begins a run, or goes on with it. Raises what `resumed_store` raises."""
    settings = settings_of(path)
    place = resumed_store(settings) or fresh_store(settings, clock, SCAN_ID)
    session = Session(settings, Hooks(), clock, lambda: 0.5)
    try:
        resumption = Resumption(SCAN_ID) if place.story is None else Resumption.of(place.story, None)
        error = InventoryError("s-1", "AuthorizationFailed", "no \ud800", 403)
        listed = resumption.fleet() if resumption.is_listed else Fleet(list(fleet), errors=[error])
        session.open(place, resumption)
        session.list_rest(listed)
    except BaseException:
        place.close()
        raise
    return session, place


def written(path: Path, fleet: Sequence[Target], course: Sequence[Step]) -> Told:
    """Write a run, or go on with it, so that `course` happens as far as it can; its process then dies."""
    session, place = opened(path, fleet)
    told = Told(ended={number for number, target in enumerate(fleet) if is_skipped(target)})
    if place.story is not None:
        told.ended |= set(place.story.ended)
        for number, begun in place.story.begun.items():
            told.in_doubt[number] = begun.in_doubt
            told.accepted |= set() if begun.accepted_at is None else {number}
    with closing(place):
        for at, (kind, choice) in enumerate(course):
            _write(session, place, told, kind, choice % len(fleet), fleet, CLOCK.monotonic + at)
    return told


def _write(
    session: Session,
    place: RunStore,
    told: Told,
    kind: Kind,
    number: int,
    fleet: Sequence[Target],
    now: float,
) -> None:
    journal = place.journal
    urls = OperationUrls(f"{ENDPOINT}/operations/{now}?p=1", f"{ENDPOINT}/operations/{now}?monitor=true")
    is_running, in_doubt = number in told.accepted, told.in_doubt.get(number, 0)
    if kind == "count":
        session.keep(now)
    elif kind == "sync":
        place.sync()
    elif number in told.ended:
        return
    elif kind == "end":
        session._recorder.record(number, fleet[number], ENDINGS[int(now) % len(ENDINGS)])
        told.ended.add(number)
    elif kind == "start" and not is_running:
        journal.write(StartSending(number, CLOCK.epoch(now)))
        told.in_doubt[number] = in_doubt + 1
    elif kind == "refuse" and in_doubt and not is_running:
        journal.write(StartNotTaken(number))
        told.in_doubt[number] -= 1
    elif kind == "accept" and in_doubt and not is_running:
        journal.write(StartAccepted(number, CLOCK.epoch(now - 0.5), CLOCK.epoch(now), urls.told()))
        told.in_doubt[number] -= 1
        told.accepted.add(number)
    elif kind == "move" and is_running:
        journal.write(OperationMoved(number, urls.told()))


def gone_on_with(path: Path, fleet: Sequence[Target]) -> None:
    """Take the run up, have every machine begin anew where it was left, and sum up over what there is."""
    place = resumed_store(settings_of(path))
    if place is not None:
        with closing(place):
            if (finished := finished_summary(place)) is not None:
                print_summary(finished.totals, directory=path, stream=io.StringIO())
                return
    session, place = opened(path, fleet, LATER)
    with closing(place):
        for operation in session.operations():
            operation.begin(LATER.monotonic)
            operation.request()
        summary = session.finish(LATER.monotonic + 1.0, None)
    print_summary(summary.totals, directory=path, stream=io.StringIO())
