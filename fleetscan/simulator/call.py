"""One request, taken apart: where it came to, what it names, what it asks.

The target stays beside its parts, byte for byte, because signed URLs are compared whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote

from fleetscan.model import Request


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the endpoints read it.

    `base` is the scheme and authority it came to, `target` the path and query exactly as sent,
    `names` the segments of the path, lower-cased, because Azure compares them without case.
    """

    method: Literal["GET", "POST"]
    base: str
    target: str
    names: list[str]
    body: bytes

    @classmethod
    def of(cls, request: Request) -> Call:
        """Takes an absolute URL apart without re-encoding anything that is later compared."""
        url = request.url
        root = url.find("/", url.find("://") + 3)
        base, target = (url, "/") if root < 0 else (url[:root], url[root:])
        end = target.find("?")
        path = (target if end < 0 else target[:end]).lower()
        names = [unquote(name) for name in path.split("/")] if "%" in path else path.split("/")
        return cls(request.method, base, target, names[1:], request.body)

    @property
    def api_version(self) -> str:
        """The api-version exactly as sent; "" without one."""
        return self.target.partition("api-version=")[2].partition("&")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters by lower-cased name; the first of each counts."""
        found = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name.lower(): values[0] for name, values in found.items()}
