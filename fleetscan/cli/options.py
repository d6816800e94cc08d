"""A command from a settings class: one option for each setting, and `--config` for a file of them.

click itself orders the layers: the flag, then the environment variable, then the file (its
`default_map`), then the declared default. This file only tells it the names and how text reads.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from fleetscan.cli.command_help import CommandWithExamples, Example
from fleetscan.cli.config_file import read_config
from fleetscan.cli.job_index import of_this_pod
from fleetscan.settings.declared import Settings
from fleetscan.settings.selecting import ListSettings
from fleetscan.settings.setting import PREFIX, CheckedSettings, Setting, settings_of
from fleetscan.settings.types import OneOf

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from fleetscan.settings.types import Value

S = TypeVar("S", bound=CheckedSettings)

CONFIG = f"{PREFIX}CONFIG"
# Where the command line keeps runs, if nothing else is said.
RUNS = "fleetscan-runs"
# What a file of settings for the scheduler holds beside what a command that reads runs knows.
OTHERS = {each.name for each in settings_of(Settings)}
# What some settings are to a run that is resumed.
OF_RESUME = {
    "endpoint": "Confirm the run's endpoint: needed where it is neither a cloud of Azure's nor this "
    "computer, because the token is sent there.",
    "runs": "The directory of all runs, where RUN is a name or is left out. Default: fleetscan-runs.",
    "resume_within_s": "Without RUN: only a run that began less than this long ago. Default: 20h.",
}


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

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The words there are to choose from; a file's or directory's name is the shell's to complete."""
        from click.shell_completion import CompletionItem

        form = self._setting.form
        if isinstance(form, OneOf):
            return [CompletionItem(word) for word in form.words if word.startswith(incomplete)]
        kind = {"FILE": "file", "DIR": "dir"}.get(form.metavar.partition("|")[0])
        return [CompletionItem(incomplete, type=kind)] if kind else []


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
            return run(replace(settings(), **of_this_pod(values, os.environ)))

        known = settings_of(settings)
        return CommandWithExamples(
            name=run.__name__,
            callback=start,
            params=[*map(_option, known), _config_option(settings, _others(settings, known))],
            help=inspect.getdoc(run),
            settings=known,
            examples=examples,
        )

    return make


def _others(settings: type[CheckedSettings], known: Sequence[Setting]) -> set[str]:
    """What a scan's file of settings may hold beside what a command that lists VMs knows."""
    return OTHERS - {each.name for each in known} if issubclass(settings, ListSettings) else set()


def is_said(name: str) -> bool:
    """Whether a flag, a variable or a file says the setting `name` of the command that runs."""
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def reading(
    settings: type[S], examples: Sequence[Example] = (), arguments: Sequence[str] = ("[RUN]",)
) -> Callable[[Callable[..., int]], click.Command]:
    """Makes a function into the command of its name that reads runs, and whose settings are those of a class.

    `arguments` are how help names its arguments, in brackets where they may be left out, with dots where
    there may be several: the function is called with one text, several or None for each, then with the
    settings. A file of settings may hold those of a scan too.
    """

    def make(run: Callable[..., int]) -> click.Command:
        known = settings_of(settings)
        names = [f"argument_{number}" for number, _ in enumerate(arguments)]

        def start(**values: object) -> int:
            told = [values.pop(name) for name in names]
            return run(*told, replace(settings(), **values))

        return CommandWithExamples(
            name=run.__name__,
            callback=start,
            params=[
                *(_argument(name, shown) for name, shown in zip(names, arguments, strict=True)),
                *map(_option, known),
                _config_option(settings, OTHERS - {each.name for each in known}),
            ],
            help=inspect.getdoc(run),
            settings=known,
            examples=examples,
        )

    return make


def _argument(name: str, shown: str) -> click.Argument:
    many = -1 if shown.endswith("...") else 1
    is_required = not shown.startswith("[")
    return click.Argument([name], required=is_required, nargs=many, type=click.UNPROCESSED, metavar=shown)


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


def resuming(
    examples: Sequence[Example],
) -> Callable[[Callable[[str | None, Mapping[str, object]], int]], click.Command]:
    """Makes a function of a run's name and the settings that were said into the command of its name.

    The settings have no defaults: what is not said is the run's own.
    """
    return partial(_resuming, examples=examples)


def _resuming(
    run: Callable[[str | None, Mapping[str, object]], int], examples: Sequence[Example]
) -> click.Command:
    own = [each for each in settings_of(Settings) if each.is_whom and each.attribute != "endpoint"]
    ignored = {each.name for each in own} | {"endpoint", "out", "resume"}
    said = [
        _of_resume(each)
        for each in settings_of(Settings)
        if each.name not in ignored or each.attribute in OF_RESUME
    ]

    def start(run_name: str | None, **values: object) -> int:
        return run(run_name, {name: value for name, value in values.items() if value not in (None, ())})

    name = _argument("run_name", "[RUN]")
    return CommandWithExamples(
        name=run.__name__,
        callback=start,
        params=[name, *map(_option, said), _config_option(Settings, ignored)],
        help=inspect.getdoc(run),
        settings=said,
        examples=examples,
    )


def _of_resume(setting: Setting) -> Setting:
    words = OF_RESUME.get(setting.attribute)
    setting = setting if words is None else replace(setting, help=words, why="")
    return setting if setting.is_list else replace(setting, default=None)


def _config_option(settings: type[CheckedSettings], ignored: Collection[str] = ()) -> click.Option:
    def load(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
        if path is not None:
            ctx.default_map = dict(read_config(path, settings, ignored))
            ctx.meta[CONFIG] = path

    return click.Option(
        ["--config"],
        type=click.Path(),
        metavar="FILE",
        envvar=CONFIG,
        is_eager=True,
        expose_value=False,
        callback=load,
        help="TOML file of settings; flags and environment variables override it.",
    )
