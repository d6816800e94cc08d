"""A command from a settings class: one option for each knob, and `--config` for a file of them.

click itself orders the layers: the flag, then the environment variable, then the file (its
`default_map`), then the declared default. This file only tells it the names and how text reads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from fleetscan.cli.config_file import read_config
from fleetscan.knobs import PREFIX, Knob, Settings, knobs

if TYPE_CHECKING:
    from fleetscan.forms import Value

S = TypeVar("S", bound=Settings)

CONFIG = f"{PREFIX}CONFIG"


class ReadKnob(click.ParamType[object]):
    """click's view of a knob: text becomes a value or a refusal, in the knob's own words."""

    envvar_list_splitter = ","

    def __init__(self, knob: Knob) -> None:
        self.name = knob.name
        self._knob = knob

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Value | object:
        """Reads text; anything else is the declared default."""
        if not isinstance(value, str):
            return value
        try:
            return self._knob.read(value)
        except ValueError as refusal:
            self.fail(str(refusal), param, ctx)


class ReadSwitch(click.types.BoolParamType):
    """The same for a flag without a value: click grants a `--no-` twin to its own boolean type alone."""

    def __init__(self, knob: Knob) -> None:
        self._read = ReadKnob(knob)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Reads text; a bool is the flag itself or the declared default."""
        return bool(self._read.convert(value, param, ctx))


def command(settings: type[S]) -> Callable[[Callable[[S], int]], click.Command]:
    """Makes a function of settings, which returns the exit code, into the command of its name."""

    def make(run: Callable[[S], int]) -> click.Command:
        def start(**values: object) -> int:
            return run(replace(settings(), **values))

        params: list[click.Parameter] = [_option(knob) for knob in knobs(settings)]
        params.append(_config_option(settings))
        return click.Command(run.__name__, callback=start, params=params, help=inspect.getdoc(run))

    return make


def _option(knob: Knob) -> click.Option:
    default = knob.show_default()
    words = [knob.help, knob.why, f"[default: {default}]" if default else ""]
    return click.Option(
        [f"{knob.flag}/--no-{knob.name}" if knob.is_switch else knob.flag, knob.attribute],
        type=ReadSwitch(knob) if knob.is_switch else ReadKnob(knob),
        metavar=None if knob.is_switch else knob.form.metavar,
        default=knob.default,
        multiple=knob.is_list,
        envvar=knob.variable,
        help=" ".join(filter(None, words)),
    )


def _config_option(settings: type[Settings]) -> click.Option:
    def load(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
        if path is not None:
            ctx.default_map = dict(read_config(path, settings))
            ctx.meta[CONFIG] = path

    return click.Option(
        ["--config"],
        metavar="FILE",
        envvar=CONFIG,
        is_eager=True,
        expose_value=False,
        callback=load,
        help="Take settings from this TOML file, where neither flag nor environment names them.",
    )
