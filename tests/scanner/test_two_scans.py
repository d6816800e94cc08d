"""Two scans of one fleet at once; `python -m tests.two_scans` tries a hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.playing import judge
from tests.two_scans.subject import TWO_SCANS


@pytest.mark.parametrize("seed", range(6))
def test_neither_of_two_scans_of_one_fleet_costs_the_other_an_assessment(seed: int, tmp_path: Path) -> None:
    assert judge(TWO_SCANS, seed, tmp_path).breaches == ()
