"""Starts go longest assessment first, by what is known when one is taken; nothing here waits or sends."""

from __future__ import annotations

from math import exp
from statistics import NormalDist

from fleetscan.engine.last_time import LastBy
from fleetscan.engine.operation import Operation
from fleetscan.engine.queues import Step
from fleetscan.engine.scheduler import Scheduler, WaitUntil
from fleetscan.engine.start_order import StartOrder
from fleetscan.model import Fault, Reply, Request, RequestKind, Target, Turn
from tests.virtual import rules

A_START = Turn(RequestKind.START, "s", "r")


class Waiting:
    """A job that waits for its start, and counts how often it is asked what it expects."""

    asked = 0

    def __init__(self, name: str, expected_s: float | None = None) -> None:
        self.name = name
        self.length_s = expected_s

    @property
    def expected_s(self) -> float | None:
        Waiting.asked += 1
        return self.length_s

    def begin(self, now: float) -> Turn:
        return A_START

    def request(self) -> Request:
        return Request("POST", "https://arm/")

    def wait_s(self, now: float, reads_per_s: float) -> float:
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        return None


def order_of(*jobs: Waiting) -> StartOrder:
    order = StartOrder()
    for place, job in enumerate(jobs):
        order.put(place, job, A_START)
    return order


def names(order: StartOrder, most: int = 1_000_000) -> str:
    """The names of the next starts that are taken."""
    taken = [order.pop()[0] for _ in range(min(most, len(order)))]
    return "".join(job.name for job in taken if isinstance(job, Waiting))


def test_where_nothing_is_known_starts_go_in_the_order_they_came() -> None:
    assert names(order_of(*map(Waiting, "cab"))) == "cab"


def test_the_longest_goes_first_and_what_is_equally_long_in_the_order_it_came() -> None:
    order = order_of(Waiting("a", 60.0), Waiting("b", 90.0), Waiting("c", 90.0), Waiting("d", 300.0))
    assert names(order) == "dbca"


def test_what_becomes_known_while_starts_wait_moves_them() -> None:
    jobs = [Waiting(name) for name in "abcdef"]
    order = order_of(*jobs)
    assert names(order, 1) == "a"
    for job, length_s in zip(jobs[1:], (10.0, 20.0, 500.0, 30.0, 40.0), strict=True):
        job.length_s = length_s
        order.heard()
    assert names(order) == "dfecb"


def test_a_start_of_which_nothing_is_known_goes_where_one_in_160_is_longer() -> None:
    bell = NormalDist(5.0, 0.5)
    known = [Waiting("k", exp(bell.inv_cdf((place + 0.5) / 1000))) for place in range(1000)]
    assert 3 <= names(order_of(Waiting("u"), *known)).index("u") <= 9


def test_jobs_are_taken_out_wherever_they_wait() -> None:
    order = order_of(Waiting("a", 60.0), Waiting("b"), Waiting("c", 90.0), Waiting("d"))
    wanted = order.take_out(lambda job: isinstance(job, Waiting) and job.name in "ab")
    assert sorted(job.name for job in wanted if isinstance(job, Waiting)) == ["a", "b"]
    assert names(order) == "dc"


def test_a_hundred_thousand_starts_that_become_known_by_the_page_are_looked_at_a_few_times_each() -> None:
    jobs = [Waiting("x") for _ in range(100_000)]
    order = order_of(*jobs)
    Waiting.asked = 0
    for page in range(0, 100_000, 1000):
        for job in jobs[page : page + 1000]:
            job.length_s = 100.0
            order.heard()
        order.pop()
    assert Waiting.asked < 1_000_000


def started(scheduler: Scheduler, now: float) -> list[str]:
    """The VMs that are started at `now`."""
    found = []
    while isinstance(step := scheduler.next(now), Step):
        assert isinstance(step.job, Operation)
        found.append(step.job.target.name)
    return found


def fleet(number: int) -> list[Operation]:
    shared = rules(1)
    return [Operation(Target(f"/vm/{place}", "S", "g", str(place), "r"), shared) for place in range(number)]


def test_a_vm_that_becomes_known_after_the_first_burst_is_the_next_to_start() -> None:
    scheduler, operations = Scheduler(), fleet(300)
    for operation in operations:
        scheduler.add(operation, 0.0)
    assert len(started(scheduler, 0.0)) == 200
    for place in range(200, 300):
        assert operations[place].expect(float(place), LastBy.RESULT)
        scheduler.heard("s", "r")
    assert started(scheduler, 0.1) == ["299"]
    assert started(scheduler, 0.4) == ["298", "297", "296"]


def test_a_start_that_azure_did_not_take_goes_again_by_its_length_and_not_behind_all_others() -> None:
    scheduler, operations = Scheduler(), fleet(300)
    for place, operation in enumerate(operations):
        operation.expect(1000.0 - place, LastBy.OPERATION)
        scheduler.add(operation, 0.0)
    first = scheduler.next(0.0)
    assert isinstance(first, Step)
    assert len(started(scheduler, 0.0)) == 199
    scheduler.settle(first, Reply(0, fault=Fault.NOT_SENT), 0.0)
    # Within its delay the next one goes.
    assert started(scheduler, 0.1) == ["200"]
    assert started(scheduler, 1.1)[0] == "0"


def test_no_start_waits_for_what_is_not_known() -> None:
    scheduler = Scheduler()
    for operation in fleet(10):
        scheduler.add(operation, 0.0)
    assert len(started(scheduler, 0.0)) == 10
    assert isinstance(scheduler.next(0.0), WaitUntil)
