"""Replies that repeat their request's Authorization header, as error pages and traces of proxies do.

In messages, in names and texts of JSON, in headers, in the URLs that a client follows; as it is or escaped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from urllib.parse import quote

from fleetscan.model import Reply
from fleetscan.simulator.call import Call
from fleetscan.simulator.chances import chances
from fleetscan.simulator.scenario import Scenario

# The first member of an object that is in another, and where a message begins.
MEMBER = re.compile(rb'(":\s*\{)(?=\s*")')
MESSAGE = re.compile(rb'("message":\s*")')
# What says where a list goes on.
LINK = re.compile(rb'("(?:nextLink|\$skipToken)":\s*"[^"]*)')
URLS = ("azure-asyncoperation", "location")
# Of the pages of a list that go on, and of accepted starts.
LINKS_SHARE = 0.1
URLS_SHARE = 0.5
NO_HEADERS: Mapping[str, str] = {}


class Echoes:
    """The echoes of one cloud. Which replies have one follows from the seed, as with faults."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._came: Counter[str] = Counter()

    def add(self, reply: Reply, authorization: str, call: Call) -> Reply:
        """`reply`, or the same with an echo in it."""
        if not self._scenario.echoed_pct or not authorization or reply.fault is not None:
            return reply
        path = "/".join(call.names)
        self._came[path] += 1
        seed = f"{self._scenario.seed}:{path}:{self._came[path]}:echo"
        percentile, place, spelling, *_ = chances(seed)
        if percentile * 100 >= self._scenario.echoed_pct:
            return reply
        spell = SPELLINGS[int(spelling * len(SPELLINGS))]
        return _echoed(reply, spell(authorization), f"&echo={quote(authorization)}", place)


def _echoed(reply: Reply, echo: str, tail: str, place: float) -> Reply:
    """1. An error: its message and its id. 2. An accepted start's URLs. 3. A link. 4. Members of objects."""
    text = echo.encode()
    if reply.status >= 400:
        body = MESSAGE.sub(lambda found: found[1] + text + b" ", reply.body)
        return _sent(reply, body, {"x-ms-correlation-request-id": echo})
    if reply.status == 202 and place < URLS_SHARE:
        urls = {name: reply.headers[name] + tail for name in URLS if name in reply.headers}
        return _sent(reply, reply.body, urls)
    if place < LINKS_SHARE and LINK.search(reply.body):
        return _sent(reply, LINK.sub(lambda found: found[1] + tail.encode(), reply.body))
    member = b'"echo of ' + text + b'":"' + text + b'",'
    return _sent(reply, MEMBER.sub(lambda found: found[1] + member, reply.body))


def _sent(reply: Reply, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    return Reply(reply.status, {**reply.headers, **headers, "content-length": str(len(body))}, body)


def _as_it_is(header: str) -> str:
    return header


def _json_escaped(header: str) -> str:
    """Every third character as JSON's escape, in upper case and lower."""
    return "".join(
        f"\\u{ord(character):04x}" if place % 3 == 0 else character for place, character in enumerate(header)
    )


def _escaped_twice(header: str) -> str:
    return _json_escaped(header).replace("\\", "\\\\")


def _percent_encoded(header: str) -> str:
    return "".join(f"%{ord(character):02X}" for character in header)


SPELLINGS: tuple[Callable[[str], str], ...] = (_as_it_is, _json_escaped, _escaped_twice, _percent_encoded)
