"""Broker and simulated Azure joined in virtual time: hours in milliseconds, the same for a seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fleetscan.addresses import Origin
from fleetscan.engine.operation import Operation
from fleetscan.engine.pacing import Pacing
from fleetscan.engine.queues import Step
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.rules import OperationRules
from fleetscan.engine.scheduler import Finished, Scheduler, WaitUntil
from fleetscan.model import Job, Reply, RequestKind, Target
from fleetscan.scanner.broker import Broker
from fleetscan.scanner.hooks import Hooks
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario

ENDPOINT = "https://management.azure.com"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class History:
    """One run: what was sent when, what was answered, and when it was over."""

    sent: list[tuple[float, Step]] = field(default_factory=list)
    replies: list[tuple[float, Step, Reply]] = field(default_factory=list)
    ended: list[Job] = field(default_factory=list)
    finished_at: float = 0.0

    def count(self, kind: RequestKind) -> int:
        """Requests of one kind that were sent."""
        return sum(step.turn.kind is kind for _, step in self.sent)

    def throttled(self) -> int:
        """Replies with status 429."""
        return sum(reply.status == 429 for _, _, reply in self.replies)


def play(
    cloud: Cloud,
    jobs: Iterable[Job],
    *,
    workers: int = 64,
    latency_s: float = 0.08,
    until: float = 1e7,
    hooks: Hooks | None = None,
) -> History:
    """Run the jobs to their end; each exchange takes `latency_s`, half of it on the way there."""
    history, now = History(), 0.0
    broker = Broker(Scheduler(), hooks=hooks or Hooks(), on_end=history.ended.append, on_bug=_raise)
    for job in jobs:
        broker.add(job, now)
    events: list[tuple[float, int, Step, Reply | None]] = []
    order = 0
    while True:
        match broker.claim(now) if len(events) < workers else WaitUntil(float("inf")):
            case Step() as step:
                order += 1
                history.sent.append((now, step))
                heapq.heappush(events, (now + latency_s / 2, order, step, None))
                continue
            case Finished():
                history.finished_at = now
                return history
            case WaitUntil(at=at):
                pass
        if not events or at < events[0][0]:
            now = at
            assert now < until, "the run does not end"
            continue
        now, order_of, step, reply = heapq.heappop(events)
        if reply is None:
            reply = cloud.handle(step.request, now)
            heapq.heappush(events, (now + latency_s / 2, order_of, step, reply))
            continue
        history.replies.append((now, step, reply))
        broker.settle(step, reply, now)


def ends_at(cloud: Cloud, history: History) -> dict[str, float]:
    """When Azure ended each VM's accepted operation, by the VM's key."""
    return {
        step.job.target.key: (step.sent_at + at) / 2.0
        + cloud.fleet.machine(step.job.target.key).lot.duration_s
        for at, step, reply in history.replies
        if isinstance(step.job, Operation) and step.turn.kind is RequestKind.START and reply.status == 202
    }


def lateness_s(cloud: Cloud, history: History) -> list[float]:
    """How long after an operation's end its VM had ended for us, in seconds, the least first."""
    done_at = {step.job.target.key: at for at, step, _ in history.replies if isinstance(step.job, Operation)}
    return sorted(done_at[key] - at for key, at in ends_at(cloud, history).items())


def _raise(job: Job, bug: Exception, now: float) -> None:
    raise bug


def cloud_of(scenario: Scenario) -> Cloud:
    """A simulated Azure whose clock starts at 0."""
    return Cloud(scenario, epoch=EPOCH)


def rules(
    seed: int, *, first_poll_s: float | None = 75.0, poll_interval_s: float | None = 30.0
) -> OperationRules:
    """A scan's rules with chance drawn from `seed`."""
    chance = random.Random(seed).random
    return OperationRules(
        endpoint=ENDPOINT,
        origin=Origin.of(ENDPOINT),
        api_version="2022-08-01",
        pacing=Pacing(chance, first_poll_s, poll_interval_s),
        retrying=Retrying(chance),
        timeout_s=7200.0,
    )


def operations(targets: Iterable[Target], shared: OperationRules) -> list[Operation]:
    """One operation for each target."""
    return [Operation(target, shared) for target in targets]
