"""What is made in README.md and docs: `python -m tests.field_tables` writes its tables and examples anew.

Each stands between two comments, `fields:NAME:begin` and `fields:NAME:end`, and comes from the declarations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscan.records.field_table import field_rows, field_table, listed
from fleetscan.records.plan import Plan
from fleetscan.records.report import Report
from fleetscan.records.row import REASONS, Row
from fleetscan.records.run import RunFacts
from fleetscan.records.totals import GroupTotals, Totals
from fleetscan.report.reasons import MEANINGS
from tests.shown_run import one_row, summary

CHECKOUT = Path(__file__).parents[1]
FILES = (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md")))
PLACE = re.compile(r"(<!-- fields:([a-z-]+):begin -->\n\n)(.*?)(\n<!-- fields:\2:end -->)", re.DOTALL)

# What most readers want of a row and of a plan.
MAIN_OF_ROW = (
    "outcome",
    "reason",
    "assessed_at",
    "critical_and_security_count",
    "other_count",
    "reboot_pending",
    "patch_count",
    "patches_complete",
    "assessment",
    "error.code",
    "error.origin",
    "error.message",
    "error.http_status",
    "operation.duration_s",
)
MAIN_OF_PLAN = (
    "listed",
    "to_assess",
    "skipped",
    "power_states",
    "groups",
    "predicted",
    "predicted.last_start_after_s",
    "predicted.ends_after_s",
    "binding",
    "binding.bound",
    "binding.needs_s",
    "assumed",
    "inventory_errors",
)


def reasons() -> str:
    """The reasons of each outcome."""
    rows = (
        f"| `{outcome}` | {listed(['null' if word is None else f'`{word}`' for word in words])} |\n"
        for outcome, words in REASONS.items()
    )
    return "| outcome | reasons |\n|---|---|\n" + "".join(rows)


def meanings() -> str:
    """What each reason means, and what to do about it."""
    rows = (f"| `{word}` | the VM {meaning.what} | {meaning.to_do} |\n" for word, meaning in MEANINGS.items())
    return "| reason | what has happened | what to do |\n|---|---|---|\n" + "".join(rows)


def fleet_only() -> str:
    """The fields that the fleet's line of the totals has besides those of every line."""
    every = field_rows(GroupTotals)
    return field_table(Totals, [name for name in field_rows(Totals) if name not in every])


def report() -> str:
    """The fields of a report but those within what other tables tell."""
    told = ("fleet.", "groups[].", "requests.", "not_scanned[].", "inventory_errors[].")
    return field_table(Report, [name for name in field_rows(Report) if not name.startswith(told)])


TABLES: Mapping[str, Callable[[], str]] = {
    "row": lambda: field_table(Row),
    "row-main": lambda: field_table(Row, MAIN_OF_ROW),
    "reasons": reasons,
    "totals": lambda: field_table(GroupTotals),
    "totals-fleet": fleet_only,
    "run": lambda: field_table(RunFacts),
    "report": report,
    "meanings": meanings,
    "summary": summary,
    "one-row": one_row,
    "plan": lambda: field_table(Plan),
    "plan-main": lambda: field_table(Plan, MAIN_OF_PLAN),
}


def with_tables(text: str) -> str:
    """`text` with the right table in each place; KeyError where a place names a table there is not."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[4]}", text)


if __name__ == "__main__":
    for file in FILES:
        file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
