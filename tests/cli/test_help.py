"""Help: every setting once under its heading with its variable, at any width, however one asks for it."""

from __future__ import annotations

import re

import pytest

from fleetscan.cli.command_help import HEADINGS
from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.main import run
from fleetscan.settings.setting import CheckedSettings, settings_of

WITH_SETTINGS = [
    pytest.param(name, command.settings(), id=name) for name, command in COMMANDS.items() if command.settings
]
EVERY_HELP = [(), *((name,) for name in COMMANDS)]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command line writes to standard output, as it ends with 0."""
    assert run(arguments) == 0
    heard = capsys.readouterr()
    assert heard.err == ""
    return heard.out


def sections(text: str) -> dict[str, str]:
    """The text under each heading."""
    parts = re.split(r"^(\w[\w ]*):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("name", "settings"), WITH_SETTINGS)
def test_each_setting_stands_once_under_its_heading_with_its_variable(
    name: str, settings: type[CheckedSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    found = sections(told(capsys, name, "--help"))
    entries = "".join(text for heading, text in found.items() if heading != "Examples")
    for setting in settings_of(settings):
        assert re.search(
            rf"^  (-\w, )?{setting.flag}( \S+)? +{setting.variable}$",
            found[str(setting.group.value)],
            re.MULTILINE,
        )
        assert len(re.findall(rf"\b{setting.variable}$", entries, re.MULTILINE)) == 1


@pytest.mark.parametrize(("name", "settings"), WITH_SETTINGS)
def test_headings_come_in_their_order_then_what_all_commands_have_then_examples(
    name: str, settings: type[CheckedSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    used = {setting.group for setting in settings_of(settings)}
    wanted = [str(heading.value) for heading in HEADINGS if heading in used]
    assert list(sections(told(capsys, name, "--help"))) == [*wanted, "General", "Examples"]


def test_a_scan_s_headings_are_what_it_scans_then_how(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [
        *("What to scan", "What to leave out", "Earlier assessments", "Pace", "Output", "What is enough"),
        *("Stopping and resuming", "Signing in", "On a Dask cluster", "Expert", "General", "Examples"),
    ]
    assert list(sections(told(capsys, "scan", "--help"))) == wanted


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("command", EVERY_HELP, ids=" ".join)
def test_help_fits_the_terminal_and_breaks_no_flag(
    command: tuple[str, ...],
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = told(capsys, *command, "--help").splitlines()
    assert max(map(len, lines)) <= columns
    assert [line for line in lines if line.endswith(("-", "[default:"))] == []


def test_help_uses_the_width_there_is_up_to_110_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    widths = []
    for columns in ("60", "80", "100", "110", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        widths.append(max(map(len, told(capsys, "scan", "--help").splitlines())))
    assert widths == [58, 78, 98, 108, 108]


def test_the_twin_of_a_switch_works_and_is_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "scan", "--help")
    assert text.count("--no-") == 2
    assert "--no-FLAG\n      Undo a switch that a variable or a file sets, such as --no-quiet." in text
    assert told(capsys, "scan", "--no-quiet", "--no-ignore-busy", "--help") == text


@pytest.mark.parametrize("command", EVERY_HELP, ids=" ".join)
def test_the_command_help_shows_what_the_flag_shows(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = told(capsys, "help", *command)
    assert asked == told(capsys, *command, "--help") == told(capsys, *command, "-h")
    assert asked.startswith("Usage: fleetscan")


def test_help_does_not_need_the_file_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEETSCAN_CONFIG", "/nowhere.toml")
    monkeypatch.setenv("FLEETSCAN_LIMIT", "many")
    assert "--max-in-flight N" in told(capsys, "help", "scan")


def test_version_is_the_same_line_by_each_way_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    told_by = {told(capsys, way) for way in ("version", "--version", "-V")}
    assert told_by == {"fleetscan 0.1.0\n"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("help", "scna"), "unknown command 'scna'. Did you mean scan?"),
        (("help", "xyzzy"), "unknown command 'xyzzy'. Run fleetscan --help to list them."),
        (("help", "--scan"), "unknown flag --scan. Run fleetscan help --help to list them."),
    ],
)
def test_help_of_what_there_is_not_is_one_sentence_and_2(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    heard = capsys.readouterr()
    assert (heard.out, heard.err) == ("", f"fleetscan: error: {sentence}\n")
