"""A token that ends before the scan does and is never renewed: a scan and a plan say so at the start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fleetscan.azure.credentials import StaticToken
from fleetscan.planning.counts import Roster
from fleetscan.planning.planner import foresee
from fleetscan.runs.reader import open_run
from fleetscan.settings.declared import PlanSettings, Settings
from tests.azure.test_credentials import jwt
from tests.planning.test_plan import machines
from tests.scanner.test_nights import HOUR_S, Nights
from tests.virtual import EPOCH

BEGAN = EPOCH.timestamp()


def warned(nights: Nights) -> list[str]:
    """What was said of the token."""
    return [each for each in nights.warnings if "token" in each]


def test_a_scan_that_outlives_its_token_says_so_once_and_run_json_keeps_it(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    summary = nights.scan(tokens=StaticToken(jwt(exp=BEGAN + 60)))
    [sentence] = warned(nights)
    assert sentence.startswith(
        "the token expires at 2026-01-01 00:01:00 UTC, and the scan is expected to end at 2026-01-01 00:0"
    )
    assert summary.directory is not None
    assert [each for each in open_run(summary.directory).facts["warnings"] if "token" in each] == [sentence]


@pytest.mark.parametrize("exp", [BEGAN + HOUR_S, None, "soon"])
def test_a_token_that_lives_long_enough_or_does_not_say_is_not_told(tmp_path: Path, exp: object) -> None:
    nights = Nights(tmp_path)
    nights.scan(tokens=StaticToken(jwt(exp=exp)))
    assert warned(nights) == []


def test_a_scan_that_stops_by_itself_before_its_token_ends_is_not_warned(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    settings = Settings(endpoint=nights.line.endpoint, runs=nights.line.runs, deadline_s=50.0)
    nights.scan(settings, tokens=StaticToken(jwt(exp=BEGAN + 60)))
    assert warned(nights) == []


@pytest.mark.parametrize(("life_s", "told"), [(60.0, 1), (100_000.0, 0), (None, 0)])
def test_a_plan_says_so_too(life_s: float | None, told: int) -> None:
    roster, warnings = Roster(machines(40)), list[str]()
    roster.token_expires_at = None if life_s is None else time.time() + life_s
    foresee(roster, PlanSettings(), warn=warnings.append)
    assert len(warnings) == told
    assert all("the token expires at " in each for each in warnings)
