"""What the doctor finds at a simulated Azure on loopback, and a token that says whose it is."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime
from typing import Any

import anyio

from fleetscan.doctor.examine import Around, examine
from fleetscan.doctor.findings import Examined, Finding
from fleetscan.settings.examining import DoctorSettings
from fleetscan.simulator import Cloud, Scenario, serve

OBJECT_ID = "11111111-2222-3333-4444-555555555555"


def jwt(**claims: object) -> str:
    """A JWT whose payload holds `claims`."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{payload}.c2ln"


def token(**claims: object) -> str:
    """A token of a service that patches, good for two hours."""
    known = {"oid": OBJECT_ID, "appid": "an-app", "tid": "a-tenant", "exp": time.time() + 7200.0}
    return jwt(**(known | claims))


async def examined_at(
    cloud: Cloud, out: str, credential: Any = None, around: Around | None = None, **settings: Any
) -> Examined:
    """What is found at `cloud`, which is served for as long as that takes; runs would go to `out`."""
    async with serve(cloud) as endpoint:
        asked = DoctorSettings(endpoint=endpoint, out=out, **settings)
        return await examine(
            asked,
            token() if credential is None else credential,
            runs="unused",
            stop=anyio.Event(),
            around=around,
        )


def cloud_of(epoch: datetime | None = None, **dials: Any) -> Cloud:
    """A simulated Azure of twelve VMs in three subscriptions."""
    return Cloud(Scenario(**({"machines": 12, "subscriptions": 3} | dials)), epoch=epoch)


def of(examined: Examined, check: str) -> list[Finding]:
    """The findings of one check."""
    return [finding for finding in examined.findings if finding.check == check]


def failed(examined: Examined) -> list[tuple[str, str]]:
    """What failed, and its sentence; each has what mends it."""
    assert all(each.remedy is not None for each in examined.findings if each.status == "failed")
    return [(each.check, each.what) for each in examined.findings if each.status == "failed"]


def statuses(examined: Examined) -> dict[str, str]:
    """How the last of each check ended."""
    return {finding.check: finding.status for finding in examined.findings}
