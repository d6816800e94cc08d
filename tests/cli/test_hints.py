"""What is to be done is said of the run that is shown and of as many VMs as there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.cli.main import run
from fleetscan.model import Reason
from fleetscan.report.commands import RETRY_ANY
from fleetscan.report.reasons import MEANINGS
from tests.page.unpacked import data_of
from tests.report.small_runs import small_run, unassessed, vm

NAME = "20261123T020000Z-4f1c2a9e"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run to which `latest` leads: two VMs are off, two refused, one has no agent."""
    runs = tmp_path / "runs"
    runs.mkdir()
    rows = [vm("a"), unassessed("b", Reason.NOT_RUNNING), unassessed("c", Reason.NOT_RUNNING)]
    rows += [unassessed("d", Reason.REFUSED), unassessed("e", Reason.REFUSED)]
    small_run(runs / NAME, [*rows, unassessed("f", Reason.AGENT_NOT_READY)], 3)
    (runs / "latest").symlink_to(NAME)
    return runs


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[str, str]:
    """Data and words."""
    assert run([*map(str, arguments)]) == 0
    streams = capsys.readouterr()
    return streams.out, streams.err


def test_every_reason_that_is_retried_says_so_in_the_words_that_are_replaced() -> None:
    assert all(RETRY_ANY in meaning.retry for meaning in MEANINGS.values() if meaning.retry is not None)


@pytest.mark.parametrize("name", [[], ["latest"], [NAME[:8]]])
def test_hints_name_the_run(
    name: list[str], runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    retry, page = f"fleetscan scan --retry-failed {runs / NAME}", tmp_path / "page.html"
    for flags in (["--skipped", "--failed"], ["--failed", "--columns", "to_do", "--format", "csv"]):
        data, words = told(capsys, "show", *name, "--runs", runs, *flags)
        assert retry in data + words
        assert "retry-failed RUN" not in data + words
    for form in ("text", "markdown", "json"):
        data, words = told(capsys, "report", *name, "--runs", runs, "--format", form)
        assert retry in data
        assert "retry-failed RUN" not in data
    told(capsys, "report", *name, "--runs", runs, "--html", page)
    html = page.read_text()
    assert f"<code>{retry}</code>" in html
    assert "retry-failed RUN" not in html + str(data_of(html)["meanings"])


def test_what_is_said_of_several_vms_is_said_of_each(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = told(capsys, "show", runs / NAME, "--skipped", "--failed")[1]
    assert "2 VMs: not running; for each: start it if it should be assessed; then" in words
    assert "1 VM: agent not ready: check that the Azure VM agent runs in it" in words
    text = told(capsys, "report", runs / NAME)[0]
    assert "  2 refused, AuthorizationFailed: each was refused by Azure\n" in text
    assert "    To do for each: remove what the message names" in text
    assert "  1 agent not ready, AuthorizationFailed: has a VM agent that did not respond\n" in text
    assert "    To do: check that the Azure VM agent runs in it" in text
    markdown = told(capsys, "report", runs / NAME, "--format", "markdown")[0]
    assert (
        "**2 refused** (`AuthorizationFailed`): each was refused by Azure. To do for each: remove" in markdown
    )
