"""The page as HTML: the template with a run's values, and a policy that lets nothing else run or load.

The policy names the page's own style and script by their hashes. What strangers wrote is escaped by Jinja or
packed in base64, and the script shows it as text alone.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fleetscan.judgement.standards import NO_STANDARDS, Standards
from fleetscan.records.report import Report
from fleetscan.report.commands import Spelled
from fleetscan.report.comparison import diff_of
from fleetscan.report.digest import report_of
from fleetscan.report.page.changed import changes_of
from fleetscan.report.page.data import PageData
from fleetscan.report.page.judged import judged_values
from fleetscan.report.page.overview import Overview
from fleetscan.report.page.shown import MESSAGE_LIMIT_CHARS, cut
from fleetscan.report.page.trend import trend_of
from fleetscan.report.which_run import NewerRun
from fleetscan.runs.reader import Run

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page tells beside its run: a newer run that is not complete, the commands for this, how it is
    judged, and what changed `since` an earlier run.
    """

    newer: NewerRun | None = None
    spelled: Spelled | None = None
    standards: Standards = NO_STANDARDS
    history: Path | None = None
    since: Run | None = None


NOTHING = Beside()


class Page(NamedTuple):
    """A page as HTML, and the report that it shows."""

    html: str
    report: Report


def page_of(run: Run, beside: Beside = NOTHING) -> Page:
    """The page that shows `run`, complete or not.

    Raises CannotReadRunError where it, or the earlier one, cannot be read, and HistoryError where the history
    cannot be.
    """
    data = PageData(beside.spelled)
    report = report_of(run, beside.standards, beside.history, beside=data.add)
    values = {
        **Overview(run, report, data, beside.spelled).values(),
        **judged_values(report, bool(beside.standards.gates)),
        "trend": None if report["trend"] is None else trend_of(report["trend"]),
        "changes": None
        if beside.since is None
        else changes_of(diff_of(beside.since, run), data.patches.keys),
    }
    style, script = _asset("page.css"), _asset("page.js")
    html = (
        _environment()
        .get_template("template.html")
        .render(
            values,
            newer=None if beside.newer is None else cut(beside.newer.told(), MESSAGE_LIMIT_CHARS),
            style=style,
            script=script,
            policy=_policy(style, script),
            data=data.packed(),
        )
    )
    return Page(html, report)


def _policy(style: str, script: str) -> str:
    """Nothing may load, run or be sent, but for this style and this script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    """A file of the page, with the line ends that a browser hashes."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _environment() -> Environment:
    # Imported here: no other command needs it.
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_asset),
    )
    made.filters |= {"number": _number, "plural": _plural}
    return made


def _number(number: float | None) -> str:
    return "?" if number is None else f"{number:,}"


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
