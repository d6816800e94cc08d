"""`fleetscan completion SHELL`: a script with which a shell completes commands, flags and their values.

Script and answers are click's. The script runs fleetscan at each Tab, with what was typed in variables.
"""

from __future__ import annotations

from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from fleetscan.cli.command_help import CommandWithExamples, Example
from fleetscan.cli.console import hand_over

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "fleetscan"
# What the script sets when it asks.
COMPLETION = "_FLEETSCAN_COMPLETE"
EXAMPLES = (
    Example("For bash", "fleetscan completion bash > fleetscan.bash"),
    Example("For zsh", "fleetscan completion zsh > _fleetscan"),
    Example("For fish", "fleetscan completion fish > fleetscan.fish"),
)


@click.command(cls=CommandWithExamples, examples=EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the script with which a shell completes commands.

    Write it to a file where the shell looks for such scripts, and start a new shell. For bash (4.4 or newer)
    that is a file named fleetscan in completions of bash_completion's user directory; for zsh _fleetscan in a
    directory of fpath; for fish fleetscan.fish in completions of its configuration.
    """
    found = get_completion_class(shell)
    assert found is not None, shell
    made = found(ctx.find_root().command, {}, PROGRAM, COMPLETION)
    # Not `source()`: for bash that asks the bash of this computer for its version, and another may be meant.
    hand_over((made.source_template % made.source_vars()).rstrip("\n"))
    return 0


def answer(group: click.Command, asked: str) -> int:
    """Answer what the script asks: the shell's name, and `_complete`. The rest is in the environment."""
    return shell_complete(group, {}, PROGRAM, COMPLETION, asked)


def commands_like(beginning: str, helps: Mapping[str, str]) -> list[CompletionItem]:
    """The commands whose names begin so, each with its line of help: none has to load for that."""
    return [CompletionItem(name, help=text) for name, text in helps.items() if name.startswith(beginning)]
