"""The machines of many subscriptions from Resource Graph: cheap, and doubted at every turn.

Pages are counted against `totalRecords` and ids against each other, because Graph loses and repeats rows in
silence; whatever does not add up is a `GraphBroken`, never a smaller fleet. Facts: Microsoft's documents on
paging, and recorded pages whose `resultTruncated` is the string "false" though a `$skipToken` follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetscan import json_text
from fleetscan.engine.replies import parse_object, read_error
from fleetscan.inventory.machines import PATHS, VIEW_PATHS, target_of
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Ask, Json, Reply, Request, RequestKind, Stage, Target

API_VERSION = "2021-03-01"
# At most 1000 are allowed in a query; Microsoft advises 300.
BATCH_SUBSCRIPTIONS = 300
MAX_ROWS = 1000
VIEW = "properties.extended.instanceView"

_COLUMNS = [f"{name} = {path}" for name, path in PATHS.items()]
_COLUMNS += [f"{name} = {VIEW}.{path}" for name, path in VIEW_PATHS.items()]
# Pages of an unsorted query repeat and lose rows. A `limit` in the query would make Graph give no $skipToken,
# and so would leaving out `id`.
QUERY = (
    "resources | where type =~ 'microsoft.compute/virtualmachines' "
    f"| project id, location, tags, {', '.join(_COLUMNS)} | order by id asc"
)


@dataclass(frozen=True, slots=True)
class GraphListing:
    """Every machine of the batch, each once."""

    subscriptions: tuple[Subscription, ...]
    targets: list[Target]


@dataclass(frozen=True, slots=True)
class GraphBroken:
    """Graph could not be relied on for the batch; `why` completes "Resource Graph ..."."""

    subscriptions: tuple[Subscription, ...]
    why: str


@dataclass(frozen=True, slots=True)
class _Page:
    total: int
    rows: list[Json]
    token: str | None


class _TooLarge:
    """A page would have had more than the 16 MiB Graph sends."""


def batches(subscriptions: Sequence[Subscription]) -> Iterator[tuple[Subscription, ...]]:
    """As many subscriptions at a time as one query should name; never none, which would ask for all."""
    for start in range(0, len(subscriptions), BATCH_SUBSCRIPTIONS):
        yield tuple(subscriptions[start : start + BATCH_SUBSCRIPTIONS])


def query_machines(endpoint: str, batch: tuple[Subscription, ...]) -> Pages[GraphListing | GraphBroken]:
    """Every machine of `batch`, which is not empty. Too large a page starts it anew with smaller ones."""
    rows_a_page = MAX_ROWS
    while True:
        answer = yield from _read_all(endpoint, batch, rows_a_page)
        match answer:
            case list(targets):
                return GraphListing(batch, targets)
            case str(why):
                return GraphBroken(batch, why)
            case _ if rows_a_page == 1:
                return GraphBroken(batch, "says that one row is too large")
        rows_a_page //= 2


def _read_all(
    endpoint: str, batch: tuple[Subscription, ...], rows_a_page: int
) -> Pages[list[Target] | str | _TooLarge]:
    """All pages: the machines, or a text on what did not add up."""
    names = {subscription.key: subscription.name for subscription in batch}
    found: dict[str, Target] = {}
    tokens: set[str] = set()
    token: str | None = None
    total: int | None = None
    while True:
        page = _read_page((yield _ask(endpoint, batch, rows_a_page, token)))
        if not isinstance(page, _Page):
            return page
        if total not in (None, page.total):
            return f"counted {total} machines and then {page.total}"
        total, token = page.total, page.token
        if token is not None and not page.rows:
            return "gave an empty page with more to come"
        for row in page.rows:
            if (trouble := _take(row, names, found)) is not None:
                return trouble
        if token is None:
            return list(found.values()) if len(found) == total else f"gave {len(found)} of {total} machines"
        if token in tokens:
            return "gave a $skipToken twice"
        tokens.add(token)


def _take(row: Json, names: Mapping[str, str | None], found: dict[str, Target]) -> str | None:
    """Put the machine of `row` into `found`; a text on what is wrong with it otherwise."""
    try:
        target = target_of(row, names)
    except ValueError as error:
        return f"gave a row whose id is {error}"
    if target.subscription_id.lower() not in names:
        return f"gave a machine of subscription {target.subscription_id}, which was not asked for"
    if found.setdefault(target.key, target) is not target:
        return f"gave {target.resource_id} twice"
    return None


def _ask(endpoint: str, batch: tuple[Subscription, ...], rows_a_page: int, token: str | None) -> Ask:
    options: dict[str, Json] = {"$top": rows_a_page, "resultFormat": "objectArray"}
    if token is not None:
        options["$skipToken"] = token
    ids: list[Json] = [subscription.id for subscription in batch]
    body: dict[str, Json] = {"subscriptions": ids, "query": QUERY, "options": options}
    url = f"{endpoint}/providers/Microsoft.ResourceGraph/resources?api-version={API_VERSION}"
    return Ask(RequestKind.QUERY_GRAPH, Request("POST", url, json_text.encode(body)))


def _read_page(reply: Reply) -> _Page | str | _TooLarge:
    if reply.status == 400 and b"ResponsePayloadTooLarge" in reply.body:
        return _TooLarge()
    if reply.status != 200:
        error = read_error(reply, Stage.INVENTORY)
        denied = "was denied" if reply.status == 403 else "failed"
        return f"{denied} ({' '.join(str(part) for part in (error.http_status, error.code) if part)})"
    body = parse_object(reply.body) or {}
    match body.get("totalRecords"), body.get("data"), body.get("$skipToken"):
        case int(total), list(rows), (None | str()) as token if not isinstance(total, bool):
            return _Page(total, rows, token or None)
        case _:
            return "gave a page that cannot be read"
