"""The settings of the commands that read runs. They share one: the directory of all runs."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.settings import standards
from fleetscan.settings.place import OnDisk, Place
from fleetscan.settings.setting import CheckedSettings, ReadGroup, setting
from fleetscan.settings.types import YEAR_S, Duration, OneOf, Switch, Text, Whole


@dataclass(frozen=True, slots=True)
class ReadSettings(CheckedSettings):
    """Where runs are looked for."""

    runs: str | None = setting(
        None,
        Place("DIR|URL", "a directory's path, or a place in object storage"),
        "The directory of all runs, or their place in object storage, where RUN is a name or is left out.",
        "Default: fleetscan-runs.",
        group=ReadGroup.WHAT,
    )


@dataclass(frozen=True, slots=True)
class ReportSettings(ReadSettings):
    """How a report is shown; `format` is None for text, so that it is known where it was asked for."""

    format: str | None = setting(
        None,
        OneOf(("text", "markdown", "json")),
        "text fits a terminal; markdown fits a pull request; json is schema fleetscan.report/1.",
        "Default: text.",
        group=ReadGroup.OUTPUT,
        command="report",
    )
    history: str | None = standards.history(
        ReadGroup.WHAT, "Tell ages and the trend with this history, which `scan --history` keeps."
    )
    fail_on: str | None = standards.fail_on(ReadGroup.JUDGING)
    sla: str | None = standards.sla(ReadGroup.JUDGING)
    exceptions: str | None = standards.exceptions(ReadGroup.JUDGING)
    ignore_classification: tuple[str, ...] = standards.ignore_classification(ReadGroup.JUDGING)
    as_of: str | None = standards.as_of(ReadGroup.JUDGING)
    html: str | None = setting(
        None,
        OnDisk("FILE", "a file's path", r"(?!-$).+"),
        "Write the report as one self-contained page for a browser, readable by you alone.",
        "It replaces an earlier page, whole or not at all, and no other file.",
        group=ReadGroup.OUTPUT,
    )
    since: str | None = setting(
        None,
        Place("OLD", "an earlier run: a directory, the beginning of a name or id, or latest"),
        "Show in the page what changed since this run. Elsewhere `fleetscan diff` shows it.",
        group=ReadGroup.OUTPUT,
    )


@dataclass(frozen=True, slots=True)
class ShowSettings(ReadSettings):
    """Which VMs or patches are shown, and how."""

    failed: bool = setting(
        False, Switch(), "VMs that failed or timed out, with the reason.", group=ReadGroup.WHAT
    )
    skipped: bool = setting(False, Switch(), "VMs that were skipped, with the reason.", group=ReadGroup.WHAT)
    worst: int | None = setting(
        None,
        Whole(1),
        "So many VMs, those first that miss the most critical and security patches.",
        group=ReadGroup.WHAT,
    )
    missing: str | None = setting(
        None,
        Text("PATCH", "a KB, a package's name, or a pattern such as 'openssl*'"),
        "VMs that miss this patch: a KB, a package's name, or a pattern, which may match a title too.",
        group=ReadGroup.WHAT,
    )
    reboot: bool = setting(False, Switch(), "VMs whose restart is pending.", group=ReadGroup.WHAT)
    machine: str | None = setting(
        None,
        Text("NAME|ID", "a VM's name, a pattern of it, or its resource id"),
        "The VMs of this name, or of names like 'web-*': there may be several; or the one with this id.",
        group=ReadGroup.WHAT,
    )
    patches: bool = setting(
        False,
        Switch(),
        "Patches instead of VMs, with how many VMs miss each; with --machine, those of each VM.",
        group=ReadGroup.WHAT,
        command="show",
    )
    sort: str | None = setting(
        None,
        Text("COLUMN", "the name of a column"),
        "Sort by this column: texts from A, numbers the largest first, unknown ones last.",
        "With a hyphen before it, such as -critical, the other way round; unknown ones stay last.",
        group=ReadGroup.OUTPUT,
    )
    columns: str | None = setting(
        None,
        Text("NAMES", "names of columns, separated by commas"),
        "Show these columns, such as name,location,error_code.",
        group=ReadGroup.OUTPUT,
    )
    format: str = setting(
        "table",
        OneOf(("table", "csv", "json", "markdown")),
        "json is one object a line; csv is safe for spreadsheets.",
        group=ReadGroup.OUTPUT,
        command="show",
    )


@dataclass(frozen=True, slots=True)
class HistorySettings(ReadSettings):
    """Which history runs are added to."""

    history: str | None = standards.history(
        ReadGroup.OUTPUT, "The history file, made where there is none. Default: history.db under --runs."
    )


@dataclass(frozen=True, slots=True)
class DiffSettings(ReadSettings):
    """How a diff is shown."""

    history: str | None = standards.history(
        ReadGroup.WHAT, "Tell which newly missing patches had been installed before, by this history."
    )

    format: str = setting(
        "text",
        OneOf(("text", "markdown", "json")),
        "text fits a terminal; markdown fits a pull request; json is schema fleetscan.diff/1.",
        group=ReadGroup.OUTPUT,
        command="diff",
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

    history: str | None = standards.history(
        ReadGroup.WHAT, "Tell since when each patch is missing, by this history."
    )

    format: str = setting(
        "csv",
        OneOf(("parquet", "csv", "sqlite")),
        "What the tables are written as.",
        "Parquet needs DuckDB: pip install 'fleetscan[parquet]'.",
        group=ReadGroup.OUTPUT,
        command="export",
    )
    out: str | None = setting(
        None,
        OnDisk("DIR", "a directory's path, or - for standard output"),
        "The directory to write into; it is made if it is not there.",
        "A file that is there already is never replaced.",
        group=ReadGroup.OUTPUT,
        command="export",
    )


@dataclass(frozen=True, slots=True)
class MergeSettings(ReadSettings):
    """Where a merged run is written."""

    out: str | None = setting(
        None,
        OnDisk("DIR", "a directory's path"),
        "The directory of the new run; it is made if it is not there. It must be given.",
        "One that holds a run is never written to.",
        group=ReadGroup.OUTPUT,
        command="merge",
    )
    quiet: bool = setting(
        False,
        Switch(),
        "Hide the summary; still show notes, warnings and errors.",
        group=ReadGroup.OUTPUT,
        letter="q",
    )


@dataclass(frozen=True, slots=True)
class PruneSettings(ReadSettings):
    """Which runs are old; `keep_s` is None where that was not said."""

    keep_s: float | None = setting(
        None,
        Duration(0.0, 10 * YEAR_S),
        "Remove runs that ended longer ago than this, such as 30d. It must be given.",
        group=ReadGroup.WHAT,
        command="prune",
    )
    resume_within_s: float = setting(
        72_000.0,
        Duration(0.001),
        "An unfinished run that began less than this long ago can still be resumed, and is kept.",
        group=ReadGroup.WHAT,
    )
    dry_run: bool = setting(
        False,
        Switch(),
        "Remove nothing; show what would be removed.",
        group=ReadGroup.OUTPUT,
        command="prune",
    )
