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
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from fleetscan.addresses import HIDDEN
from fleetscan.engine.graph_request import MAX_ROWS, graph_request
from fleetscan.engine.replies import dated, parse_object, read_error, text_at
from fleetscan.inventory.bulk import Bulk, Part
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, ListRequest, Reply, RequestKind, Stage

T = TypeVar("T")

# At most 1000 are allowed in a query; Microsoft advises 300.
BATCH_SUBSCRIPTIONS = 300
# Far more than a batch has VMs: a million rows come in a thousand pages, in some more where rows are large.
MAX_TOTAL = 10_000_000
MAX_PAGES = 10_000
UNREADABLE = "gave a page that cannot be read"
# Set to "true" where Graph looked into 10,000 subscriptions alone.
LIMIT_HIT = "x-ms-tenant-subscription-limit-hit"


@dataclass(frozen=True, slots=True)
class GraphQuery(Generic[T]):
    """A query and how its rows are read.

    `text` must sort by `id`, project it and have no `limit`: pages of an unsorted query repeat and lose rows,
    and without an id or with a limit Graph gives no $skipToken. `rows` is what people call its rows.
    `read_row` is given a row and when Azure says that its page was sent, None where the reply has no Date. It
    raises ValueError with a clause such as "gave a row whose ...". A query whose rows may change while it is
    read has more than one of `attempts` to be read without a doubt. Weather that takes longer than
    `patience_s`, where that is told, is the end of it. `hand_on` gets what each page brought that is not the
    last, as it comes: a later page may bring doubt, or the reading may begin anew.
    """

    kind: RequestKind
    text: str
    rows: str
    read_row: Callable[[Json, datetime | None], T]
    attempts: int = 1
    patience_s: float | None = None
    hand_on: Callable[[list[T]], None] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What one reply has: its rows, how many Graph counts in all, and what leads to more."""

    total: int
    rows: list[Json]
    token: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Refused:
    """Graph did not answer; `why` completes "Resource Graph ..."."""

    why: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A page would have had more than the 16 MiB Graph sends, or has more than is taken in.

    `why` completes "Resource Graph ..." where it had one row.
    """

    why: str


def batches(subscriptions: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """As many subscriptions at a time as one query should name; never none."""
    for start in range(0, len(subscriptions), BATCH_SUBSCRIPTIONS):
        yield tuple(subscriptions[start : start + BATCH_SUBSCRIPTIONS])


def graph_pages(
    endpoint: str, query: GraphQuery[T], batch: Sequence[str], bulk: Bulk | None = None
) -> Pages[list[T] | str]:
    """What the rows of `query` in a batch of subscriptions say, or a clause on what did not add up.

    Too large a page starts the reading anew with half the rows a page. `bulk` counts what is kept of a fleet.
    """
    rows_a_page, attempts_left, part = MAX_ROWS, query.attempts, Part(bulk or Bulk())
    while True:
        part.drop()
        reading = _Reading(query, part)
        try:
            yield from _read_all(endpoint, reading, batch, rows_a_page)
        except ValueError as doubt:
            attempts_left -= 1
            if not attempts_left:
                part.drop()
                return str(doubt)
            continue
        match reading.otherwise:
            case None:
                return list(reading.found.values())
            case TooLarge() if rows_a_page > 1:
                rows_a_page //= 2
            case _Refused(why) | TooLarge(why):
                part.drop()
                return why


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
            read = _read_rows((yield ListRequest(query.kind, request)), query)
        except ValueError as doubt:
            return str(doubt)
        if read.otherwise is not None:
            return read.otherwise.why
        is_stuck = not read.rows or read.token == token
        token = read.token
        if token is None or is_stuck or is_enough():
            return None


class _Read(NamedTuple):
    """How many rows a page had, and what comes after it."""

    rows: int
    token: str | None
    otherwise: _Refused | TooLarge | None = None


def _read_rows(reply: Reply, query: GraphQuery[None]) -> _Read:
    """Read a page's rows, and keep nothing of it while the next is waited for."""
    page = read_page(reply)
    if not isinstance(page, Page):
        return _Read(0, None, page)
    for row in page.rows:
        query.read_row(row, page.sent_at)
    return _Read(len(page.rows), page.token)


def _read_all(endpoint: str, reading: _Reading[T], batch: Sequence[str], rows_a_page: int) -> Pages[None]:
    """Read all pages; ValueError with a clause on what did not add up.

    While one page is waited for, nothing here holds the one before.
    """
    query = reading.query
    while True:
        request = graph_request(endpoint, query.text, batch, rows=rows_a_page, skip_token=reading.token)
        reading.take((yield ListRequest(query.kind, request, patience_s=query.patience_s)))
        if reading.token is None:
            return


class _Reading(Generic[T]):
    """What was `found` so far; `token` leads to more, `otherwise` is why it ended early.

    It is found by the hash of the row's id: a hundred thousand ids would be 25 MB, and two of one hash would
    be no more than a doubt.
    """

    def __init__(self, query: GraphQuery[T], part: Part) -> None:
        self.query = query
        self.found: dict[int, T] = {}
        self.token: str | None = None
        self.otherwise: _Refused | TooLarge | None = None
        self._part = part
        self._total: int | None = None
        # Hashes, because a token may be of any length.
        self._tokens: set[int] = set()

    def take(self, reply: Reply) -> None:
        """Read one more page; ValueError with a clause on what did not add up."""
        page = read_page(reply)
        if not isinstance(page, Page):
            self.token, self.otherwise = None, page
            return
        self._part.take(reply.body, "")
        rows, found = self.query.rows, self.found
        if self._total not in (None, page.total):
            raise ValueError(f"counted {self._total:,} {rows} and then {page.total:,}")
        self._total, self.token = page.total, page.token
        if page.total > MAX_TOTAL:
            raise ValueError(f"counted {page.total:,} {rows}, more than there can be")
        if page.token is not None and not page.rows:
            raise ValueError("gave an empty page with more to come")
        before = len(found)
        for row in page.rows:
            _take(row, page.sent_at, self.query, found)
        if len(found) > page.total or (page.token is None and len(found) < page.total):
            raise ValueError(f"gave {len(found):,} of {page.total:,} {rows}")
        if page.token is not None:
            self._note(page.token)
            if self.query.hand_on is not None:
                self.query.hand_on([*islice(found.values(), before, None)])

    def _note(self, token: str) -> None:
        if hash(token) in self._tokens:
            raise ValueError("gave a $skipToken twice")
        self._tokens.add(hash(token))
        if len(self._tokens) >= MAX_PAGES:
            raise ValueError(f"gave {MAX_PAGES:,} pages and more to come")


def _take(row: Json, sent_at: datetime | None, query: GraphQuery[T], found: dict[int, T]) -> None:
    """Put what `row` says into `found`; ValueError with a clause where it says nothing sound."""
    value = query.read_row(row, sent_at)
    row_id = text_at(row, "id") or ""
    if (place := hash(row_id.lower())) in found:
        raise ValueError(f"gave {row_id} twice")
    found[place] = value


def read_page(reply: Reply) -> Page | _Refused | TooLarge:
    """The page in `reply`; ValueError with a clause where there is none."""
    if reply.status == 400 and b"ResponsePayloadTooLarge" in reply.body:
        return TooLarge("says that one row is too large")
    if reply.status == 200 and reply.detail:
        return TooLarge(f"gave a page of one row that cannot be read ({reply.detail})")
    if reply.status != 200:
        error = read_error(reply, Stage.INVENTORY)
        denied = "was denied" if reply.status == 403 else "failed"
        said = " ".join(str(part) for part in (error.http_status, error.code) if part)
        return _Refused(f"{denied} ({said})")
    if reply.headers.get(LIMIT_HIT, "").strip().lower() == "true":
        raise ValueError("left out subscriptions beyond the 10,000 that it looks into")
    body = parse_object(reply.body) or {}
    match body.get("totalRecords"), body.get("data"), body.get("$skipToken"):
        case int(), list(), str(token) if HIDDEN in token:
            raise ValueError("gave a $skipToken that repeats the token that was sent")
        case int(total), list(rows), (None | str()) as token if not isinstance(total, bool):
            return Page(total, rows, token or None, dated(reply))
    raise ValueError(UNREADABLE)
