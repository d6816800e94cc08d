"""A command from a settings class: one option for each setting, and `--config` for a file of them.

click itself orders the layers: the flag, then the environment variable, then the file (its
`default_map`), then the declared default. This file only tells it the names and how text reads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from fleetscan.cli.command_help import CommandWithExamples, Example
from fleetscan.cli.config_file import read_config
from fleetscan.settings.setting import PREFIX, CheckedSettings, Setting, settings_of

if TYPE_CHECKING:
    from fleetscan.settings.types import Value

S = TypeVar("S", bound=CheckedSettings)

CONFIG = f"{PREFIX}CONFIG"


class ReadSetting(click.ParamType[object]):
    """click's view of a setting: text becomes a value or a refusal, in the setting's own words."""

    envvar_list_splitter = ","

    def __init__(self, setting: Setting) -> None:
        self.name = setting.name
        self._setting = setting

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Value | object:
        """Reads text; anything else is the declared default."""
        if not isinstance(value, str):
            return value
        try:
            return self._setting.read(value)
        except ValueError as refusal:
            self.fail(str(refusal), param, ctx)


class ReadSwitch(click.types.BoolParamType):
    """The same for a flag without a value: click grants a `--no-` twin to its own boolean type alone."""

    def __init__(self, setting: Setting) -> None:
        self._read = ReadSetting(setting)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Reads text; a bool is the flag itself or the declared default."""
        return bool(self._read.convert(value, param, ctx))


def command(
    settings: type[S], examples: Sequence[Example] = ()
) -> Callable[[Callable[[S], int]], click.Command]:
    """Makes a function of settings, which returns the exit code, into the command of its name.

    Its help has the function's docstring, the settings by group, and the examples.
    """

    def make(run: Callable[[S], int]) -> click.Command:
        def start(**values: object) -> int:
            return run(replace(settings(), **values))

        known = settings_of(settings)
        return CommandWithExamples(
            name=run.__name__,
            callback=start,
            params=[*map(_option, known), _config_option(settings)],
            help=inspect.getdoc(run),
            settings=known,
            examples=examples,
        )

    return make


def _option(setting: Setting) -> click.Option:
    short = [f"-{setting.letter}"] if setting.letter else []
    flag = f"{setting.flag}/--no-{setting.name}" if setting.is_switch else setting.flag
    return click.Option(
        [*short, flag, setting.attribute],
        type=ReadSwitch(setting) if setting.is_switch else ReadSetting(setting),
        metavar=None if setting.is_switch else setting.form.metavar,
        default=setting.default,
        multiple=setting.is_list,
        envvar=setting.variable,
    )


def _config_option(settings: type[CheckedSettings]) -> click.Option:
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
        help="TOML file of settings; flags and environment variables override it.",
    )
