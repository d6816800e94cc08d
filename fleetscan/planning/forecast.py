"""The forecast from a course in virtual time: when the last start, the polls and the end come, what binds.

The course has every assessment take as long as a usual one. Some take longer, so the end is what a running
scan foretells too, from the last start and what is known of durations (`engine/time_left.py`).

A bucket of `capacity` requests that gains `refill` a second, of which a share is ours, serves n requests in
no less than (n / share - capacity) / refill seconds. The bucket that by this formula delays the end most is
the binding one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fleetscan.engine.bucket import Bucket
from fleetscan.engine.pacing import Pacing
from fleetscan.engine.time_left import TimeLeft
from fleetscan.model import Target
from fleetscan.planning.virtual_time import Course
from fleetscan.records.plan import Bound

EndOf: TypeAlias = Callable[[Iterable[Target]], float]
"""When the last of these targets of a course, each of which may stand for others, has ended."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a course assumes besides Azure's published limits, of which `rate_share` is ours.

    `assessment_s` is how long an assessment takes, the longest where they differ; `reply_s` how long a reply
    takes, of which at most `max_in_flight` are awaited at a time. `askers` share Resource Graph's limits.
    """

    assessment_s: float
    reply_s: float
    max_in_flight: int
    rate_share: float
    askers: int = 1


@dataclass(frozen=True, slots=True)
class Binding:
    """`requests` draw on the bound and need `needs_s` seconds, less what a bucket holds at the beginning.

    A subscription's bound has no `location`, and what is not Azure's has no `subscription_id` either.
    """

    bound: Bound
    requests: int
    needs_s: float
    subscription_id: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The moments of a scan in seconds from its first start; None for a moment that does not come."""

    last_start_s: float | None
    first_poll_s: float | None
    last_poll_s: float | None
    ends_s: float
    starts: int
    polls: int
    binding: Binding | None


def foretold_by(
    course: Course, counts: Mapping[str, int], durations_s: Mapping[str, Sequence[float]]
) -> EndOf:
    """The end as a scan foretells it before its first start, by earlier durations of each OS type.

    `counts` are how many VMs each target of `course` stands for, by its resource id.
    """
    known: dict[str, TimeLeft] = {}

    def time_left_of(kind: str) -> TimeLeft:
        if kind not in known:
            recalled = {kind: durations_s[kind]} if kind in durations_s else {}
            known[kind] = Pacing(_no_chance, recalled=recalled).time_left
        return known[kind]

    def end_of(targets: Iterable[Target]) -> float:
        starts: dict[str, tuple[int, float]] = {}
        for target in targets:
            count, at = starts.get(target.os_type or "", (0, 0.0))
            last_at = max(at, course.last_start[target.resource_id].sent_at)
            starts[target.os_type or ""] = count + counts[target.resource_id], last_at
        ends = (time_left_of(kind).outlook(0.0, count, at).ends_at for kind, (count, at) in starts.items())
        return max((at or 0.0 for at in ends), default=0.0)

    return end_of


def no_later(_: Iterable[Target]) -> float:
    """The end where no assessment takes longer than the course has it."""
    return 0.0


def forecast(course: Course, assumed: Assumed, end_of: EndOf) -> Forecast:
    """The forecast for `course`, run as `assumed`; it ends no sooner than `end_of` says."""
    bindings = _bindings(course, assumed.rate_share)
    starts, polls = _requests(bindings, "writes"), _requests(bindings, "reads")
    workers_s = (starts + polls) * assumed.reply_s / assumed.max_in_flight
    bindings.append(Binding("max_in_flight", starts + polls, workers_s))
    last_start_s = max((step.sent_at for step in course.last_start.values()), default=None)
    last_poll_s = max((step.sent_at for _, step in course.end.values()), default=None)
    course_s = max((at for at, _ in course.end.values()), default=0.0)
    ends_s = max(course_s, end_of(course.targets.values()))
    return Forecast(
        last_start_s=last_start_s,
        first_poll_s=course.first_poll_at,
        last_poll_s=None if last_poll_s is None else last_poll_s + ends_s - course_s,
        ends_s=ends_s,
        starts=starts,
        polls=polls,
        binding=_tightest(bindings, course.first_poll_at or 0.0, assumed.assessment_s) if starts else None,
    )


def _bindings(course: Course, share: float) -> list[Binding]:
    """Every bucket that the course has used, once."""
    found: dict[tuple[Bound, str, str | None], Binding] = {}
    for binding in _each_binding(course, share):
        found[binding.bound, binding.subscription_id or "", binding.location] = binding
    return list(found.values())


def _each_binding(course: Course, share: float) -> Iterator[Binding]:
    for target_id, step in course.last_start.items():
        target = course.targets[target_id]
        subscription_id = target.subscription_id.lower()
        yield _of_bucket("writes", step.queue.bucket, share, subscription_id, None)
        yield _of_bucket("patch_operations", step.region.bucket, share, subscription_id, target.location)
    for target_id, (_, step) in course.end.items():
        target = course.targets[target_id]
        subscription_id = target.subscription_id.lower()
        yield _of_bucket("reads", step.queue.bucket, share, subscription_id, None)
        yield _of_bucket("get_operation", step.region.bucket, share, subscription_id, target.location)


def _of_bucket(
    bound: Bound, bucket: Bucket, share: float, subscription_id: str, location: str | None
) -> Binding:
    limit, requests = bucket.limit, bucket.taken
    needs_s = max(0.0, (requests / share - limit.capacity) / limit.refill_per_s)
    return Binding(bound, requests, needs_s, subscription_id, location)


def _requests(bindings: Iterable[Binding], bound: Bound) -> int:
    return sum(binding.requests for binding in bindings if binding.bound == bound)


def _tightest(bindings: Iterable[Binding], first_poll_s: float, longest_s: float) -> Binding:
    """The one that delays the end most; the assessments, if one of them takes longer than that needs."""

    def ends_s(binding: Binding) -> float:
        # 1. After the last start an assessment still runs. 2. Polls begin some time after the first start.
        # 3. Our own requests begin at once and end with the last.
        match binding.bound:
            case "writes" | "patch_operations":
                return binding.needs_s + longest_s
            case "reads" | "get_operation":
                return binding.needs_s + first_poll_s
        return binding.needs_s

    tightest = max(bindings, key=ends_s)
    if tightest.needs_s > longest_s:
        return tightest
    return Binding("assessments", _requests(bindings, "writes"), longest_s)


def _no_chance() -> float:
    return 0.0
