"""Rows are never held: memory hardly grows with them. `python -m tests.merge_measure` merges far more."""

from __future__ import annotations

from pathlib import Path

from tests.merge_measure import measure, write_shards


def test_six_times_the_rows_take_hardly_more_memory(tmp_path: Path) -> None:
    paths = write_shards(tmp_path, 6, 1000, 50)
    small = measure(paths[:1], tmp_path / "small", "--quiet")
    large = measure(paths, tmp_path / "large", "--quiet")
    assert (small.exit_code, large.exit_code) == (5, 3)
    assert large.rows_mb > 90
    assert large.peak_mb < small.peak_mb + 10
    assert large.peak_mb < 80
