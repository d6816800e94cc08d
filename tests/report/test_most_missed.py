"""The patches that most VMs miss are the same in every view, in one order and under one heading."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from fleetscan.cli.main import run
from tests.page.unpacked import data_of
from tests.report.small_runs import kb, package, small_run, vm

HEADING = "Most missed patches, critical and security first"
IN_ORDER = ["KB2", "KB1", "openssl", "KB9"]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A run where most VMs miss KB9, which is neither critical nor security; KB2 is so on one VM alone."""
    old = kb(2, "Updates", "Old title", "2020-01-01")
    definition = kb(9, "Definition", "Definitions")
    rows = [vm(f"vm-{number}", 0, 1, [definition, old]) for number in "ab"]
    rows.append(vm("vm-c", 2, 1, [definition, kb(1, title="Other"), kb(2, "Critical", "New title")]))
    rows.append(vm("vm-d", 1, 0, [package("openssl")], os_type="Linux"))
    return str(small_run(tmp_path / "run", rows))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints."""
    assert run([*arguments]) == 0
    return capsys.readouterr().out


def test_every_view_has_one_order(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "report", path).partition(HEADING)[2]
    assert re.findall(r"^  \d  (\w+)", text, re.M) == IN_ORDER
    markdown = told(capsys, "report", path, "--format", "markdown").partition(f"### {HEADING}\n")[2]
    assert re.findall(r"^\| \d \| `(\w+)`", markdown, re.M) == IN_ORDER
    record = orjson.loads(told(capsys, "report", path, "--format", "json"))
    assert [each["patch"] for each in record["patches"]] == IN_ORDER
    shown = told(capsys, "show", path, "--patches", "--format", "json").splitlines()
    assert [orjson.loads(line)["patch"] for line in shown] == IN_ORDER
    told(capsys, "report", path, "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    listed = page.partition(f'<h3 id="h-most">{HEADING}</h3>')[2].partition("</table>")[0]
    assert re.findall(r'href="#patch/(\w+)"', listed) == IN_ORDER


def test_every_view_has_the_newest_title_and_no_classification_in_its_place(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "report", path).partition(HEADING)[2].splitlines()[1:5] == [
        "  3  KB2      New title",
        "  1  KB1      Other",
        "  1  openssl",
        "  3  KB9      Definitions  other",
    ]
    markdown = told(capsys, "report", path, "--format", "markdown")
    assert "| 3 | `KB2` | `Critical` | `New title` |\n" in markdown
    assert "| 1 | `openssl` | `Security` |  |\n" in markdown
    told(capsys, "report", path, "--html", str(tmp_path / "page.html"))
    patches = data_of((tmp_path / "page.html").read_text())["patches"]
    titles = dict(zip(patches["keys"], patches["titles"], strict=True))
    assert titles == {"KB2": "New title", "KB1": "Other", "openssl": None, "KB9": "Definitions"}
