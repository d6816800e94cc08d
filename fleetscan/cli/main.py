"""The command line: finds the command, and turns every way to end into an exit code and at most one sentence.

Commands load when they are used: `fleetscan --help` must stay quick, so nothing here imports one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fleetscan import places
from fleetscan.cli.attending import Attendant
from fleetscan.cli.click_errors import sentence
from fleetscan.cli.command_help import CONTEXT, Example, write_examples
from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.console import ReaderLeftError, keep_log, note, note_error, tell_bug
from fleetscan.cli.log_lines import logged
from fleetscan.errors import FleetscanError
from fleetscan.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# What a shell sets that completes a command line; the same as in `completion`, which loads only then.
COMPLETION = "_FLEETSCAN_COMPLETE"
EXAMPLES = (
    Example("Without an Azure account", "fleetscan demo"),
    Example("How long a scan would take", "fleetscan plan"),
    Example("A first try, five VMs", "fleetscan scan --limit 5"),
    Example("All flags of a command", "fleetscan help scan"),
)


class LazyCommands(click.Group):
    """Commands whose names and first lines are known, and whose modules load when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # click also asks for what may be an option, and then reports an unknown one better than we could.
        if cmd_name.startswith("-"):
            return None
        if cmd_name not in COMMANDS:
            raise click.exceptions.NoSuchCommand(cmd_name, ctx=ctx)
        found = getattr(importlib.import_module(f"fleetscan.cli.{cmd_name}"), cmd_name)
        return found if isinstance(found, click.Command) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from fleetscan.cli.completion import commands_like

        helps = {name: command.help for name, command in COMMANDS.items()}
        return commands_like(incomplete, helps) + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, EXAMPLES)


@click.group(cls=LazyCommands, context_settings=CONTEXT)
@click.version_option(__version__, "-V", "--version", prog_name="fleetscan", message="%(prog)s %(version)s")
def fleetscan() -> None:
    """Assess missing patches on every virtual machine of an Azure fleet.

    A setting can be a flag, an environment variable FLEETSCAN_* or a key in the --config file; the
    first of these wins. Data goes to stdout, messages to stderr. `fleetscan help COMMAND` lists the settings
    of a command.
    """
    from fleetscan.cli.environment import unknown_variables

    keep_log()
    for warning in unknown_variables(os.environ):
        note("warning", warning)


def run(args: Sequence[str], attendant: Attendant | None = None) -> int:
    """Runs one command line to its exit code. All errors become sentences here, and nowhere else.

    `attendant` leads the process, where one does.
    """
    with logged(args, os.environ) as log:
        if log is not None and attendant is not None:
            attendant.at_end.append(log.end)
        code = _ended(args, attendant)
        if log is not None:
            log.end(code)
        if places.has_any():
            from fleetscan.remote.fetching import remove_copies

            # A process that is ended before its work leaves them: they may have what is nowhere else.
            remove_copies()
        return code


def _ended(args: Sequence[str], attendant: Attendant | None) -> int:
    try:
        if asked := os.environ.get(COMPLETION):
            return _completed(asked)
        return int(fleetscan.main(list(args), prog_name="fleetscan", standalone_mode=False, obj=attendant))
    except click.exceptions.NoArgsIsHelpError as nothing_asked:
        nothing_asked.show()
        return nothing_asked.exit_code
    except click.ClickException as refused:
        note("error", sentence(refused))
        return 2
    except ReaderLeftError as left:
        return left.exit_code
    except FleetscanError as error:
        note_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except click.Abort as abort:
        # For click the end of an input is an interrupt, too. Nothing is asked here: it is a bug, or a module
        # that a full disk left half written.
        return _bug(abort) if isinstance(abort.__cause__, EOFError) else 130
    # click leaves the process itself, with 1, where a pipe broke; stdout's failures never come so far.
    except (Exception, SystemExit) as bug:  # noqa: BLE001 - the one place where a bug becomes exit 70
        return _bug(bug)


def _completed(asked: str) -> int:
    from fleetscan.cli.completion import answer

    return answer(fleetscan, asked)


def _bug(bug: BaseException) -> int:
    tell_bug(bug)
    note("error", "internal error: a bug in fleetscan (exit 70). Please report it with the lines above.")
    return 70
