"""Resource Graph: tables of machines, patches and maintenance, over HTTP, with quota and paging quirks.

`resultTruncated` is the string "false" even when a `$skipToken` follows. A query that is not sorted gets
its pages from a list that is shuffled anew for each: rows repeat and rows are lost.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias, cast

import orjson

from fleetscan.model import Json
from fleetscan.simulator.arc import GRAPH_TYPE as SERVER_TYPE
from fleetscan.simulator.arc import server_properties
from fleetscan.simulator.buckets import UserQuota
from fleetscan.simulator.call import Call
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.kql import MAINTENANCE_TABLE, PATCH_TABLES, QueryError, read_query
from fleetscan.simulator.maintenance import Maintenance
from fleetscan.simulator.patch_tables import EarlierRow, PatchTables
from fleetscan.simulator.query import Query, Row, Summary
from fleetscan.simulator.refusals import denied
from fleetscan.simulator.replies import Answer, compact
from fleetscan.simulator.resources import GRAPH_TYPE, extended_properties, vm_properties
from fleetscan.simulator.scale_sets import ScaleSets
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.sight import Sight
from fleetscan.simulator.times import Calendar

MAX_TOP = 1000
MAX_SUBSCRIPTIONS = 1000
# A query that names no subscriptions looks into so many, and says in a header that the tenant has more.
MAX_IN_TENANT = 10_000
REMEMBERED_QUERIES = 8

# What never changes is made into a row when it is shown; rows that may have been made already.
Found: TypeAlias = Machine | EarlierRow | Row
Sorted: TypeAlias = tuple[tuple[str, ...], Found]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for: a query over some subscriptions, and which page of its rows."""

    query: str
    subscriptions: frozenset[str]
    top: int
    skip: int
    token: str | None


class BadWishError(Exception):
    """A request body that Resource Graph would refuse; the argument is the error's detail."""


class Graph:
    """POST /providers/Microsoft.ResourceGraph/resources."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, sight: Sight, patches: PatchTables, calendar: Calendar
    ) -> None:
        self._sight = sight
        self._scenario = scenario
        self._fleet = fleet
        self._patches = patches
        self._calendar = calendar
        self._sets = ScaleSets(scenario, fleet)
        self._maintenance = Maintenance(scenario, fleet, sight)
        self._quota = UserQuota(scenario.limits_speed)
        # What each query finds among the rows that never change, in its order.
        self._selections: dict[tuple[str, frozenset[str]], list[Sorted]] = {}

    def answer(self, call: Call, now: float) -> Answer:
        """One page, or an error in Resource Graph's own shape."""
        is_allowed, headers, wait_s = self._quota.draw(now)
        if not is_allowed:
            refusal = self._error(429, "RateLimiting", [_detail("RateLimiting", _THROTTLED)], now)
            return Answer(429, refusal.body, headers | {"retry-after": str(wait_s)})
        answer = self._page(call, now)
        return Answer(answer.status, answer.body, headers | answer.headers)

    def _page(self, call: Call, now: float) -> Answer:
        if self._scenario.graph == "denied":
            return denied("Microsoft.ResourceGraph/resources/read", "/")
        try:
            wish = self._wish(call.body)
            query, found = self._select(wish, now)
        except BadWishError as problem:
            return self._error(400, "BadRequest", [_detail("InvalidRequest", str(problem))], now)
        except QueryError as problem:
            return self._error(400, "BadRequest", _details_of(problem), now)
        if self._scenario.graph == "broken":
            if len(found) <= wish.top:
                return self._error(
                    500, "InternalServerError", [_detail("InternalError", "Query failed.")], now
                )
            return self._rows(query, found, wish, token=wish.token or _token(wish.top, wish.top))
        end = wish.skip + wish.top
        has_more = end < len(found) or (bool(found) and self._scenario.graph in ("endless", "hollow"))
        return self._rows(query, found, wish, token=_token(wish.top, end) if has_more else None)

    def _rows(self, query: Query, found: list[Found], wish: Wish, token: str | None) -> Answer:
        source = found
        if not query.order:
            source = list(found)
            random.Random(f"{self._scenario.seed}:{wish.query}:{wish.skip}").shuffle(source)
        page = source[wish.skip : wish.skip + wish.top]
        if source and self._scenario.graph == "endless":
            page += [_invented(source, place) for place in range(wish.skip + len(page), wish.skip + wish.top)]
        rows = [query.apply(self._row(each)) for each in page]
        body: dict[str, Json] = {
            "totalRecords": len(found),
            "count": len(rows),
            "data": cast("list[Json]", rows),
            "facets": [],
            "resultTruncated": "false",
        }
        answer = compact(body if token is None else body | {"$skipToken": token})
        if len(answer.body) > self._scenario.graph_reply_kib * 1024:
            return self._error(400, "BadRequest", [_detail("ResponsePayloadTooLarge", _TOO_LARGE)], 0.0)
        if not wish.subscriptions and len(self._fleet.subscriptions) > MAX_IN_TENANT:
            return Answer(answer.status, answer.body, answer.headers | {_LIMIT_HIT: "true"})
        return answer

    def _select(self, wish: Wish, now: float) -> tuple[Query, list[Found]]:
        """What a query finds, in its order."""
        query, asked = read_query(wish.query), wish.subscriptions
        if query.summary is not None:
            return self._summed_up(query, query.summary, asked)
        if query.tables[0] == MAINTENANCE_TABLE:
            return query, [row for _, row in self._lasting(wish, query, self._maintenance.assignments(asked))]
        if query.tables[0] not in PATCH_TABLES:
            candidates: Iterator[Found] = chain(
                self._machines(asked), self._scale_sets(asked), self._maintenance.configurations(asked)
            )
            return query, [found for _, found in self._lasting(wish, query, candidates)]
        earlier = [
            pair
            for pair in self._lasting(wish, query, self._patches.earlier(query, asked))
            if isinstance(row := pair[1], EarlierRow) and self._patches.is_newest(row, now)
        ]
        rows = self._matching(query, self._patches.rows(query, asked, now))
        return query, [found for _, found in _sorted(query, earlier + rows)]

    def _summed_up(
        self, query: Query, summary: Summary, subscriptions: frozenset[str]
    ) -> tuple[Query, list[Found]]:
        """The rows of a `summarize`, of machines alone."""
        if query.tables[0] != "resources":
            raise QueryError("summarize", 0)
        shown = (query.apply(self._machine(machine)) for machine in self._machines(subscriptions))
        sums = summary.of(row for row in shown if row is not None)
        of_sums = replace(query, steps=(), order_at=0, summary=None)
        return of_sums, [row for _, row in _sorted(of_sums, [(of_sums.sort_texts(row), row) for row in sums])]

    def _machines(self, subscriptions: frozenset[str]) -> Iterator[Machine]:
        for machine in self._fleet:
            is_asked = not subscriptions or machine.subscription.subscription_id in subscriptions
            if is_asked and self._sight.is_in_graph(machine):
                yield machine

    def _scale_sets(self, subscriptions: frozenset[str]) -> Iterator[Row]:
        for row in self._sets.rows:
            subscription_id = str(row["subscriptionId"])
            if (not subscriptions or subscription_id in subscriptions) and self._sight.is_shown(
                subscription_id
            ):
                yield row

    def _lasting(self, wish: Wish, query: Query, candidates: Iterable[Found]) -> list[Sorted]:
        """Those of candidates that never change; remembered, since every page asks for them again."""
        name = (wish.query, wish.subscriptions)
        if name not in self._selections:
            matching = _sorted(query, self._matching(query, candidates))
            if query.id_prefixes:
                return matching
            if len(self._selections) >= REMEMBERED_QUERIES:
                self._selections.pop(next(iter(self._selections)))
            self._selections[name] = matching
        return self._selections[name]

    def _matching(self, query: Query, candidates: Iterable[Found]) -> list[Sorted]:
        """Those of the candidates that the query shows, with what they are sorted by."""
        return [
            (query.sort_texts(row), each)
            for each in candidates
            if query.apply(row := self._row(each)) is not None
        ]

    def _wish(self, body: bytes) -> Wish:
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            raise BadWishError("The request content was not valid JSON.") from problem
        if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            raise BadWishError("The request has no 'query'.")
        options = asked.get("options") or {}
        if not isinstance(options, dict):
            raise BadWishError("'options' must be an object.")
        subscriptions = frozenset(str(name).lower() for name in asked.get("subscriptions") or [])
        if len(subscriptions) > MAX_SUBSCRIPTIONS:
            raise BadWishError("At most 1000 subscriptions are allowed in a query.")
        if options.get("resultFormat", "objectArray") != "objectArray":
            raise BadWishError("Only the result format objectArray is served here.")
        top = options.get("$top", MAX_TOP)
        if not isinstance(top, int) or not 1 <= top <= MAX_TOP:
            raise BadWishError("'$top' must be between 1 and 1000.")
        token = options.get("$skipToken")
        skip = 0 if token is None else _rows_to_skip(str(token))
        return Wish(asked["query"], subscriptions, min(top, self._scenario.page_size), skip, token)

    def _row(self, found: Found) -> Row:
        match found:
            case Machine():
                return self._machine(found)
            case EarlierRow():
                return self._patches.earlier_row(found)
            case row:
                return row

    def _machine(self, machine: Machine) -> Row:
        return {
            "id": machine.graph_id,
            "name": machine.name,
            "type": SERVER_TYPE if machine.is_arc else GRAPH_TYPE,
            "tenantId": self._fleet.estate.tenant_id,
            "location": machine.region,
            "resourceGroup": machine.resource_group.lower(),
            "subscriptionId": machine.subscription.subscription_id,
            "tags": cast("Json", machine.tags or None),
            "properties": server_properties(machine) if machine.is_arc else self._vm_properties(machine),
        }

    def _vm_properties(self, machine: Machine) -> dict[str, Json]:
        extended: dict[str, Json] = {"extended": extended_properties(machine)}
        return vm_properties(machine) | self._sets.reference(machine) | extended

    def _error(self, status: int, code: str, details: list[Json], now: float) -> Answer:
        stamp = self._calendar.iso(now)[:27] + "Z"
        message = (
            f"Please provide below info when asking for support: timestamp = {stamp}, correlationId = -."
        )
        body = {"error": {"code": code, "message": message, "details": details}}
        return Answer(status, orjson.dumps(body))


def _invented(found: list[Found], place: int) -> Found:
    """A row for a place beyond the true ones: one of them under another name."""
    match found[place % len(found)]:
        case Machine() as machine:
            return machine.double(place)
        case EarlierRow(machine, earlier):
            return EarlierRow(machine.double(place), earlier)
        case row:
            return row | {"id": f"{row['id']}-{place}"}


def _sorted(query: Query, found: list[Sorted]) -> list[Sorted]:
    """The rows in the order that the query asks for."""
    for place in reversed(range(len(query.order))):
        found.sort(key=_text_at(place), reverse=query.order[place].is_descending)
    return found


def _text_at(place: int) -> Callable[[Sorted], str]:
    return lambda pair: pair[0][place]


_THROTTLED = (
    "Client application has been throttled and should not attempt to repeat the request until an amount of "
    "time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."
)


_TOO_LARGE = "Response payload size is too large. Please query a smaller amount of records or fewer columns."
_LIMIT_HIT = "x-ms-tenant-subscription-limit-hit"


def _detail(code: str, message: str) -> Json:
    return {"code": code, "message": message}


def _details_of(problem: QueryError) -> list[Json]:
    first = _detail(
        "InvalidQuery",
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix "
        "the error before retrying.",
    )
    if problem.column is not None:
        named = f"Failed to resolve column or scalar expression named '{problem.column}'"
        return [first, _detail("Default", named)]
    parser: dict[str, Json] = {
        "code": "ParserFailure",
        "message": "ParserFailure",
        "line": 1,
        "characterPositionInLine": problem.position,
        "token": problem.token,
        "expectedToken": "\u03cf",
    }
    return [first, parser]


def _token(rows: int, skip: int) -> str:
    """As recorded: base64 of an indented JSON object."""
    text = (
        f'{{\r\n  "$id": "1",\r\n  "MaxRows": {rows},\r\n  "RowsToSkip": {skip},\r\n'
        '  "KustoClusterUrl": "https://arg-weu-one-sf.arg.core.windows.net"\r\n}'
    )
    return base64.b64encode(text.encode()).decode()


def _rows_to_skip(token: str) -> int:
    try:
        found = re.search(r'"RowsToSkip": (\d+),', base64.b64decode(token, validate=True).decode())
    except ValueError:
        found = None
    if found is None:
        raise BadWishError("The skip token is not valid.")
    return int(found[1])
