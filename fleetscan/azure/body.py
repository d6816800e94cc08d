"""Reads one reply's body: no further than its bound, and with room for it among all that are in flight.

aiohttp unpacks a step of READ_BYTES at a time and stops reading the connection when two of them wait here
(read in aiohttp 3.14), so that neither a bomb nor a body that waits for room grows where it is not counted.
"""

from __future__ import annotations

import asyncio

import aiohttp

from fleetscan.azure.held_tokens import MOST_ESCAPES, is_searchable
from fleetscan.azure.reply_bounds import Bound, too_many_bytes, too_many_marks
from fleetscan.azure.room import Place

READ_BYTES = 32 * 1024
# Of a poll with a hundred patches, most have less; it waits for nothing.
FREE_BYTES = 32 * 1024


class TooLargeError(Exception):
    """The reply is larger than any answer to its request; the text is a clause on it with the figures."""


async def read_body(
    response: aiohttp.ClientResponse, bound: Bound, place: Place, limit: asyncio.Timeout
) -> bytes:
    """The body, unpacked. Raises TooLargeError where it goes beyond `bound`.

    A wait for room does not count against `limit`.
    """
    body = await response.content.readany()
    if len(body) > FREE_BYTES or not response.content.at_eof():
        body = await _read_on(body, response.content, bound, place, limit)
    if (why := too_many_marks(body, bound)) is not None:
        raise TooLargeError(why)
    if not is_searchable(body):
        raise TooLargeError(f"it has more than {MOST_ESCAPES:,} escapes")
    return body


async def _read_on(
    begun: bytes, content: aiohttp.StreamReader, bound: Bound, place: Place, limit: asyncio.Timeout
) -> bytes:
    # Bytes would be copied anew for each chunk.
    body = bytearray(begun)
    while True:
        if len(body) > bound.size_bytes:
            raise TooLargeError(too_many_bytes(bound))
        if len(body) > FREE_BYTES and not place.grow(len(body)):
            await _wait_for_room(place, limit)
        if content.at_eof():
            return bytes(body)
        body += await content.readany()


async def _wait_for_room(place: Place, limit: asyncio.Timeout) -> None:
    loop, until = asyncio.get_running_loop(), limit.when()
    began = loop.time()
    limit.reschedule(None)
    await place.came()
    if until is not None:
        limit.reschedule(until + loop.time() - began)
