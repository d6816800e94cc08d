"""Reading a run back as a strict reader would: every line held against its schema, every sum against rows."""

from __future__ import annotations

import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator

from fleetscan.records.schema import result_schema, run_schema, totals_schema

ROW = Draft202012Validator(result_schema())
TOTALS = Draft202012Validator(totals_schema())
RUN = Draft202012Validator(run_schema())


@dataclass(frozen=True, slots=True)
class Run:
    """The files of one run, parsed and found sound."""

    rows: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    facts: dict[str, Any]

    @property
    def fleet(self) -> dict[str, Any]:
        """The fleet's line of the totals."""
        return self.totals[0]

    @property
    def by_id(self) -> dict[str, dict[str, Any]]:
        """The rows by lower-cased resource id."""
        return {row["resource_id"].lower(): row for row in self.rows}


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines at `path`, which orjson reads: it takes valid Unicode alone."""
    return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def read_run(path: Path) -> Run:
    """The run at `path`; an AssertionError or a ValueError where it breaks the contract."""
    rows, totals, _ = (lines_of(path / f"{name}.jsonl") for name in ("results", "totals", "journal"))
    for row in rows:
        ROW.validate(row)
    for line in totals:
        TOTALS.validate(line)
        assert line["listed"] == sum(line["outcomes"].values()), line
    for file in path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    run = Run(rows, totals, orjson.loads((path / "run.json").read_bytes()))
    RUN.validate(run.facts)
    assert len(run.by_id) == len(rows), "a machine has two rows"
    assert len(rows) == run.fleet["listed"] - run.fleet["outcomes"]["interrupted"]
    counted = Counter(row["outcome"] for row in rows)
    assert counted == Counter({word: n for word, n in run.fleet["outcomes"].items() if word != "interrupted"})
    for scope in ("subscription", "location", "os_type"):
        assert sum(line["listed"] for line in totals if line["scope"] == scope) == run.fleet["listed"]
    return run
