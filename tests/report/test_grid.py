"""Figures below their headings, or as sentences where there is no room."""

from __future__ import annotations

from fleetscan.report.grid import grid

HEAD = ("", "within", "unknown")
ROWS = [("VMs", "1,234", "0"), ("other", "5", "6")]


def test_figures_end_below_the_end_of_their_heading() -> None:
    assert grid(HEAD, ROWS, 80) == [
        "       within  unknown",
        "VMs     1,234        0",
        "other       5        6",
    ]


def test_a_table_that_is_a_column_too_wide_becomes_sentences() -> None:
    assert len(grid(HEAD, ROWS, 22)) == 3
    assert grid(HEAD, ROWS, 21) == ["VMs  within: 1,234, unknown: 0", "other  within: 5, unknown: 6"]


def test_the_heading_of_the_first_column_is_kept_above_the_sentences() -> None:
    head = ("days since publication", "0-30", ">180")
    assert grid(head, [("VMs", "1", "2")], 20) == ["days since publication", "VMs  0-30: 1, >180: 2"]
