"""What click refuses, in one-line sentences: which setting, from which layer, and what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click
from click.core import ParameterSource

from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.options import CONFIG
from fleetscan.nearest import nearest

EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)\Z", re.DOTALL)


def sentence(error: click.ClickException) -> str:
    """The sentence for `error`, with the nearest name where a name was wrong."""
    match error:
        case click.NoSuchOption(option_name=name):
            return f"unknown flag {name}.{_hint(name, _flags(error.ctx), error.ctx)}"
        case click.exceptions.NoSuchCommand(command_name=name):
            return f"unknown command {name!r}.{_hint(name, COMMANDS, error.ctx)}"
        case click.BadParameter(param=click.Option() as option, ctx=click.Context() as ctx):
            return f"{_source(option, ctx)} {error.message}"
        case click.UsageError(ctx=click.Context() as ctx) if found := EXTRA.match(error.message):
            return f"unexpected argument {found[1]}. Run {ctx.command_path} --help to see how it is used."
        case _:
            return error.format_message()


def _hint(wrong: str, known: Iterable[str], ctx: click.Context | None) -> str:
    if meant := nearest(wrong, known):
        return f" Did you mean {meant}?"
    return f" Run {ctx.command_path} --help to list them." if ctx else ""


def _flags(ctx: click.Context | None) -> list[str]:
    """The long flags of a command."""
    params = ctx.command.get_params(ctx) if ctx else []
    flags = (flag for param in params for flag in (*param.opts, *param.secondary_opts))
    return [flag for flag in flags if flag.startswith("--")]


def _source(option: click.Option, ctx: click.Context) -> str:
    """The setting as it is called where its value came from."""
    flag = option.opts[-1]
    match ctx.get_parameter_source(option.name):
        case ParameterSource.ENVIRONMENT:
            return str(option.envvar)
        case ParameterSource.DEFAULT_MAP:
            return f"{ctx.meta[CONFIG]}: {flag.removeprefix('--')}"
        case _:
            return flag
