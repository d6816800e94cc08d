"""`fleetscan` with a fleet that is scanned from its first ten VMs on, while others are listed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fleetscan.__main__ import main
from fleetscan.engine.graph_request import MAX_ROWS
from fleetscan.inventory import graph_pages, resource_graph
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.graph_pages import GraphQuery
from fleetscan.inventory.pages import Pages
from fleetscan.scanner import parts

T = TypeVar("T")

ENOUGH = 10
WHOLE = graph_pages.graph_pages


def one_by_one(
    endpoint: str, query: GraphQuery[T], batch: Sequence[str], bulk: Bulk | None = None
) -> Pages[list[T] | str]:
    """The same rows, one a page; what else is asked of Resource Graph has its pages as ever."""
    pages = WHOLE(endpoint, query, batch, bulk)
    vars(graph_pages)["MAX_ROWS"] = 1
    wanted = next(pages)
    vars(graph_pages)["MAX_ROWS"] = MAX_ROWS
    while True:
        reply = yield wanted
        try:
            wanted = pages.send(reply)
        except StopIteration as end:
            found: list[T] | str = end.value
            return found


if __name__ == "__main__":
    parts.ENOUGH = ENOUGH
    vars(resource_graph)["graph_pages"] = one_by_one
    main()
