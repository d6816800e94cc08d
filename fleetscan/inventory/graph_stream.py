"""Rows of a Resource Graph query that are used as their pages come, and of which none are kept.

The table may change while it is read, so that a row more or less is no doubt. But an end that comes too early
must not pass for the whole: what is missing would be told as unknown to Azure.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.engine.graph_request import MAX_ROWS, graph_request
from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import MAX_PAGES, GraphQuery, _Page, _read_page, _TooLarge
from fleetscan.inventory.pages import Pages
from fleetscan.model import ListRequest

# Assessments begin and are forgotten while others are read: so large a share may be missed.
CHANGING_SHARE = 0.01


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
        self._pages = 0
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
            page = _read_page(reply)
            del reply
            if isinstance(page, _Page):
                return self._take(page)
        except ValueError as doubt:
            self.why = str(doubt)
            return False
        if isinstance(page, _TooLarge) and rows > 1:
            self._rows_a_page, self._token = rows // 2, None
            self._seen.clear()
            return True
        self.why = page.why
        return False

    def _take(self, page: _Page) -> bool:
        before, rows = len(self._seen), self._query.rows
        for row in page.rows:
            self._seen.add(hash((text_at(row, "id") or "").lower()))
            self._query.read_row(row, page.sent_at)
        self._pages += 1
        is_stuck = page.token is not None and (page.token == self._token or len(self._seen) == before)
        self._token = page.token
        if self._token is not None and not is_stuck and self._pages < MAX_PAGES:
            if len(self._seen) > page.total * (1.0 + CHANGING_SHARE) + MAX_ROWS:
                raise ValueError(f"gave more than the {page.total:,} {rows} that it counted")
            return True
        if self._token is not None or len(self._seen) < page.total * (1.0 - CHANGING_SHARE) - 1:
            raise ValueError(f"gave {len(self._seen):,} of {page.total:,} {rows}")
        return False
