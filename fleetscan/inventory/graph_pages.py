"""Every row of a Resource Graph query, page by page, with each doubt checked here and nowhere else.

Rows are counted against `totalRecords` and ids compared with each other, because Graph loses and repeats rows
in silence. What does not add up is a clause that completes "Resource Graph ...", never fewer rows. A reading
ends whatever Graph sends: each page brings a new row, there are no more rows than Graph counts, and both
have a bound. Facts: Microsoft's documents on paging, and recorded pages whose `resultTruncated` is the string
"false" though a `$skipToken` follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from fleetscan.addresses import HIDDEN
from fleetscan.engine.graph_request import MAX_ROWS, graph_request
from fleetscan.engine.replies import dated, parse_object, read_error, text_at
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, ListRequest, Reply, RequestKind, Stage

T = TypeVar("T")

# At most 1000 are allowed in a query; Microsoft advises 300.
BATCH_SUBSCRIPTIONS = 300
# Far more than a batch has VMs: a million rows come in a thousand pages, in some more where rows are large.
MAX_TOTAL = 10_000_000
MAX_PAGES = 10_000
UNREADABLE = "gave a page that cannot be read"


@dataclass(frozen=True, slots=True)
class GraphQuery(Generic[T]):
    """A query and how its rows are read.

    `text` must sort by `id`, project it and have no `limit`: pages of an unsorted query repeat and lose rows,
    and without an id or with a limit Graph gives no $skipToken. `rows` is what people call its rows.
    `read_row` is given a row and when Azure says that its page was sent, None where the reply has no Date. It
    raises ValueError with a clause such as "gave a row whose ...". A query whose rows may change while it is
    read has more than one of `attempts` to be read without a doubt.
    """

    kind: RequestKind
    text: str
    rows: str
    read_row: Callable[[Json, datetime | None], T]
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class _Page:
    total: int
    rows: list[Json]
    token: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Refused:
    """Graph did not answer; `why` completes "Resource Graph ..."."""

    why: str


class _TooLarge:
    """A page would have had more than the 16 MiB Graph sends."""


def batches(subscriptions: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """As many subscriptions at a time as one query should name; never none."""
    for start in range(0, len(subscriptions), BATCH_SUBSCRIPTIONS):
        yield tuple(subscriptions[start : start + BATCH_SUBSCRIPTIONS])


def graph_pages(endpoint: str, query: GraphQuery[T], batch: Sequence[str]) -> Pages[list[T] | str]:
    """What the rows of `query` in a batch of subscriptions say, or a clause on what did not add up.

    Too large a page starts the reading anew with half the rows a page.
    """
    rows_a_page, attempts_left = MAX_ROWS, query.attempts
    while True:
        try:
            found = yield from _read_all(endpoint, query, batch, rows_a_page)
        except ValueError as doubt:
            attempts_left -= 1
            if not attempts_left:
                return str(doubt)
            continue
        match found:
            case list(values):
                return values
            case _Refused(why):
                return why
            case _TooLarge() if rows_a_page == 1:
                return "says that one row is too large"
        rows_a_page //= 2


def graph_rows(
    endpoint: str, query: GraphQuery[None], batch: Sequence[str], is_enough: Callable[[], bool]
) -> Pages[str | None]:
    """Reads rows that nothing depends on; why there are no more, where Graph refuses or makes no sense.

    Each row is read as its page comes, and rows that were lost, repeated or changed meanwhile are no matter.
    It ends after the page with which `is_enough`, which has to say so after some number of rows.
    """
    token: str | None = None
    while True:
        request = graph_request(endpoint, query.text, batch, skip_token=token)
        try:
            page = _read_page((yield ListRequest(query.kind, request)))
        except ValueError as doubt:
            return str(doubt)
        match page:
            case _Refused(why):
                return why
            case _TooLarge():
                return "says that a page is too large"
        for row in page.rows:
            query.read_row(row, page.sent_at)
        is_stuck = not page.rows or page.token == token
        token = page.token
        if token is None or is_stuck or is_enough():
            return None


def _read_all(
    endpoint: str, query: GraphQuery[T], batch: Sequence[str], rows_a_page: int
) -> Pages[list[T] | _Refused | _TooLarge]:
    """All pages; ValueError with a clause on what did not add up."""
    found: dict[str, T] = {}
    tokens: set[str] = set()
    token: str | None = None
    total: int | None = None
    while True:
        request = graph_request(endpoint, query.text, batch, rows=rows_a_page, skip_token=token)
        page = _read_page((yield ListRequest(query.kind, request)))
        if not isinstance(page, _Page):
            return page
        if total not in (None, page.total):
            raise ValueError(f"counted {total} {query.rows} and then {page.total}")
        total, token = page.total, page.token
        if total > MAX_TOTAL:
            raise ValueError(f"counted {total} {query.rows}, more than there can be")
        if token is not None and not page.rows:
            raise ValueError("gave an empty page with more to come")
        for row in page.rows:
            _take(row, page.sent_at, query, found)
        if len(found) > total or (token is None and len(found) < total):
            raise ValueError(f"gave {len(found)} of {total} {query.rows}")
        if token is None:
            return list(found.values())
        if token in tokens:
            raise ValueError("gave a $skipToken twice")
        tokens.add(token)
        if len(tokens) >= MAX_PAGES:
            raise ValueError(f"gave {MAX_PAGES:,} pages and more to come")


def _take(row: Json, sent_at: datetime | None, query: GraphQuery[T], found: dict[str, T]) -> None:
    """Put what `row` says into `found`; ValueError with a clause where it says nothing sound."""
    value = query.read_row(row, sent_at)
    row_id = text_at(row, "id") or ""
    if row_id.lower() in found:
        raise ValueError(f"gave {row_id} twice")
    found[row_id.lower()] = value


def _read_page(reply: Reply) -> _Page | _Refused | _TooLarge:
    """The page in `reply`; ValueError with a clause where there is none."""
    if reply.status == 400 and b"ResponsePayloadTooLarge" in reply.body:
        return _TooLarge()
    if reply.status != 200:
        error = read_error(reply, Stage.INVENTORY)
        denied = "was denied" if reply.status == 403 else "failed"
        said = " ".join(str(part) for part in (error.http_status, error.code) if part)
        return _Refused(f"{denied} ({said})")
    body = parse_object(reply.body) or {}
    match body.get("totalRecords"), body.get("data"), body.get("$skipToken"):
        case int(), list(), str(token) if HIDDEN in token:
            raise ValueError("gave a $skipToken that repeats the token that was sent")
        case int(total), list(rows), (None | str()) as token if not isinstance(total, bool):
            return _Page(total, rows, token or None, dated(reply))
    raise ValueError(UNREADABLE)
