"""How the hazard's steps are blended with their neighbours."""

from __future__ import annotations

from fleetscan.engine.hazard import smooth


def test_one_value_is_spread_over_its_neighbours_the_nearer_the_more() -> None:
    assert smooth([0.0, 0.0, 0.0, 0.0, 16.0, 0.0, 0.0, 0.0, 0.0], 4) == [0, 1, 2, 3, 4, 3, 2, 1, 0]
    assert smooth([0.0, 0.0, 4.0, 0.0, 0.0], 2) == [0, 1, 2, 1, 0]
    assert smooth([0.0, 5.0, 0.0], 1) == [0, 5, 0]


def test_beyond_the_first_and_the_last_value_there_is_nothing() -> None:
    assert smooth([16.0, 0.0, 0.0, 0.0, 0.0], 4) == [4, 3, 2, 1, 0]
    assert smooth([0.0, 0.0, 0.0, 0.0, 16.0], 4) == [0, 1, 2, 3, 4]
