"""Scans with gates, over HTTP: the exit code, run.json, and what is refused before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

import fleetscan
from fleetscan.scanner.summary import ScanSummary
from tests.face.test_live_scan import TOKEN, azure, settings_for

FAILING = {"denied_groups": 1}


async def scanned(endpoint: str, **more: object) -> ScanSummary:
    """A scan's summary."""
    async with fleetscan.scan(settings_for(endpoint, **more), credential=TOKEN) as live:
        return await live.finish()


async def test_a_gate_that_is_not_passed_beats_failed_vms_and_stands_in_run_json(tmp_path: Path) -> None:
    async with azure(machines=9, **FAILING) as (_, endpoint):
        summary = await scanned(endpoint, runs=str(tmp_path), fail_on="coverage<100%, failed>1000")
    assert summary.exit_code == 1
    assert [each.partition(" is ")[0] for each in summary.breaches] == ["coverage"]
    run = fleetscan.open_run(tmp_path / "latest")
    assert (run.facts["exit_code"], run.is_complete) == (1, True)


async def test_gates_that_are_passed_leave_the_exit_code_as_it_is(tmp_path: Path) -> None:
    async with azure(machines=9, **FAILING) as (_, endpoint):
        summary = await scanned(endpoint, runs=str(tmp_path), fail_on="coverage<1%")
    assert (summary.exit_code, summary.breaches) == (3, ())


async def test_a_scan_that_keeps_nothing_is_judged_by_its_totals() -> None:
    async with azure(machines=9) as (_, endpoint):
        summary = await scanned(endpoint, fail_on="critical_and_security>0")
        assert (summary.exit_code, len(summary.breaches)) == (1, 1)
        with pytest.raises(fleetscan.UsageError, match="judged by the rows of a run on disk"):
            await scanned(endpoint, fail_on="age>30d")


async def test_a_run_that_is_stopped_is_not_judged(tmp_path: Path) -> None:
    async with azure(machines=9) as (_, endpoint):
        settings = settings_for(endpoint, out=str(tmp_path / "run"), fail_on="failed>=1", drain_s=0.0)
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            async for _ in live:
                break
        assert (live.summary.exit_code, live.summary.breaches) == (5, ())
        again = settings_for(
            endpoint, out=str(tmp_path / "run"), resume=True, fail_on="critical_and_security>0"
        )
        async with fleetscan.scan(again, credential=TOKEN) as live:
            summary = await live.finish()
        assert (summary.exit_code, len(summary.breaches)) == (1, 1)
        # A run that has finished is judged again, and stays as it is.
        async with fleetscan.scan(again, credential=TOKEN) as live:
            assert (await live.finish()).exit_code == 1


async def test_ages_are_judged_with_the_night_that_has_just_entered(tmp_path: Path) -> None:
    gates = {"fail_on": "age>9999d", "history": str(tmp_path / "history.db"), "runs": str(tmp_path / "runs")}
    async with azure(machines=9) as (_, endpoint):
        summary = await scanned(endpoint, **gates)
    assert (summary.exit_code, summary.breaches) == (0, ())


async def test_a_history_that_fails_makes_an_age_unknown_which_breaches(tmp_path: Path) -> None:
    history, gates = str(tmp_path / "history.db"), {"fail_on": "age>9999d"}
    async with azure(machines=9) as (_, endpoint):
        await scanned(endpoint, runs=str(tmp_path / "runs"), history=history)
    async with azure(machines=9) as (_, endpoint):
        summary = await scanned(endpoint, runs=str(tmp_path / "others"), history=history, **gates)
    assert summary.exit_code == 1
    assert summary.breaches[0].startswith("age is unknown, which breaches age>9999d: no age for ")


@pytest.mark.parametrize(
    ("standards", "sentence"),
    [
        ({"fail_on": "coverge<98%"}, "did you mean coverage"),
        ({"sla": "urgent=7d"}, "sla"),
        ({"exceptions": "nowhere.toml"}, "nowhere.toml cannot be read"),
    ],
)
async def test_what_cannot_be_read_is_refused_before_anything_is_asked(
    standards: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    async with azure(machines=3) as (cloud, endpoint):
        with pytest.raises(fleetscan.UsageError, match=sentence):
            await scanned(endpoint, runs=str(tmp_path / "runs"), **standards)
    assert not cloud.ledger.starts
    assert not (tmp_path / "runs").exists()
