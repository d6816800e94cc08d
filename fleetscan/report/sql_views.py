"""The views of one run on disk: which of its files are there, and what is said of the run above the SQL."""

from __future__ import annotations

from collections.abc import Iterable

from fleetscan.errors import OTHER_VERSION, CannotReadRunError, Remedy, UsageError
from fleetscan.records.duckdb_views import views_of
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.report.which_run import about
from fleetscan.runs.directory import RUN, TOTALS
from fleetscan.runs.reader import Run
from fleetscan.runs.zstd import rows_at

ONE_RUN = "-- For DuckDB. Views of this run: vm, vm_patch, totals, run."
# The last `*` is for nights that were scanned with --compress.
NIGHTS = (
    "-- Of many nights: FROM vm_in('fleetscan-runs/2*/results.jsonl*'), vm_patch_in the same, and\n"
    "-- totals_in('fleetscan-runs/2*/totals.jsonl'), run_in('fleetscan-runs/2*/run.json')."
)


def sql_views(run: Run, incomplete: Iterable[str]) -> str:
    """The SQL of `run`'s views, in ASCII; `incomplete` are its own sentences, which it repeats.

    Raises CannotReadRunError where any of its records is of a later schema, UsageError where SQL has no name
    for it.
    """
    _refuse_later(run)
    # Through the link `latest` two queries could read two runs.
    path = run.path.resolve()
    totals = path / TOTALS
    try:
        views = views_of(str(rows_at(path)), str(totals) if totals.is_file() else None, str(path / RUN))
    except ValueError as error:
        raise UsageError(
            f"{path} has a name that is no Unicode text, which SQL cannot write",
            Remedy("give the directory another name"),
        ) from error
    partial = (f"-- PARTIAL: {sanitize(sentence)}" for sentence in incomplete)
    head = [
        f"-- {about(run)}",
        *partial,
        "-- For DuckDB. Views of this run: vm, vm_patch, totals, run.",
        NIGHTS,
        "",
    ]
    return fit("\n".join(head), "ascii") + views


def _refuse_later(run: Run) -> None:
    """DuckDB would read what a later version wrote by this one's types. After a resume that is any row."""
    for _ in run.rows():
        pass
    try:
        run.totals(), run.groups()
    except CannotReadRunError as error:
        if error.remedy is OTHER_VERSION:
            raise
