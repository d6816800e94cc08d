"""Reading a run back as a strict reader would: every line held against its schema, every sum against rows."""

from __future__ import annotations

import json
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

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


def read_run(path: Path) -> Run:
    """The run at `path`; an AssertionError or ValidationError where it breaks the contract."""
    rows = [json.loads(line) for line in (path / "results.jsonl").read_bytes().splitlines()]
    totals = [json.loads(line) for line in (path / "totals.jsonl").read_bytes().splitlines()]
    for row in rows:
        ROW.validate(row)
    for line in totals:
        TOTALS.validate(line)
        assert line["listed"] == sum(line["outcomes"].values()), line
    for file in path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    run = Run(rows, totals, json.loads((path / "run.json").read_bytes()))
    RUN.validate(run.facts)
    assert len(run.by_id) == len(rows), "a machine has two rows"
    assert len(rows) == run.fleet["listed"] - run.fleet["outcomes"]["interrupted"]
    counted = Counter(row["outcome"] for row in rows)
    assert counted == Counter({word: n for word, n in run.fleet["outcomes"].items() if word != "interrupted"})
    for scope in ("subscription", "location", "os_type"):
        assert sum(line["listed"] for line in totals if line["scope"] == scope) == run.fleet["listed"]
    return run
