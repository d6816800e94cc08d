"""How a setting is declared once, and what its flag, environment variable and TOML key are called.

A field `first_poll_s` is the flag `--first-poll`, the variable `FLEETSCAN_FIRST_POLL` and the key
`first-poll` or `first_poll`: outside Python the unit stands in the value ("75s"), not in the name. Where
commands mean different things by one word, its variable names the command: `FLEETSCAN_SHOW_FORMAT`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Protocol, TypeVar, runtime_checkable

from fleetscan.errors import SettingError
from fleetscan.settings.types import Switch, Value, ValueType


@runtime_checkable
class PathLike(Protocol):
    """A path, as `os.PathLike` has it: the settings know no operating system."""

    def __fspath__(self) -> str:
        """Its text."""
        ...


T = TypeVar("T")

PREFIX = "FLEETSCAN_"
DECLARED = "declared"


class Group(Enum):
    """The heading under which help shows a setting, in the order of the headings."""

    WHAT = "What to scan"
    EXCLUDED = "What to leave out"
    FRESHNESS = "Earlier assessments"
    PACE = "Pace"
    OUTPUT = "Output"
    JUDGING = "What is enough"
    STOPPING = "Stopping and resuming"
    SIGN_IN = "Signing in"
    CLUSTER = "On a Dask cluster"
    EXPERT = "Expert"


class ReadGroup(Enum):
    """The same for the commands that read runs."""

    WHAT = "What to show"
    JUDGING = "What is enough"
    OUTPUT = "How to show it"


def name_of(attribute: str) -> str:
    """What people call the setting in the field `attribute`: words joined by hyphens, no unit."""
    return attribute.removesuffix("_s").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: the field that holds it, how its text reads, and what is said about it."""

    attribute: str
    default: object
    form: ValueType
    help: str
    why: str
    is_whom: bool = False
    """Whether it says whom a scan asks, and for which VMs."""
    group: Enum = Group.EXPERT
    """The heading in help."""
    letter: str = ""
    """The letter of its short form, "" where it has none."""
    command: str = ""
    """The command whose word it is, where others mean something else by it: a part of its variable."""
    is_of_process: bool = False
    """Whether each process is told for itself, and a run's files are not asked: they may be a stranger's."""

    @property
    def name(self) -> str:
        """The name people write, words joined by hyphens."""
        return name_of(self.attribute)

    @property
    def flag(self) -> str:
        """The command line's word for it."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment's word for it: an environment is all commands' own, so one word has one meaning."""
        words = f"{self.command}-{self.name}" if self.command else self.name
        return PREFIX + words.replace("-", "_").upper()

    @property
    def is_list(self) -> bool:
        """Whether it takes several values: a repeated flag, commas in the environment, a TOML array."""
        return isinstance(self.default, tuple)

    @property
    def is_switch(self) -> bool:
        """Whether its flag stands alone, without a value."""
        return isinstance(self.form, Switch)

    def read(self, text: str) -> Value:
        """One value from text; raises ValueError with a clause that follows the setting's name."""
        value = self.form.parse(text)
        if not self.form.allows(value):
            raise self.form.refusal(text.strip())
        return value

    def plain(self, value: object) -> object:
        """`value` as a field holds it: several in a tuple, a path as its text."""
        if self.is_list and isinstance(value, list):
            return tuple(value)
        return value.__fspath__() if isinstance(value, PathLike) else value

    def show_default(self) -> str:
        """The default as a person would write it, "" where there is none."""
        values = self.default if isinstance(self.default, tuple) else (self.default,)
        return ", ".join(
            self.form.show(value) for value in values if value is not None and value is not False
        )

    def check(self, value: object) -> None:
        """Raises ValueError when the field may not hold `value`."""
        if value is None and self.default is None:
            return
        if self.is_list and not isinstance(value, tuple):
            raise ValueError(f"must be several, in a list or tuple, not {value!r:.80}")
        values = value if isinstance(value, tuple) else (value,)
        for single in values:
            self.form.check(single)
        if not self.form.may_repeat and len({str(each).lower() for each in values}) < len(values):
            raise ValueError(f"must not repeat a value (case is ignored): {', '.join(map(str, values))}")


@dataclass(frozen=True, slots=True)
class CheckedSettings:
    """What a command's settings share: they are checked when made, wherever they came from."""

    def __post_init__(self) -> None:
        """Raises SettingError about the first field that may not hold what it was given."""
        for each in settings_of(type(self)):
            value = getattr(self, each.attribute)
            if (plain := each.plain(value)) is not value:
                object.__setattr__(self, each.attribute, plain)
            try:
                each.check(plain)
            except ValueError as refusal:
                raise SettingError(each.attribute, str(refusal)) from None


def setting(
    default: T,
    form: ValueType,
    help: str,
    why: str = "",
    *,
    group: Enum,
    letter: str = "",
    is_whom: bool = False,
    command: str = "",
    is_of_process: bool = False,
) -> T:
    """Declares a field of a settings dataclass; `why` gives the reason for the default or the range.

    `group` has the heading in help, `letter` is the flag's short form. `is_whom` marks settings that select
    the endpoint and the VMs: a run is resumed with the same values. `command` is the one whose word it is,
    where others mean something else by it. `is_of_process` marks what a resumed run does not take from its
    files; it is no part of a repr.
    """
    declared = Setting("", default, form, help, why, is_whom, group, letter, command, is_of_process)
    return field(default=default, repr=not is_of_process, metadata={DECLARED: declared})


def settings_of(settings: type[CheckedSettings]) -> tuple[Setting, ...]:
    """The settings of a settings class, in the order of their declaration."""
    return tuple(replace(each.metadata[DECLARED], attribute=each.name) for each in fields(settings))
