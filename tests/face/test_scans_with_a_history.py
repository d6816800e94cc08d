"""Scans that keep a history, over HTTP: each night enters, and a history that fails changes no scan."""

from __future__ import annotations

from pathlib import Path

import pytest

import fleetscan
from fleetscan.history.file import reading
from fleetscan.scanner.summary import ScanSummary
from fleetscan.simulator import Cloud, Scenario, serve
from tests.face.test_live_scan import TOKEN, azure, settings_for


class Heard(fleetscan.Hooks):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, sentence: str, remedy: fleetscan.Remedy | None = None) -> None:
        self.warnings.append(sentence)


async def scanned(endpoint: str, directory: Path, **more: object) -> tuple[ScanSummary, list[str]]:
    """A scan's summary, and its warnings."""
    hooks = Heard()
    settings = settings_for(endpoint, runs=str(directory), **more)
    async with fleetscan.scan(settings, credential=TOKEN, hooks=hooks) as live:
        return await live.finish(), hooks.warnings


def nights(history: Path) -> list[tuple[str, int]]:
    """Each night's scan, and whether it was complete."""
    with reading(history) as db:
        return db.execute("SELECT scan_id, is_complete FROM night ORDER BY number").fetchall()


async def test_a_first_scan_keeps_its_history_in_the_directory_that_it_makes(tmp_path: Path) -> None:
    history = tmp_path / "runs" / "history.db"
    async with azure(machines=9) as (_, endpoint):
        summary, warnings = await scanned(endpoint, tmp_path / "runs", history=str(history))
        assert (summary.exit_code, warnings) == (0, [])
        assert len(nights(history)) == 1
        with pytest.raises(fleetscan.FleetscanError, match="there is no directory of that name"):
            await scanned(endpoint, tmp_path / "runs", history=str(tmp_path / "typo" / "history.db"))


async def test_each_scan_enters_its_night(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    async with azure(machines=9) as (_, endpoint):
        for _ in range(2):
            summary, warnings = await scanned(endpoint, tmp_path / "runs", history=str(history))
            assert (summary.exit_code, warnings) == (0, [])
    assert [is_complete for _, is_complete in nights(history)] == [1, 1]
    with reading(history) as db:
        missing = db.execute("SELECT count(*) FROM missing").fetchone()
    assert missing[0] > 0


async def test_a_run_that_was_stopped_enters_and_once_more_when_it_is_resumed(tmp_path: Path) -> None:
    history, cloud = tmp_path / "history.db", Cloud(Scenario(machines=9, speed=1000.0, token=TOKEN))
    async with serve(cloud) as endpoint:
        settings = settings_for(endpoint, out=str(tmp_path / "run"), history=str(history), max_in_flight=1)
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            async for _ in live:
                live.stop()
                break
        assert live.summary.exit_code == 5
        assert [is_complete for _, is_complete in nights(history)] == [0]
        began = fleetscan.open_run(tmp_path / "run").facts["started_at"]
        async with fleetscan.resume(tmp_path / "run", credential=TOKEN) as again:
            await again.finish()
    assert fleetscan.open_run(tmp_path / "run").facts["started_at"] == began
    assert [is_complete for _, is_complete in nights(history)] == [1]


async def test_a_history_that_fails_at_the_end_is_a_warning(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    async with azure(machines=5) as (_, endpoint):
        await scanned(endpoint, tmp_path / "runs", history=str(history))
    async with azure(machines=5) as (_, endpoint):
        summary, warnings = await scanned(endpoint, tmp_path / "others", history=str(history))
    assert summary.exit_code == 0
    assert len(warnings) == 1
    assert warnings[0].startswith(f"this run is not in the history: the history {history} is of http://127.")
    assert fleetscan.open_run(tmp_path / "others" / "latest").facts["warnings"] == warnings


async def test_a_history_that_cannot_be_one_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    bookmarks = tmp_path / "bookmarks.db"
    bookmarks.write_bytes(b"SQLite format 3\0 or so")
    async with azure(machines=5) as (cloud, endpoint):
        for history in (bookmarks, tmp_path / "none" / "h.db", tmp_path):
            with pytest.raises(fleetscan.UsageError, match="the history"):
                await scanned(endpoint, tmp_path / "runs", history=str(history))
        settings = settings_for(endpoint, history=str(tmp_path / "h.db"))
        with pytest.raises(fleetscan.UsageError, match="kept on disk; keep the run with out or runs"):
            async with fleetscan.scan(settings, credential=TOKEN):
                pass
    assert not cloud.ledger.starts
    assert not (tmp_path / "runs").exists()
