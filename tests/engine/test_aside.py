"""A job that goes on aside: it draws on the same buckets, and the scheduler is finished without it."""

from __future__ import annotations

from fleetscan.engine.queues import Step
from fleetscan.engine.scheduler import Finished, Scheduler, WaitUntil
from fleetscan.model import Reply, Request, RequestKind, Turn

OK = Reply(200)
QUERY = Turn(RequestKind.QUERY_PATCHES)


class Turns:
    """A job of fixed turns."""

    expected_s = None

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)

    def begin(self, now: float) -> Turn:
        return self.turns.pop(0)

    def request(self) -> Request:
        return Request("GET", "https://arm/")

    def wait_s(self, now: float, reads_per_s: float) -> float:
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        return self.turns.pop(0) if self.turns else None


def step_of(scheduler: Scheduler, now: float) -> Step:
    step = scheduler.next(now)
    assert isinstance(step, Step)
    return step


def test_it_goes_at_once_and_the_start_beside_it_in_the_same_moment() -> None:
    scheduler, start, query = Scheduler(), Turns(Turn(RequestKind.START, "s", "r")), Turns(QUERY)
    scheduler.add(start, 0.0)
    scheduler.add_aside(query, 0.0)
    assert {step_of(scheduler, 0.0).job, step_of(scheduler, 0.0).job} == {start, query}


def test_all_is_finished_while_its_request_is_exchanged_or_waits() -> None:
    scheduler = Scheduler()
    scheduler.add_aside(Turns(QUERY, Turn(RequestKind.QUERY_PATCHES, after_s=60.0), QUERY), 0.0)
    query = step_of(scheduler, 0.0)
    assert scheduler.next(0.0) == Finished()
    scheduler.settle(query, OK, 1.0)
    assert scheduler.next(1.0) == Finished()
    # What was left waiting then is not sent beside what is added later.
    scheduler.add(Turns(Turn(RequestKind.START, "s", "r")), 100.0)
    assert step_of(scheduler, 100.0).turn.kind is RequestKind.START
    assert isinstance(scheduler.next(100.0), WaitUntil)


def test_others_are_waited_for_while_it_is_exchanged() -> None:
    scheduler = Scheduler()
    scheduler.add(Turns(Turn(RequestKind.POLL, "s", "r", after_s=75.0)), 0.0)
    scheduler.add_aside(Turns(QUERY, QUERY), 0.0)
    query = step_of(scheduler, 0.0)
    assert scheduler.next(0.0) == WaitUntil(75.0, RequestKind.POLL)
    assert not scheduler.settle(query, OK, 1.0)
    assert step_of(scheduler, 1.0).turn == QUERY
    assert scheduler.next(1.0) == WaitUntil(75.0, RequestKind.POLL)


def test_its_pages_are_paced_by_the_users_quota() -> None:
    scheduler = Scheduler()
    scheduler.add(Turns(Turn(RequestKind.POLL, "s", "r", after_s=1000.0)), 0.0)
    scheduler.add_aside(Turns(*[QUERY] * 100), 0.0)
    sent = 0
    while isinstance(step := scheduler.next(0.0), Step):
        sent += 1
        scheduler.settle(step, OK, 0.0)
    assert sent == 15
    assert isinstance(step, WaitUntil)
    assert (round(step.at, 3), step.kind) == (0.333, RequestKind.QUERY_PATCHES)


def test_a_throttled_page_stills_the_other_queries_and_no_start() -> None:
    scheduler = Scheduler()
    scheduler.add_aside(Turns(QUERY, Turn(RequestKind.QUERY_PATCHES, after_s=5.0)), 0.0)
    scheduler.settle(step_of(scheduler, 0.0), Reply(429, {"retry-after": "30"}), 0.0)
    scheduler.add(Turns(QUERY), 1.0)
    scheduler.add(Turns(Turn(RequestKind.START, "s", "r")), 1.0)
    assert step_of(scheduler, 1.0).turn.kind is RequestKind.START
    waits = scheduler.next(1.0)
    assert isinstance(waits, WaitUntil)
    assert waits.at >= 30.0


def test_one_that_was_given_up_is_not_asked_again() -> None:
    scheduler = Scheduler()
    scheduler.add_aside(Turns(QUERY, QUERY), 0.0)
    scheduler.forget(step_of(scheduler, 0.0), 1.0)
    assert scheduler.next(1.0) == Finished()


def test_a_refused_token_puts_it_back() -> None:
    scheduler = Scheduler()
    scheduler.add(Turns(Turn(RequestKind.POLL, "s", "r", after_s=75.0)), 0.0)
    scheduler.add_aside(Turns(QUERY), 0.0)
    scheduler.put_back(step_of(scheduler, 0.0), 2.0, 1.0)
    assert scheduler.next(1.0) == WaitUntil(3.0, RequestKind.QUERY_PATCHES)


def test_once_nothing_more_is_started_it_ends() -> None:
    scheduler = Scheduler()
    scheduler.add(Turns(Turn(RequestKind.POLL, "s", "r", after_s=75.0)), 0.0)
    scheduler.add_aside(Turns(QUERY, QUERY), 0.0)
    query = step_of(scheduler, 0.0)
    scheduler.stop_starting()
    scheduler.settle(query, OK, 1.0)
    assert scheduler.next(1.0) == WaitUntil(75.0, RequestKind.POLL)
