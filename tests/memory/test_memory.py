"""The memory of a real scan under eight hostile replies at once; `python -m tests.memory` tries many more."""

from __future__ import annotations

from tests.memory.bombs import MIB
from tests.memory.hostile_server import Plot
from tests.memory.measured import NORMAL, framed, measure


async def test_eight_hostile_replies_at_once_cost_less_than_150_mb() -> None:
    bombs = [
        framed("poll", "lists", 30 * MIB),
        # Just let in.
        framed("poll", "objects of one", 530_000),
        framed("poll", "one wide text", 4_190_000),
    ]
    assert max(len(bomb.data) for bomb in bombs) < 31_000
    normal = await measure(NORMAL)
    hostile = await measure(Plot("poll", 8, bombs))
    assert (normal.exit_code, hostile.exit_code, hostile.sent) == (0, 0, 8)
    assert normal.peak_mb < 100
    assert hostile.peak_mb < normal.peak_mb + 150
