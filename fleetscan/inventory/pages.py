"""Reading a list that Azure hands out page by page through `nextLink`; it is complete, or says why it is not.

It ends whatever Azure sends: a page may be empty with more to come, but not page after page. A listing is a
generator: it yields what it asks and is sent replies that weather cannot improve.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from fleetscan.addresses import HIDDEN, Origin
from fleetscan.engine.replies import parse_object, read_error, text_at
from fleetscan.engine.urls import follow
from fleetscan.inventory.bulk import Bulk, Part
from fleetscan.model import InventoryError, Json, ListRequest, OwnCode, Reply, Request, RequestKind, Stage

T = TypeVar("T")

Pages: TypeAlias = Generator[ListRequest, Reply, T]

# More than any subscription may have, even with few VMs a page: a longer list has no end.
MAX_PAGES = 2_000
# A list filtered by what the identity may read can have empty pages between full ones.
MAX_BARREN_PAGES = 20
# Links that were recorded have some hundred characters; no server reads a request line of more than these.
MAX_LINK_CHARS = 16 * 1024


@dataclass(frozen=True, slots=True)
class PagedList(Generic[T]):
    """What was read from the entries that came; `error` says why some may be missing, None when none is."""

    entries: list[T]
    error: InventoryError | None = None


def read_list(
    kind: RequestKind,
    url: str,
    read: Callable[[Json], T],
    bulk: Bulk,
    *,
    subscription_id: str = "",
    patience_s: float | None = None,
) -> Pages[PagedList[T]]:
    """What `read` makes of each entry of the list at `url`, following `nextLink` while it stays in Azure.

    While one page is waited for, nothing here holds the one before. Weather on the first page is waited out
    for `patience_s`, if that is told. `bulk` counts what is kept of a fleet.
    """
    reading = _Reading(url, read, bulk, subscription_id)
    while reading.next_url is not None:
        request = Request("GET", reading.next_url)
        reading.take((yield ListRequest(kind, request, subscription_id, patience_s)))
        patience_s = None
    return PagedList(reading.entries, reading.error)


class _Reading(Generic[T]):
    """The entries so far, and where more are; `error` says why there are no more though there should be."""

    def __init__(self, url: str, read: Callable[[Json], T], bulk: Bulk, subscription_id: str) -> None:
        self.entries: list[T] = []
        self.error: InventoryError | None = None
        self.next_url: str | None = url
        self._read = read
        self._part = Part(bulk)
        self._subscription_id = subscription_id
        self._asked: set[str] = set()
        self._pages = self._barren = 0
        # Hashes, because an id may be of any length.
        self._seen: set[int] = set()

    def take(self, reply: Reply) -> None:
        """Read the page at `next_url`, and find where the next one is."""
        assert self.next_url is not None
        url, self.next_url = self.next_url, None
        self._asked.add(url)
        if reply.status != 200:
            self.error = refusal(reply, self._subscription_id)
            return
        try:
            page = parse_object(reply.body) or {}
            values = _values(page, reply.detail)
            self._check(values, reply.body)
            self.entries.extend(map(self._read, values))
            self.next_url = _next_url(page, url, self._asked)
        except ValueError as doubt:
            where = self._subscription_id or None
            self.error = InventoryError(where, OwnCode.MALFORMED_REPLY, str(doubt), 200)

    def _check(self, values: list[Json], body: bytes) -> None:
        """Whether the list still brings anything new; ValueError once it does not, or has no end."""
        ids = {hash(found.lower()) for value in values if (found := text_at(value, "id"))}
        self._pages += 1
        self._barren = 0 if ids - self._seen else self._barren + 1
        self._seen |= ids
        if self._pages > MAX_PAGES:
            raise ValueError(f"it has more than {MAX_PAGES} pages")
        if self._barren > MAX_BARREN_PAGES:
            raise ValueError(f"{MAX_BARREN_PAGES} pages in a row brought nothing new, with more to come")
        self._part.take(body, "it ")


def refusal(reply: Reply, subscription_id: str) -> InventoryError:
    """What a refusal says, as the error of a listing."""
    error = read_error(reply, Stage.INVENTORY)
    return InventoryError(subscription_id or None, error.code, error.message, error.http_status)


def _values(page: dict[str, Json], doubt: str) -> list[Json]:
    """The entries of a page; ValueError with `doubt`, where there is one, for a page without."""
    values = page.get("value")
    if not isinstance(values, list):
        raise ValueError(doubt or "a page has no list of values")
    return values


def _next_url(page: dict[str, Json], url: str, asked: set[str]) -> str | None:
    """Where the page at `url` leads; ValueError for a link that may not be followed."""
    link = page.get("nextLink")
    if link is None or link == "":
        return None
    if isinstance(link, str) and len(link) > MAX_LINK_CHARS:
        raise ValueError(f"a nextLink has more than {MAX_LINK_CHARS:,} characters")
    next_url = follow(link, url, Origin.of(url)) if isinstance(link, str) else None
    if isinstance(link, str) and HIDDEN in link:
        raise ValueError("a nextLink repeats the token that was sent, and is not followed without it")
    if next_url is None:
        raise ValueError("a nextLink leads outside Azure's endpoint, or is not a URL")
    if next_url in asked:
        raise ValueError("a nextLink leads back to a page that was read already")
    return next_url
