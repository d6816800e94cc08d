"""The simulated Azure with strangers' texts in all that strangers may write, remembered as they were sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from itertools import cycle
from urllib.parse import quote

import anyio

from fleetscan.engine.urls import ID_SAFE
from fleetscan.model import Json, Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.transport import SimulatedTransport
from tests.hostile import HOSTILE, recorded

SHORT = tuple(text for text in HOSTILE.values() if len(text) < 1000)
LONG = tuple(text for text in HOSTILE.values() if len(text) >= 1000)
# What an id may have at its end: Azure would allow little of it, an inventory file all.
ID_TAIL = "\u202e\x9b31m\ufeff\u2028fleetscan:error:forged<b>[bold]"
# The fields whose text people, guests or other programs wrote.
STRANGERS = frozenset(
    {"displayName", "osName", "osVersion", "publisher", "offer", "sku", "patchMode", "code", "message"}
    | {"name", "kbId", "version", "classifications", "tags"}
)


class HostileAzure:
    """A wire to `cloud` on which each of a stranger's texts ends in the next of `texts`.

    `listed` are the rows of the listing by id, `results` the assessments by activity id, `errors` each
    (code, message, correlation id) as files hold what was sent.
    """

    def __init__(self, cloud: Cloud, texts: Iterable[str] = SHORT) -> None:
        self.listed: dict[str, dict[str, Json]] = {}
        self.results: dict[str, Json] = {}
        self.errors: set[tuple[Json, Json, str]] = set()
        self.subscriptions: dict[str, Json] = {}
        self._wire = SimulatedTransport(cloud, time.monotonic)
        self._texts = cycle(texts)

    async def exchange(self, request: Request) -> Reply:
        await anyio.lowlevel.checkpoint()
        url = request.url.replace(quote(ID_TAIL, ID_SAFE), "")
        body = request.body.replace(ID_TAIL.encode(), b"")
        reply = await self._wire.exchange(Request(request.method, url, body))
        correlation_id = reply.headers.get("x-ms-correlation-request-id", "") + next(self._texts)
        headers = {**reply.headers, "x-ms-correlation-request-id": correlation_id}
        if not reply.body:
            return Reply(reply.status, headers)
        told = self._soiled(json.loads(reply.body))
        assert isinstance(told, dict)
        self._remember(recorded(told), str(recorded(correlation_id)))
        return Reply(reply.status, headers, json.dumps(told).encode())

    def _remember(self, told: Json, correlation_id: str) -> None:
        match told:
            case {"data": list(rows)}:
                found = {str(row["id"]).lower(): row for row in rows if isinstance(row, dict)}
                self.listed |= {key: row for key, row in found.items() if "/patchassessment" not in key}
            case {"value": list(entries)}:
                self.subscriptions |= {
                    str(entry["subscriptionId"]): entry["displayName"]
                    for entry in entries
                    if isinstance(entry, dict)
                }
            case {"error": {"code": code, "message": message}}:
                self.errors.add((code, message, correlation_id))
            case {"properties": {"output": {"assessmentActivityId": str(activity_id)} as result}}:
                self.results[activity_id] = result

    def _soiled(self, value: Json, name: str = "") -> Json:
        match value:
            case dict() if name == "tags":
                return {key + next(self._texts): f"{text}{next(self._texts)}" for key, text in value.items()}
            case dict():
                return {key: self._soiled(inner, key) for key, inner in value.items()}
            case list():
                return [self._soiled(inner, name) for inner in value]
            case str() if name in STRANGERS or (name == "powerState" and value != "PowerState/running"):
                return value + next(self._texts)
            case str() if name == "id" and value.lower().split("/")[-2] == "virtualmachines":
                return value + ID_TAIL
        # A status word that Azure does not have yet says that an operation is running.
        return f"{value}{next(self._texts)}" if value == "InProgress" else value
