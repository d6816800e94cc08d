"""Listings that are asked of a simulated Azure without a scheduler: one request after another."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import count
from typing import TypeVar
from urllib.parse import urlsplit

from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.pages import Pages
from fleetscan.model import ListRequest, Reply, RequestKind
from fleetscan.scanner.selecting import fleet_at_azure, selection_in
from fleetscan.settings.selecting import ListSettings
from fleetscan.simulator.cloud import Cloud
from tests.inventory.listing_driver import drive

T = TypeVar("T")


class Asked:
    """Answers listings from a cloud, one after another, and keeps the queries."""

    def __init__(self, cloud: Cloud, unseen: Collection[str] = ()) -> None:
        """Subscriptions whose ids are `unseen` are left out of the list of all."""
        self._cloud = cloud
        self._unseen = unseen
        self.requests = 0
        self._now = count()
        self.queries: list[str] = []
        self.listed_by_compute: set[str] = set()

    async def __call__(self, listings: Iterable[Pages[T]]) -> list[T]:
        return [drive(pages, self._answer) for pages in listings]

    def _answer(self, ask: ListRequest) -> Reply:
        self.requests += 1
        if ask.kind is RequestKind.QUERY_GRAPH:
            self.queries.append(json.loads(ask.request.body)["query"])
        if ask.kind is RequestKind.LIST_VMS:
            self.listed_by_compute.add(ask.subscription_id)
        reply = self._cloud.handle(ask.request, float(next(self._now)))
        if self._unseen and urlsplit(ask.request.url).path == "/subscriptions":
            body = json.loads(reply.body)
            body["value"] = [each for each in body["value"] if each["subscriptionId"] not in self._unseen]
            return replace(reply, body=json.dumps(body).encode())
        # A query that Graph refuses would be asked again without clauses, and no test would see it.
        assert reply.status != 400, (ask.request, reply.body)
        return reply


async def listed(cloud: Cloud, settings: ListSettings, ask: Asked | None = None) -> Fleet:
    """The fleet of `cloud` that `settings` select."""
    return await fleet_at_azure(settings, selection_in(settings), ask or Asked(cloud), is_everything=False)


def keys(fleet: Fleet) -> list[str]:
    """The VMs' keys in order."""
    return sorted(target.key for target in fleet.targets)
