"""Workers over the scheduler: what the hooks is told, and what a refused token does."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from fleetscan.engine.operation import Operation
from fleetscan.errors import TokenRefusedError
from fleetscan.model import Fault, Job, Reply, Request, Target
from fleetscan.scanner.auth import REFUSED_FOR_S, RENEW_AGAIN_S, TokenRefusals
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from tests.virtual import rules


def machine() -> Job:
    """An job like any other."""
    return Operation(Target("/vm", "s-1", "g", "vm"), rules(1))


class Waits(Hooks):
    """What a person would have been told is waited for."""

    def __init__(self) -> None:
        self.told: list[tuple[float | None, str]] = []

    def waiting(self, until: float | None, what: str) -> None:
        self.told.append((until, what))


class SlowWire:
    """One subscription and no machine, after a moment."""

    async def exchange(self, request: Request) -> Reply:
        await anyio.sleep(0.01)
        if request.method == "POST":
            return Reply(200, {}, b'{"totalRecords": 0, "count": 0, "data": []}')
        if "virtualMachines" in request.url:
            return Reply(200, {}, b'{"value": []}')
        return Reply(200, {}, b'{"value": [{"subscriptionId": "s-1", "state": "Enabled"}]}')


async def test_a_wait_for_nothing_but_replies_has_no_end_that_is_known(tmp_path: Path) -> None:
    hooks = Waits()
    await scan_over(SlowWire(), Settings(out=str(tmp_path / "run")), hooks=hooks)
    assert (None, "for replies") in hooks.told
    assert all(until is None or until < time.monotonic() + 3600 for until, _ in hooks.told)


class CountingWire(SlowWire):
    """Counts the tasks that there are while a reply is waited for."""

    def __init__(self) -> None:
        self.tasks = 0

    async def exchange(self, request: Request) -> Reply:
        self.tasks = max(self.tasks, len(anyio.get_running_tasks()))
        return await super().exchange(request)


async def test_a_listing_of_four_requests_has_five_workers_however_many_may_be_in_flight(
    tmp_path: Path,
) -> None:
    wire = CountingWire()
    before = len(anyio.get_running_tasks())
    await scan_over(wire, Settings(out=str(tmp_path / "run"), max_in_flight=64))
    # The subscriptions, their VMs, their scale sets, and a silent subscription's list. Beside the workers one
    # task waits for the stop, one for the run's beginning, one lists, and one waits for the VMs.
    assert wire.tasks - before == 5 + 4


def test_a_refused_token_is_tried_again_at_once_when_it_was_renewed_meanwhile() -> None:
    refusals = TokenRefusals()
    assert refusals.delay_s(sent_at=99.0, now=100.0) == 0.0
    assert refusals.delay_s(sent_at=99.5, now=100.5) == 0.0


def test_a_token_that_never_worked_is_refused_once_and_then_given_up() -> None:
    refusals = TokenRefusals()
    refusals.delay_s(sent_at=99.0, now=100.0)
    with pytest.raises(TokenRefusedError):
        refusals.delay_s(sent_at=100.0, now=101.0)


def test_a_token_that_worked_is_tried_anew_for_five_minutes() -> None:
    refusals = TokenRefusals()
    refusals.heard(machine(), Reply(200))
    refusals.delay_s(sent_at=99.0, now=100.0)
    assert refusals.delay_s(sent_at=101.0, now=102.0) == RENEW_AGAIN_S
    assert refusals.delay_s(sent_at=399.0, now=100.0 + REFUSED_FOR_S) == RENEW_AGAIN_S
    with pytest.raises(TokenRefusedError):
        refusals.delay_s(sent_at=400.0, now=100.1 + REFUSED_FOR_S)


def test_a_good_reply_ends_the_refusals() -> None:
    refusals = TokenRefusals()
    refusals.heard(machine(), Reply(200))
    refusals.delay_s(sent_at=99.0, now=100.0)
    refusals.heard(machine(), Reply(200))
    assert refusals.delay_s(sent_at=999.0, now=1000.0) == 0.0


def test_weather_says_nothing_of_the_token() -> None:
    refusals = TokenRefusals()
    for weather in (Reply(503), Reply(0, fault=Fault.CUT), Reply(429)):
        refusals.heard(machine(), weather)
    refusals.delay_s(sent_at=99.0, now=100.0)
    with pytest.raises(TokenRefusedError):
        refusals.delay_s(sent_at=100.0, now=101.0)


def test_a_refusal_that_meets_one_errand_while_others_go_through_is_its_answer() -> None:
    refusals, stranger = TokenRefusals(), machine()
    for _ in range(2):
        assert not refusals.is_about(stranger, Reply(401))
        refusals.heard(machine(), Reply(200))
    assert refusals.is_about(stranger, Reply(401))


def test_a_refusal_that_names_another_tenant_is_an_answer_at_once() -> None:
    body = b'{"error": {"code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer"}}'
    assert TokenRefusals().is_about(machine(), Reply(401, {}, body))


def test_refusals_that_meet_everybody_are_about_the_token() -> None:
    refusals, job = TokenRefusals(), machine()
    refusals.heard(machine(), Reply(200))
    for second in range(10):
        assert not refusals.is_about(job, Reply(401))
        refusals.delay_s(sent_at=100.0 + second, now=100.5 + second)
