"""Figures: durations in two units at most, numbers with their nouns."""

from __future__ import annotations

import pytest

from fleetscan.report.figures import counted, duration, parts_of


@pytest.mark.parametrize(
    ("span_s", "words"),
    [
        (-3.0, "0 s"),
        (0.4, "0 s"),
        (41.0, "41 s"),
        (59.6, "1 min"),
        (252.3, "4 min 12 s"),
        (3599.7, "1 h"),
        (7500.0, "2 h 5 min"),
        (90000.0, "25 h"),
        (4_442_460.0, "1,234 h 1 min"),
    ],
)
def test_a_duration_has_two_units_at_most(span_s: float, words: str) -> None:
    assert duration(span_s) == words


def test_one_is_singular_and_thousands_are_parted() -> None:
    assert counted(1, "machine", "machines") == "1 machine"
    assert counted(0, "machine", "machines") == "0 machines"
    assert counted(1204, "machine", "machines") == "1,204 machines"


def test_one_part_that_is_the_whole_has_no_number_of_its_own() -> None:
    assert parts_of(18, [("stopped", 15), ("unsupported", 3)]) == "15 stopped, 3 unsupported"
    assert parts_of(1204, [("stopped", 1203)]) == "1,203 stopped"
    assert parts_of(4, [("stopped", 4)]) == "stopped"
