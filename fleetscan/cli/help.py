"""`fleetscan help [COMMAND]`: the same text as `fleetscan [COMMAND] --help`."""

from __future__ import annotations

import click

from fleetscan.cli.command_help import CommandWithExamples, Example

EXAMPLES = (Example("All flags of a command", "fleetscan help scan"),)


@click.command(cls=CommandWithExamples, examples=EXAMPLES)
@click.argument("command", required=False)
@click.pass_context
def help(ctx: click.Context, command: str | None) -> int:
    """Show this help, or that of a command."""
    root = ctx.find_root()
    shown = root if command is None else _context(root, command)
    click.echo(shown.get_help())
    return 0


def _context(root: click.Context, name: str) -> click.Context:
    """The context of a command that is shown and not run. Raises NoSuchCommand."""
    assert isinstance(root.command, click.Group)
    found = root.command.get_command(root, name)
    if found is None:
        raise click.exceptions.NoSuchCommand(name, ctx=root)
    return click.Context(found, parent=root, info_name=name)
