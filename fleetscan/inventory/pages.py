"""Reading a list that Azure hands out page by page through `nextLink`; it is complete, or says why it is not.

It ends whatever Azure sends: a page may be empty with more to come, but not page after page. A listing is a
generator: it yields what it asks and is sent replies that weather cannot improve.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from fleetscan.addresses import HIDDEN, Origin
from fleetscan.engine.replies import parse_object, read_error, text_at
from fleetscan.engine.urls import follow
from fleetscan.model import InventoryError, Json, ListRequest, OwnCode, Reply, Request, RequestKind, Stage

T = TypeVar("T")

Pages: TypeAlias = Generator[ListRequest, Reply, T]

# More than any subscription may have, even with few VMs a page: a longer list has no end.
MAX_PAGES = 2_000
# A list filtered by what the identity may read can have empty pages between full ones.
MAX_BARREN_PAGES = 20


@dataclass(frozen=True, slots=True)
class PagedList:
    """The entries that came; `error` says why some may be missing, None when all are here."""

    entries: list[Json]
    error: InventoryError | None = None


class _Progress:
    """Whether a list still brings anything new. `take` raises ValueError once it does not, or has no end."""

    def __init__(self) -> None:
        self._pages = self._barren = 0
        self._seen: set[str] = set()

    def take(self, values: list[Json]) -> None:
        """Look at one more page."""
        ids = {(text_at(value, "id") or "").lower() for value in values} - {""}
        self._pages += 1
        self._barren = 0 if ids - self._seen else self._barren + 1
        self._seen |= ids
        if self._pages > MAX_PAGES:
            raise ValueError(f"it has more than {MAX_PAGES} pages")
        if self._barren > MAX_BARREN_PAGES:
            raise ValueError(f"{MAX_BARREN_PAGES} pages in a row brought nothing new, with more to come")


def read_list(
    kind: RequestKind, url: str, subscription_id: str = "", patience_s: float | None = None
) -> Pages[PagedList]:
    """Every entry of the list at `url`, following `nextLink` as long as there is one that stays in Azure.

    Weather on its first page is waited out for `patience_s`, if that is told.
    """
    entries: list[Json] = []
    asked: set[str] = set()
    progress = _Progress()
    next_url: str | None = url
    while next_url is not None:
        asked.add(next_url)
        is_first = len(asked) == 1
        patience_s = patience_s if is_first else None
        reply = yield ListRequest(kind, Request("GET", next_url), subscription_id, patience_s)
        if reply.status != 200:
            return PagedList(entries, refusal(reply, subscription_id))
        try:
            page = parse_object(reply.body) or {}
            progress.take(values := _values(page, reply.detail))
            entries.extend(values)
            next_url = _next_url(page, next_url, asked)
        except ValueError as error:
            return PagedList(
                entries, InventoryError(subscription_id or None, OwnCode.MALFORMED_REPLY, str(error), 200)
            )
    return PagedList(entries)


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
    next_url = follow(link, url, Origin.of(url)) if isinstance(link, str) else None
    if isinstance(link, str) and HIDDEN in link:
        raise ValueError("a nextLink repeats the token that was sent, and is not followed without it")
    if next_url is None:
        raise ValueError("a nextLink leads outside Azure's endpoint, or is not a URL")
    if next_url in asked:
        raise ValueError("a nextLink leads back to a page that was read already")
    return next_url
