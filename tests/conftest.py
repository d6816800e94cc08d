"""What several test rooms share: the place of the recorded traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.fixture
def recordings() -> Path:
    """The directory of recorded Azure traffic; a test that needs it is skipped where it is absent."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recorded traffic is not beside this checkout")
    return RECORDINGS
