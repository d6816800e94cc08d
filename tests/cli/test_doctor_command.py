"""`fleetscan doctor` as people and programs meet it: words at 80 columns, a record, exit codes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.cli.console import as_flag
from fleetscan.cli.doctor import CHECKING
from fleetscan.cli.environment import unknown_variables
from fleetscan.cli.main import run
from fleetscan.doctor.disk_room import look_at
from fleetscan.model import Json
from fleetscan.records.doctor import Doctor, DoctorCheck
from fleetscan.records.schema import doctor_schema
from fleetscan.report.doctor_screen import print_doctor
from fleetscan.simulator import serve
from tests.azure.loopback_server import Answer, serving
from tests.cli.processes import LONG_S
from tests.doctor.examined import OBJECT_ID, cloud_of, token
from tests.hostile import HOSTILE, Terminal, harm_in, recorded

VALID = Draft202012Validator(doctor_schema())
ID = "aaaaaaaa-0000-0000-0000-000000000001"
SECRET = token(name="night-scan")


async def doctor(endpoint: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit code, data and words of a process that has nothing else in its environment."""
    line = [sys.executable, "-m", "fleetscan", "doctor", "--endpoint", endpoint, *arguments]
    told = {"FLEETSCAN_ACCESS_TOKEN": SECRET, "PYTHONPATH": os.getcwd(), **environment}

    def ended() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line, env=told, capture_output=True, encoding="utf-8", timeout=LONG_S, stdin=subprocess.DEVNULL
        )

    done = await anyio.to_thread.run_sync(ended)
    return done.returncode, done.stdout, done.stderr


async def test_a_person_reads_a_line_for_each_check_and_the_verdict_last(tmp_path: Path) -> None:
    async with serve(cloud_of()) as endpoint:
        code, data, words = await doctor(endpoint, "--out", str(tmp_path / "run"), NO_COLOR="1")
    lines = data.splitlines()
    assert (code, words) == (0, "")
    assert lines[-1] == "Nothing would stop a scan of 12 VMs in 3 subscriptions."
    assert "ok       3 subscriptions: listing, starting and polling are permitted" in lines
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in data
    assert os.listdir(tmp_path) == []


def as_a_shell_reads(command: str) -> list[str]:
    """The words of a command that was copied from a screen."""
    line = ["/bin/sh", "-c", f"printf '%s\\n' {command}"]
    return subprocess.run(line, capture_output=True, encoding="utf-8", check=True).stdout.splitlines()


async def test_what_fails_has_its_remedy_and_a_command_that_a_shell_joins(tmp_path: Path) -> None:
    cloud = cloud_of(lacking_subscriptions=1)
    last = cloud.fleet.estate.subscriptions[-1]
    async with serve(cloud) as endpoint:
        code, data, _ = await doctor(endpoint, "--out", str(tmp_path))
    lines = data.splitlines()
    assert code == 4
    assert lines[-1] == "1 check FAILED: a scan would stop or miss a part of the fleet."
    assert max(map(len, lines)) <= 80
    [made, assigned] = re.findall(r"^ +(az role (?:.*\\\n)*.*?)(?: &&)?$", data, re.MULTILINE)
    words = await anyio.to_thread.run_sync(as_a_shell_reads, made)
    assert words[2:] == ["definition", "create", "--role-definition", "deploy/azure-role.json"]
    words = await anyio.to_thread.run_sync(as_a_shell_reads, assigned)
    assert words == [
        *("az", "role", "assignment", "create", "--assignee", OBJECT_ID, "--role", "fleetscan"),
        *("--scope", f"/subscriptions/{last.subscription_id}"),
    ]


async def test_a_program_reads_a_record_of_its_schema(tmp_path: Path) -> None:
    cloud = cloud_of(lacking_subscriptions=1, lacking="polling", empty_subscriptions=1)
    async with serve(cloud) as endpoint:
        code, data, words = await doctor(endpoint, "--out", str(tmp_path), "--format", "json")
    record = json.loads(data)
    VALID.validate(record)
    assert (code, record["exit_code"], words) == (4, 4, "")
    assert record["endpoint"] == endpoint
    assert (record["identity"]["object_id"], record["identity"]["name"]) == (OBJECT_ID, "night-scan")
    told = {each["name"]: each for each in record["subscriptions"]}
    lacking = told[cloud.fleet.estate.subscriptions[-1].name]
    assert (lacking["may_start"], lacking["may_poll"]) == (True, False)
    assert lacking["missing_actions"] == ["Microsoft.Compute/locations/operations/read"]
    assert (told["Sandbox 1"]["compute_registered"], told["Sandbox 1"]["vms"]) == (False, 0)
    assert [each["name"] for each in record["not_scanned"]] == ["Retired Sandbox"]
    assert record["quotas"]["x-ms-ratelimit-remaining-subscription-reads"] > 0


async def test_a_record_of_what_could_not_be_reached_is_of_its_schema_too(tmp_path: Path) -> None:
    async with serving(Answer(b"", "close")) as server:
        endpoint = f"http://127.0.0.1:{server.port}"
        code, data, _ = await doctor(endpoint, "--out", str(tmp_path), "--format", "json")
    record = json.loads(data)
    VALID.validate(record)
    assert (code, record["vms"], record["subscriptions"], record["clock_ahead_s"]) == (4, None, [], None)
    assert {each["check"]: each["status"] for each in record["checks"]} == {
        "name": "ok",
        "connection": "failed",
        "token": "not_checked",
        "directory": "ok",
        **dict.fromkeys(("clock", "subscriptions", "permissions", "resource_graph", "quota"), "not_checked"),
    }


async def test_a_person_reads_what_was_not_checked_and_that_nothing_is_known_of_the_token(
    tmp_path: Path,
) -> None:
    async with serving(Answer(b"", "close")) as server:
        code, data, _ = await doctor(f"http://127.0.0.1:{server.port}", "--out", str(tmp_path))
    lines = data.splitlines()
    assert code == 4
    assert "-        not checked: clock, subscriptions, permissions, Resource Graph, quota" in lines
    assert "-        a token is there, not checked: the endpoint could not be reached; of" in lines
    assert "signed in" not in data
    assert lines[-1] == "1 check FAILED: a scan would stop or miss a part of the fleet."
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {"REQUESTS_CA_BUNDLE": "/dev/null/x"}, "REQUESTS_CA_BUNDLE names /dev/null/x"),
        (["--ca-bundle", "/dev/null/x"], {}, "the setting of trusted certificates names /dev/null/x"),
    ],
)
async def test_a_network_that_cannot_be_used_is_a_failed_check_among_the_others(
    arguments: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    told = ["--out", str(tmp_path), "--format", "json", *arguments]
    code, data, words = await doctor("https://127.0.0.1:1", *told, **environment)
    record = json.loads(data)
    VALID.validate(record)
    assert (code, words) == (4, "")
    told_of = {each["check"]: each for each in record["checks"]}
    assert told_of["connection"]["status"] == "failed"
    assert told_of["connection"]["what"].startswith(said)
    assert told_of["directory"]["status"] == "ok"


def test_a_variable_that_names_no_proxy_is_a_failed_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for name in ("no_proxy", "NO_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    assert run(["doctor", "--endpoint", "https://management.azure.test", "--out", str(tmp_path)]) == 4
    said = capsys.readouterr().out
    assert "FAILED   HTTPS_PROXY must be http://host:port" in said
    assert "-        not checked: token, clock, subscriptions, permissions, Resource Graph," in said
    assert "1 check FAILED, 1 warning: " in said


async def test_runs_that_are_a_file_have_a_directory_as_their_remedy(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.write_text("x")
    async with serve(cloud_of()) as endpoint:
        code, data, _ = await doctor(endpoint, "--runs", str(file), "--format", "json")
    [check] = [each for each in json.loads(data)["checks"] if each["check"] == "directory"]
    assert (code, check["status"], check["remedy"]) == (4, "failed", "name a directory with --runs")


def test_what_is_said_while_it_checks_fits_a_terminal() -> None:
    assert len(CHECKING) <= 80


async def test_the_token_is_in_nothing_that_it_tells_whatever_replies_repeat(tmp_path: Path) -> None:
    for form in ("text", "json"):
        async with serve(cloud_of(echoed_pct=100.0, lacking_subscriptions=1)) as endpoint:
            _, data, words = await doctor(endpoint, "--out", str(tmp_path), "--format", form)
        payload = SECRET.split(".")[1]
        assert payload not in data + words


async def test_a_thousand_subscriptions_with_one_answer_are_a_line(tmp_path: Path) -> None:
    cloud = cloud_of(subscriptions=1000, machines=1000, lacking_subscriptions=30)
    async with serve(cloud) as endpoint:
        code, data, _ = await doctor(endpoint, "--out", str(tmp_path))
    assert code == 4
    assert len(data.splitlines()) < 27
    assert "970 subscriptions: listing, starting and polling are permitted" in data
    assert "30 subscriptions: starting is not permitted: " in data
    assert "and 27 more" in data
    assert cloud.ledger.throttled.total() == 0


def http(body: Json, **headers: str) -> Answer:
    """A reply of 200."""
    data = json.dumps(body).encode()
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Answer(f"HTTP/1.1 200 OK\r\n{told}Content-Length: {len(data)}\r\n\r\n".encode() + data)


@asynccontextmanager
async def hostile_azure(text: str) -> AsyncIterator[str]:
    """An Azure with one subscription, in which all that a stranger may name is `text`."""
    entry: Json = {"subscriptionId": ID, "displayName": text, "state": "Enabled", "tenantId": text}
    async with serving(
        http({}),
        http({"value": [entry]}),
        http({"totalRecords": 0, "count": 0, "data": [], "resultTruncated": "false"}),
        http({"value": [{"actions": [text], "notActions": [text]}]}),
        http({"registrationState": text}),
    ) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize("name", ["csi", "forged line", "bidi", "markup", "quotes", "long"])
async def test_a_subscription_s_name_does_no_harm(name: str, tmp_path: Path) -> None:
    text = str(recorded(HOSTILE[name]))[:5000]
    async with hostile_azure(text) as endpoint:
        code, data, words = await doctor(endpoint, "--out", str(tmp_path))
    assert (code, harm_in(data + words)) == (4, [])
    assert max(map(len, data.splitlines())) <= 80
    async with hostile_azure(text) as endpoint:
        _, data, _ = await doctor(endpoint, "--out", str(tmp_path), "--format", "json")
    VALID.validate(json.loads(data))
    assert data.isascii()


def record_of(text: str) -> Doctor:
    """A record in which all that strangers give is `text`."""
    check: DoctorCheck = {
        "check": "permissions",
        "status": "failed",
        "what": text,
        "remedy": text,
        "command": text,
        "details": [text] * 2,
    }
    told: dict[str, Any] = {
        "schema": "fleetscan.doctor/1",
        "checks": [check, {**check, "status": "warning"}],
        "vms": 3,
        "subscriptions": [],
    }
    return cast("Doctor", told)


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An ordinary terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return monkeypatch


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_in_a_record_harms_a_screen(text: str, colours: pytest.MonkeyPatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        print_doctor(record_of(text), stream=stream)
        assert harm_in(stream.getvalue(), is_terminal=stream.isatty()) == []


def test_colours_are_for_terminals_that_want_them(colours: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    print_doctor(record_of("fine"), stream=terminal)
    assert "\x1b[1;31m" in terminal.getvalue()
    colours.setenv("NO_COLOR", "1")
    terminal = Terminal()
    print_doctor(record_of("fine"), stream=terminal)
    assert "\x1b" not in terminal.getvalue()


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 132])
def test_no_line_of_words_is_wider_than_the_screen(columns: int, colours: pytest.MonkeyPatch) -> None:
    colours.setenv("COLUMNS", str(columns))
    record = record_of("a word and others " * 12)
    for check in record["checks"]:
        check["command"] = None
    stream = io.StringIO()
    print_doctor(record, stream=stream)
    assert max(map(len, stream.getvalue().splitlines())) <= columns


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--format", "xml"], "--format"),
        (["--endpoint", "http://azure.test"], "--endpoint"),
        (["--out", ""], "--out"),
        (["--proxy", "socks5://127.0.0.1:1"], "--proxy"),
    ],
)
def test_a_mistake_is_one_line_and_2(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "x")
    monkeypatch.setenv("FLEETSCAN_ENDPOINT", "http://127.0.0.1:1")
    assert run(["doctor", *arguments]) == 2
    heard = capsys.readouterr()
    assert (heard.out, heard.err.count("\n")) == ("", 1)
    assert word in heard.err


async def test_a_scan_s_file_of_settings_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "nightly.toml"
    file.write_text('with-patches = true\nmax-age = "20h"\nfail-on = "failed>5"\nlimit = 3\n')
    async with serve(cloud_of()) as endpoint:
        code, _, words = await doctor(endpoint, "--config", str(file), "--runs", str(tmp_path / "runs"))
    assert (code, words) == (0, "")


async def test_a_signal_ends_it_while_azure_is_silent(tmp_path: Path) -> None:
    came, over = anyio.Event(), anyio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await over.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        line = [sys.executable, "-m", "fleetscan", "doctor", "--out", str(tmp_path), "--endpoint", endpoint]
        told = {"FLEETSCAN_ACCESS_TOKEN": SECRET, "PYTHONPATH": os.getcwd()}
        async with await anyio.open_process(line, env=told, stdin=subprocess.DEVNULL) as process:
            with anyio.fail_after(LONG_S):
                await came.wait()
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 5
        over.set()


def test_a_stream_without_the_letters_of_a_name_gets_escapes(colours: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_doctor(record_of("Zürich \u6771\u4eac"), stream=stream)
    stream.flush()
    assert b"Z\\xfcrich \\u6771\\u4eac" in raw.getvalue()


def test_settings_are_named_as_the_command_line_has_them() -> None:
    _, [finding] = look_at("/dev/null/x", "unused", None)
    assert finding.remedy is not None
    assert finding.remedy.told(as_flag).endswith("name a directory with --out")


def test_the_environment_of_other_commands_is_none_of_its_own() -> None:
    environment: Mapping[str, str] = {"FLEETSCAN_DOCTOR_FORMAT": "json"}
    assert list(unknown_variables(environment)) == []
