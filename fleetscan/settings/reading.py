"""The settings of the commands that read runs. They share one: the directory of all runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fleetscan.settings.setting import CheckedSettings, setting
from fleetscan.settings.types import OneOf, Switch, Text


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
class SchemaSettings(ReadSettings):
    """What is printed of the records, or of a run."""

    sql: bool = setting(
        False,
        Switch(),
        "Print views for DuckDB over the files of RUN.",
        "Every column has its declared type, whatever the rows hold.",
        group=ReadGroup.OUTPUT,
    )


@dataclass(frozen=True, slots=True)
class ExportSettings(ReadSettings):
    """How a run is exported, and where to."""

    format: str = setting(
        "csv",
        OneOf(("parquet", "csv", "sqlite")),
        "What the tables are written as.",
        "Parquet needs DuckDB: pip install 'fleetscan[parquet]'.",
        group=ReadGroup.OUTPUT,
    )
    out: str | None = setting(
        None,
        Text("DIR", "a directory's path, or - for standard output"),
        "The directory to write into; it is made if it is not there.",
        "A file that is there already is never replaced.",
        group=ReadGroup.OUTPUT,
    )
