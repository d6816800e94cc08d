"""Rows of a Resource Graph query that are used as their pages come, and of which none are kept.

The table may change while it is read, and pages go by places: a row that comes or goes moves the others. But
an end with fewer rows than were counted must not pass for the whole: what is missing would be told as unknown
to Azure. Such a reading is made again, a few times.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.engine.graph_request import MAX_ROWS, graph_request
from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import MAX_PAGES, GraphQuery, Page, TooLarge, read_page
from fleetscan.inventory.pages import Pages
from fleetscan.model import ListRequest

ATTEMPTS = 3


class GraphStream:
    """One reading of a query in a batch of subscriptions.

    `why` completes "Resource Graph ..." where it failed.
    """

    def __init__(self, endpoint: str, query: GraphQuery[None], batch: Sequence[str]) -> None:
        self.why: str | None = None
        self._endpoint = endpoint
        self._query = query
        self._batch = batch
        self._rows_a_page = MAX_ROWS
        self._token: str | None = None
        self._attempts_left = ATTEMPTS
        self._pages = self._counted = 0
        # Hashes, because an id may be of any length.
        self._seen: set[int] = set()

    def page(self) -> Pages[bool]:
        """Read one more page, each row at once; whether there are more.

        Too large a page starts the reading anew with half the rows a page: rows that were read come again.
        """
        query, rows = self._query, self._rows_a_page
        request = graph_request(self._endpoint, query.text, self._batch, rows=rows, skip_token=self._token)
        reply = yield ListRequest(query.kind, request)
        try:
            page = read_page(reply)
            del reply
            if isinstance(page, Page):
                return self._take(page)
        except ValueError as doubt:
            self.why = str(doubt)
            return False
        if isinstance(page, TooLarge) and rows > 1:
            self._rows_a_page = rows // 2
            return self._begin_anew()
        self.why = page.why
        return False

    def _begin_anew(self) -> bool:
        self._token, self._counted = None, 0
        self._seen.clear()
        return True

    def _take(self, page: Page) -> bool:
        before, rows = len(self._seen), self._query.rows
        for row in page.rows:
            if (row_id := text_at(row, "id")) is None:
                raise ValueError("gave a row without an id")
            self._seen.add(hash(row_id.lower()))
            self._query.read_row(row, page.sent_at)
        self._pages += 1
        self._counted = max(self._counted, page.total)
        is_stuck = page.token is not None and (page.token == self._token or len(self._seen) == before)
        self._token = page.token
        if is_stuck or self._pages >= MAX_PAGES:
            raise ValueError(f"gave {len(self._seen):,} of {page.total:,} {rows}")
        if len(self._seen) > self._counted + MAX_ROWS:
            raise ValueError(f"gave more than the {page.total:,} {rows} that it counted")
        if self._token is not None:
            return True
        if len(self._seen) >= self._counted:
            return False
        self._attempts_left -= 1
        if not self._attempts_left:
            raise ValueError(f"gave {len(self._seen):,} of {self._counted:,} {rows}")
        return self._begin_anew()
