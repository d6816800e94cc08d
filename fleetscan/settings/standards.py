"""The settings that say what is enough, and the history that tells since when, for several commands.

Each function makes a field of a settings class under the heading that the command's help has.
"""

from __future__ import annotations

from enum import Enum

from fleetscan.settings.place import OnDisk
from fleetscan.settings.setting import setting
from fleetscan.settings.types import Day, Text


def history(group: Enum, what: str) -> str | None:
    """The file of earlier nights; `what` a command does with it."""
    return setting(None, OnDisk("FILE", "a file's path", r"(?!-$).+"), what, group=group)


def fail_on(group: Enum) -> str | None:
    """The gates."""
    return setting(
        None,
        Text("RULES", "figures with their limits, such as 'critical_and_security>0, coverage<98%'"),
        "Exit with 1 if a figure is past its limit: 'critical_and_security>0, age>30d, coverage<98%'.",
        "Judged on complete runs alone; a figure that is unknown is past every limit.",
        group=group,
    )


def sla(group: Enum) -> str | None:
    """The service levels."""
    return setting(
        None,
        Text("RULES", "kinds of patches with their days, such as 'critical=7d, security=30d, other=90d'"),
        "Tell which VMs and patches are within these times, such as 'critical=7d, security=30d, other=90d'.",
        group=group,
    )


def exceptions(group: Enum) -> str | None:
    """The file of exceptions."""
    return setting(
        None,
        OnDisk("FILE", "a file's path", r"(?!-$).+"),
        "TOML file of patches that are accepted as missing for a while: counted apart, still shown.",
        group=group,
    )


def ignore_classification(group: Enum) -> tuple[str, ...]:
    """Kinds of patches that do not count."""
    return setting(
        (),
        Text("WORD", "a classification of Azure's, such as Definition", r"\S(.{0,98}\S)?", may_repeat=True),
        "Leave patches of this classification out of figures, such as Definition; repeat it for several.",
        group=group,
    )


def as_of(group: Enum) -> str | None:
    """The day after which published patches do not count."""
    return setting(
        None,
        Day(),
        "Leave patches out of figures that were published after this day (UTC).",
        "One without a day of publication, as on Linux, stays in them.",
        group=group,
    )
