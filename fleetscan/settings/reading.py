"""The settings of the commands that read runs. They share one: the directory of all runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fleetscan.settings.setting import CheckedSettings, setting
from fleetscan.settings.types import Text


class ReadGroup(Enum):
    """The heading under which help shows a setting, in the order of the headings."""

    WHAT = "What to show"
    OUTPUT = "How to show it"


@dataclass(frozen=True, slots=True)
class ReadSettings(CheckedSettings):
    """Where runs are looked for."""

    runs: str | None = setting(
        None,
        Text("DIR", "a directory's path"),
        "The directory of all runs, where RUN is a name or is left out.",
        "Default: fleetscan-runs.",
        group=ReadGroup.WHAT,
    )


@dataclass(frozen=True, slots=True)
class ReportSettings(ReadSettings):
    """How a report is shown."""

    html: str | None = setting(
        None,
        Text("FILE", "a file's path", r"(?!-$).+"),
        "Write the report as one self-contained page for a browser, readable by you alone.",
        "It replaces an earlier page, whole or not at all, and no other file.",
        group=ReadGroup.OUTPUT,
    )
