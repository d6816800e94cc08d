"""What the simulator's tests share: a cloud with an epoch, and requests in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from fleetscan.model import Json, Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.scenario import Scenario

BASE = "https://management.azure.com"
EPOCH = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)
VERSION = "api-version=2024-11-01"

# Nothing goes wrong, Windows takes about 180 s and Linux about 120 s, and no VM was ever assessed.
CALM = Scenario(
    machines=40,
    assessed_before_pct=0,
    durations="regular",
    stopped_pct=0,
    warned_pct=0,
    truncated_pct=0,
    failing_pct=0,
)
# Everything goes wrong, in every way there is.
DOOMED = Scenario(machines=600, stopped_pct=0, warned_pct=0, truncated_pct=0, failing_pct=100, limits_speed=0)


def cloud_of(scenario: Scenario) -> Cloud:
    """A cloud whose second 0 is 2026-11-22 02:00 UTC."""
    return Cloud(scenario, epoch=EPOCH)


def get(cloud: Cloud, url: str, now: float = 0.0) -> Reply:
    """GET of an absolute URL, or of a path."""
    return cloud.handle(Request("GET", url if "://" in url else BASE + url), now)


def start(cloud: Cloud, machine: Machine, now: float = 0.0) -> Reply:
    """POST assessPatches."""
    return cloud.handle(Request("POST", f"{BASE}{machine.resource_id}/assessPatches?{VERSION}"), now)


def ask_graph(cloud: Cloud, query: str, options: dict[str, Json] | None = None, now: float = 0.0) -> Reply:
    """POST of a Resource Graph query over everything."""
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    body = orjson.dumps({"query": query, "options": {"resultFormat": "objectArray"} | (options or {})})
    return cloud.handle(Request("POST", BASE + path, body), now)


def parsed(reply: Reply) -> dict[str, Json]:
    """The body as an object."""
    body = orjson.loads(reply.body)
    assert isinstance(body, dict)
    return body


def rows(reply: Reply, field: str) -> list[dict[str, Json]]:
    """The objects in a list of the body."""
    found = parsed(reply)[field]
    assert isinstance(found, list)
    return [row for row in found if isinstance(row, dict)]


def texts(reply: Reply, field: str, name: str) -> list[str]:
    """One text of each object in a list of the body."""
    return [str(row[name]) for row in rows(reply, field)]


def first(cloud: Cloud, fate: Fate) -> Machine:
    """The first machine that has this fate."""
    return next(machine for machine in cloud.fleet if machine.fate is fate)


def error_of(reply: Reply) -> tuple[int, str]:
    """Status and code of an error in its wrapper."""
    error = parsed(reply)["error"]
    assert isinstance(error, dict)
    return reply.status, str(error["code"])


def result_in(reply: Reply) -> dict[str, Json]:
    """`properties.output` of a succeeded operation."""
    properties = parsed(reply)["properties"]
    assert isinstance(properties, dict)
    output = properties["output"]
    assert isinstance(output, dict)
    return output
