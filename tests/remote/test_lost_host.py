"""A scan whose host is lost with its disk in mid-scan starts no VM twice; `make test-storage` loses many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.remote.azurite import Azurite
from tests.remote.lost_host import play

# The longest assessment of its fleet takes 20 s here.
SEED = 11


@pytest.mark.thorough
def test_the_rest_of_a_lost_host_s_run_starts_nothing_twice(
    container: str, azurite: Azurite, tmp_path: Path
) -> None:
    lost = play(SEED, f"{container}/run", azurite.environment, tmp_path)
    assert (lost.breaches, lost.kills) == ([], 1)
    assert lost.untold > 0
