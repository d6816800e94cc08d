"""Five hours in virtual time with azure-identity's real classes: many tokens, outages, and no VM lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pytest

from fleetscan.azure.renewed_token import CredentialToken
from fleetscan.model import Reply, Request
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.azure.sign_in_service import (
    ASSERTION,
    BUSY,
    DOWN,
    HEADER,
    SILENT,
    UNREACHABLE,
    WRONG_SECRET,
    SignInService,
    Trouble,
    in_memory,
)
from tests.virtual import ENDPOINT, EPOCH, cloud_of
from tests.virtual_scan import Clock, Transport, run_to_end, virtual

MINUTE_S = 60.0
HOUR_S = 3600.0
TOKEN_S = 290.0
BEGAN = EPOCH.timestamp()
REFUSED = Reply(401, {"www-authenticate": 'Bearer error="invalid_token"'}, b'{"error": {"code": "Expired"}}')


@dataclass
class Night:
    """What a scan of a night came to, and what its tokens did."""

    summary: ScanSummary
    used: set[str]
    refused: int
    service: SignInService
    warned: list[str] = field(default_factory=list)


class WithToken:
    """The line to the simulated Azure as the transport uses it: a token in each request, anew after a 401."""

    def __init__(self, cloud: Cloud, clock: Clock, tokens: CredentialToken, service: SignInService) -> None:
        self._wire = Transport(cloud, clock)
        self._tokens = tokens
        self._service = service
        self.used: set[str] = set()
        self.refused = 0

    async def exchange(self, request: Request) -> Reply:
        """See Exchanger."""
        authorization = await self._tokens.header()
        self.used.add(authorization)
        if self._service.is_good(authorization):
            return await self._wire.exchange(request)
        self.refused += 1
        await self._tokens.renew(authorization, None)
        return REFUSED


def night_of(
    folder: Path, auth: str, trouble: Callable[[float], Trouble | None], machines: int, *, rate_share: float
) -> Night:
    """A scan of so many VMs of one region, at a share of the limits, with tokens of five minutes."""
    clock = Clock()
    service = SignInService(lambda: BEGAN + clock.now, TOKEN_S)
    service.trouble = lambda now: trouble(now - BEGAN)
    warned: list[str] = []
    tokens = in_memory(auth, service, warned.append, AZURE_FEDERATED_TOKEN_FILE=str(folder / "assertion"))
    none = {"stopped_pct": 0.0, "failing_pct": 0.0, "stuck_pct": 0.0, "long_pct": 0.0}
    cloud = cloud_of(Scenario(machines=machines, subscriptions=1, regions=1, patches=0, **none))  # type: ignore[arg-type]
    settings = Settings(endpoint=ENDPOINT, out=str(folder / "run"), rate_share=rate_share)
    wire = WithToken(cloud, clock, tokens, service)

    async def job() -> ScanSummary:
        try:
            return await scan_over(wire, settings, tokens=tokens)
        finally:
            await tokens.aclose()

    with virtual(clock), mock.patch("time.time", service.now):
        summary = run_to_end(job(), clock)
    return Night(summary, wire.used, wire.refused, service, warned)


def troubles_of_a_night(at: float) -> Trouble | None:
    """Outages of each kind; the longest lasts for longer than a token lives."""
    minute = at / MINUTE_S
    for begins, ends, trouble in (
        (10, 12, DOWN),
        (40, 43, BUSY),
        (70, 73, UNREACHABLE),
        (100, 104, SILENT),
        (150, 159, UNREACHABLE),
        (200, 209, DOWN),
        (240, 249, SILENT),
    ):
        if begins <= minute < ends:
            return trouble
    # And one request in three is one too many.
    return BUSY if int(at) % 3 == 0 and minute > 255 else None


@pytest.fixture(autouse=True)
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A managed identity and a federated token."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://localhost:1/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    (tmp_path / "assertion").write_text(ASSERTION)


@pytest.mark.parametrize(
    ("auth", "machines", "hours", "tokens"),
    [
        ("service-principal", 1200, 5.0, 60),
        ("managed-identity", 800, 3.0, 36),
        ("workload-identity", 800, 3.0, 36),
    ],
)
def test_a_night_outlives_its_tokens_and_loses_no_vm(
    tmp_path: Path, auth: str, machines: int, hours: float, tokens: int
) -> None:
    night = night_of(tmp_path, auth, troubles_of_a_night, machines=machines, rate_share=0.02)
    fleet = night.summary.totals
    assert fleet["outcomes"]["assessed"] == machines
    assert (night.summary.exit_code, night.refused) == (0, 0)
    assert (fleet["duration_s"] or 0.0) >= hours * HOUR_S
    assert len(night.used) >= tokens
    assert night.service.troubles >= 10
    assert night.warned


def test_a_quiet_night_has_no_request_refused(tmp_path: Path) -> None:
    night = night_of(tmp_path, "service-principal", lambda _: None, machines=300, rate_share=0.02)
    assert night.summary.totals["outcomes"]["assessed"] == 300
    assert (night.refused, night.warned) == (0, [])
    assert len(night.service.asked) == len(night.service.issued)


def test_a_secret_that_ends_in_the_night_stops_the_scan_where_it_can_be_resumed(tmp_path: Path) -> None:
    def ends(at: float) -> Trouble | None:
        return WRONG_SECRET if at > 20 * MINUTE_S else None

    night = night_of(tmp_path, "service-principal", ends, machines=300, rate_share=0.02)
    assert night.summary.exit_code == 5
    assert night.summary.totals["outcomes"]["assessed"] > 0
    assert night.summary.totals["outcomes"]["interrupted"] > 0
    assert "not signed in to Azure with a service principal" in str(night.summary.stopped_by)
    # It is not waited for: the service has decided.
    assert (night.summary.totals["duration_s"] or 0.0) < 27 * MINUTE_S
