"""What several test rooms share: exchanges with Azure, our own and the recorded ones."""

from __future__ import annotations

from pathlib import Path

import pytest

EXCHANGES = Path(__file__).parent / "exchanges"
RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.fixture(params=[EXCHANGES, RECORDINGS], ids=lambda directory: directory.name)
def exchanges(request: pytest.FixtureRequest) -> Path:
    """The directory of exchanges of our own, then that of recorded traffic, skipped where it is absent."""
    directory: Path = request.param
    if not directory.is_dir():
        pytest.skip("the recorded traffic is not beside this checkout")
    return directory
