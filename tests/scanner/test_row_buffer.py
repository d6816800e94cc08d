"""The rows that wait for a caller: bounded by their number and by their size."""

from __future__ import annotations

from typing import cast

import anyio

from fleetscan.records.row import Row
from fleetscan.scanner.row_buffer import RowBuffer

ROW = cast("Row", {"scan_id": "s-1"})


def test_a_buffer_of_small_rows_is_full_by_their_number() -> None:
    buffer = RowBuffer()
    for _ in range(255):
        buffer.put(ROW, 1000)
    is_full = [buffer.is_full]
    buffer.put(ROW, 1000)
    is_full.append(buffer.is_full)
    assert is_full == [False, True]


async def test_a_buffer_of_large_rows_is_full_by_their_size_until_one_is_taken() -> None:
    buffer = RowBuffer()
    buffer.put(ROW, 3_000_000)
    is_full = [buffer.is_full]
    buffer.put(ROW, 3_000_000)
    is_full.append(buffer.is_full)
    assert await buffer.get() is ROW
    is_full.append(buffer.is_full)
    assert is_full == [False, True, False]


async def test_rows_that_are_dropped_need_no_room() -> None:
    buffer = RowBuffer()
    buffer.put(ROW, 9_000_000)
    buffer.drop()
    buffer.put(ROW, 9_000_000)
    with anyio.fail_after(1):
        await buffer.room()
    assert not buffer.is_full


async def test_all_that_wait_for_room_go_on_when_there_is_some() -> None:
    buffer = RowBuffer()
    buffer.put(ROW, 9_000_000)
    with anyio.fail_after(1):
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(buffer.room)
            waiting.start_soon(buffer.room)
            await anyio.wait_all_tasks_blocked()
            assert await buffer.get() is ROW
