"""Runs of chosen ages in a directory, as scans leave them, for the tests of their removal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from fleetscan.records.journal import SCHEMA, ProcessBegan
from fleetscan.runs.journal import JournalFile
from tests.records.examples import run_facts, write_run

DAY_S = 86_400.0


def old_run(runs: Path, name: str, days: float, exit_code: int | None = 0, **selection: Any) -> Path:
    """A run that began, and where it has an exit code ended, so many days before now."""
    path = runs / name
    path.mkdir(parents=True)
    began = datetime.now(UTC) - timedelta(days=days)
    write_run(path, [], exit_code)
    told = f"{began:%Y-%m-%dT%H:%M:%SZ}"
    facts: dict[str, Any] = {**run_facts(exit_code), "started_at": told, "selection": selection}
    facts |= {"scan_id": f"id-of-{name}", "finished_at": None if exit_code is None else told}
    (path / "run.json").write_bytes(orjson.dumps(facts))
    (path / "totals.jsonl").write_bytes(b"x" * 1_000_000)
    begun = ProcessBegan(SCHEMA, began.timestamp(), 7, "there", f"id-of-{name}", None, dict(selection))
    journal = JournalFile.create(path / "journal.jsonl")
    journal.write(begun)
    journal.close()
    return path


def whole_runs(runs: Path) -> list[str]:
    """The names of the directories that any reader could take for a run; each must be whole."""
    names = []
    for path in runs.iterdir():
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".being-removed-"):
            assert {each.name for each in path.iterdir()} >= {"journal.jsonl", "results.jsonl", "run.json"}
            names.append(path.name)
    return sorted(names)
