"""How long each VM's last assessment took, by Resource Graph: what a first run can know beforehand.

It is worth an order of starts and better polls, and nothing waits for it. Graph keeps the newest assessment
of a VM for seven days. Facts: Microsoft's documents on `patchassessmentresources`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from fleetscan.azure_times import azure_time
from fleetscan.engine.latest_assessment import ASSESSMENTS
from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import GraphQuery, batches, graph_rows
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, RequestKind

# Without a `where` on what an assessment changes tonight: rows would leave the pages between two of them.
QUERY = (
    f"patchassessmentresources | where type =~ '{ASSESSMENTS}' "
    "| project id, status = properties.status, startDateTime = properties.startDateTime, "
    "lastModifiedDateTime = properties.lastModifiedDateTime | order by id asc"
)
# One that failed says when it gave up, and not how long it takes.
TELLING = frozenset({"succeeded", "completedwithwarnings"})
# Seven days, and what an hour's change of clocks adds.
KEPT_S = 7 * 86_400.0 + 3600.0
# Clocks inside Azure differ by little.
AHEAD_S = 300.0
# No assessment's two times are so near together or so far apart.
LEAST_S, MOST_S = 1.0, 14_400.0
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
        if (span_s := _span_s(row, sent_at or now)) is not None:
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


def _span_s(row: Json, azure_now: datetime) -> float | None:
    """The seconds from its start to its last change; None where they tell nothing or cannot be."""
    if (text_at(row, "status") or "").lower() not in TELLING:
        return None
    began = azure_time(text_at(row, "startDateTime"))
    changed = azure_time(text_at(row, "lastModifiedDateTime"))
    if began is None or changed is None:
        return None
    began_ago_s, changed_ago_s = ((azure_now - at).total_seconds() for at in (began, changed))
    is_kept = began_ago_s <= KEPT_S and changed_ago_s >= -AHEAD_S
    span_s = began_ago_s - changed_ago_s
    return span_s if is_kept and LEAST_S <= span_s <= MOST_S else None
