"""`fleetscan show`: filters and how they combine, formats, columns, and what is said of what is not known."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from fleetscan.cli.main import run
from fleetscan.model import InventoryError, Json, Reason
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.row import Row
from fleetscan.report.commands import show_flags
from fleetscan.report.digest import report_of
from fleetscan.runs.reader import open_run
from tests.cli.processes import NOTHING, begun, ended
from tests.hostile import HOSTILE, harm_in, recorded
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm

WSUS = kb(5034441, day="2026-01-09", title="Recovery update")


def fleet() -> list[Row]:
    """Five assessed VMs, one that failed, one that timed out, one skipped."""
    cut = vm("cut", 3, 0, [kb(7)])
    cut["patches_complete"] = False
    reboot = vm("waits", 0, 2, [package("openssl", "Other"), package("curl", "Other")], os_type="Linux")
    reboot["reboot_pending"] = True
    return [
        vm("web", 1, 0, [WSUS]),
        vm("sql", 2, 1, [WSUS, WSUS, kb(8), package("tool", "Other")]),
        cut,
        reboot,
        vm("clean"),
        unassessed("locked", Reason.REFUSED, "The scope is locked.", "ScopeLocked"),
        unassessed("slow", Reason.OPERATION_TIMEOUT, "It did not finish.", "OperationTimeout"),
        unassessed("off", Reason.NOT_RUNNING),
    ]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width where the stream is no terminal, and none of the settings of the tests' own shell."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The run of `fleet`."""
    return str(small_run(tmp_path / "run", fleet(), 3))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, data and words."""
    code = run(["show", *arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def objects(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Json]]:
    """The objects that it prints as JSON lines."""
    code, data, words = told(capsys, *arguments, "--format", "json")
    assert code == 0, words
    return [orjson.loads(line) for line in data.splitlines()]


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("", "clean cut locked off slow sql waits web"),
        ("--failed", "locked slow"),
        ("--skipped", "off"),
        ("--failed --skipped", "locked off slow"),
        ("--worst 2", "cut sql"),
        ("--worst 50", "cut sql web waits"),
        ("--worst 2 --sort name", "cut sql"),
        ("--worst 50 --sort other_count", "waits sql cut web"),
        ("--reboot", "waits"),
        ("--missing KB5034441", "sql web"),
        ("--missing kb5034441", "sql web"),
        ("--missing 5034441", "sql web"),
        ("--missing KB50344?1", "sql web"),
        ("--missing openssl", "waits"),
        ("--missing OPENSSL", "waits"),
        ("--missing open*", "waits"),
        ("--missing *recovery*", "sql web"),
        ("--missing recovery", ""),
        ("--missing KB5034441 --worst 1", "sql"),
        ("--missing openssl --reboot", "waits"),
        ("--missing openssl --machine web", ""),
        ("--machine WEB", "web"),
        ("--machine s*", "slow sql"),
        ("--failed --machine slow", "slow"),
        ("--sort outcome", "clean cut sql waits web locked off slow"),
        ("--sort critical_and_security_count", "cut sql web clean waits locked off slow"),
        ("--sort Critical", "cut sql web clean waits locked off slow"),
        ("--sort -critical", "clean waits web sql cut locked off slow"),
        ("--sort -name", "web waits sql slow off locked cut clean"),
        ("--sort -reboot", "clean cut sql web waits locked off slow"),
        ("--sort -reason", "locked slow off clean cut sql waits web"),
        ("--worst 2 --sort -other", "cut sql"),
        ("--sort reboot_pending", "waits clean cut sql web locked off slow"),
    ],
)
def test_filters_narrow_each_other_and_lines_are_sorted(
    flags: str, names: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [line["name"] for line in objects(capsys, path, *flags.split())] == names.split()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--failed --missing KB1", "not assessed; give --failed or --missing"),
        ("--failed --worst 3", "give --failed or --worst"),
        ("--skipped --reboot", "give --skipped or --reboot"),
        ("--failed --patches", "give --failed or --patches"),
        ("--worst 3 --patches", "the worst are VMs; give --worst or --patches"),
        ("--worst 0", "--worst must be a whole number"),
        ("--columns nam", "no column 'nam'; correct --columns: did you mean name? There are schema, "),
        ("--columns crtical", "did you mean critical? There are schema, "),
        ("--sort -crtical", "no column 'crtical'; correct --sort: did you mean critical?"),
        ("--patches --sort titel", "did you mean title?"),
        ("--columns zzz", "no column 'zzz'; correct --columns: there are schema, "),
        ("--columns name,,reason", "no column ''; correct --columns: there are "),
        ("--sort vms", "no column 'vms'"),
        ("--patches --sort location", "no column 'location'; correct --sort"),
        ("--machine clena", "the run has no row of a VM 'clena'; did you mean clean?"),
        ("--machine nothing-like-it", "the names are in the table without --machine"),
        ("--format yaml", "--format must be one of table, csv, json, markdown"),
        ("--faled", "Did you mean --failed?"),
    ],
)
def test_what_cannot_be_answered_ends_with_2_and_a_sentence(
    flags: str, said: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, data, words = told(capsys, path, *flags.split())
    assert (code, data) == (2, "")
    assert said in words
    assert "Traceback" not in words


def test_each_line_says_which_vm_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = vm("web", 1), vm("web", 2)
    two["resource_id"] = two["resource_id"].replace("/resourceGroups/", "/resourceGroups/other-")
    two["resource_group"] = "other"
    two["subscription_name"] = None
    path = str(small_run(tmp_path / "run", [one, two]))
    code, data, _ = told(capsys, path, "--machine", "web")
    assert code == 0
    lines = data.splitlines()
    assert lines[0].split()[:4] == ["NAME", "RESOURCE", "GROUP", "SUBSCRIPTION"]
    assert lines[0].split()[4:] == ["OUTCOME", "CRITICAL", "OTHER", "REBOOT"]
    assert {line.split()[1] for line in lines[1:]} == {one["resource_group"], "other"}
    assert all(len(line) <= 80 for line in lines)
    assert two["subscription_id"][:10] in data
    ids = [line["resource_id"] for line in objects(capsys, path)]
    assert sorted(map(str, ids)) == sorted([one["resource_id"], two["resource_id"]])
    alone = objects(capsys, path, "--machine", two["resource_id"].upper())
    assert [line["resource_group"] for line in alone] == ["other"]


def test_failed_vms_have_reason_message_and_what_to_do(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, data, words = told(capsys, path, "--failed")
    assert "refused" in data
    assert "  ScopeLocked: The scope is locked.\n" in data
    assert words.splitlines() == [
        "2 VMs of 8.",
        "1 VM: refused: remove what the message names (a lock, a policy, a setting); then retry it with "
        f"`fleetscan scan --retry-failed {path}`.",
        "1 VM: operation timeout: if it happens again, check the VM agent or raise --operation-timeout; then "
        f"retry it with `fleetscan scan --retry-failed {path}`.",
    ]
    assert list(objects(capsys, path, "--failed")[0])[-4:] == [
        "reason",
        "error_code",
        "error_message",
        "to_do",
    ]


def test_patches_are_counted_once_a_vm_and_pressing_ones_come_first(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = objects(capsys, path, "--patches")
    assert [(line["patch"], line["vms"]) for line in lines] == [
        ("KB5034441", 2),
        ("KB7", 1),
        ("KB8", 1),
        ("curl", 1),
        ("openssl", 1),
        ("tool", 1),
    ]
    assert [line["patch"] for line in objects(capsys, path, "--patches", "--missing", "KB*")] == [
        "KB5034441",
        "KB7",
        "KB8",
    ]
    assert [line["patch"] for line in objects(capsys, path, "--patches", "--reboot")] == ["curl", "openssl"]


def test_the_patches_of_one_vm_are_listed_once_each_with_whose_they_are(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = objects(capsys, path, "--machine", "sql", "--patches")
    assert [(line["name"], line["patch"]) for line in lines] == [
        ("sql", "KB5034441"),
        ("sql", "KB8"),
        ("sql", "tool"),
    ]
    _, data, words = told(capsys, path, "--machine", "locked", "--patches")
    assert data == ""
    assert "1 VM was not assessed: what it misses is unknown.\n" in words


def test_what_is_not_known_is_said_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unlisted = vm("seen-from-outside", 4, 0)
    unlisted["patch_count"] = unlisted["patches_complete"] = unlisted["assessment"] = None
    rows = [*fleet(), unlisted]
    rows[0]["reboot_pending"] = None
    path = str(small_run(tmp_path / "run", rows, 3))
    _, _, words = told(capsys, path, "--missing", "KB5034441")
    assert words.splitlines() == [
        "2 of 6 assessed VMs miss KB5034441; 3 VMs were not assessed: what they miss is unknown.",
        "1 VM came without a list of patches: which ones it misses is unknown.",
        "1 list of patches is cut short: that VM may miss more.",
        "Texts are cut to fit 80 columns: --format csv has them whole.",
    ]
    # The list that is cut has the patch: nothing about it is open.
    assert "cut short" not in told(capsys, path, "--missing", "KB7")[2]
    assert "cut short" in told(capsys, path, "--patches")[2]
    assert "cut short" not in told(capsys, path, "--missing", "openssl", "--reboot")[2]
    assert "1 VM does not tell whether a restart is pending.\n" in told(capsys, path, "--reboot")[2]
    assert told(capsys, path)[2].startswith("9 VMs in all.\n")


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_an_unfinished_run_is_partial_before_anything_is_shown(
    form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = str(small_run(tmp_path / "run", fleet(), None, unfinished=4))
    code, data, words = told(capfd, path, "--format", form)
    assert code == 0
    assert words.startswith("fleetscan: warning: PARTIAL: the run has not finished")
    assert data.startswith("**PARTIAL**: the run has not finished") == (form == "markdown")
    stopped = str(small_run(tmp_path / "stopped", fleet(), 5, unfinished=4))
    assert "PARTIAL: the run was stopped: 4 VMs have no row" in told(capfd, stopped)[2]


def test_partial_is_said_before_the_table(tmp_path: Path) -> None:
    path = small_run(tmp_path / "run", fleet(), None)
    _, both, _ = ended(begun(NOTHING, "show", str(path), streams="2>&1"))
    assert both.startswith("fleetscan: warning: PARTIAL: ")


@pytest.mark.parametrize("damage", ["missing", "not JSON"])
def test_totals_that_are_lost_are_said_of_a_run_that_finished(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path / "run", fleet())
    totals = path / "totals.jsonl"
    if damage == "missing":
        totals.unlink()
    else:
        totals.write_bytes(b"no\n")
    code, _, words = told(capsys, str(path))
    assert code == 0
    assert words.count("PARTIAL") == 1
    assert "PARTIAL: the run was complete, and its totals cannot be read" in words


def test_what_could_not_be_listed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = InventoryError("s-1", "AuthorizationFailed", "no", 403)
    facts = FleetFacts("2026-11-23T02:00:00Z", "2026-11-23T02:04:00Z", 240.0, RequestCounts(), (error,))
    path = str(small_run(tmp_path / "run", fleet(), 3, facts=facts))
    assert (
        "warning: NOT LISTED: 1 part of the fleet could not be listed: its VMs are not here\n"
        in told(capsys, path)[2]
    )


def test_markdown_says_what_is_not_known_below_its_table(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, data, _ = told(capsys, path, "--missing", "KB5034441", "--format", "markdown")
    lines = data.splitlines()
    assert lines[0] == "| name | resource group | subscription | missing | critical | other | reboot |"
    assert lines[1] == "| --- | --- | --- | --- | --: | --: | --- |"
    assert lines[-3:] == [
        "",
        "2 of 5 assessed VMs miss KB5034441; 3 VMs were not assessed: what they miss is unknown.",
        "1 list of patches is cut short: that VM may miss more.",
    ]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            "--missing 999",
            "0 of 5 assessed VMs miss KB999; 3 VMs were not assessed: what they miss is unk",
        ),
        (
            "--missing KB8",
            "1 of 5 assessed VMs misses KB8; 3 VMs were not assessed: what they miss is unk",
        ),
        ("--missing open* --reboot", "1 of 5 assessed VMs misses open* and has a restart pending; 3 VMs"),
        ("--missing KB8 --machine sql", "1 of 1 assessed VM misses KB8."),
        ("--missing KB8 --machine slow", "0 of 0 assessed VMs miss KB8; 1 VM was not assessed: what it"),
    ],
)
def test_a_patch_is_answered_with_the_vms_that_are_known_and_those_that_are_not(
    flags: str, said: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, path, *flags.split())[2].startswith(said)


def test_that_texts_are_cut_is_said_only_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = vm("web-prod-weu-001", 1, 0, [kb(1)])
    row["resource_group"], row["subscription_name"] = "rg-billing-production", "Landing Zone of Finance"
    path, hint = str(small_run(tmp_path / "run", [row])), "--format csv has them whole.\n"
    data, words = told(capsys, path, "--missing", "KB1")[1:]
    # What names the VM stays whole as long as it can, and the patch has a line of its own.
    assert data.splitlines()[1].startswith("web-prod-weu-001  rg-billing-production  Landing Zon...  ")
    assert hint in words
    for flags in (["--format", "csv"], ["--format", "markdown"], ["--columns", "name"]):
        assert hint not in told(capsys, path, *flags)[2]
    assert (
        hint
        in told(
            capsys,
            path,
            "--patches",
            "--machine",
            "*",
            "--columns",
            "name,patch_name,tags,image,status,location,resource_id",
        )[2]
    )
    monkeypatch.delenv("COLUMNS")
    assert hint not in told(capsys, path)[2]


def test_an_empty_fleet_is_an_empty_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(small_run(tmp_path / "run", []))
    assert told(capsys, path) == (0, "", "0 VMs in all.\n")
    assert told(capsys, path, "--format", "json")[1] == ""
    assert told(capsys, path, "--format", "csv")[1].count("\n") == 1
    assert told(capsys, path, "--patches")[1] == ""


def test_columns_are_named_as_the_records_or_as_their_headings(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = objects(capsys, path, "--machine", "sql", "--columns", "Name, CRITICAL,tags,error_code")[0]
    assert list(line) == ["name", "critical_and_security_count", "tags", "error_code"]
    assert line["critical_and_security_count"] == 2
    assert isinstance(line["tags"], dict)
    patches = objects(capsys, path, "--machine", "sql", "--patches", "--columns", "patch,critical")
    assert list(patches[0]) == ["patch", "is_critical_or_security"]
    assert [each["name"] for each in objects(capsys, path, "--sort", "message", "--failed")] == [
        "slow",
        "locked",
    ]


def test_csv_is_safe_for_a_spreadsheet_and_json_is_verbatim(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = vm("=cmd|'/c calc'!A1", 1)
    row["resource_group"] = 'a "quoted", group\nof two lines'
    path = str(small_run(tmp_path / "run", [row]))
    _, data, _ = told(capsys, path, "--format", "csv")
    (line,) = csv.DictReader(io.StringIO(data))
    assert line["name"] == "'=cmd|'/c calc'!A1"
    assert line["resource_group"] == row["resource_group"]
    assert line["critical_and_security_count"] == "1"
    assert objects(capsys, path)[0]["name"] == row["name"]


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_a_stream_without_the_characters_gets_escapes(form: str, tmp_path: Path) -> None:
    row = vm("a", 1, 0, [kb(1)])
    row["name"] = "läufer-東京"
    path = small_run(tmp_path / "run", [row])
    environment = {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    code, data, _ = ended(begun(environment, "show", str(path), "--format", form))
    assert code == 0
    assert data.isascii()
    if form == "json":
        assert orjson.loads(data)["name"] == "läufer-東京"
    else:
        assert "l\\xe4ufer" in data


@pytest.mark.parametrize("word", [*HOSTILE])
def test_hostile_names_harm_no_table_and_no_markdown(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = str(recorded(HOSTILE[word]))
    failed = unassessed("x", Reason.REFUSED, text, text)
    listed = vm("y", 1, 0, [kb(1, title=text), package(text)], os_type="Linux")
    for row in (failed, listed):
        row["name"], row["resource_group"], row["subscription_name"] = text, text, text
    path = str(small_run(tmp_path / "run", [failed, listed], 3))
    for flags in ("", "--failed", "--worst 5", "--missing *", "--patches", "--machine * --patches"):
        for form in ("table", "markdown"):
            code, data, words = told(capsys, path, *flags.split(), "--format", form)
            assert code == 0
            assert harm_in(data) == []
            assert harm_in(words) == []
        assert code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_a_disk_that_is_full_ends_with_4(form: str, path: str) -> None:
    code, _, words = ended(begun(NOTHING, "show", path, "--format", form, streams=">/dev/full"))
    assert code == 4
    assert words == "fleetscan: error: cannot write to standard output: No space left on device\n"


def test_runs_that_cannot_be_read_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert told(capsys, str(tmp_path / "empty"))[0] == 2
    edit_facts(small_run(tmp_path / "later", fleet()), schema="fleetscan.run/2")
    assert told(capsys, str(tmp_path / "later"))[0] == 2
    totals = small_run(tmp_path / "later-totals", fleet(), 3) / "totals.jsonl"
    totals.write_bytes(totals.read_bytes().replace(b"fleetscan.totals/1", b"fleetscan.totals/2"))
    code, data, words = told(capsys, str(tmp_path / "later-totals"))
    assert (code, data) == (2, "")
    assert "use the version of fleetscan that wrote it" in words


def test_the_commands_that_a_report_prints_show_what_it_counts(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", path, "--format", "json"]) == 0
    record = orjson.loads(capsys.readouterr().out)
    report = report_of(open_run(path))
    flags = show_flags(report)
    assert flags == ["--failed", "--skipped", "--worst 50", "--missing KB5034441"]
    counts = [len(objects(capsys, path, *flag.split())) for flag in flags]
    assert counts == [2, 1, len(record["worst"]), record["patches"][0]["vms"]]
    patches = objects(capsys, path, "--patches")
    assert [(each["patch"], each["vms"]) for each in patches] == [
        (each["patch"], each["vms"]) for each in record["patches"]
    ]


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_on_a_terminal_no_format_lets_a_name_command_it(form: str, tmp_path: Path) -> None:
    row = vm("x", 1)
    row["name"] = "\x1b[2Jred \u202egpj.exe \x9b31m"
    path = small_run(tmp_path / "run", [row])
    shown = on_a_terminal(("show", str(path), "--format", form), {})
    assert harm_in(shown.replace("\r\n", "\n")) == []
    assert "[2Jred" in shown


def on_a_terminal(arguments: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """What a terminal of 80 columns gets on stdout."""
    main, terminal = os.openpty()
    try:
        termios.tcsetwinsize(terminal, (25, 80))
        command = [sys.executable, "-m", "fleetscan", *arguments]
        subprocess.run(
            command,
            stdout=terminal,
            stderr=subprocess.DEVNULL,
            env={"TERM": "xterm", **environment},
            check=True,
        )
        return os.read(main, 65_536).decode()
    finally:
        os.close(main)
        os.close(terminal)


def test_the_error_code_of_a_failed_vm_is_whole_at_eighty_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "VirtualMachineAgentOfThisImageDoesNotSupportThisAssessment"
    rows = [unassessed("v" * 40, Reason.AGENT_NOT_READY, "why " * 99, code)]
    monkeypatch.setenv("COLUMNS", "80")
    _, data, _ = told(capsys, str(small_run(tmp_path, rows, 3)), "--failed")
    assert f"  {code}: why" in data
    assert max(map(len, data.splitlines())) <= 80
