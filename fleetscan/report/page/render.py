"""The page as HTML: the template with a run's values, and a policy that lets nothing else run or load.

The policy names the page's own style and script by their hashes. What strangers wrote is escaped by Jinja or
packed in base64, and the script shows it as text alone.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from fleetscan.report.page.data import PageData
from fleetscan.report.page.overview import Overview
from fleetscan.report.page.picked import Picked
from fleetscan.report.page.shown import MESSAGE_LIMIT_CHARS, cut
from fleetscan.report.page.sums import PageSums
from fleetscan.report.which_run import NewerRun
from fleetscan.runs.reader import Run

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page tells beside its run: a newer run that is not complete, how this is retried."""

    newer: NewerRun | None = None
    retry: str | None = None


NOTHING = Beside()


def page_of(run: Run, beside: Beside = NOTHING) -> str:
    """The page that shows `run`, complete or not.

    Raises CannotReadRunError where it cannot be read.
    """
    sums, data, picked = PageSums(run), PageData(beside.retry), Picked()
    for row in run.rows():
        sums.add(row)
        data.add(row)
        picked.add(row)
    values = Overview(run, sums, data, picked, beside.retry).values()
    style, script = _asset("page.css"), _asset("page.js")
    return (
        _environment()
        .from_string(_asset("template.html"))
        .render(
            values,
            newer=None if beside.newer is None else cut(beside.newer.told(), MESSAGE_LIMIT_CHARS),
            style=style,
            script=script,
            policy=_policy(style, script),
            data=data.packed(),
        )
    )


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
    from jinja2 import Environment, StrictUndefined

    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"number": "{:,}".format, "plural": _plural}
    return made


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
