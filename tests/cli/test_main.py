"""The door: help that is quick and complete, and one exit code for every way to end."""

from __future__ import annotations

import errno
import importlib
import subprocess
import sys

import click
import orjson
import pytest

from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.main import fleetscan, run
from fleetscan.cli.running import run_until_stopped
from fleetscan.errors import CredentialError, FleetscanError, UsageError
from fleetscan.records.schema import SCHEMAS


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit code of a command line whose command raises `error`."""

    def broken() -> int:
        raise error

    monkeypatch.setattr(
        importlib.import_module("fleetscan.cli.schema"), "schema", click.Command("schema", None, broken)
    )
    return run(["schema"])


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A whole run of the program."""
    return subprocess.run(
        [sys.executable, "-m", "fleetscan", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_each_command_with_its_first_line() -> None:
    done = process("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name, command in COMMANDS.items():
        assert f"  {name:<12}{command.help}\n" in done.stdout


def test_version_is_one_line_of_data() -> None:
    done = process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fleetscan 0.1.0\n", "")


def test_nothing_asked_is_answered_with_help_on_stderr_and_2() -> None:
    done = process()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: fleetscan ")


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from fleetscan.cli.main import run\n"
        "assert [run(args) for args in (['--help'], ['scan', '--help'], ['help', 'simulate'])] == [0, 0, 0]\n"
        "print(sorted({'aiohttp', 'azure', 'orjson', 'rich', 'uvloop'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_first_line_is_the_one_in_the_list(name: str) -> None:
    command = fleetscan.get_command(click.Context(fleetscan), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name].help


def test_an_unknown_variable_is_a_warning_and_the_command_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEETSCAN_LIMITT", "3")
    assert run(["schema"]) == 0
    heard = capsys.readouterr()
    assert heard.err == (
        "fleetscan: warning: unknown variable FLEETSCAN_LIMITT. Did you mean FLEETSCAN_LIMIT?\n"
    )
    assert list(orjson.loads(heard.out)) == list(SCHEMAS)


def test_what_a_person_must_mend_is_one_sentence_with_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, CredentialError("no credential was found; run `az login`")) == 4
    assert capsys.readouterr().err == "fleetscan: error: no credential was found; run `az login`\n"


def test_a_bug_shows_its_traceback_harmlessly_and_ends_with_70(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, ZeroDivisionError("one \x1b[2J over nothing")) == 70
    heard = capsys.readouterr().err
    assert heard.startswith("  Traceback (most recent call last):\n    File ")
    assert "  ZeroDivisionError: one \\x1b[2J over nothing\n" in heard
    assert heard.endswith(
        "internal error: a bug in fleetscan (exit 70). Please report it with the lines above.\n"
    )


def test_a_pipe_that_breaks_in_our_own_code_is_a_bug_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # click would leave with 1, and puts streams of its own into the places of the standard ones.
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    assert ending(monkeypatch, BrokenPipeError(errno.EPIPE, "Broken pipe")) == 70


def test_an_input_that_ends_in_our_own_code_is_a_bug_and_no_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Such as a module that a full disk left half written: click would call it an interrupt, without a word.
    assert ending(monkeypatch, EOFError("marshal data too short")) == 70
    assert "EOFError: marshal data too short" in capsys.readouterr().err


def test_an_interrupt_before_anything_runs_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ending(monkeypatch, KeyboardInterrupt()) == 130


def test_an_error_raised_deep_in_task_groups_comes_out_alone() -> None:
    async def job(_: object) -> int:
        raise BaseExceptionGroup("scan", [ExceptionGroup("listing", [UsageError("no such file")])])

    with pytest.raises(UsageError, match="no such file"):
        run_until_stopped(job)


def test_a_bug_beside_an_error_is_not_hidden_by_it() -> None:
    async def job(_: object) -> int:
        raise ExceptionGroup("scan", [FleetscanError("no"), ZeroDivisionError("a bug")])

    with pytest.raises(ExceptionGroup) as caught:
        run_until_stopped(job)
    assert caught.group_contains(ZeroDivisionError)
