"""Rows that are used as they come: too large pages, an end that comes too early, and none at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import GraphQuery
from fleetscan.inventory.graph_stream import GraphStream
from fleetscan.model import Json, Reply, RequestKind

TOO_LARGE = Reply(400, {}, b'{"error":{"code":"ResponsePayloadTooLarge","message":"too large"}}')


def page(rows: range, total: int, token: str | None = None) -> Reply:
    """A page with rows of these numbers."""
    body: dict[str, Any] = {"totalRecords": total, "data": [{"id": f"/vm/{row}"} for row in rows]}
    return Reply(200, {}, json.dumps(body | ({} if token is None else {"$skipToken": token})).encode())


def read(answer: Callable[[int, dict[str, Any]], Reply]) -> tuple[list[str], str | None, list[int]]:
    """The rows' ids, why there are no more, and how many rows each request asked for."""
    ids: list[str] = []

    def read_row(row: Json, sent_at: object) -> None:
        ids.append(text_at(row, "id") or "")

    query = GraphQuery(RequestKind.QUERY_PATCHES, "resources", "rows", read_row)
    tops: list[int] = []
    stream, has_more = GraphStream("https://arm", query, ["s"]), True
    while has_more:
        pages = stream.page()
        options = json.loads(next(pages).request.body)["options"]
        tops.append(options["$top"])
        try:
            pages.send(answer(len(tops) - 1, options))
        except StopIteration as end:
            has_more = end.value
        assert len(tops) < 10_100, "it has no end"
    return ids, stream.why, tops


def test_too_large_a_page_is_asked_for_by_halves_and_no_row_is_lost() -> None:
    def answer(number: int, options: dict[str, Any]) -> Reply:
        if options["$top"] > 250:
            return TOO_LARGE
        return page(range(250), 300, "more") if "$skipToken" not in options else page(range(250, 300), 300)

    ids, why, tops = read(answer)
    assert (len(ids), why, tops) == (300, None, [1000, 500, 250, 250])


def test_a_row_that_is_too_large_is_a_reason() -> None:
    _, why, tops = read(lambda number, options: TOO_LARGE)
    assert (why, tops[-1]) == ("says that one row is too large", 1)


@pytest.mark.parametrize(
    "last",
    [
        page(range(0), 5000),
        page(range(0), 5000, "t"),
        page(range(1000), 5000, "u"),
        page(range(1000, 1500), 5000),
    ],
)
def test_an_end_that_comes_too_early_is_a_reason(last: Reply) -> None:
    first = page(range(1000), 5000, "t")
    _, why, _ = read(lambda number, options: last if "$skipToken" in options else first)
    assert why is not None
    assert why.startswith("gave 1,")
    assert why.endswith("of 5,000 rows")


def test_a_reading_without_an_end_ends() -> None:
    ids, why, _ = read(lambda number, _: page(range(1000 * number, 1000 * number + 1000), 2000, f"t{number}"))
    assert why == "gave more than the 2,000 rows that it counted"
    assert len(ids) < 5000


@pytest.mark.parametrize(("rows", "total"), [(0, 0), (3, 3), (7, 5)])
def test_more_rows_than_were_counted_are_no_doubt(rows: int, total: int) -> None:
    ids, why, _ = read(lambda number, options: page(range(rows), total))
    assert (len(ids), why) == (rows, None)


def test_one_row_too_few_is_read_again_and_a_whole_reading_is_believed() -> None:
    rows = [range(999), range(998), range(1000)]
    ids, why, tops = read(lambda number, _: page(rows[number], 1000))
    assert (len(set(ids)), why, len(tops)) == (1000, None, 3)


def test_a_reading_that_is_never_whole_is_a_reason_however_little_is_missing() -> None:
    _, why, tops = read(lambda number, _: page(range(99_999 - number), 100_000))
    assert (why, len(tops)) == ("gave 99,997 of 100,000 rows", 3)


def test_a_row_that_goes_while_pages_are_read_is_noticed_by_the_count_before() -> None:
    def answer(number: int, options: dict[str, Any]) -> Reply:
        if number:
            return page(range(1001, 1999), 1999)
        return page(range(1000), 2000, "t")

    _, why, _ = read(answer)
    assert why == "gave 998 of 1,999 rows"


def test_a_row_without_an_id_is_no_row() -> None:
    body = json.dumps({"totalRecords": 2, "data": [{"id": "/vm/1"}, None]}).encode()
    _, why, _ = read(lambda number, options: Reply(200, {}, body))
    assert why == "gave a row without an id"
