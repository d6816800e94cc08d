"""A report as Markdown, read as GitHub reads it: tables that hold, and names that are nothing but text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fleetscan.model import InventoryError
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import report_of
from fleetscan.report.markdown import _known, markdown_of
from fleetscan.report.markdown_text import code
from fleetscan.report.sanitize import sanitize
from fleetscan.runs.reader import open_run
from tests.hostile import HOSTILE, harm_in
from tests.report.small_runs import kb, small_run, unassessed, vm
from tests.report.test_report_on_a_screen import SPELLED, busiest, hostile, mixed

ESCAPES = {
    "mention": "@octocat and @org/team",
    "issue": "fixes #1, org/repo#2, GH-3",
    "link": "[click](https://example.net) <https://example.net> www.example.net a@example.net",
    "image": "![x](https://example.net/x.png)",
    "backtick": "`",
    "backticks": "a``b`` ```c``` `d",
    "pipe": "a | b \\| c \\\\| d |",
    "backslash": "ends with \\",
    "heading": "# head",
    "table": "| a |\n| --- |\n| b |",
    "tags": "</code></td></table><script>alert(1)</script><!-- ",
    "entity": "&#64;octocat &lt;b&gt;",
    "math": "$`x`$ $$y$$",
    "task": "- [x] done",
}
every_text = pytest.mark.parametrize("text", [*HOSTILE.values(), *ESCAPES.values()], ids=[*HOSTILE, *ESCAPES])


def parsed(text: str) -> list[Token]:
    """Every token, those inside others too."""
    found: list[Token] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        found += [token, *(token.children or [])]
    return found


def markdown(path: Path, spelled: Spelled = SPELLED) -> str:
    return markdown_of(report_of(open_run(path)), spelled)


def test_a_report_has_its_figures_and_names_in_tables(tmp_path: Path) -> None:
    lines = markdown(small_run(tmp_path, mixed(), 3)).splitlines()
    for line in (
        "## Patches: 7 VMs listed, 4 assessed",
        "| Coverage | 57.14 % of the VMs listed (4 of 7) |",
        "| Compliance | 14.28 % of the VMs listed have no missing critical or security patches |",
        "| 12 | 3 | pending | `sql-01` | `rg-shop` | `Shop Production` |",
        "**1 refused** (`ScopeLocked`): was refused by Azure. "
        "To do: remove what the message names (a lock, a policy, a setting).",
        "| `app-02` | `rg-erp` | `ERP` | `ScopeLocked`: `locked by Ann` |",
        "3 VMs are unknown: not assessed.",
        "| 2 | `KB5034441` | `Security` | `Update` |",
        "More: `fleetscan show run --failed`, `--skipped`, `--worst 50`, `--missing KB5034441`",
        "Next: `fleetscan scan --retry-failed run`",
    ):
        assert line in lines, line


@every_text
def test_a_hostile_name_is_text_in_a_code_span_and_nothing_else(text: str, tmp_path: Path) -> None:
    text = text[:5000]
    facts = FleetFacts(
        "2026-11-23T02:00:00.000000Z",
        "2026-11-23T02:04:12.000000Z",
        252.0,
        RequestCounts(),
        (InventoryError(text, text, text, 403),),
        {"subscription": [text]},
        [{"subscription_id": "s", "name": text, "state": text}],
    )
    told = markdown(small_run(tmp_path, hostile(text), 3, facts=facts))
    assert harm_in(told) == []
    kinds = {token.type for token in parsed(told)}
    assert kinds.isdisjoint(
        {"link_open", "image", "html_inline", "html_block", "fence", "code_block", "blockquote_open"}
    )
    # Outside of code spans nothing is a stranger's: no mention, no issue, no address.
    words = "".join(token.content for token in parsed(told) if token.type == "text")
    assert not any(sign in words for sign in "@#<>[]`")
    assert "example.net" not in words
    cells = [token.type for token in parsed(told)].count("td_open")
    harmless = markdown(small_run(tmp_path / "harmless", hostile("name"), 3, facts=facts))
    assert cells == [token.type for token in parsed(harmless)].count("td_open")


@every_text
def test_a_code_span_shows_the_whole_text_but_for_pipes(text: str) -> None:
    text = text[:90].strip()
    spans = [
        token.content for token in parsed(f"| a |\n| --- |\n| {code(text)} |") if token.type == "code_inline"
    ]
    assert spans == [sanitize(text, 100).replace("|", "\\x7c")][: bool(text)]


def test_a_comment_takes_the_busiest_fleet(tmp_path: Path) -> None:
    told = markdown(small_run(tmp_path, [*busiest(), *hostile("`" * 5000)], 3))
    assert len(told) < 65_536


def test_what_is_partial_or_not_listed_is_said_before_the_figures(tmp_path: Path) -> None:
    told = markdown(small_run(tmp_path, [vm("a", 1, 0, [kb(1)]), unassessed("b")], None, has_journal=False))
    assert told.index("**PARTIAL**: the run has not finished") < told.index("Coverage")
    assert told.index("**NOT LISTED**: unknown") < told.index("Coverage")
    assert "Next: `fleetscan resume run`" in told


def test_an_empty_fleet_is_said_to_be_empty_once_it_was_listed(tmp_path: Path) -> None:
    empty = markdown_of(report_of(open_run(small_run(tmp_path / "empty", []))), SPELLED)
    assert "**EMPTY**: no VM was found: check the selection" in empty
    listing = small_run(tmp_path / "listing", [], None, has_journal=False)
    assert "EMPTY" not in markdown_of(report_of(open_run(listing)), SPELLED)


def test_a_group_without_an_assessed_vm_has_no_zero() -> None:
    group: Any = {"outcomes": {"assessed": 0}}
    assert _known(group, 0) == "unknown"
    group["outcomes"]["assessed"] = 1
    assert _known(group, 0) == "0"
