"""The room that large replies share: who goes on, who waits, and that one always ends."""

from __future__ import annotations

from contextlib import ExitStack

import anyio

from fleetscan.azure.room import Place, Room


async def grown(place: Place, size_bytes: int) -> None:
    """Grow, waiting where that is asked."""
    if not place.grow(size_bytes):
        await place.came()


async def test_replies_that_fit_together_do_not_wait() -> None:
    room = Room(100)
    with Place(room) as one, Place(room) as two:
        assert one.grow(40)
        assert two.grow(40)
        assert one.grow(60)


async def test_the_one_that_has_been_there_longest_goes_on_where_no_room_is_left() -> None:
    room = Room(100)
    with Place(room) as oldest, Place(room) as younger:
        assert oldest.grow(60)
        assert younger.grow(40)
        assert not younger.grow(41)
        assert oldest.grow(500)


async def test_the_next_oldest_goes_on_when_the_oldest_leaves() -> None:
    room = Room(100)
    with ExitStack() as leave, Place(room) as second, Place(room) as third:
        oldest = leave.enter_context(Place(room))
        assert oldest.grow(90)
        assert second.grow(10)
        assert not third.grow(10)
        assert not second.grow(200)
        leave.close()
        with anyio.fail_after(1):
            await second.came()
        assert second.taken_bytes == 200
        # There is none left for the third, though it asked first.
        assert third.taken_bytes == 0


async def test_those_that_wait_go_on_in_the_order_in_which_they_asked() -> None:
    room, order = Room(100), list[str]()

    async def wait(name: str, size_bytes: int) -> None:
        with Place(room) as place:
            await grown(place, size_bytes)
            order.append(name)

    async with anyio.create_task_group() as tasks:
        with Place(room) as first:
            assert first.grow(90)
            for name, size_bytes in (("large", 80), ("small", 5), ("other", 90)):
                tasks.start_soon(wait, name, size_bytes)
                await anyio.lowlevel.checkpoint()
        assert order == []
    assert order == ["large", "small", "other"]


async def test_one_that_gives_up_waiting_leaves_nothing_behind() -> None:
    room = Room(100)
    with Place(room) as first:
        assert first.grow(100)
        with anyio.move_on_after(0.01), Place(room) as impatient:
            await grown(impatient, 50)
        with Place(room) as other:
            assert not other.grow(10)
    with Place(room) as whole:
        assert whole.grow(100)
        with Place(room) as more:
            assert not more.grow(1)


async def test_many_that_grow_step_by_step_all_end_in_a_small_room() -> None:
    room, ended = Room(100), list[int]()

    async def read(number: int) -> None:
        with Place(room) as place:
            for size_bytes in range(10, 90, 10):
                await grown(place, size_bytes)
                await anyio.lowlevel.checkpoint()
            ended.append(number)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(read, number)
    assert sorted(ended) == list(range(200))
