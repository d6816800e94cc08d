"""`fleetscan export`: a run as flat tables for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import note, tell
from fleetscan.cli.leading import attendant
from fleetscan.cli.options import reading
from fleetscan.cli.reading import run_of
from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.reading import ExportSettings

EXAMPLES = (
    Example("The newest run that has ended, as CSV files", "fleetscan export --out tables"),
    Example("One run in an SQLite file", "fleetscan export latest --format sqlite --out nightly"),
)


@reading(ExportSettings, EXAMPLES)
def export(name: str | None, settings: ExportSettings) -> int:
    """Write a run as flat tables: CSV, SQLite or Parquet.

    RUN is a directory, or how a run's name or id under --runs begins, or latest. Without RUN: the newest
    run that has ended. The tables are run (one row), vm (each VM) and vm_patch (each patch that an assessed
    VM misses); vm_id joins the last two. Their columns have the same types whatever the rows hold.

    A patch has its age in days, by its publication, else by the history's first sight; null is unknown.

    Exit codes: 0 written; 2 usage, no such run, a history of another fleet, or a file that is there already;
    4 the disk refuses.
    """
    from fleetscan.export.exporting import Format, export_run
    from fleetscan.report.figures import counted

    if settings.out is None or settings.out == "-":
        raise UsageError(
            "the tables are files", Remedy("name a directory for them with {out}", {"out": None})
        )
    run = run_of(name, settings)
    half_written = attendant().half_written
    history = None if settings.history is None else Path(settings.history)
    done = export_run(run, Path(settings.out), cast(Format, settings.format), half_written.extend, history)
    for sentence in done.incomplete:
        note("warning", f"the tables are PARTIAL: {sentence}")
    for file in done.files:
        tell(f"Wrote {file}")
    patches = counted(done.patches, "missing patch", "missing patches")
    if not done.assessed:
        patches = "none assessed: which patches they miss is unknown"
    elif done.counted != done.patches:
        patches = f"{patches} listed, of {done.counted:,} counted"
    tell(f"{counted(done.vms, 'VM', 'VMs')}, {patches}")
    if done.undated:
        told = counted(done.undated, "patch is", "patches are")
        tell(f"{told} of unknown age: Azure tells no day, and --history was not given")
    return 0
