"""Workers that are killed in mid-scan lose, double and start twice nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.history import play
from tests.process.scanner import TOKEN


# Its first kill always finds a shard at work, a second may come too late; `make test-dask` has more.
@pytest.mark.parametrize("seed", [1])
def test_a_killed_worker_s_shard_is_scanned_on_by_another(seed: int, tmp_path: Path) -> None:
    verdict = play(seed, tmp_path)
    assert verdict.breaches == ()
    assert verdict.counts["kills"] >= 1
    # What Dask, its workers and the driver wrote has no token.
    words = [path.read_text(errors="replace") for path in tmp_path.rglob("*.log")]
    assert len(words) >= 5
    assert not [text for text in words if TOKEN in text]
