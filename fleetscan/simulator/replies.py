"""How Azure words its answers: the standing headers, and the shapes of its errors.

Header names and values are those of the recorded traffic. ARM writes its JSON compactly, Compute
indents it by two spaces and ends lines with CRLF.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

from fleetscan.model import Json, Reply
from fleetscan.simulator.times import Calendar

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

ELSEWHERE = "https://elsewhere.example"
"""A host that is not this cloud's."""

STANDING_HEADERS = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-cache": "CONFIG_NOCACHE",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint has to say; the letterhead makes a reply of it."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Letterhead:
    """Adds to answers the headers that every reply of Azure carries, with a request id of its own."""

    def __init__(self, seed: int, calendar: Calendar) -> None:
        self._calendar = calendar
        self._count = 0
        digits = f"{random.Random(f'{seed}:letterhead').getrandbits(80):020x}"
        self._prefix = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20]))

    def write(self, answer: Answer, now: float) -> Reply:
        """The reply that goes out."""
        self._count += 1
        request_id = f"{self._prefix}-{self._count:012x}"
        headers = {
            **STANDING_HEADERS,
            "date": self._calendar.http_date(now),
            "content-length": str(len(answer.body)),
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": request_id,
            "x-ms-routing-request-id": f"WESTEUROPE:{self._calendar.route_stamp(now)}:{request_id}",
            **answer.headers,
        }
        if answer.body:
            headers.setdefault("content-type", JSON_TYPE)
        return Reply(answer.status, headers, answer.body)


def compact(body: Json) -> Answer:
    """A 200 in ARM's compact JSON."""
    return Answer(200, orjson.dumps(body))


def indented(body: Json) -> bytes:
    """JSON as Compute writes it: two spaces, CRLF."""
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).replace(b"\n", b"\r\n")


def arm_error(status: int, code: str, message: str) -> Answer:
    """An error of the front door."""
    return Answer(status, orjson.dumps({"error": {"code": code, "message": message}}))


def compute_error(status: int, code: str, message: str) -> Answer:
    """An error of Microsoft.Compute."""
    return Answer(status, indented({"error": {"code": code, "message": message}}))


def html_page(status: int, title: str) -> Answer:
    """A page of the proxy before ARM."""
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    return Answer(status, page.encode(), {"content-type": HTML_TYPE})


def html_error(status: int) -> Answer:
    """An error of the proxy before ARM, which speaks no JSON."""
    return html_page(status, f"{status} {HTTPStatus(status).phrase}")


def unauthorized(code: str, message: str, challenge: str) -> Answer:
    """A 401 with its challenge."""
    answer = arm_error(401, code, message)
    return Answer(401, answer.body, {"www-authenticate": challenge})


def unknown_path(path: str) -> Answer:
    """ARM's answer to a path that does not exist."""
    return arm_error(
        404, "InvalidResourceType", f"The resource type for the path '{path}' could not be found."
    )
