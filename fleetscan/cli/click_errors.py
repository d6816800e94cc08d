"""What click refuses, in one-line sentences: which setting, from which layer, and what was meant."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.core import ParameterSource

from fleetscan.cli.options import CONFIG


def sentence(error: click.ClickException) -> str:
    """The sentence for `error`, with the nearest name where a name was wrong."""
    match error:
        case click.NoSuchOption():
            return f"unknown flag {error.option_name}.{_hint(error.possibilities, error.ctx)}"
        case click.exceptions.NoSuchCommand():
            return f"unknown command {error.command_name!r}.{_hint(error.possibilities, error.ctx)}"
        case click.BadParameter(param=click.Option() as option, ctx=click.Context() as ctx):
            return f"{_source(option, ctx)} {error.message}"
        case _:
            return error.format_message()


def _hint(nearest_first: Sequence[str] | None, ctx: click.Context | None) -> str:
    if nearest_first:
        return f" Did you mean {nearest_first[0]}?"
    return f" Run {ctx.command_path} --help to list them." if ctx else ""


def _source(option: click.Option, ctx: click.Context) -> str:
    """The setting as it is called where its value came from."""
    match ctx.get_parameter_source(option.name):
        case ParameterSource.ENVIRONMENT:
            return str(option.envvar)
        case ParameterSource.DEFAULT_MAP:
            return f"{ctx.meta[CONFIG]}: {option.opts[0].removeprefix('--')}"
        case _:
            return option.opts[0]
