"""What must hold in every history, however it went. Each check is a function that yields its breaches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from fleetscan.engine.operation import Operation
from fleetscan.engine.queues import NEVER
from fleetscan.engine.replies import ThrottleScope, throttle_delay_s, throttle_scope
from fleetscan.model import Fault, Reply, RequestKind
from fleetscan.report.own_codes import OWN_CODES
from fleetscan.settings.declared import Settings
from fleetscan.simulator.wrong_clocks import WrongClock
from tests.faults.history import CLOCK_JUMPS_S, History, Sent
from tests.strict_reader import Run, read_run
from tests.virtual import ENDPOINT, EPOCH

Check = Callable[[History, Run], Iterator[str]]
# A start that brought one of these may have been taken.
UNKNOWN = (408, 500, 502, 504)


def breaches(history: History) -> list[str]:
    """Everything that is wrong with a history, in sentences."""
    try:
        run = read_run(history.out)
    except (AssertionError, OSError, ValueError) as error:
        return [f"the files break the contract: {type(error).__name__}: {str(error)[:300]}"]
    return [breach for check in CHECKS for breach in check(history, run)]


def one_row_a_machine(history: History, run: Run) -> Iterator[str]:
    """Every listed machine has its row, and nobody else."""
    listed = {target.key for target in history.targets}
    if missing := listed - set(run.by_id):
        yield f"no row for {sorted(missing)}"
    if strange := set(run.by_id) - listed:
        yield f"a row for {sorted(strange)}, which were not listed"
    if run.fleet["outcomes"]["interrupted"] or run.fleet["listed"] != len(listed):
        yield f"the totals of a run that ended are {run.fleet}"


def no_bug(history: History, run: Run) -> Iterator[str]:
    """No row is our own fault."""
    for row in run.rows:
        if row["reason"] == "internal_error":
            yield f"{row['name']}: {row['error']}"


def no_start_of_an_accepted_operation(history: History, run: Run) -> Iterator[str]:
    """Once Azure's 202 is known to us, the machine is never started again; preempted, once more at most."""
    accepted: dict[int, float] = {}
    preempted = {number_of(sent) for sent in history.sent if is_preemption(sent)}
    for sent in starts(history):
        number = number_of(sent)
        if number in accepted and sent.at >= accepted[number]:
            if number not in preempted:
                yield f"machine {number}, accepted at {accepted[number]:.1f}, was started again"
            continue
        if sent.settled_at is None or is_forgotten(history, sent, sent.settled_at):
            continue
        if sent.reply is not None and sent.reply.status == 202:
            accepted[number] = sent.settled_at


def two_acceptances_at_most(history: History, run: Run) -> Iterator[str]:
    """Of the starts that we know Azure accepted there are two at most for a machine."""
    accepted: Counter[int] = Counter()
    for sent in starts(history):
        is_known = sent.settled_at is not None and not is_forgotten(history, sent, sent.settled_at)
        if is_known and sent.reply is not None and sent.reply.status == 202:
            accepted[number_of(sent)] += 1
    for number, count in accepted.items():
        if count > 2:
            yield f"machine {number} was started {count} times"


def only_the_refused_are_not_asked(history: History, run: Run) -> Iterator[str]:
    """A machine that ended unasked is one whose start Azure would have refused, or of a dead region."""
    for key, row in run.by_id.items():
        error = row["error"] or {}
        is_unasked = error.get("code") == "NotTried" and row["reason"] != "unreachable"
        if is_unasked and history.cloud.locks.refusal(history.cloud.fleet.machine(key)) is None:
            yield f"{row['name']} was not asked: {error['message']}"


def own_codes_agree_with_their_reasons(history: History, run: Run) -> Iterator[str]:
    """A code of fleetscan's own stands with a reason that it goes with, and only there."""
    for row in run.by_id.values():
        error = row["error"]
        if error is None or error["origin"] != "fleetscan":
            continue
        told = next((told for code, told in OWN_CODES.items() if code.value == error["code"]), None)
        if told is None or row["reason"] not in told.reasons:
            yield f"{row['name']}: {row['reason']} with the code {error['code']}"


def one_more_start_where_a_fate_was_unknown(history: History, run: Run) -> Iterator[str]:
    """Of the starts of a machine two at most have a fate that we do not know."""
    in_doubt: dict[int, int] = defaultdict(int)
    for sent in starts(history):
        in_doubt[number_of(sent)] += is_in_doubt(sent) and not is_forgotten(history, sent, sent.at)
    for number, count in in_doubt.items():
        if count > 2:
            yield f"machine {number} was started {count} times without learning what became of it"


def nothing_superseded_but_forgotten(history: History, run: Run) -> Iterator[str]:
    """A running assessment is ended by our own start only where a power cut took what was noted of it.

    Or where the VM itself tells that it began so long ago that it must be dead, truly or by a wrong clock.
    """
    forgotten = {
        target_key(sent)
        for sent in starts(history)
        if is_forgotten(history, sent, sent.settled_at or sent.at)
    }
    for key in history.cloud.ledger.superseded:
        clock = history.cloud.fleet.machine(key).lot.wrong_clock
        sent_at = [sent.at for sent in starts(history) if target_key(sent) == key]
        if any(later - at > Settings().busy_max_age_s for at, later in pairwise(sent_at)):
            continue
        if key not in forgotten and clock not in (WrongClock.NOT_SET_AT_START, WrongClock.LAST_YEAR):
            yield f"{key}: a start superseded one that we knew of"


def no_installation_killed(history: History, run: Run) -> Iterator[str]:
    """Where Resource Graph could be asked, no patch installation is ended."""
    if not history.could_not_look:
        for key in history.cloud.ledger.installations_killed:
            yield f"{key}: its installation was ended"


def refusals_are_heeded(history: History, run: Run) -> Iterator[str]:
    """After a 429 nothing is sent to its scope before the time it names, 10 s where it names none."""
    stilled: dict[tuple[object, ...], float] = {}
    for at, is_departure, sent in comings_and_goings(history.sent):
        turn = sent.step.turn
        door = (sent.process, turn.subscription_id, sent.step.queue.account)
        region = (*door, id(sent.step.region))
        if not is_departure:
            if sent.reply is None or sent.reply.status != 429:
                continue
            scope = throttle_scope(sent.reply)
            named_s = throttle_delay_s(sent.reply)
            until = at + (10.0 if named_s is None else named_s)
            if scope is ThrottleScope.SUBSCRIPTION:
                stilled[door] = max(stilled.get(door, 0.0), until)
            elif scope is ThrottleScope.REGION:
                stilled[region] = max(stilled.get(region, 0.0), until)
        elif at < max(stilled.get(door, 0.0), stilled.get(region, 0.0)) - 1e-6:
            yield f"{turn.kind.value} left at {at:.2f} for a scope that is stilled"


def a_dead_region_is_left_alone(history: History, run: Run) -> Iterator[str]:
    """After ten failures in a row requests leave for it a quarter of a minute apart, until an answer."""
    queues: dict[int, list[Sent]] = defaultdict(list)
    for sent in history.sent:
        if sent.step.turn.kind in (RequestKind.START, RequestKind.POLL, RequestKind.VIEW):
            queues[id(sent.step.region)].append(sent)
    for queue in queues.values():
        failures, last_at = 0, -NEVER
        for at, is_departure, sent in comings_and_goings(queue):
            if is_departure:
                if at < last_at + 15.0 - 1e-6 and failures >= 10:
                    yield f"{sent.step.turn.kind.value} left at {at:.2f} for a region that does not answer"
                last_at = at
            elif sent.reply is not None and is_silence(sent.reply):
                failures += 1
                last_at = at if failures == 10 else last_at
            else:
                failures = 0


def tokens_go_to_the_endpoint_alone(history: History, run: Run) -> Iterator[str]:
    """Every request carries the token."""
    for sent in history.sent:
        if not sent.step.request.url.startswith(f"{ENDPOINT}/"):
            yield f"a request went to {sent.step.request.url[:80]}"


def rows_tell_the_truth(history: History, run: Run) -> Iterator[str]:
    """An assessed machine has the counts that Azure's own result has."""
    for key, row in run.by_id.items():
        result = history.cloud.ledger.result_of(key) if row["outcome"] == "assessed" else None
        if row["outcome"] == "assessed" and result is None:
            yield f"{row['name']}: assessed, and Azure has no result for it"
        elif result is not None:
            told = (row["critical_and_security_count"], row["other_count"])
            true = (result["criticalAndSecurityPatchCount"], result["otherPatchCount"])
            if told != true:
                yield f"{row['name']}: {told} was written for {true}"


def no_time_that_cannot_be(history: History, run: Run) -> Iterator[str]:
    """Times lie in the history, as far as the processes' wall clocks were right, and nothing took longer."""
    begins, ends = (
        EPOCH + timedelta(seconds=min(CLOCK_JUMPS_S) - 1.0),
        EPOCH + timedelta(seconds=history.ended_at + max(CLOCK_JUMPS_S) + 6.0),
    )
    for row in run.rows:
        operation = row["operation"] or {"started_at": None, "finished_at": None, "duration_s": None}
        for told in (row["assessed_at"], operation["started_at"], operation["finished_at"]):
            if told is not None and not begins <= datetime.fromisoformat(told) <= ends:
                yield f"{row['name']}: {told} cannot be"
        # By our own clocks it may seem to have begun before one of them was set.
        most_s = (ends - begins).total_seconds()
        if not 0.0 <= (operation["duration_s"] or 0.0) <= most_s:
            yield f"{row['name']}: an operation of {operation['duration_s']} s"


CHECKS: tuple[Check, ...] = (
    one_row_a_machine,
    no_bug,
    no_start_of_an_accepted_operation,
    two_acceptances_at_most,
    only_the_refused_are_not_asked,
    own_codes_agree_with_their_reasons,
    one_more_start_where_a_fate_was_unknown,
    nothing_superseded_but_forgotten,
    no_installation_killed,
    refusals_are_heeded,
    a_dead_region_is_left_alone,
    tokens_go_to_the_endpoint_alone,
    rows_tell_the_truth,
    no_time_that_cannot_be,
)


def comings_and_goings(sent: Sequence[Sent]) -> list[tuple[float, bool, Sent]]:
    """(when, whether the request left or its reply was taken in, which), in their order, replies first."""
    gone = [(one.at, True, one) for one in sent]
    come = [(one.settled_at, False, one) for one in sent if one.settled_at is not None]
    return sorted([*gone, *come], key=lambda event: event[:2])


def is_silence(reply: Reply) -> bool:
    """Whether Azure itself said nothing."""
    return reply.fault is not None or reply.status == 408 or reply.status >= 500


def starts(history: History) -> Iterator[Sent]:
    """The POSTs, in the order in which they left."""
    return (sent for sent in history.sent if sent.step.turn.kind is RequestKind.START)


def number_of(sent: Sent) -> int:
    """The machine of a start, by its place in the listing."""
    assert isinstance(sent.step.job, Operation)
    return sent.step.job.number


def is_preemption(sent: Sent) -> bool:
    """Whether a poll showed that a newer operation ended the one we followed."""
    return sent.reply is not None and b"OperationPreempted" in sent.reply.body


def target_key(sent: Sent) -> str:
    """The machine of a start, by its id."""
    assert isinstance(sent.step.job, Operation)
    return sent.step.job.target.key


def is_forgotten(history: History, sent: Sent, at: float) -> bool:
    """Whether a power cut may have taken what was noted of a start then, or took its machine's row."""
    return at >= history.power_cuts.get(sent.process, NEVER) or number_of(sent) in history.lost_rows


def is_in_doubt(sent: Sent) -> bool:
    """Whether a start may have been taken without our knowing: it was cut, or its process died waiting.

    What Azure refused outright was not taken, whether or not we came to hear it.
    """
    reply = sent.reply
    if reply is None or reply.fault is Fault.CUT or reply.status in UNKNOWN:
        return True
    return sent.settled_at is None and reply.status in (200, 202)
