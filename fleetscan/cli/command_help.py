"""What `--help` of a command shows: its settings under their headings, then examples that run as they stand.

The text is as wide as the terminal, up to a width that reads well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Any

import click

from fleetscan.settings.setting import Group, ReadGroup, Setting
from fleetscan.simulator.dials import Theme

WIDEST = 110
TEXT_INDENT = 4
# A blank at which no line ends.
UNBROKEN = "\xa0"
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}
HEADINGS = (*Theme, *Group, *ReadGroup)
TWINS = "--no-FLAG", "Undo a switch that a variable or a file sets, such as --no-quiet."


@dataclass(frozen=True, slots=True)
class Example:
    """One line of a shell, and what it is for."""

    why: str
    line: str


class CommandWithExamples(click.Command):
    """A command whose help ends with examples, and has the settings it reads in groups."""

    def __init__(
        self, *args: Any, examples: Sequence[Example], settings: Sequence[Setting] = (), **known: Any
    ) -> None:
        """`examples` and `settings` are shown in help; the rest is as click.Command has it."""
        super().__init__(*args, **known)
        self._settings = settings
        self._examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The settings by group, then the other options."""
        for heading, settings in groupby(sorted(self._settings, key=_place), lambda each: each.group):
            with formatter.section(str(heading.value)):
                for setting in settings:
                    _write_setting(formatter, setting)
        names = {setting.attribute for setting in self._settings}
        with formatter.section("General"):
            for option in self.get_params(ctx):
                if isinstance(option, click.Option) and option.name not in names:
                    flag, text = option.get_help_record(ctx) or ("", "")
                    _write(formatter, flag, str(option.envvar or ""), text)
            if any(setting.is_switch for setting in self._settings):
                _write(formatter, TWINS[0], "", TWINS[1])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples. Their lines are not folded, so that they can be copied."""
        write_examples(formatter, self._examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[Example]) -> None:
    """The examples under a heading of their own."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write_text(f"{example.why}:")
            formatter.write(f"{'':{formatter.current_indent + 2}}{example.line}\n")


def _place(setting: Setting) -> tuple[int, bool]:
    """The order in help: by group, and in a group the flags with a short form last."""
    return HEADINGS.index(setting.group), bool(setting.letter)


def _write_setting(formatter: click.HelpFormatter, setting: Setting) -> None:
    default = setting.show_default()
    words = [setting.help, setting.why, f"[default:{UNBROKEN}{default}]" if default else ""]
    short = f"-{setting.letter}, " if setting.letter else ""
    value = "" if setting.is_switch else f" {setting.form.metavar}"
    _write(formatter, f"{short}{setting.flag}{value}", setting.variable, " ".join(filter(None, words)))


def _write(formatter: click.HelpFormatter, flag: str, variable: str, text: str) -> None:
    """A flag with its variable, and below it what it does."""
    indent = " " * formatter.current_indent
    for line in _beside(flag, variable, formatter.width - len(indent)):
        formatter.write(f"{indent}{line}\n")
    # Not click's own: it would break a flag at its hyphens.
    within = indent + " " * TEXT_INDENT
    for line in wrap(text, formatter.width - len(within), break_on_hyphens=False, break_long_words=False):
        formatter.write(f"{within}{line.replace(UNBROKEN, ' ')}\n")


def _beside(left: str, right: str, width: int) -> Iterator[str]:
    """Two texts at the two ends of a line, or of two where one is too short."""
    if not right:
        yield left
    elif len(left) + 2 + len(right) <= width:
        yield f"{left}{right:>{width - len(left)}}"
    else:
        yield left
        yield f"{right:>{width}}"
