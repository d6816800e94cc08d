"""Whole scans and plans of a fleet whose every text is hostile: recorded as it came, shown harmlessly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan import json_text
from fleetscan.cli.console import note
from fleetscan.cli.progress import progress
from fleetscan.errors import NothingListedError
from fleetscan.inventory.machines import power_state_of
from fleetscan.model import Reply, Request
from fleetscan.planning.planner import foresee, list_over
from fleetscan.records.schema import plan_schema
from fleetscan.report.plan_summary import print_plan
from fleetscan.report.terminal import print_summary
from fleetscan.runs.reader import open_run
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.past_durations import durations_of
from fleetscan.settings.declared import PlanSettings
from tests.hostile import HOSTILE, Terminal, harm_in, recorded
from tests.hostile_azure import ID_TAIL, LONG, SHORT, HostileAzure
from tests.scanner.test_whole_scans import StopAfter, Transport, cloud_of, settings_for
from tests.strict_reader import Run, read_run
from tests.virtual_scan import in_virtual_time


def azure_of_all_fates() -> HostileAzure:
    """Forty machines that end in eleven ways, none of which takes long."""
    return HostileAzure(cloud_of(machines=40, seed=26, failing_pct=20.0, stopped_pct=20.0))


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width and the kind of terminal, whatever the terminal of the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def check_faithful(run: Run, azure: HostileAzure) -> None:
    """Every row says what Azure said, letter by letter."""
    assert set(run.by_id) == set(azure.listed)
    for key, row in run.by_id.items():
        listed: Any = azure.listed[key]
        assert row["resource_id"] == listed["id"]
        assert row["name"].endswith(ID_TAIL)
        assert (row["tags"], row["os_name"], row["os_version"]) == (
            listed["tags"] or {},
            listed["osName"],
            listed["osVersion"],
        )
        assert row["power_state"] == power_state_of(listed["powerState"])
        assert row["subscription_name"] == azure.subscriptions[row["subscription_id"]]
        if row["assessment"] is not None:
            assert row["assessment"] == azure.results[row["assessment"]["assessmentActivityId"]]
        elif row["error"] is not None and row["error"]["stage"] == "start":
            error = row["error"]
            assert (error["code"], error["message"], error["correlation_id"]) in azure.errors


def check_lines(path: Path, run: Run) -> None:
    """A row a line for whoever splits at newlines, in UTF-8."""
    data = path.read_bytes()
    assert data.count(b"\n") == len(run.rows)
    assert [json.loads(line) for line in data.decode().split("\n")[:-1]] == run.rows


@pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
@in_virtual_time
async def test_a_scan_records_what_it_was_told_and_shows_it_harmlessly(
    tmp_path: Path, is_terminal: bool
) -> None:
    azure, stream = azure_of_all_fates(), Terminal() if is_terminal else io.StringIO()
    out = tmp_path / "run"
    with progress(False, stream=stream) as hooks:
        settings = settings_for(out, group_by=("tag:owner",))
        summary = await scan_over(azure, settings, hooks=hooks)
    print_summary(summary.totals, directory=summary.directory, stream=stream)
    run = read_run(out)
    check_faithful(run, azure)
    check_lines(out / "results.jsonl", run)
    assert {row["outcome"] for row in run.rows} == {"assessed", "failed", "skipped"}
    assert all(text in str(run.rows) for text in ("\ufffd", "\\u202e", "\\x9b31m"))
    assert harm_in(stream.getvalue(), is_terminal=is_terminal) == []


@in_virtual_time
async def test_a_scan_that_is_stopped_and_gone_on_with_records_the_same(tmp_path: Path) -> None:
    azure, out, hooks = azure_of_all_fates(), tmp_path / "run", StopAfter(rows=15)
    settings = settings_for(out, max_in_flight=4, drain_s=0.0)
    assert (await scan_over(azure, settings, hooks=hooks, stop=hooks.stop)).exit_code == 5
    assert (await scan_over(azure, settings_for(out, resume=True))).exit_code == 3
    check_faithful(read_run(out), azure)
    assert durations_of(open_run(out)).by_machine
    azure = azure_of_all_fates()
    again = settings_for(tmp_path / "again", retry_failed=str(out))
    assert (await scan_over(azure, again)).exit_code == 3
    assert read_run(tmp_path / "again").rows


@in_virtual_time
async def test_megabytes_are_recorded_whole_and_flood_nobody(tmp_path: Path) -> None:
    azure, stream = HostileAzure(cloud_of(machines=2, patches=1), LONG), io.StringIO()
    with progress(False, stream=stream) as hooks:
        summary = await scan_over(azure, settings_for(tmp_path / "run"), hooks=hooks)
    print_summary(summary.totals, directory=summary.directory, stream=stream)
    check_faithful(read_run(tmp_path / "run"), azure)
    assert harm_in(stream.getvalue()) == []
    assert len(stream.getvalue()) < 5000


@in_virtual_time
async def test_a_plan_says_what_it_was_told_and_shows_it_harmlessly() -> None:
    azure, stream = azure_of_all_fates(), io.StringIO()
    settings = PlanSettings()
    roster = await list_over(azure, settings, hooks=Hooks(), stop=anyio.Event())
    record = foresee(roster, settings, warn=lambda _: None)
    data = json_text.encode_ascii(record)
    Draft202012Validator(plan_schema()).validate(json.loads(data))
    names = {group["subscription_name"] for group in json.loads(data)["groups"]}
    assert names
    assert names <= set(azure.subscriptions.values())
    assert harm_in(data.replace(",", "\n")) == []
    print_plan(record, stream=stream)
    assert harm_in(stream.getvalue()) == []


def denied(text: str) -> Callable[[Request, Reply], Reply]:
    """A refusal of every listing, in a stranger's words."""
    error = {"error": {"code": text, "message": text}}
    return lambda _, reply: Reply(403, {"x-ms-correlation-request-id": text}, json.dumps(error).encode())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@in_virtual_time
async def test_the_sentence_of_a_scan_that_could_list_nothing(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NothingListedError) as raised:
        await scan_over(Transport(cloud_of(), denied(text)), settings_for(tmp_path / "run"))
    note("error", str(raised.value))
    assert harm_in(capsys.readouterr().err) == []


@pytest.mark.parametrize("text", SHORT)
@in_virtual_time
async def test_what_could_not_be_listed_is_recorded_in_azures_words(text: str, tmp_path: Path) -> None:
    cloud, stream = cloud_of(machines=10, graph="denied"), io.StringIO()
    lost = cloud.fleet.subscriptions[0].subscription_id

    def deny(request: Request, reply: Reply) -> Reply:
        is_lost = f"/subscriptions/{lost}/providers/Microsoft.Compute/virtualMachines?" in request.url
        return denied(text)(request, reply) if is_lost else reply

    with progress(False, stream=stream) as hooks:
        summary = await scan_over(Transport(cloud, deny), settings_for(tmp_path / "run"), hooks=hooks)
    print_summary(summary.totals, directory=None, stream=stream)
    (error,) = read_run(tmp_path / "run").fleet["inventory_errors"]
    assert error["code"] == error["message"] == recorded(text)
    assert harm_in(stream.getvalue()) == []


def result_with(field: str) -> bytes:
    """A result whose JSON has `field` beside its counts."""
    counts = '"criticalAndSecurityPatchCount": 1, "otherPatchCount": 0'
    return f'{{"status": "Succeeded", {counts}, {field}}}'.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("field", "outcome"),
    [
        ('"name": "\\ud800"', "assessed"),
        ('"size": 18446744073709551616', "assessed"),
        ('"name": "a", "name": "b"', "assessed"),
        (f'"nested": {"[" * 300}{"]" * 300}', "assessed"),
        (f'"nested": {"[" * 1000}{"]" * 1000}', "failed"),
        (f'"nested": {"[" * 5000}{"]" * 5000}', "failed"),
        ('"size": NaN', "failed"),
        ('"size": 1e999', "failed"),
        ('"name": "\udcff"', "failed"),
    ],
)
@in_virtual_time
async def test_an_odd_result_costs_no_more_than_its_own_machine(
    field: str, outcome: str, tmp_path: Path
) -> None:
    body = result_with(field)

    def answer(request: Request, reply: Reply) -> Reply:
        return Reply(200, {}, body) if "/assessPatches" in request.url else reply

    wire = Transport(cloud_of(machines=15, stopped_pct=0.0), answer)
    summary = await scan_over(wire, settings_for(tmp_path / "run"))
    rows = read_run(tmp_path / "run").rows
    assert {(row["outcome"], row["reason"]) for row in rows} == {
        ("assessed", None) if outcome == "assessed" else ("failed", "malformed_reply")
    }
    assert summary.exit_code == (0 if outcome == "assessed" else 3)
    if outcome == "assessed":
        assert all(row["assessment"] == recorded(json.loads(body)) for row in rows)
