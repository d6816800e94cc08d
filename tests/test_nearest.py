"""A nearest name is told only where it is near, by one rule: flags, variables, keys, commands and words."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.environment import unknown_variables
from fleetscan.cli.main import run
from fleetscan.nearest import nearest
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import settings_of

NAMES = [setting.name for setting in settings_of(Settings)]

NEAR = {
    "max-inflight": "max-in-flight",
    "max-in-fligt": "max-in-flight",
    "MAX_IN_FLIGHT": "max-in-flight",
    "subscriptions": "subscription",
    "subscribtion": "subscription",
    "subscription-id": "subscription",
    "limits": "limit",
    "limt": "limit",
    "ot": "out",
    "outt": "out",
    "run": "runs",
    "quite": "quiet",
    "drian": "drain",
    "dead-line": "deadline",
    "verbos": "verbose",
    "resume-with": "resume-within",
    "operation-time": "operation-timeout",
    "pool-interval": "poll-interval",
}
# Names of other tools, of other commands, of what is to come, and of nothing.
FAR = (
    *("foo", "bar", "xyzzy", "x", "-", "", "out-dir", "output", "opt", "otu", "put", "oot", "dir"),
    *("log", "rate", "group", "format", "timeout", "interval", "port"),
    *("machines", "seed", "dashboard", "retry", "poll", "in-flight", "x" * 1_000_000),
)


@pytest.mark.parametrize(("word", "meant"), NEAR.items())
def test_a_name_with_few_wrong_letters_is_near(word: str, meant: str) -> None:
    assert nearest(word, NAMES) == meant


@pytest.mark.parametrize("word", FAR, ids=lambda word: word[:20])
def test_a_name_that_is_like_no_other_is_near_to_none(word: str) -> None:
    assert nearest(word, NAMES) is None


def test_of_two_near_names_the_nearer_is_meant() -> None:
    assert nearest("locked-machine", ["locked-groups", "machines", "locked-machines"]) == "locked-machines"
    assert nearest("retry-faild", ["retry-skipped", "retry-failed"]) == "retry-failed"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["scan", "--foo"], "Run fleetscan scan --help to list them."),
        (["scan", "--max-inflight", "3"], "Did you mean --max-in-flight?"),
        (["scan", "--no-quite"], "Did you mean --no-quiet?"),
        (["plan", "--out", "x"], "Run fleetscan plan --help to list them."),
        (["scan", "-o", "x"], "Run fleetscan scan --help to list them."),
        (["--versoin"], "Did you mean --version?"),
        (["--foo"], "Run fleetscan --help to list them."),
        (["foo"], "Run fleetscan --help to list them."),
        (["Plan"], "Did you mean plan?"),
        (["simulat"], "Did you mean simulate?"),
        (["simulate", "--refill", "by-minut"], "did you mean by-minute?"),
        (["simulate", "--refill", "foo"], "not 'foo'"),
    ],
    ids=" ".join,
)
def test_the_command_line_follows_the_rule(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.endswith(f"{hint}\n")


def test_a_variable_and_a_key_follow_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(unknown_variables({"FLEETSCAN_FOO": "1", "FLEETSCAN_OUTT": "1"})) == [
        "unknown variable FLEETSCAN_FOO. Run fleetscan help COMMAND to list them.",
        "unknown variable FLEETSCAN_OUTT. Did you mean FLEETSCAN_OUT?",
    ]
    path = tmp_path / "a.toml"
    path.write_text("foo = 1", encoding="utf-8")
    assert run(["scan", "--config", str(path)]) == 2
    assert "unknown setting 'foo'. Known settings: auth, " in capsys.readouterr().err


def test_no_name_there_is_stands_in_the_way_of_itself() -> None:
    for names in (NAMES, list(COMMANDS)):
        assert [nearest(name, names) for name in names] == names
