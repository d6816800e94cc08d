"""A scan in virtual time: the scheduler and the operations of a real one, against an ideal Azure, in seconds.

The ideal Azure accepts every start at once, and every assessment succeeds after the time given for it. It
throttles nothing: the scheduler's own buckets are the limits. No clock, no chance, no network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from fleetscan.engine.limits import Limits
from fleetscan.engine.operation import Operation
from fleetscan.engine.queues import NEVER, Step
from fleetscan.engine.scheduler import Finished, Scheduler, WaitUntil
from fleetscan.model import Reply, Target

STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Course:
    """How a scan went, in seconds from its first start. Everything is kept by a target's resource id.

    `last_start` is the last start sent for a target, `end` when the last of its operations finished and in
    which step. `first_poll_at` is None if nothing was started.
    """

    targets: dict[str, Target] = field(default_factory=dict)
    last_start: dict[str, Step] = field(default_factory=dict)
    end: dict[str, tuple[float, Step]] = field(default_factory=dict)
    first_poll_at: float | None = None


def run_through(
    operations: Iterable[Operation],
    limits: Limits,
    duration_s: Callable[[Target], float],
    *,
    endpoint: str,
    max_in_flight: int,
    reply_s: float,
) -> Course:
    """Run all `operations` to their ends: at most `max_in_flight` requests at once, a reply after `reply_s`.

    A million operations may share a few targets: the course then has one entry per shared target.
    """
    scheduler, azure, course, now = (
        Scheduler(limits, workers=max_in_flight),
        IdealAzure(endpoint, duration_s),
        Course(),
        0.0,
    )
    for operation in operations:
        scheduler.add(operation, now)
    on_the_way: deque[tuple[float, Step, Reply]] = deque()
    while True:
        arrives_at = on_the_way[0][0] if on_the_way else NEVER
        if arrives_at <= now:
            _, step, reply = on_the_way.popleft()
            if scheduler.settle(step, reply, now):
                course.end[azure.forget(step)] = now, step
            continue
        match scheduler.next(now) if len(on_the_way) < max_in_flight else WaitUntil(NEVER):
            case Step() as step:
                on_the_way.append((now + reply_s, step, azure.answer(step, course)))
            case WaitUntil(at=at):
                now = min(at, arrives_at)
            case Finished():
                return course


class IdealAzure:
    """Runs each assessment for `duration_s` of its target, counted from the moment its start was sent."""

    def __init__(self, endpoint: str, duration_s: Callable[[Target], float]) -> None:
        # Shared by all operations, like every reply here: replies are never changed, the URL is never read.
        self._accepted = Reply(202, {"azure-asyncoperation": f"{endpoint}/operations/ideal"})
        self._duration_s = duration_s
        self._running: dict[Operation, float] = {}
        self._successes: dict[float, Reply] = {}

    def answer(self, step: Step, course: Course) -> Reply:
        """What Azure says to a step at the moment it was sent; `course` notes it."""
        operation = step.job
        assert isinstance(operation, Operation)
        ends_at = self._running.get(operation)
        if ends_at is None:
            target = operation.target
            self._running[operation] = step.sent_at + self._duration_s(target)
            course.targets[target.resource_id] = target
            course.last_start[target.resource_id] = step
            return self._accepted
        if course.first_poll_at is None:
            course.first_poll_at = step.sent_at
        if step.sent_at < ends_at:
            return STILL_RUNNING
        return self._success(self._duration_s(operation.target))

    def forget(self, step: Step) -> str:
        """Drop the operation of `step`, which has ended; its target's resource id."""
        operation = step.job
        assert isinstance(operation, Operation)
        del self._running[operation]
        return operation.target.resource_id

    def _success(self, duration_s: float) -> Reply:
        """One reply for each duration, with the operation's own times, from which pacing learns."""
        if (reply := self._successes.get(duration_s)) is None:
            reply = self._successes[duration_s] = _success(duration_s)
        return reply


def _success(duration_s: float) -> Reply:
    output = {"status": "Succeeded", "criticalAndSecurityPatchCount": 0, "otherPatchCount": 0}
    status = {
        "status": "Succeeded",
        "startTime": STARTED_AT,
        "endTime": STARTED_AT + timedelta(seconds=duration_s),
        "properties": {"output": output},
    }
    return Reply(200, body=orjson.dumps(status))


STILL_RUNNING = Reply(200, body=orjson.dumps({"status": "InProgress", "startTime": STARTED_AT}))
