"""The circuit breaker: when it opens, what it lets through, and when a region is given up."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from fleetscan.engine.circuit import Circuit


def opened_at(at: float) -> Circuit:
    """A circuit that its tenth failure in a row has opened."""
    circuit = Circuit()
    for _ in range(10):
        circuit.failed(at - 1.0, at)
    return circuit


def probe(circuit: Circuit, answers: bool = False) -> float:
    """Send the next probe as soon as it may go; it fails a second later. When it went."""
    sent_at = circuit.ready_at
    circuit.sent()
    if answers:
        circuit.answered()
    else:
        circuit.failed(sent_at, sent_at + 1.0)
    return sent_at


def test_nine_failures_in_a_row_open_nothing() -> None:
    circuit = Circuit()
    for _ in range(9):
        circuit.failed(0.0, 1.0)
    assert not circuit.is_open
    assert circuit.ready_at == -inf


def test_an_answer_in_between_starts_the_count_anew() -> None:
    circuit = Circuit()
    for _ in range(9):
        circuit.failed(0.0, 1.0)
    circuit.answered()
    for _ in range(9):
        circuit.failed(2.0, 3.0)
    assert not circuit.is_open


def test_the_tenth_failure_opens_it_for_a_quarter_of_a_minute() -> None:
    circuit = opened_at(100.0)
    assert circuit.is_open
    assert circuit.ready_at == 115.0


def test_while_a_probe_is_out_nothing_follows_it() -> None:
    circuit = opened_at(100.0)
    circuit.sent()
    assert circuit.ready_at == inf


def test_what_left_before_it_opened_is_no_probe() -> None:
    circuit = opened_at(100.0)
    circuit.failed(99.5, 140.0)
    assert circuit.ready_at == 115.0


def test_an_answered_probe_closes_it() -> None:
    circuit = opened_at(100.0)
    probe(circuit, answers=True)
    assert not circuit.is_open
    assert circuit.ready_at == -inf


def test_probes_wait_longer_each_time_up_to_two_minutes() -> None:
    circuit = opened_at(100.0)
    times = [probe(circuit) for _ in range(8)]
    waits = [later - sooner for sooner, later in pairwise(times)]
    assert waits == [31.0, 61.0, 121.0, 121.0, 121.0, 121.0, 121.0]


def test_the_region_is_given_up_by_the_probe_after_the_last_wait() -> None:
    circuit = opened_at(100.0)
    is_given_up = []
    for _ in range(8):
        probe(circuit)
        is_given_up.append(circuit.is_given_up)
    assert is_given_up == [False] * 6 + [True] * 2


def test_an_answer_takes_up_a_region_that_was_given_up() -> None:
    circuit = opened_at(100.0)
    for _ in range(7):
        probe(circuit)
    probe(circuit, answers=True)
    assert not circuit.is_given_up
    assert not circuit.is_open


def test_one_that_never_opens_lets_everything_through() -> None:
    circuit = Circuit(opens_after=inf)
    for _ in range(1000):
        circuit.failed(0.0, 1.0)
    assert circuit.ready_at == -inf
