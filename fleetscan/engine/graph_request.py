"""The one place that builds a Resource Graph request: its URL, its version, and the options of a page.

Facts: Microsoft's documents on `Microsoft.ResourceGraph/resources` and on paging.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan import json_text
from fleetscan.model import Json, Request

API_VERSION = "2021-03-01"
# The most rows that a page may have.
MAX_ROWS = 1000


def graph_request(
    endpoint: str,
    query: str,
    subscription_ids: Sequence[str],
    *,
    rows: int = MAX_ROWS,
    skip_token: str | None = None,
) -> Request:
    """Asks `query` of these subscriptions: a page of at most `rows` rows, the first without a `skip_token`.

    Raises ValueError where no subscription is named: Resource Graph would answer for all that are visible.
    """
    if not subscription_ids:
        raise ValueError("a Resource Graph query names at least one subscription")
    options: dict[str, Json] = {"$top": rows, "resultFormat": "objectArray"}
    if skip_token is not None:
        options["$skipToken"] = skip_token
    body: dict[str, Json] = {"subscriptions": [*subscription_ids], "query": query, "options": options}
    url = f"{endpoint}/providers/Microsoft.ResourceGraph/resources?api-version={API_VERSION}"
    return Request("POST", url, json_text.encode(body))
