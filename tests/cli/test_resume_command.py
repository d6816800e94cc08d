"""`fleetscan resume`: its layers, the commands that messages print, and a stranger's directory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import anyio
import pytest
from click.testing import CliRunner

from fleetscan.cli.console import as_command, as_flag, note_error, shell_word
from fleetscan.cli.farewell import Farewell
from fleetscan.cli.main import run
from fleetscan.cli.options import resuming
from fleetscan.errors import FleetscanError, OutputError, ResumeCommand, UsageError
from fleetscan.report.terminal import print_summary
from fleetscan.runs.disk import cannot_go_on
from fleetscan.runs.how_to_resume import command_for
from fleetscan.scanner.named_run import find_run
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import Setting, settings_of
from tests.cli.processes import begun, ended, simulation, spoken
from tests.cli.test_layers import ROWS, written
from tests.scanner.test_named_runs import FOREIGN, of_foreign_endpoint, short_of
from tests.scanner.test_nights import DAY_S, HOUR_S, Nights, contents
from tests.virtual import ENDPOINT, EPOCH

Said = tuple[str | None, dict[str, object]]
SELECTS = {"subscription", "management-group", "resource-group", "location", "os", "tag", "name"}
SELECTS |= {"power-state", "patch-mode"}
OWN = {"inventory", "inventory-source", "limit", "retry-failed", "retry-skipped", "out", "resume"}
OWN |= {"include-arc", "cached-only", "shard", "shard-by"} | SELECTS | {f"exclude-{name}" for name in SELECTS}
HOW = [each for each in settings_of(Settings) if each.name not in OWN]

AWKWARD = [
    "plain",
    "two words",
    "two  blanks ",
    "it's",
    'say "x"',
    "$HOME`id`\\",
    "a;b&c|d>(e)",
    "-dash",
    "--drain",
    "~",
    "*",
    "!!",
    "für\u202eeuro\u20ac",
    "tab\there\x1b[2J",
    "caf\udce9 \udcff",
    "long" * 50,
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test says is said."""
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "sesame")


def said(arguments: list[str], environment: Mapping[str, str] | None = None) -> Said:
    """The run's name and the settings that a command line of `resume` says."""
    seen: list[Said] = []

    def resume(run: str | None, said: Mapping[str, object]) -> int:
        seen.append((run, dict(said)))
        return 0

    CliRunner().invoke(
        resuming(())(resume), arguments, env=environment, standalone_mode=False, catch_exceptions=False
    )
    return seen[0]


@pytest.mark.parametrize("setting", HOW, ids=lambda setting: setting.name)
def test_flag_beats_variable_beats_file_and_what_is_not_said_is_the_run_s_own(
    tmp_path: Path, setting: Setting
) -> None:
    in_file, in_variable, in_flag = ROWS[setting.name]
    config = written(tmp_path, f'{setting.name} = "{in_file[0]}"\n')
    variable = {setting.variable: in_variable[0]}
    flag = [setting.flag] if setting.is_switch else [setting.flag, in_flag[0]]
    name = setting.attribute
    assert said([]) == (None, {})
    # A file that is a scan's does not confirm an endpoint.
    assert said(config) == (None, {} if name == "endpoint" else {name: in_file[1]})
    assert said(config, variable)[1][name] == in_variable[1]
    assert said([*config, *flag], variable)[1][name] == in_flag[1]


def test_a_switch_can_be_said_off() -> None:
    assert said(["--no-quiet"]) == (None, {"quiet": False})


def test_a_scan_s_file_is_read_without_what_selects_vms(tmp_path: Path) -> None:
    keys = 'limit = 5\nsubscription = ["a"]\nout = "x"\nresume = true\ninventory = "f"\ndrain = "1s"\n'
    assert said([*written(tmp_path, keys), "RUN"]) == ("RUN", {"drain_s": 1.0})
    with pytest.raises(UsageError, match=r"unknown setting 'drian'. Did you mean drain\?"):
        said(written(tmp_path, 'drian = "1s"\n'))


@pytest.mark.parametrize("flag", sorted(OWN))
def test_what_selects_vms_is_no_flag_of_resume(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["resume", f"--{flag}"]) == 2
    assert f"unknown flag --{flag}." in capsys.readouterr().err


@dataclass(frozen=True)
class Live:
    """A scan whose run is, or is not yet, kept."""

    directory: Path | None = None


class Stopped:
    """A run of 15 VMs that was stopped in the directory `out`, and what people were told of it since."""

    def __init__(self, place: Path, out: str) -> None:
        place.mkdir(exist_ok=True)
        self.nights = Nights(place)
        self.out = out
        self.line = short_of(self.nights, limit=15, out=out)
        self.summary: ScanSummary = self.nights.scan(self.line)

    def refused(self, **other: object) -> str:
        """What a scan with the same line, but for `other` settings, is refused with."""
        with pytest.raises(FleetscanError) as refused:
            self.nights.scan(replace(self.line, **other))  # type: ignore[arg-type]
        return refused.value.told(as_flag)

    def farewell(self) -> str:
        """What a second Ctrl-C tells."""
        farewell = Farewell()
        farewell.watch(Live(Path(self.out)), self.line.endpoint, is_kept=True)
        return farewell.quit()

    def shown(self) -> str:
        """The end of the summary."""
        stream = io.StringIO()
        command = as_command(command_for(Path(self.out), self.line.endpoint))
        print_summary(
            self.summary.totals,
            directory=Path(self.out),
            stream=stream,
            running=self.summary.running,
            resume_command=command,
        )
        return stream.getvalue()

    def messages(self) -> Iterator[str]:
        """Every message that tells a person to resume."""
        assert self.summary.stopped_by is not None
        yield self.summary.stopped_by.told(as_flag)
        yield self.shown()
        yield self.farewell()
        yield cannot_go_on(Path(self.out) / "results.jsonl", OSError(28, "No space left")).told(as_flag)
        yield self.refused()
        yield self.refused(resume=True, limit=3)
        yield self.refused(out=f"{self.out}-other", limit=None, retry_failed=self.out)
        self.nights.clock.now = 2 * DAY_S
        yield self.refused(resume=True)


def command_in(message: str) -> str:
    """The command in a message: from its first word to the end of the line."""
    lines = [line for line in message.splitlines() if "fleetscan resume " in line]
    assert len(lines) == 1, message
    assert "DIR" not in lines[0]
    return lines[0][lines[0].index("fleetscan resume ") :]


def pasted(command: str) -> list[str]:
    """The words that a shell makes of the command."""
    script = f'fleetscan() {{ printf "%s\\0" "$@"; }}\n{command}'
    done = subprocess.run(["/bin/bash", "-c", os.fsencode(script)], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


def meant(words: list[str]) -> Path | None:
    """The directory of the run that a pasted command goes on with."""
    assert words[0] == "resume"
    name, settings = said(words[1:])
    named = find_run(name, None, HOUR_S, EPOCH)
    endpoint = settings.get("endpoint")
    out = named.settings(None if endpoint is None else str(endpoint), {}).out
    return None if out is None else Path(out)


@pytest.mark.parametrize("is_absolute", [True, False], ids=["absolute", "relative"])
@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
def test_each_message_s_command_works_as_it_is_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    out = str(tmp_path / name) if is_absolute else name
    stopped = Stopped(tmp_path / "nights", out)
    commands = [command_in(message) for message in stopped.messages()]
    assert len(commands) == 8
    for command in commands:
        assert command.isprintable()
        assert meant(pasted(command)) == Path(out)


def test_a_foreign_endpoint_is_in_each_command_too(tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, str(tmp_path / "my run"))
    out = Path(stopped.out)
    of_foreign_endpoint(out)
    with pytest.raises(UsageError) as refused:
        find_run(stopped.out, None, HOUR_S, EPOCH).settings(None, {})
    error = cannot_go_on(out / "results.jsonl", OSError(5, "Input/output error"))
    assert isinstance(error, OutputError)
    error.name_endpoint(FOREIGN)
    stopped.line = replace(stopped.line, endpoint=FOREIGN)
    told = [refused.value.told(as_flag), error.told(as_flag), stopped.farewell(), stopped.shown()]
    told += [stopped.refused(), stopped.refused(out=f"{out}2", limit=None, retry_failed=stopped.out)]
    stopped.nights.clock.now = 2 * DAY_S
    told.append(stopped.refused(resume=True))
    for message in told:
        command = command_in(message)
        assert command == f"fleetscan resume '{out}' --endpoint {FOREIGN}"
        assert meant(pasted(command)) == out


def test_a_path_s_characters_that_the_terminal_lacks_are_escaped_so_that_a_shell_reads_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shell_word("für") == "'für'"
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert shell_word("für") == "$'f\\303\\274r'"


def test_a_command_is_never_cut_off_however_long_the_sentence_before_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    deep = "/".join(["d" * 200] * 20)
    remedy = cannot_go_on(Path(deep) / "results.jsonl", OSError(5, "x")).remedy
    note_error(UsageError("x" * 5000, remedy))
    assert capsys.readouterr().err.endswith(f"...; fix that, then resume with: fleetscan resume {deep}\n")


def test_a_program_is_told_the_call() -> None:
    from fleetscan.errors import resume_with

    assert str(resume_with(ResumeCommand("a b"))) == "resume with: fleetscan.resume('a b')"
    told = str(resume_with(ResumeCommand("a", FOREIGN), "make room"))
    assert told == f"make room, then resume with: fleetscan.resume('a', endpoint={FOREIGN!r})"


class BegunError(Exception):
    """The command came as far as to begin to ask Azure."""


def must_not_begin(*_: object, **__: object) -> NoReturn:
    raise BegunError


@pytest.fixture
def no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a loop there is no connection, and no token leaves."""
    monkeypatch.setattr(anyio, "run", must_not_begin)


@pytest.mark.usefixtures("no_loop")
def test_a_stranger_s_directory_never_gets_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = Stopped(tmp_path, str(tmp_path / "run"))
    of_foreign_endpoint(Path(stopped.out))
    before = contents(Path(stopped.out))
    config = written(tmp_path, f'endpoint = "{FOREIGN}"\n')
    for arguments in ([], config, ["--endpoint", ENDPOINT], ["--endpoint", f"{FOREIGN}:444"]):
        assert run(["resume", stopped.out, *arguments]) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.endswith(f"resume with: fleetscan resume {stopped.out} --endpoint {FOREIGN}")
        assert "sesame" not in last
    assert contents(Path(stopped.out)) == before
    # Said again, it is believed: by the flag, or by the variable.
    assert run(["resume", stopped.out, "--endpoint", FOREIGN]) == 70
    assert "BegunError" in capsys.readouterr().err
    monkeypatch.setenv("FLEETSCAN_ENDPOINT", FOREIGN)
    assert run(["resume", stopped.out]) == 70


@pytest.mark.usefixtures("no_loop")
@pytest.mark.parametrize(
    ("variable", "other", "same"),
    [
        ("FLEETSCAN_LIMIT", "16", "15"),
        ("FLEETSCAN_ENDPOINT", "http://127.0.0.1:1", f"{ENDPOINT}/"),
        ("FLEETSCAN_SUBSCRIPTION", "3f8c0d5e-0000-4000-8000-000000000000", ""),
        ("FLEETSCAN_INVENTORY", "vms.txt", ""),
        ("FLEETSCAN_RETRY_FAILED", "latest", ""),
        ("FLEETSCAN_RETRY_SKIPPED", "true", "false"),
        ("FLEETSCAN_LIMIT", "many", ""),
    ],
)
def test_a_variable_that_selects_other_vms_is_refused_and_the_same_is_fine(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    other: str,
    same: str,
) -> None:
    stopped = Stopped(tmp_path, str(tmp_path / "run"))
    monkeypatch.setenv(variable, other)
    assert run(["resume", stopped.out]) == 2
    assert f"Z error: {variable} " in capsys.readouterr().err
    monkeypatch.setenv(variable, same)
    assert run(["resume", stopped.out]) == 70
    # A flag counts more than the variable.
    monkeypatch.setenv(variable, other)
    flag = ["--endpoint", ENDPOINT] if variable == "FLEETSCAN_ENDPOINT" else []
    assert run(["resume", stopped.out, *flag]) == (70 if flag else 2)


def test_where_there_is_nothing_to_resume_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, told in (
        ([], "there is no unfinished run in fleetscan-runs; name the directory of a run elsewhere, or that "),
        (["nope"], "nope cannot be read as a run: there is no such directory; name a run's directory, or "),
        ([""], "'' is no name of a run; name its directory"),
        (["-"], "- cannot be read as a run: there is no such directory"),
        (["."], ". cannot be read as a run: it holds no run"),
    ):
        assert run(["resume", *arguments]) == 2
        assert spoken(capsys.readouterr().err).startswith(told)


def test_the_words_at_a_second_interrupt_are_of_the_moment() -> None:
    farewell = Farewell()
    assert farewell.quit() == "Quit."
    farewell.watch(Live(), ENDPOINT, is_kept=True)
    assert farewell.quit() == "Quit. No run had begun, so there is nothing to resume."
    farewell.watch(Live(), ENDPOINT, is_kept=False)
    assert farewell.quit() == "Quit. This scan keeps nothing that can be resumed."


def test_a_real_process_is_stopped_and_goes_on_by_the_command_it_printed(tmp_path: Path) -> None:
    out = tmp_path / "-my 'runs' \udce9"
    shim = tmp_path / "bin"
    shim.mkdir()
    (shim / "fleetscan").symlink_to(Path(sys.executable).parent / "fleetscan")
    plain = {"LC_ALL": "C", "PATH": f"{shim}:{os.environ['PATH']}"}
    with simulation() as endpoint:
        pace = "--first-poll", "1s", "--poll-interval", "1s", "--deadline", "1s", "--drain", "0s"
        code, _, words = ended(begun(plain, "scan", "--endpoint", endpoint, "--out", str(out), *pace))
        assert code == 5
        # Once, and on a line of its own, so that nothing folds it.
        lines = spoken(words).splitlines()
        [command] = [line for line in lines if "fleetscan resume " in line]
        assert lines[-2].startswith("the deadline has passed: ")
        assert lines[-1].startswith("exit 5 (stopped early): 7 VMs (7 interrupted); ")
        again = ["bash", "-c", f"{command} --deadline 1m"]
        environment = plain | {"FLEETSCAN_ACCESS_TOKEN": "sesame"}
        done = subprocess.run(again, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    first, note, *_ = spoken(done.stderr).splitlines()
    assert first.startswith("fleetscan ")
    assert note.startswith("resuming ")
    assert note.count(" VMs done, ") == 1
