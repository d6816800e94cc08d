"""What all tests share: a guard of the network, and exchanges with Azure, our own and the recorded ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guarding import begin_guarding, nothing_outside_is_reached_for

__all__ = ["exchanges", "nothing_outside_is_reached_for"]

begin_guarding()

EXCHANGES = Path(__file__).parent / "exchanges"
RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.fixture(params=[EXCHANGES, RECORDINGS], ids=lambda directory: directory.name)
def exchanges(request: pytest.FixtureRequest) -> Path:
    """The directory of exchanges of our own, then that of recorded traffic, skipped where it is absent."""
    directory: Path = request.param
    if not directory.is_dir():
        pytest.skip("the recorded traffic is not beside this checkout")
    return directory
