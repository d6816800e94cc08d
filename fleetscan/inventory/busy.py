"""Which machines have a patch operation running, by Resource Graph: an assessment might end an installation.

Read as the listing is: page by page, and doubted. Facts: a newer operation of the guest's extension stops an
older one; installations are kept in `patchinstallationresources` for 30 days.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan import json_text
from fleetscan.engine.replies import parse_object, read_error, text_of
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.resource_graph import API_VERSION, BATCH_SUBSCRIPTIONS, MAX_ROWS
from fleetscan.model import Ask, Json, Reply, Request, RequestKind, Stage

INSTALLATIONS = "microsoft.compute/virtualmachines/patchinstallationresults"
ASSESSMENTS = "microsoft.compute/virtualmachines/patchassessmentresults"
QUERY = (
    "patchinstallationresources | union patchassessmentresources "
    f"| where type in~ ('{INSTALLATIONS}', '{ASSESSMENTS}') and properties.status =~ 'InProgress' "
    "| project id | order by id asc"
)
UNREADABLE = "gave a page that cannot be read"
UNREADABLE_TRIES = 4
# What a row's id has after the machine's own.
TAILS = ("/patchinstallationresults/", "/patchassessmentresults/")


def query_busy(endpoint: str, subscription_ids: Sequence[str]) -> Pages[frozenset[str] | str]:
    """The keys of the busy machines in these subscriptions; a text on why it cannot be told otherwise."""
    busy: set[str] = set()
    for first in range(0, len(subscription_ids), BATCH_SUBSCRIPTIONS):
        batch = subscription_ids[first : first + BATCH_SUBSCRIPTIONS]
        token: str | None = None
        seen: set[str] = set()
        unread = 0
        while True:
            page = _read((yield _ask(endpoint, batch, token)))
            if isinstance(page, str):
                unread += 1
                if page != UNREADABLE or unread == UNREADABLE_TRIES:
                    return page
                continue
            ids, token = page
            busy.update(map(_machine_of, ids))
            if token is None:
                break
            if token in seen:
                return "gave a $skipToken twice"
            seen.add(token)
    return frozenset(busy)


def _ask(endpoint: str, batch: Sequence[str], token: str | None) -> Ask:
    options: dict[str, Json] = {"$top": MAX_ROWS, "resultFormat": "objectArray"}
    if token is not None:
        options["$skipToken"] = token
    body: dict[str, Json] = {"subscriptions": [*batch], "query": QUERY, "options": options}
    url = f"{endpoint}/providers/Microsoft.ResourceGraph/resources?api-version={API_VERSION}"
    return Ask(RequestKind.QUERY_PATCHES, Request("POST", url, json_text.encode(body)))


def _read(reply: Reply) -> tuple[list[str], str | None] | str:
    """The ids of a page and the next page's token; a text on what is wrong with it otherwise."""
    if reply.status != 200:
        error = read_error(reply, Stage.INVENTORY)
        denied = "was denied" if reply.status == 403 else "failed"
        return f"{denied} ({' '.join(str(part) for part in (error.http_status, error.code) if part)})"
    match parse_object(reply.body) or {}:
        case {"data": list(rows), **rest}:
            ids = [text_of(row.get("id")) for row in rows if isinstance(row, dict)]
            named = [resource_id for resource_id in ids if resource_id is not None]
            if len(named) == len(rows):
                return named, text_of(rest.get("$skipToken"))
    return UNREADABLE


def _machine_of(row_id: str) -> str:
    """The key of the machine that a row is about."""
    key = row_id.lower()
    return key[: max(key.rfind(tail) for tail in TAILS)]
