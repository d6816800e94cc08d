"""Last times from two sources, an operation's own and its result's: each has its own ratio to tonight."""

from __future__ import annotations

from fleetscan.engine.last_time import LastBy, expected_s
from fleetscan.engine.operation import Operation
from fleetscan.engine.pacing import Pacing, Watch
from fleetscan.model import Reply, Target
from tests.virtual import ENDPOINT, rules

# What a dozen VMs took last time, from a minute to an hour.
LASTS = [60.0 * 1.45**place for place in range(12)]


def watch_of(pacing: Pacing, last_s: float, last_by: LastBy) -> Watch:
    return pacing.watch("Linux", "s", 0.0, last_s, last_by)


def taught(pacing: Pacing, last_by: LastBy, ratio: float) -> None:
    """A dozen operations have ended that took `ratio` times what was known."""
    for last_s in LASTS:
        watch = watch_of(pacing, last_s, last_by)
        pacing.ended(watch, last_s * ratio)
        pacing.leave(watch)


def likeliest_s(pacing: Pacing, watch: Watch) -> float:
    """The age, to 10 s, at which the operation weighs most among those that want polls."""
    weights = {}
    for age_s in range(20, 900, 10):
        pacing.wait_s(watch, age_s, 0.25)
        weights[watch.weight] = float(age_s)
    return weights[max(weights)]


def pacing() -> Pacing:
    return Pacing(lambda: 0.5)


def test_a_result_s_times_are_read_by_the_ratio_that_tonight_s_operations_show() -> None:
    learned = pacing()
    taught(learned, LastBy.RESULT, 71.1 / 43.1)
    assert 440.0 < likeliest_s(learned, watch_of(learned, 300.0, LastBy.RESULT)) < 600.0


def test_two_sources_do_not_spoil_each_other_s_ratio() -> None:
    learned = pacing()
    taught(learned, LastBy.RESULT, 71.1 / 43.1)
    taught(learned, LastBy.OPERATION, 1.0)
    assert 260.0 < likeliest_s(learned, watch_of(learned, 300.0, LastBy.OPERATION)) < 370.0
    assert 440.0 < likeliest_s(learned, watch_of(learned, 300.0, LastBy.RESULT)) < 600.0


def test_a_time_that_becomes_known_while_the_operation_runs_counts_and_does_not_replace_another() -> None:
    learned = pacing()
    taught(learned, LastBy.RESULT, 71.1 / 43.1)
    late = learned.watch("Linux", "s", 0.0)
    learned.running(late, 40.0)
    learned.expect(late, 300.0, LastBy.RESULT)
    assert 440.0 < likeliest_s(learned, late) < 600.0
    learned.expect(late, 10.0, LastBy.OPERATION)
    assert (late.last_s, late.last_by) == (300.0, LastBy.RESULT)


def test_one_order_compares_both_sources() -> None:
    assert round(expected_s(43.1, LastBy.RESULT), 6) == round(expected_s(71.1, LastBy.OPERATION), 6)


def test_an_operation_s_own_last_time_is_never_replaced_by_its_result_s() -> None:
    target = Target("/vm", "s", "g", "vm")
    assert Operation(target, rules(1), 100.0).expect(500.0, LastBy.RESULT) is False
    operation = Operation(target, rules(1), 100.0)
    operation.expect(500.0, LastBy.RESULT)
    assert operation.expected_s == 100.0
    new = Operation(target, rules(1))
    assert new.expect(43.1, LastBy.RESULT) is True
    assert new.expect(50.0, LastBy.RESULT) is False
    assert new.expected_s is not None
    assert round(new.expected_s, 1) == 71.1


def test_an_accepted_operation_is_watched_by_the_source_that_its_start_knew() -> None:
    operation = Operation(Target("/vm", "s", "g", "vm"), rules(1))
    operation.begin(0.0)
    operation.expect(43.1, LastBy.RESULT)
    operation.receive(Reply(202, {"azure-asyncoperation": f"{ENDPOINT}/operations/1"}), 0.0, 0.1)
    assert operation.polling is not None
    watch = operation.polling._watch
    assert (watch.last_s, watch.last_by) == (43.1, LastBy.RESULT)
