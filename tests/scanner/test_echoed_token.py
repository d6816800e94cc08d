"""Whole scans over HTTP of an Azure that repeats our token wherever it can: nothing keeps or shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from fleetscan.model import InventoryError
from fleetscan.records.row import Row
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan
from fleetscan.settings.declared import Settings
from fleetscan.simulator import Cloud, Scenario, serve
from tests.azure.test_held_tokens import TOKEN
from tests.strict_reader import Run, lines_of, read_run

# Fleets without a conflict, which is waited for in real time.
SEEDS = (1, 11, 20)
SCENARIO = Scenario(
    machines=60, speed=2000, limits_speed=0, failing_pct=30, echoed_pct=60, page_size=40, patches=3
)


def texts_of(value: object) -> list[str]:
    """Every text in a JSON value, keys too."""
    match value:
        case dict():
            return [*value, *(text for inner in value.values() for text in texts_of(inner))]
        case list():
            return [text for inner in value for text in texts_of(inner)]
    return [value] if isinstance(value, str) else []


def assert_clean(path: Path) -> Run:
    """Neither the bytes of any file of the run nor any decoded text have a piece of the token."""
    pieces = [TOKEN[at : at + 30] for at in range(0, len(TOKEN) - 30, 15)]
    for file in path.iterdir():
        data = file.read_bytes()
        decoded = [orjson.loads(data)] if file.name == "run.json" else lines_of(file)
        shown = "\n".join([data.decode(), *(text for each in decoded for text in texts_of(each))])
        assert [piece for piece in pieces if piece in shown] == [], file
    return read_run(path)


class Hearing(Hooks):
    """Keeps all that a program is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def row(self, row: Row) -> None:
        self.heard.append(repr(row))

    def warning(self, sentence: str, remedy: object = None) -> None:
        self.heard.append(f"{sentence} {remedy}")

    def inventory_error(self, error: InventoryError) -> None:
        self.heard.append(repr(error))


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_file_row_or_hook_has_the_token_that_replies_repeat(tmp_path: Path, seed: int) -> None:
    hooks, rows = Hearing(), list[Row]()
    async with serve(Cloud(replace(SCENARIO, seed=seed))) as endpoint:
        settings = Settings(
            endpoint=endpoint, out=str(tmp_path / "run"), first_poll_s=0.2, poll_interval_s=0.2
        )
        async with scan(settings, credential=TOKEN, hooks=hooks) as live:
            async for row in live:
                rows.append(row)
    run = assert_clean(tmp_path / "run")
    assert len(run.rows) == len(rows) == 60
    assert TOKEN[:60] not in repr(rows) + "".join(hooks.heard)
    # The echoes were there: in tags, results, errors and URLs.
    assert any("<token>" in name and "<token>" in text for row in rows for name, text in row["tags"].items())
    assert any("<token>" in str(row["assessment"]) for row in rows)
    errors = [row["error"] for row in rows if row["error"] is not None]
    assert any("<token>" in (error["correlation_id"] or "") for error in errors)
    assert any("repeats the token that was sent" in (error["message"] or "") for error in errors)


async def test_an_operation_whose_url_repeats_the_token_is_never_followed(tmp_path: Path) -> None:
    scenario = Scenario(machines=20, speed=2000, limits_speed=0, failing_pct=0, stopped_pct=0, echoed_pct=100)
    cloud = Cloud(scenario)
    async with serve(cloud) as endpoint:
        settings = Settings(endpoint=endpoint, out=str(tmp_path / "run"), first_poll_s=0.2)
        async with scan(settings, credential=TOKEN) as live:
            await live.finish()
    run = assert_clean(tmp_path / "run")
    malformed = [row for row in run.rows if row["reason"] == "malformed_reply"]
    assert 0 < len(malformed) < 20
    for row in malformed:
        assert row["error"]["message"] == (
            "azure-asyncoperation repeats the token that was sent, and is not followed without it"
        )
        assert cloud.ledger.polls[row["resource_id"].lower()] == 0
        assert row["operation"]["starts"] == 1
    assert (
        "<token>" not in (tmp_path / "run" / "journal.jsonl").read_text().partition('"event":"starting"')[2]
    )
