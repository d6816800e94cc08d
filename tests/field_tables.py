"""The tables and samples in README.md and docs: `python -m tests.field_tables` writes them anew.

Each stands between two comments. `fields:NAME:begin` and `fields:NAME:end` enclose a table that comes from
the declarations, `made:NAME:begin` and `made:NAME:end` what a command prints (`tests/samples.py`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscan.judgement.gate_figures import figures_table
from fleetscan.records.diff import Diff
from fleetscan.records.doctor import Doctor
from fleetscan.records.field_table import field_rows, field_table, listed
from fleetscan.records.plan import Plan
from fleetscan.records.report import Report
from fleetscan.records.row import REASONS, Row
from fleetscan.records.run import RunFacts
from fleetscan.records.totals import GroupTotals, Totals
from fleetscan.report.own_codes import OWN_CODES
from fleetscan.report.reasons import MEANINGS
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import Setting, settings_of
from tests.samples import REPORT, ROW, TOTALS, printed

CHECKOUT = Path(__file__).parents[1]
FILES = (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md")))
PLACE = re.compile(
    r"(<!-- ((?:fields|made):[a-z-]+):begin -->\n\n)(.*?)(\n<!-- \2:end -->)",
    re.DOTALL,
)

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


def what_to_do() -> str:
    """What each reason that keeps a VM from being assessed means, and what to do about it."""
    rows = (
        f"| `{word}` | {outcome} | {MEANINGS[word].what} | {MEANINGS[word].to_do} |\n"
        for outcome, words in REASONS.items()
        if outcome != "assessed"
        for word in words
        if word is not None
    )
    return "| reason | outcome | the VM ... | what to do |\n|---|---|---|---|\n" + "".join(rows)


def own_codes() -> str:
    """The error codes that are fleetscan's own."""
    rows = (
        f"| {listed([f'`{word}`' for word in told.reasons])} | `{code.value}` | {told.what} |\n"
        for code, told in OWN_CODES.items()
    )
    return "| reason | code | what happened |\n|---|---|---|\n" + "".join(rows)


def settings() -> str:
    """The settings of a scan, with what each one is for."""
    rows = (
        f"| `{each.flag}` | {default_of(each)} | {' '.join(filter(None, (each.help, each.why)))} |\n".replace(
            " | |", " |"
        )
        for each in settings_of(Settings)
    )
    return "| flag | default | what it does |\n|---|---|---|\n" + "".join(rows)


def default_of(declared: Setting) -> str:
    """The default in a cell, which is empty where there is none."""
    return f"`{shown}`" if (shown := declared.show_default()) else ""


def fleet_only() -> str:
    """The fields that the fleet's line of the totals has besides those of every line."""
    every = field_rows(GroupTotals)
    return field_table(Totals, [name for name in field_rows(Totals) if name not in every])


def diff() -> str:
    """The fields of a diff; the lists of VMs are all alike, and the runs too."""
    told = ("new.", "newly_", "gone.", "seen_again.", "reboots_")
    return field_table(
        Diff, [name for name in field_rows(Diff) if "." not in name or not name.startswith(told)]
    )


def report() -> str:
    """The fields of a report but those within what other tables tell."""
    told = ("fleet.", "groups[].", "requests.", "not_scanned[].", "inventory_errors[].")
    return field_table(Report, [name for name in field_rows(Report) if not name.startswith(told)])


def gates() -> str:
    """The figures that a gate can judge, each with a gate on it."""
    rows = (f"| `{name}` | `{example}` | {meaning} |\n" for name, example, meaning in figures_table())
    return "| figure | a gate | what it is |\n|---|---|---|\n" + "".join(rows)


def exceptions() -> str:
    """The example of an exceptions file, without the lines about the file itself."""
    text = (CHECKOUT / "configs" / "exceptions.toml").read_text(encoding="utf-8")
    return textwrap.indent(text.partition("\n\n")[2], "    ")


TABLES: Mapping[str, Callable[[], str]] = {
    "fields:row": lambda: field_table(Row),
    "fields:row-main": lambda: field_table(Row, MAIN_OF_ROW),
    "fields:reasons": reasons,
    "fields:what-to-do": what_to_do,
    "fields:own-codes": own_codes,
    "fields:totals": lambda: field_table(GroupTotals),
    "fields:totals-fleet": fleet_only,
    "fields:run": lambda: field_table(RunFacts),
    "fields:report": report,
    "fields:diff": diff,
    "fields:gates": gates,
    "fields:plan": lambda: field_table(Plan),
    "fields:doctor": lambda: field_table(Doctor),
    "fields:plan-main": lambda: field_table(Plan, MAIN_OF_PLAN),
    "fields:settings": settings,
    "made:exceptions": exceptions,
    "made:report": lambda: printed(REPORT),
    "made:row": lambda: printed(ROW),
    "made:totals": lambda: printed(TOTALS),
}


def with_tables(text: str) -> str:
    """`text` with the right table in each place; KeyError where a place names a table there is not."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[4]}", text)


if __name__ == "__main__":
    for file in FILES:
        file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
