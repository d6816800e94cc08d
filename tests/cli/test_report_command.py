"""`fleetscan report`: which run, which format, and what it says where there is nothing to show."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.cli.main import run
from fleetscan.cli.reading import spelled_for
from fleetscan.cli.scan_end import report_at_end
from fleetscan.records.schema import report_schema
from fleetscan.settings.declared import Settings
from tests.cli.processes import NOTHING, begun, ended, scanning, simulation, spoken
from tests.report.small_runs import edit_facts, kb, small_run, unassessed, vm

ROWS = [vm("a", 1, 0, [kb(5034441)]), vm("b"), unassessed("c")]
PUBLIC = "https://management.azure.com"


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width where the stream is no terminal, and none of the settings of the tests' own shell."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, data and words."""
    code = run(["report", *arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_text_is_the_default_and_goes_to_stdout_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path / "run", ROWS, 3)
    code, data, words = told(capsys, str(path))
    assert (code, words) == (0, "")
    assert "Run of 2026-11-23 02:00 UTC: 3 VMs listed, 2 assessed in 4 min 12 s." in data
    assert f"More         fleetscan show {path} --failed" in data
    assert "\x1b" not in data


def test_json_is_one_line_that_obeys_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_run(tmp_path / "run", ROWS, 3)
    code, data, words = told(capsys, str(path), "--format", "json")
    assert (code, words, data.count("\n")) == (0, "", 1)
    record = orjson.loads(data)
    Draft202012Validator(report_schema()).validate(record)
    assert (record["directory"], record["fleet"]["listed"]) == (str(path), 3)


def test_markdown_begins_with_a_heading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data, words = told(capsys, str(small_run(tmp_path / "run", ROWS, 3)), "--format", "markdown")
    assert (code, words) == (0, "")
    assert data.startswith("## Patches: 3 VMs listed, 2 assessed\n")


def test_a_link_to_a_run_is_told_by_the_run_it_leads_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(tmp_path / "20261123T020000Z-4f1c2a9e", ROWS, 3)
    (tmp_path / "latest").symlink_to("20261123T020000Z-4f1c2a9e")
    data = told(capsys, "latest", "--runs", str(tmp_path))[1]
    assert f"fleetscan scan --retry-failed {tmp_path / '20261123T020000Z-4f1c2a9e'}\n" in data


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_stream_without_the_characters_gets_escapes(form: str, tmp_path: Path) -> None:
    row = vm("a", 1, 0, [kb(1, title="Mise à jour")])
    row["name"] = "läufer-東京"
    path = small_run(tmp_path / "run", [row])
    environment = {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    code, data, words = ended(begun(environment, "report", str(path), "--format", form))
    assert (code, words) == (0, "")
    assert data.isascii()
    assert ("l\\u00e4ufer" if form == "json" else "l\\xe4ufer") in data


def test_without_a_run_it_is_the_newest_that_has_ended_and_that_is_said_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, day, code in (("old", "01", 0), ("new", "02", 0), ("at-work", "03", None)):
        path = small_run(tmp_path / name, ROWS, code)
        edit_facts(path, started_at=f"2026-11-{day}T00:00:00Z")
    code, data, words = told(capsys, "--runs", str(tmp_path))
    assert code == 0
    assert words == f"Run of 2026-11-02 00:00 UTC, complete, the whole fleet: {tmp_path / 'new'}\n"
    assert "3 VMs listed" in data


def test_an_unfinished_run_that_is_named_is_shown_as_partial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, data, _ = told(capsys, str(small_run(tmp_path / "run", ROWS, None, unfinished=5)))
    assert code == 0
    assert "8 VMs listed, 2 assessed." in data
    assert "PARTIAL      the run has not finished" in data
    assert "fleetscan resume" in data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere cannot be read as a run: there is no such directory"),
        (["empty"], "empty cannot be read as a run: it holds no run"),
        (["later"], "use the version of fleetscan that wrote it, or a newer one"),
        (["later-row"], "line 2 of results.jsonl is of schema fleetscan.result/2"),
        (["spoilt"], "line 1 of results.jsonl is not JSON"),
        (["2026", "--runs", "."], "2026 is the beginning of several runs' ids or names: 20261, 20262"),
        (["--runs", "empty"], "empty holds no run"),
        (["20261", "--format", "html"], "--format must be one of text, markdown, json"),
        (["20261", "--fromat", "json"], "Did you mean --format?"),
    ],
)
def test_what_cannot_be_shown_ends_with_2_and_a_sentence(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("20261", "20262", "later", "later-row", "spoilt"):
        small_run(tmp_path / name, ROWS, 3)
    edit_facts(tmp_path / "later", schema="fleetscan.run/2")
    rows = (tmp_path / "later-row" / "results.jsonl").read_bytes().splitlines(keepends=True)
    later = rows[1].replace(b"fleetscan.result/1", b"fleetscan.result/2")
    (tmp_path / "later-row" / "results.jsonl").write_bytes(rows[0] + later + rows[2])
    (tmp_path / "spoilt" / "results.jsonl").write_bytes(b"{\n" + b"".join(rows))
    code, data, words = told(capsys, *arguments)
    assert (code, data) == (2, "")
    assert said in words
    assert "Traceback" not in words


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_disk_that_is_full_ends_with_4(form: str, tmp_path: Path) -> None:
    path = small_run(tmp_path / "run", ROWS, 3)
    code, _, words = ended(begun(NOTHING, "report", str(path), "--format", form, streams=">/dev/full"))
    assert code == 4
    assert words == "fleetscan: error: cannot write to standard output: No space left on device\n"


def test_commands_are_words_of_a_shell_and_name_an_endpoint_that_is_not_azures(tmp_path: Path) -> None:
    spelled = spelled_for("my runs/1", PUBLIC)
    assert spelled.show == "fleetscan show 'my runs/1'"
    assert spelled.retry == "fleetscan scan --retry-failed 'my runs/1'"
    assert spelled_for("-run", None).show == "fleetscan show ./-run"
    elsewhere = spelled_for("run", "http://127.0.0.1:8080")
    assert elsewhere.retry == "fleetscan scan --retry-failed run --endpoint http://127.0.0.1:8080"


def test_a_run_that_cannot_be_read_at_a_scans_end_costs_its_names_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path / "run", ROWS, 3)
    assert report_at_end(path, Settings()) is not None
    assert capsys.readouterr().err == ""
    (path / "results.jsonl").write_bytes(b"{}\n")
    assert report_at_end(path, Settings()) is None
    words = capsys.readouterr().err
    why = f"{path} cannot be read as a run: line 1 of results.jsonl is no record of schema fleetscan.result/1"
    assert words.startswith(f"fleetscan: warning: the summary is without the names of VMs: {why}")
    assert report_at_end(tmp_path / "gone", Settings()) is None
    assert report_at_end(None, Settings()) is None


def test_a_scan_ends_with_the_names_that_its_report_has_and_a_streamed_one_with_figures(
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    with simulation(NOTHING, "--patches", "9") as endpoint:
        code, _, words = ended(begun(NOTHING, *scanning(endpoint, out)))
        streamed = ended(begun(NOTHING, *scanning(endpoint, "-")))
    assert (code, streamed[0]) == (0, 0)
    shown = ended(begun(NOTHING, "report", str(out)))[1].splitlines()
    first = shown.index("Worst VMs (critical and security, other patches missing)")
    assert shown[first + 1] in spoken(words).splitlines()
    assert f"More         fleetscan show {out} --worst 50" in words
    assert "Coverage" in streamed[2]
    assert "Worst VMs" not in streamed[2]
    assert "More" not in streamed[2]


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_page_in_another_format_is_refused(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, page = small_run(tmp_path / "run", ROWS, 3), tmp_path / "page.html"
    code, data, words = told(capsys, str(path), "--html", str(page), "--format", form)
    assert (code, data) == (2, "")
    assert words == "fleetscan: error: a page has no other format; give --html or --format\n"
    assert not page.exists()


def test_a_page_shows_what_changed_since_a_run_and_nothing_else_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(tmp_path / "20261122T020000Z-a", ROWS[:1])
    small_run(tmp_path / "20261123T020000Z-b", ROWS, 3)
    page, runs = tmp_path / "page.html", str(tmp_path)
    since = ("20261123", "--since", "20261122", "--runs", runs)
    assert told(capsys, *since, "--html", str(page))[0] == 0
    assert "What changed since 2026-01-01 00:00 UTC" in page.read_text(encoding="utf-8")
    page.unlink()
    for more in ([], ["--format", "json"]):
        code, data, words = told(capsys, *since, *more)
        assert (code, data) == (2, "")
        assert words == (
            "fleetscan: error: only a page shows what changed since a run; "
            "give --html too, or use `fleetscan diff OLD NEW`\n"
        )
    code, data, words = told(capsys, "20261123", "--since", "nothing", "--html", str(page), "--runs", runs)
    assert (code, data, page.exists()) == (2, "", False)
    assert "nothing" in words
