"""How long each VM's last assessment took, by Resource Graph: what a first run can know beforehand.

It is worth an order of starts and better polls, and nothing waits for it. Graph keeps the newest assessment
of a VM for seven days. Facts: Microsoft's documents on `patchassessmentresources`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from fleetscan.engine.latest_assessment import ASSESSMENTS, span_of
from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import GraphQuery, batches, graph_rows
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, RequestKind

COLUMNS = ("status", "startDateTime", "lastModifiedDateTime")
# Without a `where` on what an assessment changes tonight: rows would leave the pages between two of them.
QUERY = (
    f"patchassessmentresources | where type =~ '{ASSESSMENTS}' "
    f"| project id, {', '.join(f'{name} = properties.{name}' for name in COLUMNS)} | order by id asc"
)
# Rows may be about VMs that are not scanned: so many are read besides twice as many as VMs are.
ROWS_BESIDES = 1000


def query_last(
    endpoint: str,
    subscription_ids: Sequence[str],
    learn: Callable[[str, float], None],
    wanted: Callable[[], int],
    now: datetime,
) -> Pages[str | None]:
    """Calls `learn` with a VM's key and the seconds between its last assessment's two times, page by page.

    `wanted` says of how many VMs nothing is known yet: at none it ends, and once it has read far more rows
    than there were VMs. `now` stands in for a reply without a Date. Returns why it knows no more, where Graph
    refused.
    """
    left = 2 * wanted() + ROWS_BESIDES

    def read_row(row: Json, sent_at: datetime | None) -> None:
        nonlocal left
        left -= 1
        status, began, changed = (text_at(row, name) for name in COLUMNS)
        if (span_s := span_of(status, began, changed, sent_at or now)) is not None:
            learn(_machine_of(row), span_s)

    def is_enough() -> bool:
        return left <= 0 or not wanted()

    query = GraphQuery(RequestKind.QUERY_PATCHES, QUERY, "assessments", read_row)
    for batch in batches(subscription_ids):
        why = yield from graph_rows(endpoint, query, batch, is_enough)
        if why is not None or is_enough():
            return why
    return None


def _machine_of(row: Json) -> str:
    """The key of the VM whose assessment it is."""
    return (text_at(row, "id") or "").lower().rpartition("/patchassessmentresults/")[0]
