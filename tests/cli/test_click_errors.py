"""What cannot be used as it is ends in one sentence on stderr, exit 2, nothing on stdout and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.cli.main import run
from tests.cli.processes import spoken


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """The one line on stderr that a command line ends with."""
    assert run(arguments) == code
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.count("\n") == 1
    line = heard.err.rstrip("\n")
    if arguments[0] in ("scan", "resume"):
        return spoken(line).rstrip("\n")
    prefix, _, sentence = line.partition("error: ")
    assert prefix == "fleetscan: "
    return sentence


def config(tmp_path: Path, content: bytes) -> str:
    """The path of a configuration file."""
    path = tmp_path / "night.toml"
    path.write_bytes(content)
    return str(path)


def test_an_unknown_flag_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "scan", "--max-in-fligt", "3") == (
        "unknown flag --max-in-fligt. Did you mean --max-in-flight?"
    )


def test_an_unknown_flag_like_no_other_is_told_where_they_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        refusal(capsys, "scan", "--xyzzy") == "unknown flag --xyzzy. Run fleetscan scan --help to list them."
    )


def test_an_unknown_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "scna") == "unknown command 'scna'. Did you mean scan?"


def test_an_unknown_key_is_told_the_file_and_the_nearest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = config(tmp_path, b"max_in_fligt = 3\n")
    assert refusal(capsys, "scan", "--config", path) == (
        f"{path}: unknown setting 'max_in_fligt'. Did you mean max-in-flight?"
    )


def test_a_key_of_another_command_is_unknown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = config(tmp_path, b"machines = 3\n")
    assert refusal(capsys, "scan", "--config", path).startswith(
        f"{path}: unknown setting 'machines'. Known settings: "
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"limit = [", "is not valid TOML: "),
        (b"limit = 1\nlimit = 2", "is not valid TOML: "),
        (b"out = '\xff'", "is not valid TOML: it is not UTF-8 at byte 7; save it as UTF-8"),
        (b"\xff\xfe\x00\xd8", "is not valid TOML: it is not UTF-16-LE at byte 2; save it as UTF-8"),
        (b"l\x00i\x00", "is not valid TOML: "),
        (b"x = " + b"[" * 100_000, "is not valid TOML: "),
        (b"out = \x1b[31m", "is not valid TOML: "),
    ],
)
def test_an_unreadable_file_is_told_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, why: str
) -> None:
    path = config(tmp_path, content)
    sentence = refusal(capsys, "scan", "--config", path)
    assert sentence.startswith(f"{path} {why}")
    assert "\x1b" not in sentence


def test_a_file_that_is_not_there_is_told_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "absent.toml")
    assert refusal(capsys, "scan", "--config", path) == f"cannot read {path}: No such file or directory"
    assert refusal(capsys, "scan", "--config", str(tmp_path)) == f"cannot read {tmp_path}: Is a directory"


DURATION = "must be a duration with its unit, such as 1500ms, 90s, 1h30m, 20h or 30d, from 0s to 365d"
SHARE = "must be a number, from 0.01 to 1, or a percentage such as 50%"


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        (
            b"first-poll = 75",
            "first-poll needs a unit: write 75s for seconds (or use ms, m, h, d, w); it stands in quotes",
        ),
        (b"drain = true", f"drain {DURATION}, not 'true'; it stands in quotes"),
        (b"drain = nan", f"drain {DURATION}, not 'nan'; it stands in quotes"),
        (b"drain = 07:32:00", f"drain {DURATION}, not '07:32:00'; it stands in quotes"),
        (b"drain = []", "drain takes one value, not an array"),
        (b"drain = ['1s']", "drain takes one value, not an array"),
        (b"drain = ''", f"drain {DURATION}, not ''"),
        (b"max-in-flight = 0", "max-in-flight must be a whole number, from 1 to 10000, not '0'"),
        (b"max-in-flight = true", "max-in-flight must be a whole number, from 1 to 10000, not true"),
        (b"max-in-flight = 6.5", "max-in-flight must be a whole number, from 1 to 10000, not 6.5"),
        (b"max-in-flight = 6.0", "max-in-flight must be a whole number, from 1 to 10000, not 6.0"),
        (b"max-in-flight = inf", "max-in-flight must be a whole number, from 1 to 10000, not inf"),
        (
            b"max-in-flight = 2026-01-02 03:04:05",
            "max-in-flight must be a whole number, from 1 to 10000, not 2026-01-02T03:04:05",
        ),
        (
            b"max-in-flight = 0x" + b"f" * 5000,
            "max-in-flight must be a whole number, from 1 to 10000, not 'a number of hundreds of digits'",
        ),
        (
            b"limit = 1000000000000000000",
            "limit must be a whole number, 1 or more, of 18 digits at most, not '1000000000000000000'",
        ),
        (b"rate-share = nan", f"rate-share {SHARE}, not 'nan'"),
        (b"rate-share = 50", f"rate-share {SHARE}, not '50'"),
        (b"rate-share = true", f"rate-share {SHARE}, not true"),
        (b"rate-share = '150%'", f"rate-share {SHARE}, not '150%'"),
        (b"api-version = 2022-08-01", 'api-version must stand in quotes: api-version = "2022-08-01"'),
        (b"out = 5", 'out must stand in quotes: out = "5"'),
        (b"subscription = 5", 'subscription must stand in quotes: subscription = "5"'),
        (b"subscription = ['a', 5]", 'subscription must stand in quotes: subscription = "5"'),
        (b"subscription = [['a']]", "subscription takes texts, not an array in its array"),
        (b"subscription = ''", "subscription must be a subscription's id or name, not ''"),
        (b"quiet = 1", "quiet must be true or false, not 1"),
        (b"quiet = 0.0", "quiet must be true or false, not 0.0"),
        (b"quiet = 'maybe'", "quiet must be true or false, not 'maybe'"),
        (b"quiet = [true]", "quiet takes one value, not an array"),
        (b"group-by = ['owner']", "group-by must be tag:NAME, such as tag:owner, not 'owner'"),
        (b"limit = {}", "'limit' is a table; settings stand at the top of the file, in no table"),
        (b"[scan]\nlimit = 1", "'scan' is a table; settings stand at the top of the file, in no table"),
        (b"[[limit]]\nof = 1", "'limit' is a table; settings stand at the top of the file, in no table"),
        (b"first.poll = '3s'", "'first' is a table; settings stand at the top of the file, in no table"),
        (
            b"group-by = ['tag:a']\ngroup_by = []",
            "group-by is set twice, with hyphens and with underscores",
        ),
    ],
)
def test_a_wrong_value_in_a_file_is_told_the_file_and_the_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, clause: str
) -> None:
    path = config(tmp_path, content)
    assert refusal(capsys, "scan", "--config", path) == f"{path}: {clause}"


def test_a_wrong_value_is_called_by_its_flag_or_its_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clause = "needs a unit: write 75s for seconds (or use ms, m, h, d, w)"
    assert refusal(capsys, "scan", "--first-poll", "75") == f"--first-poll {clause}"
    monkeypatch.setenv("FLEETSCAN_FIRST_POLL", "75")
    assert refusal(capsys, "scan") == f"FLEETSCAN_FIRST_POLL {clause}"


def test_plain_http_to_another_host_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "scan", "--endpoint", "http://management.azure.com") == (
        "--endpoint must be https://HOST[:PORT] without a path (http:// only for loopback), "
        "not 'http://management.azure.com': plain http would show the token to the network"
    )


def test_a_token_that_cannot_be_one_is_refused_without_showing_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "Bearer sesame")
    assert run(["scan"]) == 4
    sentence = capsys.readouterr().err
    assert "FLEETSCAN_ACCESS_TOKEN is not a valid bearer token: it is empty, or contains" in sentence
    assert "sesame" not in sentence


def test_there_is_no_flag_and_no_key_for_the_access_token(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "unknown flag --access-token" in refusal(capsys, "scan", "--access-token", "x")
    path = config(tmp_path, b"access-token = 'x'")
    assert "unknown setting 'access-token'" in refusal(capsys, "scan", "--config", path)


def test_what_a_terminal_would_obey_is_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refusal(capsys, "scan", "--\x1b[31mred\u202e")
    assert sentence.startswith(r"unknown flag --\x1b[31mred\u202e.")


def test_percentages_that_leave_no_room_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "simulate", "--stopped-pct", "60", "--warned-pct", "40") == (
        "stopped_pct, warned_pct, truncated_pct and failing_pct must be 100 together at most, not 103"
    )


def test_a_flag_without_its_value_and_a_stray_word_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "scan", "--endpoint") == "Option '--endpoint' requires an argument."
    assert (
        refusal(capsys, "scan", "now")
        == "unexpected argument now. Run fleetscan scan --help to see how it is used."
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scan", "x"], "x. Run fleetscan scan"),
        (["resume", "a", "b"], "b. Run fleetscan resume"),
        (
            ["help", "scan", "plan"],
            "plan. Run fleetscan help",
        ),
        (
            ["version", "a", "b"],
            "a b. Run fleetscan version",
        ),
    ],
)
def test_an_argument_too_many_is_named_with_what_shows_the_usage(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert refusal(capsys, *arguments) == f"unexpected argument {told} --help to see how it is used."
