"""Workers over the agenda: what the watcher is told, and what a refused token does."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from fleetscan.errors import TokenRefusedError
from fleetscan.model import Reply, Request
from fleetscan.scan.dispatcher import REFUSED_FOR_S, RENEW_AGAIN_S, Refusals
from fleetscan.scan.scan import scan_over
from fleetscan.scan.watcher import Watcher
from fleetscan.settings import ScanSettings


class Waits(Watcher):
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
        return Reply(200, {}, b'{"value": [{"subscriptionId": "s-1", "state": "Enabled"}]}')


async def test_a_wait_for_nothing_but_replies_has_no_end_that_is_known(tmp_path: Path) -> None:
    watcher = Waits()
    await scan_over(SlowWire(), ScanSettings(out=str(tmp_path / "run")), watcher=watcher)
    assert (None, "replies") in watcher.told
    assert all(until is None or until < time.monotonic() + 3600 for until, _ in watcher.told)


def test_a_refused_token_is_tried_again_at_once_when_it_was_renewed_meanwhile() -> None:
    refusals = Refusals()
    assert refusals.delay_s(sent_at=99.0, now=100.0) == 0.0
    assert refusals.delay_s(sent_at=99.5, now=100.5) == 0.0


def test_a_token_that_never_worked_is_refused_once_and_then_given_up() -> None:
    refusals = Refusals()
    refusals.delay_s(sent_at=99.0, now=100.0)
    with pytest.raises(TokenRefusedError):
        refusals.delay_s(sent_at=100.0, now=101.0)


def test_a_token_that_worked_is_tried_anew_for_five_minutes() -> None:
    refusals = Refusals()
    refusals.over()
    refusals.delay_s(sent_at=99.0, now=100.0)
    assert refusals.delay_s(sent_at=101.0, now=102.0) == RENEW_AGAIN_S
    assert refusals.delay_s(sent_at=399.0, now=100.0 + REFUSED_FOR_S) == RENEW_AGAIN_S
    with pytest.raises(TokenRefusedError):
        refusals.delay_s(sent_at=400.0, now=100.1 + REFUSED_FOR_S)


def test_a_good_reply_ends_the_refusals() -> None:
    refusals = Refusals()
    refusals.over()
    refusals.delay_s(sent_at=99.0, now=100.0)
    refusals.over()
    assert refusals.delay_s(sent_at=999.0, now=1000.0) == 0.0
