"""`fleetscan schema`: the JSON Schema of each kind of record, or a run as typed views for DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetscan import json_text
from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, note
from fleetscan.cli.options import reading
from fleetscan.cli.reading import run_of
from fleetscan.errors import Remedy, UsageError
from fleetscan.places import place_of
from fleetscan.records.schema import SCHEMAS
from fleetscan.settings.reading import SchemaSettings

if TYPE_CHECKING:
    from fleetscan.runs.reader import Run

EXAMPLES = (
    Example("All schemas in a file", "fleetscan schema > schemas.json"),
    Example("DuckDB views of the newest run that has ended", "fleetscan schema --sql > views.sql"),
)


@reading(SchemaSettings, EXAMPLES)
def schema(name: str | None, settings: SchemaSettings) -> int:
    """Print the JSON Schema of the records, or DuckDB views of a run.

    Without --sql: one JSON object, the schema of each kind of record under its name.

    With --sql: the views vm, vm_patch, totals and run of RUN, in which every column has its declared type.
    RUN is a directory, or how a run's name or id under --runs begins, or latest. Without RUN: the newest
    run that has ended. vm_in(FILES) and others read any files, such as those of many nights.

    Exit codes: 0 shown; 2 usage, or no such run; 4 the output cannot be written.
    """
    if settings.sql:
        return _print_views(run_of(name, settings))
    if name is not None:
        raise UsageError(
            "the JSON Schema is that of every run", Remedy("leave RUN out, or add {sql}", {"sql": True})
        )
    schemas = {name: make() for name, make in SCHEMAS.items()}
    hand_over(json_text.encode_ascii(schemas, indent=2))
    return 0


def _print_views(run: Run) -> int:
    from fleetscan.report.sql_views import sql_views

    if place_of(str(run.path.resolve())) is not None:
        copy = Remedy("copy the run to a disk, or write flat tables with `fleetscan export`")
        raise UsageError("views are made over files that stay, and this run is in object storage", copy)
    incomplete = run.incomplete
    hand_over(sql_views(run, incomplete))
    for sentence in incomplete:
        note("warning", sentence)
    return 0
