"""What holds for one machine's operation and for each listing, whatever Azure answers and whenever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from hypothesis import event, example, given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from fleetscan.addresses import Origin
from fleetscan.engine.operation import Before, Operation
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.inventory.busy import Window, query_busy
from fleetscan.inventory.compute import list_machines
from fleetscan.inventory.pages import MAX_PAGES, Pages
from fleetscan.inventory.resource_graph import query_machines
from fleetscan.inventory.subscriptions import Subscription, list_subscriptions
from fleetscan.model import Reply, Request, RequestKind, Target
from fleetscan.records import machine_row
from fleetscan.records.schema import result_schema
from tests.properties.strategies import FOLLOWED, SUBSCRIPTION, courses, pages, replies, targets
from tests.records.examples import CLOCK, SCAN_ID, machine
from tests.virtual import ENDPOINT, EPOCH, rules

ROW = Draft202012Validator(result_schema())
ORIGIN = Origin.of(ENDPOINT)
# 7,200 s of an operation's time looked at every 4 s, and the failures, refusals and looks after it.
MOST_REQUESTS = 2500
MOST_BYTES = 64 * 1024

latencies = st.lists(st.one_of(st.floats(0.0, 1.0), st.floats(0.0, 10_000.0)), min_size=1, max_size=4)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where on its way an operation is taken up; `how` is "new", "doubtful" or "attached"."""

    target: Target
    how: str
    before: Before
    last_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether Azure is known to have accepted it."""
        return self.how != "new" and self.before.accepted_at is not None

    def operation(self) -> Operation:
        """The operation itself."""
        match self.how:
            case "doubtful":
                return Operation.in_doubt(self.target, rules(1), 0, self.before)
            case "attached":
                urls = OperationUrls(f"{ENDPOINT}/operations/1?p=1", f"{ENDPOINT}/operations/1?monitor=true")
                return Operation.attached(self.target, rules(1), 0, self.before, urls)
            case _:
                return Operation(self.target, rules(1), self.last_s)


@st.composite
def beginnings(draw: st.DrawFn) -> Beginning:
    """Any of them."""
    how = draw(st.sampled_from(("new", "new", "doubtful", "attached")))
    posted_at = draw(st.floats(-1e6, 0.0))
    acceptances = st.floats(posted_at, 0.0)
    accepted_at = draw(acceptances if how == "attached" else st.none() | acceptances)
    before = Before(draw(st.integers(1, 5)), draw(st.integers(1, 3)), posted_at, accepted_at)
    return Beginning(draw(targets()), how, before, draw(st.none() | st.floats(0.001, 1e6)))


def check_request(request: Request) -> None:
    """It is for the endpoint."""
    assert request.url.startswith(f"{ENDPOINT}/") or Origin.of(request.url) == ORIGIN


WELL: dict[RequestKind, list[Reply]] = {
    RequestKind.START: [Reply(202, FOLLOWED)],
    RequestKind.POLL: [Reply(200, {}, b'{"status": "Running"}')],
    RequestKind.RESULT: [Reply(200, {}, b"{}")],
    RequestKind.VIEW: [Reply(200, FOLLOWED, b"{}")],
    RequestKind.QUERY_PATCHES: [Reply(200, FOLLOWED, b'{"data": []}')],
}
NEW = Beginning(machine(), "new", Before(0, 0, 0.0))
ATTACHED = Beginning(machine(), "attached", Before(1, 0, 0.0, 0.0))


@given(beginnings(), courses(), latencies)
@example(NEW, WELL, [0.1])
@example(NEW, WELL | {RequestKind.START: [Reply(429)]}, [0.1])
@example(ATTACHED, WELL | {RequestKind.POLL: [Reply(403)]}, [0.1])
def test_an_operation_ends_in_one_row_and_an_accepted_one_is_never_started_again(
    beginning: Beginning, course: Mapping[RequestKind, Sequence[Reply]], waits: Sequence[float]
) -> None:
    """The replies come again and again, so that some operations end by their bounds alone."""
    operation, is_accepted = beginning.operation(), beginning.is_accepted
    now, later = 0.0, cycle(waits)
    answers = {kind: cycle(replies) for kind, replies in course.items()}
    turn = operation.begin(now)
    for _ in range(MOST_REQUESTS):
        assert 0.0 <= turn.after_s < 1e6
        now += turn.after_s
        assert turn.kind is not RequestKind.START or not is_accepted
        assert operation.wait_s(now, 25.0) < 1e6
        check_request(request := operation.request())
        assert len(request.url) + len(request.body) < MOST_BYTES
        sent_at, reply = now, next(answers[turn.kind])
        is_accepted = is_accepted or (turn.kind is RequestKind.START and reply.status == 202)
        now += next(later)
        wanted = operation.receive(reply, sent_at, now)
        if wanted is None:
            break
        turn = wanted
    else:
        raise AssertionError("the operation does not end")
    event(f"{operation.ending.outcome} / {operation.ending.reason}")
    row = machine_row.row(SCAN_ID, operation.target, operation.ending, CLOCK)
    ROW.validate(row)
    machine_row.encode(row)


LISTINGS: dict[str, Callable[[], Pages[object]]] = {
    "subscriptions": lambda: list_subscriptions(ENDPOINT),
    "graph": lambda: query_machines(ENDPOINT, (Subscription(SUBSCRIPTION, "a name"),)),
    "compute": lambda: list_machines(ENDPOINT, Subscription(SUBSCRIPTION)),
    "busy": lambda: query_busy(ENDPOINT, [SUBSCRIPTION], Window(21_600.0, EPOCH)),
}


@given(st.lists(pages | replies(), min_size=1, max_size=6), st.sampled_from(tuple(LISTINGS)))
@example([Reply(200, {}, b'{"value": [], "nextLink": "further/"}')], "subscriptions")
def test_a_listing_ends_whatever_its_pages_say(course: Sequence[Reply], which: str) -> None:
    listing, answers = LISTINGS[which](), cycle(course)
    ask = next(listing)
    for _ in range(MAX_PAGES + 1):
        check_request(ask.request)
        try:
            ask = listing.send(next(answers))
        except StopIteration as end:
            event(f"{which}: {type(end.value).__name__}")
            return
    raise AssertionError("the listing does not end")


@given(targets())
def test_a_start_is_for_the_machine_alone(target: Target) -> None:
    operation = Operation(target, rules(1))
    assert operation.begin(0.0).kind is RequestKind.START
    assert operation.request().method == "POST"
    assert operation.request().body == b""
