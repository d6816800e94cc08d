"""The scheduler: what may be sent when, whose turn it is, and whom a refusal stills."""

from __future__ import annotations

import json
import math

from fleetscan.engine.limits import limits_for
from fleetscan.engine.queues import Step
from fleetscan.engine.scheduler import Finished, Scheduler, WaitUntil
from fleetscan.model import Reply, Request, RequestKind, Turn

OK = Reply(200)
ARM_THROTTLE = json.dumps({"error": {"code": "SubscriptionRequestsThrottled", "message": "slow"}}).encode()
COMPUTE_THROTTLE = json.dumps(
    {"code": "OperationNotAllowed", "details": [{"code": "TooManyRequests"}]}
).encode()


class Jobs:
    """One job of fixed requests: each reply is followed by the next of them."""

    expected_s = None

    def __init__(self, *turns: Turn, thinks_s: float = 0.0) -> None:
        self.turns = list(turns)
        self.thinks_s = thinks_s
        self.replies: list[Reply] = []

    def begin(self, now: float) -> Turn:
        return self.turns.pop(0)

    def request(self) -> Request:
        return Request("GET", "https://arm/")

    def wait_s(self, now: float, reads_per_s: float) -> float:
        thinks_s, self.thinks_s = self.thinks_s, 0.0
        return thinks_s

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        self.replies.append(reply)
        return self.turns.pop(0) if self.turns else None


def turn(kind: RequestKind, subscription: str = "s", region: str = "r", after_s: float = 0.0) -> Turn:
    return Turn(kind, subscription, region, after_s)


def start(subscription: str = "s", region: str = "r") -> Jobs:
    return Jobs(turn(RequestKind.START, subscription, region))


def poll(subscription: str = "s", region: str = "r", after_s: float = 0.0) -> Jobs:
    return Jobs(turn(RequestKind.POLL, subscription, region, after_s))


def scheduler_of(*jobs: Jobs, now: float = 0.0) -> Scheduler:
    scheduler = Scheduler()
    for job in jobs:
        scheduler.add(job, now)
    return scheduler


def drain(scheduler: Scheduler, now: float) -> list[Step]:
    """Everything that may be sent at `now`."""
    steps = []
    while isinstance(step := scheduler.next(now), Step):
        steps.append(step)
    return steps


def regions_of(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.turn.subscription_id, step.turn.region) for step in steps]


def test_an_empty_agenda_is_finished() -> None:
    assert Scheduler().next(0.0) == Finished()


def test_nothing_waits_while_something_is_exchanged() -> None:
    scheduler = scheduler_of(start())
    drain(scheduler, 0.0)
    assert scheduler.next(0.0) == WaitUntil(math.inf)


def test_an_errand_that_has_ended_leaves_the_agenda_finished() -> None:
    scheduler = scheduler_of(start())
    (step,) = drain(scheduler, 0.0)
    assert scheduler.settle(step, OK, 1.0)
    assert scheduler.next(1.0) == Finished()


def test_a_request_waits_until_it_is_due() -> None:
    scheduler = scheduler_of(poll(after_s=75.0), now=10.0)
    assert scheduler.next(10.0) == WaitUntil(85.0, RequestKind.POLL)
    assert len(drain(scheduler, 85.0)) == 1


def test_a_follow_up_is_due_from_the_moment_its_reply_came() -> None:
    scheduler = scheduler_of(Jobs(turn(RequestKind.START), turn(RequestKind.POLL, after_s=30.0)))
    (step,) = drain(scheduler, 0.0)
    assert not scheduler.settle(step, OK, 5.0)
    assert scheduler.next(5.0) == WaitUntil(35.0, RequestKind.POLL)


def test_one_subscription_sends_two_hundred_starts_and_then_ten_a_second() -> None:
    scheduler = scheduler_of(*(start() for _ in range(220)))
    assert len(drain(scheduler, 0.0)) == 200
    assert len(drain(scheduler, 1.0)) == 10
    assert len(drain(scheduler, 2.0)) == 10


def test_one_region_sends_six_hundred_starts_and_then_two_hundred_a_minute() -> None:
    scheduler = scheduler_of(*(start() for _ in range(2000)))
    sent = sum(len(drain(scheduler, tenth / 10)) for tenth in range(3002))
    assert sent == 600 + 5 * 200


def test_no_subscription_waits_for_another() -> None:
    scheduler = scheduler_of(*(start("full") for _ in range(500)), *(start("other") for _ in range(10)))
    assert regions_of(drain(scheduler, 0.0)).count(("other", "r")) == 10


def test_reads_do_not_wait_for_writes() -> None:
    scheduler = scheduler_of(*(start() for _ in range(500)), poll())
    assert RequestKind.POLL in [step.turn.kind for step in drain(scheduler, 0.0)]


def test_the_region_with_the_longest_start_time_ahead_goes_first() -> None:
    scheduler = scheduler_of(start(region="short"), *(start(region="long") for _ in range(3)))
    order = [region for _, region in regions_of(drain(scheduler, 0.0))]
    assert order[:2] == ["long", "long"]


def test_the_read_that_is_most_overdue_goes_first() -> None:
    scheduler = scheduler_of(poll(region="late", after_s=9.0), poll(region="early", after_s=5.0))
    assert [region for _, region in regions_of(drain(scheduler, 20.0))] == ["early", "late"]


def test_arms_429_stills_the_subscription_in_every_region_and_no_other() -> None:
    scheduler = scheduler_of(start("a", "north"), start("a", "south"), start("b", "north"))
    step = scheduler.next(0.0)
    assert isinstance(step, Step)
    scheduler.settle(step, Reply(429, {"retry-after": "17"}, ARM_THROTTLE), 0.0)
    assert {subscription for subscription, _ in regions_of(drain(scheduler, 0.0))} == {"b"}
    assert scheduler.next(0.0) == WaitUntil(17.0, RequestKind.START)


def test_a_tenants_429_stills_this_kind_in_every_subscription() -> None:
    scheduler = scheduler_of(start("a"), start("a"), start("b"), poll("a"))
    step = scheduler.next(0.0)
    assert isinstance(step, Step)
    assert step.turn.kind is RequestKind.START
    body = json.dumps({"error": {"code": "TenantRequestsThrottled", "message": "slow"}}).encode()
    scheduler.settle(step, Reply(429, {"retry-after": "17"}, body), 0.0)
    assert [step.turn.kind for step in drain(scheduler, 0.0)] == [RequestKind.POLL]
    assert len(drain(scheduler, 17.2)) == 2


def test_computes_429_stills_the_region_and_no_other() -> None:
    scheduler = scheduler_of(start("a", "north"), start("a", "north"), start("a", "south"))
    step = scheduler.next(0.0)
    assert isinstance(step, Step)
    assert step.turn.region == "north"
    scheduler.settle(step, Reply(429, {"retry-after": "17"}, COMPUTE_THROTTLE), 0.0)
    assert regions_of(drain(scheduler, 0.0)) == [("a", "south")]
    assert regions_of(drain(scheduler, 17.0)) == [("a", "north")]


def test_a_429_on_starts_does_not_still_reads() -> None:
    scheduler = scheduler_of(start(), poll())
    first, second = drain(scheduler, 0.0)
    by_kind = {step.turn.kind: step for step in (first, second)}
    scheduler.settle(by_kind[RequestKind.START], Reply(429, {"retry-after": "60"}, ARM_THROTTLE), 0.0)
    scheduler.add(poll(), 0.0)
    assert len(drain(scheduler, 0.0)) == 1


def test_a_remaining_count_is_believed() -> None:
    scheduler = scheduler_of(*(start() for _ in range(3)))
    step = scheduler.next(0.0)
    assert isinstance(step, Step)
    scheduler.settle(
        step, Reply(202, {"x-ms-ratelimit-remaining-resource": "Microsoft.Compute/Anything;1"}), 0.0
    )
    assert len(drain(scheduler, 0.0)) == 1
    assert scheduler.next(0.0) == WaitUntil(0.3, RequestKind.START)


def test_a_remaining_count_of_a_late_reply_is_read_less_what_left_since() -> None:
    scheduler = scheduler_of(*(start() for _ in range(5)))
    first, *_ = steps = [scheduler.next(0.0) for _ in range(3)]
    assert all(isinstance(step, Step) for step in steps)
    assert isinstance(first, Step)
    scheduler.settle(first, Reply(202, {"x-ms-ratelimit-remaining-subscription-writes": "3"}), 1.0)
    assert len(drain(scheduler, 1.0)) == 1


def test_a_step_put_back_is_sent_again() -> None:
    scheduler = scheduler_of(job := start())
    (step,) = drain(scheduler, 0.0)
    scheduler.put_back(step, 5.0, 1.0)
    assert drain(scheduler, 5.9) == []
    (again,) = drain(scheduler, 6.0)
    assert (again.job, again.turn.is_retry, job.replies) == (job, True, [])


def test_a_later_request_that_is_due_sooner_is_not_overslept() -> None:
    scheduler = scheduler_of(poll(after_s=100.0))
    assert scheduler.next(0.0) == WaitUntil(100.0, RequestKind.POLL)
    scheduler.add(poll(after_s=5.0), 0.0)
    assert scheduler.next(0.0) == WaitUntil(5.0, RequestKind.POLL)
    assert len(drain(scheduler, 5.0)) == 1
    assert scheduler.next(5.0) == WaitUntil(100.0, RequestKind.POLL)


def test_a_turn_that_may_wait_is_asked_once_more_and_spends_no_token() -> None:
    job = Jobs(Turn(RequestKind.POLL, "s", "r", 60.0, may_wait=True), thinks_s=15.0)
    scheduler = scheduler_of(job)
    assert scheduler.next(60.0) == WaitUntil(75.0, RequestKind.POLL)
    (step,) = drain(scheduler, 75.0)
    assert (step.job, step.queue_taken, step.region_taken) == (job, 1, 1)


def test_a_turn_that_may_wait_does_not_hold_up_those_behind_it() -> None:
    waiting = Jobs(Turn(RequestKind.POLL, "s", "r", 60.0, may_wait=True), thinks_s=15.0)
    scheduler = scheduler_of(waiting, due := poll(after_s=61.0))
    assert [step.job for step in drain(scheduler, 61.0)] == [due]


def test_sovereign_clouds_count_by_the_hour() -> None:
    limits = limits_for("management.usgovcloudapi.net", share=1.0)
    scheduler = Scheduler(limits)
    for region in range(20):
        for _ in range(100):
            scheduler.add(start(region=str(region)), 0.0)
    assert len(drain(scheduler, 0.0)) == 1200
    assert len(drain(scheduler, 60.0)) == 20


def test_half_a_share_sends_half() -> None:
    scheduler = Scheduler(limits_for("management.azure.com", share=0.5))
    for _ in range(220):
        scheduler.add(start(), 0.0)
    assert len(drain(scheduler, 0.0)) == 100
    assert len(drain(scheduler, 1.0)) == 5


def test_a_count_of_all_callers_lowers_the_bucket_and_never_raises_it() -> None:
    all_callers = "x-ms-ratelimit-remaining-subscription-global-reads"
    scheduler = scheduler_of(*(poll() for _ in range(300)))
    sent = drain(scheduler, 0.0)
    assert len(sent) == 250
    scheduler.settle(sent[-1], Reply(200, {all_callers: "3749"}), 0.0)
    assert drain(scheduler, 0.0) == []
    scheduler.settle(sent[0], Reply(200, {all_callers: "249"}), 1.0)
    assert drain(scheduler, 1.0) == []


def test_a_lane_whose_bucket_a_reply_raises_is_not_overslept() -> None:
    scheduler = scheduler_of(*(start() for _ in range(80)))
    first, second, *_ = drain_some(scheduler, 64)
    left = "x-ms-ratelimit-remaining-resource"
    scheduler.settle(first, Reply(202, {left: "Microsoft.Compute/Anything;0"}), 0.1)
    assert isinstance(wait := scheduler.next(0.1), WaitUntil)
    assert wait.at > 10.0
    scheduler.settle(second, Reply(202, {left: "Microsoft.Compute/Anything;598"}), 0.2)
    assert isinstance(scheduler.next(0.2), Step)


def test_polls_that_are_due_do_not_starve_behind_starts() -> None:
    scheduler = scheduler_of(*(start() for _ in range(150)), poll(after_s=5.0))
    drain_some(scheduler, 10)
    assert RequestKind.POLL in [step.turn.kind for step in drain_some(scheduler, 2, now=5.0)]


def test_polls_that_are_due_do_not_starve_while_starts_are_answered() -> None:
    scheduler = scheduler_of(*(start() for _ in range(150)), poll(after_s=5.0))
    (first,) = drain_some(scheduler, 1)
    kinds = []
    for _ in range(3):
        scheduler.settle(first, OK, 5.0)
        (first,) = drain_some(scheduler, 1, now=5.0)
        kinds.append(first.turn.kind)
    assert RequestKind.POLL in kinds


def drain_some(scheduler: Scheduler, count: int, now: float = 0.0) -> list[Step]:
    """The next `count` steps that may be sent at `now`."""
    steps = [scheduler.next(now) for _ in range(count)]
    return [step for step in steps if isinstance(step, Step)]
