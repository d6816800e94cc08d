"""One history: a simulated Azure with every fault, a scan killed and resumed to its end, drawn from one seed.

The session is the product's own, with its broker, journal and files; only the clock, the wire and the kills
are made up. Each process has a monotonic clock of its own, as after a reboot, and a wall clock that may be
wrong.
"""

from __future__ import annotations

import heapq
import os
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson

from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.queues import NEVER, Step
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.scheduler import Finished, WaitUntil
from fleetscan.errors import FleetscanError
from fleetscan.inventory.busy import Busy, Window, query_busy
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Job, Reply, Target
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import JOURNAL, RESULTS
from fleetscan.runs.store import RunStore
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.resume import Resumption
from fleetscan.scanner.run import SYNC_EVERY_S
from fleetscan.scanner.session import Session
from fleetscan.scanner.stores import fresh_store, resumed_store
from fleetscan.scanner.summary import ScanSummary, finished_summary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.faults import stall_of
from fleetscan.simulator.scenario import Scenario
from tests.faults.disk import KilledError, killing
from tests.virtual import ENDPOINT, EPOCH, cloud_of

WORKERS = 16
MAX_KILLS = 4
# The share of the kills that are power cuts.
POWER_CUTS = 0.25
# How far the wall clock may have been set, s.
CLOCK_JUMPS_S = (0.0, 0.0, -86_400.0, -600.0, 600.0)
# By a day only where no VM was assessed that day: docs/design/faults.md says what comes of it otherwise.
LEAST_JUMP_S = -600.0
MOST_LIVES = 20
MOST_REQUESTS = 20_000
# A machine that runs for ever ends by its timeout; a dead region by its circuit. Nothing takes a day.
LONGEST_S = 86_400.0


@dataclass(eq=False, slots=True)
class Sent:
    """One request: when it left, by which process, and what Azure answered once it came there.

    `settled_at` is when the process took the reply in.
    """

    at: float
    process: int
    step: Step
    reply: Reply | None = None
    settled_at: float | None = None


@dataclass(slots=True)
class History:
    """What happened, told to whoever checks it."""

    seed: int
    cloud: Cloud
    targets: list[Target]
    out: Path
    scan_id: str = "s"
    sent: list[Sent] = field(default_factory=list)
    kills: int = 0
    # The processes that ended in a power cut, and when their files were flushed for the last time.
    power_cuts: dict[int, float] = field(default_factory=dict)
    # The bytes of each file that would outlive one, by inode.
    flushed: dict[int, int] = field(default_factory=dict)
    # The machines that had ended, and whose rows a power cut took.
    lost_rows: set[int] = field(default_factory=set)
    could_not_look: bool = False
    # Whether its first process starts VMs while others are listed, and how often a later one listed again.
    is_streamed: bool = False
    gone_on_with: int = 0
    ended_at: float = 0.0
    summary: ScanSummary | None = None


def scenario_of(seed: int) -> Scenario:
    """Thirty machines, and as much trouble as the seed will have."""
    draw = random.Random(f"{seed}:scenario")
    return Scenario(
        machines=30,
        subscriptions=2,
        regions=2,
        seed=seed,
        patches=2,
        limits_speed=draw.choice((0.02, 0.1, 1.0)),
        refill=draw.choice(("continuous", "by-minute")),
        rival_share=draw.choice((0.0, 0.0, 0.5)),
        durations=draw.choice(("regular", "lognormal")),
        failing_pct=draw.choice((0.0, 20.0)),
        truncated_pct=5.0,
        graph=draw.choice(("up", "up", "up", "denied", "broken")),
        installing_pct=draw.choice((0.0, 15.0)),
        graph_lag_s=draw.choice((0.0, 3.0, 30.0)),
        faults_pct=draw.choice((0.0, 2.0, 10.0, 30.0)),
        troubled_pct=draw.choice((0.0, 10.0)),
        outages=draw.choice((0, 0, 1, 3)),
        stuck_pct=draw.choice((0.0, 10.0)),
        hidden_subscriptions=draw.choice((0, 0, 1)),
        second_assessment=draw.choice(("supersedes", "refused", "conflict")),
        locked_groups=draw.choice((0, 0, 2)),
        locked_machines=draw.choice((0, 0, 2)),
        denied_groups=draw.choice((0, 0, 1)),
        disabled_subscriptions=draw.choice((0, 0, 0, 1)),
        wrong_clock_pct=draw.choice((0.0, 0.0, 30.0)),
        assessed_before_pct=draw.choice((0.0, 90.0)),
    )


def history_of(seed: int, place: Path) -> History:
    """Play the history of `seed` to its end, its files in `place`."""
    cloud = cloud_of(scenario_of(seed))
    history = History(seed, cloud, targets_of(cloud), place / "run", is_streamed=seed % 2 == 1)
    # Resource Graph is silent about who is busy there.
    history.could_not_look = cloud.scenario.hidden_subscriptions > 0
    draw = random.Random(f"{seed}:kills")
    kills = draw.choice((0, 1, 2, MAX_KILLS))
    now, process = 0.0, 0
    while history.summary is None or history.summary.stopped_by is not None:
        assert process < MOST_LIVES, "the run does not end"
        at_write = int(draw.expovariate(1 / 60.0)) + 1 if process < kills else None
        life = Life(history, process, now, draw)
        try:
            with killing(at_write, draw.random, history.flushed):
                history.summary = life.live()
        except KilledError:
            history.kills += 1
            life.die()
            if draw.random() < POWER_CUTS:
                history.power_cuts[process] = life.synced_at
                life.lose_power()
        now, process = life.now + draw.choice((0.0, 5.0, 120.0, 7200.0)), process + 1
    history.ended_at = life.now
    return history


def targets_of(cloud: Cloud) -> list[Target]:
    """The fleet as an inventory would list it."""
    return [
        Target(
            machine.resource_id,
            machine.subscription.subscription_id,
            machine.resource_group,
            machine.name,
            location=machine.region,
            os_type="Windows" if machine.image.is_windows else "Linux",
            power_state=machine.lot.power_state,
        )
        for machine in cloud.fleet
    ]


class Life:
    """One process's life: from taking up what there is to its end, or to its death."""

    def __init__(self, history: History, process: int, now: float, draw: random.Random) -> None:
        self.now = now
        self._history = history
        self._process = process
        self._draw = draw
        # What this process's monotonic clock reads beside the world's.
        self._offset = draw.uniform(-1e5, 1e5)
        jump_s = draw.choice(CLOCK_JUMPS_S)
        if history.cloud.scenario.assessed_before_pct:
            jump_s = max(jump_s, LEAST_JUMP_S)
        told = EPOCH + timedelta(seconds=now + jump_s)
        self._clock = WallClock(told, now + self._offset)
        self._settings = Settings(
            endpoint=ENDPOINT,
            out=str(history.out),
            resume=True,
            operation_timeout_s=5400.0,
            max_in_flight=WORKERS,
            # To learn takes more time than all else: one history in four does.
            first_poll_s=None if history.seed % 4 == 0 else 75.0,
            poll_interval_s=None if history.seed % 4 == 0 else 30.0,
        )
        self._chance = random.Random(f"{history.seed}:{process}:chance").random
        self._session = Session(self._settings, Hooks(), self._clock, self._chance)
        # (when, order, the request): it comes to Azure, or its reply to the process where Azure has answered.
        self._events: list[tuple[float, int, Sent]] = []
        self._orders = 0
        self._place: RunStore | None = None
        # When rows and journal were flushed for the last time.
        self.synced_at = now
        self._kept = 0
        # What an earlier process wrote has reached the disk by now.
        history.flushed = {path.stat().st_ino: path.stat().st_size for path in self._files()}

    def live(self) -> ScanSummary:
        """Scan, and sum up."""
        place, resumption, fleet = self._take_up()
        if (finished := finished_summary(place)) is not None:
            place.close()
            return finished
        session = self._session
        session.open(place, resumption)
        stopped_by: FleetscanError | None = None
        try:
            if place.story is None and self._history.is_streamed:
                self._stream(fleet)
            else:
                session.list_rest(fleet)
                self._assess(session.unbegun_subscriptions())
        except FleetscanError as error:
            stopped_by = error
        summary = session.finish(self._mine(), stopped_by)
        place.close()
        return summary

    def _stream(self, fleet: Fleet) -> None:
        """Start some of the VMs while the others are still listed."""
        session, draw = self._session, random.Random(f"{self._history.seed}:parts")
        ids = list(dict.fromkeys(target.subscription_id for target in fleet.targets))
        busy, begun = self._busy(ids), 0
        for _ in range(draw.randint(1, 4)):
            part = fleet.targets[begun : begun + draw.randint(1, 8)]
            begun += len(part)
            session.list_more(part)
            self._run(session.operations(busy), until=self.now + draw.choice((0.0, 1.0, 90.0)))
        session.list_rest(Fleet(fleet.targets[begun:]))
        self._assess(ids, busy)

    def _assess(self, subscription_ids: list[str], busy: Busy | None = None) -> None:
        session = self._session
        busy = self._busy(subscription_ids) if busy is None else busy
        self._run(session.operations(busy), subscription_ids)
        if session.has_busy:
            self._run(session.late_operations(self._busy(subscription_ids)))

    def die(self) -> None:
        """What was on its way may still arrive; the lock is gone with the process."""
        if self._place is not None:
            self._place.journal.close()
        for at, _, sent in sorted(self._events):
            if sent.reply is None and self._draw.random() < 0.5:
                self._deliver(sent, max(at, self.now))

    def lose_power(self) -> None:
        """Of what was not flushed a part is on the disk, in each file another, or its place without it."""
        for path in self._files():
            file = path.stat()
            flushed = min(self._history.flushed.get(file.st_ino, 0), file.st_size)
            kept = self._draw.randint(flushed, file.st_size)
            os.truncate(path, kept)
            os.truncate(path, self._draw.choice((kept, file.st_size)))

    def _files(self) -> list[Path]:
        paths = (self._history.out / RESULTS, self._history.out / JOURNAL)
        return [path for path in paths if path.exists()]

    def _sync(self) -> None:
        """What a run does each second, where anything was sent."""
        if (count := self._session.broker.counts.total) != self._kept:
            self._kept = count
            self._session.keep(self._mine())
            assert self._place is not None
            self._place.sync()
            self.synced_at = self.now

    def _take_up(self) -> tuple[RunStore, Resumption, Fleet]:
        place = resumed_store(self._settings)
        if place is None:
            place = fresh_store(self._settings, self._clock, str(self._history.seed))
        self._place = place
        journal = self._history.out / JOURNAL
        told = (line for line in journal.read_bytes().splitlines() if b'"row_lost"' in line)
        events = map(orjson.loads, told)
        self._history.lost_rows |= {event["vm"] for event in events if event["event"] == "row_lost"}
        resumption = (
            Resumption(self._history.scan_id) if place.story is None else Resumption.of(place.story, None)
        )
        fleet = resumption.fleet() if resumption.is_listed else self._listed(place)
        return place, resumption, fleet

    def _listed(self, place: RunStore) -> Fleet:
        """The fleet as Azure lists it; VMs that were listed before are in another place, or gone."""
        targets = list(self._history.targets)
        if place.story is not None and place.story.targets:
            draw = random.Random(f"{self._history.seed}:{self._process}:listed")
            known = {target.key for target in place.story.targets}
            targets = [each for each in targets if each.key not in known or draw.random() < 0.7]
            draw.shuffle(targets)
            self._history.gone_on_with += 1
        return Fleet(targets)

    def _busy(self, subscription_ids: list[str]) -> Busy:
        if not subscription_ids:
            return Busy()
        window = Window(self._settings.busy_max_age_s, self._clock.moment(self._mine()))
        pages = query_busy(ENDPOINT, subscription_ids, window)
        listing_job = ListingJob(pages, Retrying(self._chance, attempts=4))
        self._run([listing_job])
        if isinstance(listing_job.result, Busy):
            return listing_job.result
        self._history.could_not_look = True
        return Busy()

    def _mine(self) -> float:
        """This process's own clock."""
        return self.now + self._offset

    def _run(self, jobs: Iterable[Job], learning_of: list[str] | None = None, until: float = NEVER) -> None:
        """All jobs to their ends, and aside of them what Resource Graph tells of these subscriptions.

        What has not ended at the moment `until` goes on with the next call.
        """
        broker = self._session.broker
        for job in jobs:
            broker.add(job, self._mine())
        if learning_of is not None and self._session.last.are_wanted:
            pages = self._session.last.read(ENDPOINT, learning_of, self._clock.moment(self._mine()))
            broker.add_aside(ListingJob(pages, Retrying(self._chance, attempts=4)), self._mine())
        while self.now < until:
            match broker.claim(self._mine()) if len(self._events) < WORKERS else WaitUntil(NEVER):
                case Step() as step:
                    self._send(step)
                case Finished():
                    if until < NEVER:
                        self.now = until
                    # What goes on aside is left where it stands.
                    for _, _, sent in self._events:
                        broker.leave(sent.step, self._mine())
                    self._events.clear()
                    return
                case WaitUntil(at=at):
                    self._pass(min(at - self._offset, until))

    def _send(self, step: Step) -> None:
        assert len(self._history.sent) < MOST_REQUESTS, "the run asks without end"
        sent = Sent(self.now, self._process, step)
        self._history.sent.append(sent)
        self._push(self.now + self._draw.uniform(0.01, 0.2), sent)

    def _pass(self, until: float) -> None:
        """Let time pass until a reply has been taken in, or the scheduler has something to send."""
        while self._events and self._events[0][0] <= until:
            at, _, sent = heapq.heappop(self._events)
            self.now = max(self.now, at)
            if self.now - self.synced_at >= SYNC_EVERY_S:
                self._sync()
            if sent.reply is not None:
                self._session.broker.settle(sent.step, sent.reply, self._mine())
                sent.settled_at = self.now
                return
            reply = self._deliver(sent, self.now)
            self._push(self.now + (stall_of(reply) or self._draw.uniform(0.01, 0.2)), sent)
        assert until < LONGEST_S, "the run does not end"
        # A little more, or rounding would leave the process's own clock short of it.
        self.now = max(self.now, until) + 1e-9

    def _deliver(self, sent: Sent, at: float) -> Reply:
        sent.reply = reply = self._history.cloud.handle(sent.step.request, at)
        return reply

    def _push(self, at: float, sent: Sent) -> None:
        self._orders += 1
        heapq.heappush(self._events, (at, self._orders, sent))
