"""Shells complete commands, flags and values, by the script that `fleetscan completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscan.cli.main import run
from tests.cli.processes import LONG_S

PROGRAMS = str(Path(sys.executable).parent)
BASH = """
source {script}
COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()
compopt() {{ :; }}
_fleetscan_completion fleetscan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def in_shell(*command: str, **more: str) -> list[str]:
    """What the command prints, with fleetscan on its PATH; it says nothing on stderr."""
    environment = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", **more}
    ended = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=LONG_S, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def script(shell: str, tmp_path: Path) -> Path:
    """The shell's script in a file."""
    path = tmp_path / "script"
    path.write_text("\n".join(in_shell("fleetscan", "completion", shell)) + "\n", encoding="utf-8")
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fleetscan pl", ["plan"]),
        ("fleetscan re", ["resume", "report"]),
        ("fleetscan completion z", ["zsh"]),
        ("fleetscan prune --k", ["--keep"]),
        ("fleetscan report --format m", ["markdown"]),
        ("fleetscan scan --max-in", ["--max-in-flight"]),
    ],
)
def test_bash_completes_commands_flags_and_values(typed: str, completed: list[str], tmp_path: Path) -> None:
    asked = BASH.format(script=script("bash", tmp_path), typed=typed)
    assert in_shell("bash", "-c", asked) == completed


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
def test_fish_completes_with_the_help_of_each_command(tmp_path: Path) -> None:
    asked = f"source {script('fish', tmp_path)}; complete -C 'fleetscan pl'"
    assert in_shell("fish", "--no-config", "-c", asked, HOME=str(tmp_path)) == [
        "plan\tEstimate how long a scan takes. Lists VMs; starts nothing."
    ]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
def test_zsh_reads_its_script(tmp_path: Path) -> None:
    assert in_shell("zsh", "-n", str(script("zsh", tmp_path))) == []


def test_zsh_and_files_are_answered() -> None:
    asked = {"_FLEETSCAN_COMPLETE": "zsh_complete", "COMP_WORDS": "fleetscan prune --ru", "COMP_CWORD": "2"}
    lines = in_shell("fleetscan", **asked)
    assert lines[:2] == ["plain", "--runs"]
    asked |= {"COMP_WORDS": "fleetscan prune --runs ", "COMP_CWORD": "3"}
    assert in_shell("fleetscan", **asked)[0] == "dir"
    asked |= {"COMP_WORDS": "fleetscan scan --config ", "COMP_CWORD": "3"}
    assert in_shell("fleetscan", **asked)[0] == "file"


def test_a_tab_loads_no_command_and_nothing_of_azure(tmp_path: Path) -> None:
    names = "fleetscan.scanner", "aiohttp", "azure", "fleetscan.cli.scan", "jinja2"
    program = f"""
import sys
from fleetscan.cli.main import run
code = run([])
print(code, [name for name in {names!r} if name in sys.modules])
"""
    asked = {"_FLEETSCAN_COMPLETE": "bash_complete", "COMP_WORDS": "fleetscan ", "COMP_CWORD": "1"}
    *offered, loaded = in_shell(sys.executable, "-c", program, **asked)
    assert loaded == "0 []"
    assert "plain,scan" in offered


def test_an_unknown_shell_is_said_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err
