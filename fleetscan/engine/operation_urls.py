"""The URLs under which an accepted operation is followed: the newest Azure-AsyncOperation and Location.

Signed and opaque, 3.3 kB each, kept for every operation in flight: so Location is kept as what it adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.addresses import HIDDEN, FollowedUrls, Origin
from fleetscan.engine.urls import follow
from fleetscan.model import Reply


class OperationUrls:
    """`status_url` is Azure-AsyncOperation's, "" where only a Location was given."""

    __slots__ = ("_location", "status_url")

    def __init__(self, status_url: str = "", location: str | _Inserted = "") -> None:
        self.status_url = status_url
        self._location = location

    def take(self, reply: Reply, endpoint: str, origin: Origin) -> str | None:
        """Remember what the headers of `reply` name; a sentence where one may not be followed.

        A Location counts from the status URL that came with it, a relative one from the newest of both.
        """
        headers = reply.headers
        if "location" not in headers and "azure-asyncoperation" not in headers:
            return None
        location = self.location_url()
        base_url = self.status_url or location or endpoint + "/"
        for header in ("azure-asyncoperation", "location"):
            if not (given := headers.get(header, "").strip()):
                continue
            url = follow(given, base_url, origin)
            if url is None and HIDDEN in given:
                return f"{header} repeats the token that was sent, and is not followed without it"
            if url is None:
                return f"{header} leads outside the endpoint: {given[:200]}"
            if header == "location":
                location = url
            else:
                self.status_url = url
        self._location = _beside(location, self.status_url)
        return None

    def told(self) -> FollowedUrls:
        """The URLs as `of` takes them: Location as what it adds, where it does."""
        location = self._location
        if isinstance(location, str):
            return {"status_url": self.status_url, "location": location}
        return {"status_url": self.status_url, "location": {"at": location.at, "text": location.text}}

    @classmethod
    def of(cls, told: FollowedUrls, endpoint: str, origin: Origin) -> OperationUrls | None:
        """The URLs that `told` gave; None where one leads away from the endpoint, or nowhere."""
        location = told["location"]
        inserted = location if isinstance(location, str) else _Inserted(location["at"], location["text"])
        found = cls(told["status_url"], inserted)
        urls = [url for url in (found.status_url, found.location_url()) if url]
        is_sound = urls and all(follow(url, endpoint + "/", origin) == url for url in urls)
        return found if is_sound else None

    def location_url(self) -> str:
        """Location's URL, or "" where none was given."""
        return self._location if isinstance(self._location, str) else self._location.into(self.status_url)


@dataclass(frozen=True, slots=True)
class _Inserted:
    """A URL kept as what it inserts into another: `text` at the position `at`."""

    at: int
    text: str

    def into(self, other: str) -> str:
        """The URL itself."""
        return other[: self.at] + self.text + other[self.at :]


def _beside(url: str, other: str) -> str | _Inserted:
    """`url` kept as how it differs from `other`, or whole where that takes more than one insertion.

    A recorded Location is its Azure-AsyncOperation with `&monitor=true` put in: 13 bytes instead of 3.3 kB.
    """
    longer = len(url) - len(other)
    if not other or longer <= 0:
        return url
    at = _shared_length(url, other)
    return _Inserted(at, url[at : at + longer]) if url[at + longer :] == other[at:] else url


def _shared_length(one: str, two: str) -> int:
    """How many characters both begin with; by halving, because character by character is slow over 3 kB."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == two[:middle] else (low, middle - 1)
    return low
