"""With --verbose each VM that fails or times out is one line: wherever it is shown, whatever is in it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import cast

import pytest
from rich.cells import cell_len

from fleetscan.cli.failed_line import failed_line
from fleetscan.cli.progress import progress
from fleetscan.cli.tally import Tally
from fleetscan.cli.wording import ends
from fleetscan.records.row import Row
from fleetscan.records.totals import Totals
from fleetscan.report.terminal import print_summary
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator import Cloud, Scenario
from tests.hostile import HOSTILE, Terminal, harm_in
from tests.virtual_scan import Clock, Transport, run_to_end, virtual

DENIED = {
    "name": "sql-prod-weu-001",
    "resource_group": "rg-payments-prod-weu",
    "subscription_id": "3f8c0d5e-0000-4000-8000-000000000000",
    "subscription_name": "Payments",
    "outcome": "failed",
    "reason": "denied",
    "error": {
        "code": "AuthorizationFailed",
        "message": "The client does not have authorization to perform the action.",
    },
}
WHOLE = (
    "failed: sql-prod-weu-001 (rg-payments-prod-weu, Payments): denied: AuthorizationFailed: "
    "The client does not have authorization to perform the action."
)


def row(**changed: object) -> Row:
    return cast(Row, {**DENIED, **changed})


def said(message: str, code: str | None = "AuthorizationFailed") -> Mapping[str, object]:
    return {"code": code, "message": message}


def test_a_line_says_which_vm_where_why_and_what_azure_said() -> None:
    assert failed_line(row(), "utf-8") == WHOLE
    timed_out = row(outcome="timed_out", reason="operation_timeout", subscription_name=None)
    assert failed_line(timed_out, "utf-8").startswith(
        "timed out: sql-prod-weu-001 (rg-payments-prod-weu, 3f8c0d5e-0000-4000-8000-000000000000): "
        "operation timeout: AuthorizationFailed: "
    )
    assert failed_line(row(error=None), "utf-8").endswith("): denied: no code: no message")


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (200, WHOLE),
        (120, f"{WHOLE[:117]}..."),
        (80, "failed: sql-prod-weu-001 (rg-paymen..., Payments): denied: AuthorizationFaile..."),
        (60, "failed: sql-prod-weu-001 (rg-p..., Paym...): denied: Auth..."),
    ],
)
def test_on_a_terminal_it_has_one_line_and_the_vm_s_name_is_whole(width: int, line: str) -> None:
    assert failed_line(row(), "utf-8", width) == line


@pytest.mark.parametrize("width", [60, 80, 200, None])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_stands_in_it_it_is_one_harmless_line(text: str, encoding: str, width: int | None) -> None:
    strange = row(name=text, resource_group=text, subscription_name=text, error=said(text, text))
    line = failed_line(strange, encoding, width)
    assert harm_in(line) == []
    assert line.startswith("failed: ")
    assert line == line.encode(encoding, "replace").decode(encoding)
    assert cell_len(line) <= (width or 4000)


def test_wide_letters_count_twice() -> None:
    line = failed_line(row(error=said("\u6771\u4eac" * 50)), "utf-8", 120)
    assert 118 <= cell_len(line) <= 120


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("kind", ["pipe", "dumb", "xterm"])
def test_each_failure_is_told_once_in_its_order(
    kind: str, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO() if kind == "pipe" else Terminal()
    with progress(quiet, verbose=True, stream=stream) as hooks:
        for number in range(3):
            hooks.row(row(name=f"vm-{number}"))
            hooks.row(row(name=f"well-{number}", outcome="assessed", reason=None, error=None))
            hooks.row(row(name=f"off-{number}", outcome="skipped", reason="not_running", error=None))
    told = re.findall(r"failed: (\S+) \(", stream.getvalue())
    assert told == ["vm-0", "vm-1", "vm-2"]
    assert re.search(r"well-|off-", stream.getvalue()) is None


@pytest.mark.parametrize("kind", ["pipe", "xterm"])
def test_without_verbose_no_vm_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)
    stream = io.StringIO() if kind == "pipe" else Terminal()
    with progress(False, stream=stream) as hooks:
        hooks.row(row())
    assert "failed:" not in stream.getvalue()


def test_failures_are_told_even_where_the_scan_breaks_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with pytest.raises(KeyError), progress(False, verbose=True, stream=stream) as hooks:  # noqa: PT012
        hooks.row(row())
        raise KeyError
    assert "failed: sql-prod-weu-001" in stream.getvalue()


def test_lines_progress_and_summary_of_a_scan_have_the_same_numbers() -> None:
    clock, stream, summary = Clock(), io.StringIO(), io.StringIO()
    cloud = Cloud(Scenario(machines=300, failing_pct=30, troubled_pct=20, patches=2))

    async def scan_it(hooks: Hooks) -> Totals:
        settings = Settings(operation_timeout_s=600.0)
        return (await scan_over(Transport(cloud, clock), settings, hooks=hooks)).totals

    with virtual(clock), progress(False, verbose=True, stream=stream, clock=clock) as hooks:
        totals = run_to_end(scan_it(hooks), clock)
    assert isinstance(hooks, Tally)
    view, outcomes = hooks.view(clock()), totals["outcomes"]
    print_summary(totals, directory=None, stream=summary)
    told = [
        len(re.findall(rf"^{kind}: ", stream.getvalue(), re.MULTILINE)) for kind in ("failed", "timed out")
    ]
    assert told == [outcomes["failed"], outcomes["timed_out"]]
    assert min(told) > 5
    assert f"{ends(view)[0]} in " in summary.getvalue()
    for words in ends(view)[1:]:
        number, _, outcome = words.partition(" ")
        assert re.search(rf"^{outcome.capitalize()} +{number}\b", summary.getvalue(), re.MULTILINE)
    assert view.done == view.total == 300
