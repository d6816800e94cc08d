"""`fleetscan show`: a run's VMs or patches as a table, on stdout; what it cannot know, on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import note, tell
from fleetscan.cli.lines_out import write_lines
from fleetscan.cli.options import reading
from fleetscan.cli.reading import spelled_of, taken
from fleetscan.errors import Remedy, UsageError
from fleetscan.report.columns import WHOSE
from fleetscan.settings.reading import ShowSettings

if TYPE_CHECKING:
    from fleetscan.report.columns import Column
    from fleetscan.report.commands import Spelled
    from fleetscan.report.shown import Found, View, Wanted
    from fleetscan.report.tables import Form

EXAMPLES = (
    Example("The ten VMs to mend first", "fleetscan show --worst 10"),
    Example("Which VMs failed, and why", "fleetscan show latest --failed"),
    Example("Which VMs miss a patch", "fleetscan show --missing KB5034441"),
    Example("What the VMs of such names miss", "fleetscan show --machine '*-001' --patches"),
)
COUNTS = ("critical_and_security_count", "other_count", "reboot_pending")
FOR_PROGRAMS = ("csv", "json")


@reading(ShowSettings, EXAMPLES)
def show(name: str | None, settings: ShowSettings) -> int:
    """Show a run's VMs, or the patches they miss, as a table.

    RUN is a directory, or how a run's name or id under --runs begins, or latest. Without RUN: the newest
    run that has ended. Filters narrow each other; --failed and --skipped together are the VMs that were not
    assessed. What cannot be known is said on stderr: a VM that was not assessed may miss any patch.

    --columns and --sort take headings, any field of a row, such as location or error_code, and subscription,
    to_do and missing; with --patches they take patch, patch_name, kb, version, classifications,
    is_critical_or_security, reboot_behavior, published_on and vms. --sort -critical is the other way round.

    Exit codes: 0 shown; 2 usage, no such run or VM; 4 the output cannot be written.
    """
    from fleetscan.report.columns import order_of
    from fleetscan.report.markdown import newer_block
    from fleetscan.report.show_notes import notes_of, place_of, warnings_of
    from fleetscan.runs.own_totals import without_row

    wanted = _wanted(settings)
    refuse_contradictions(wanted, settings)
    columns, view = _view_of(settings, wanted)
    sort = order_of(settings.sort, view.columns)
    run, newer = taken(name, settings)
    found = view.look(run.rows(), wanted, columns, sort)
    spelled = spelled_of(run)
    _say_retry(found, columns, spelled)
    is_by_vm = settings.patches and settings.machine is not None and settings.columns is None
    printed = partial(
        _print, found, columns, cast("Form", settings.format), len(WHOSE) if is_by_vm and sort is None else 0
    )
    _with_notes(
        printed,
        warnings_of(run),
        [*place_of(run), *notes_of(found, wanted, spelled, rowless=without_row(run, found.rows))],
        newer_block(newer) if settings.format == "markdown" else None,
    )
    return 0


def _wanted(settings: ShowSettings) -> Wanted:
    from fleetscan.report.shown import Wanted

    return Wanted(
        failed=settings.failed,
        skipped=settings.skipped,
        worst=settings.worst,
        missing=settings.missing,
        reboot=settings.reboot,
        machine=settings.machine,
        patches=settings.patches,
    )


def _say_retry(found: Found, columns: Sequence[Column], spelled: Spelled) -> None:
    """Have what is to be done name this run."""
    from fleetscan.report.commands import of_run

    for place, column in enumerate(columns):
        if column.name == "to_do":
            found.lines = [
                (*line[:place], line[place] and of_run(line[place], spelled), *line[place + 1 :])
                for line in found.lines
            ]


def _with_notes(
    print_lines: Callable[[], Iterable[str]],
    warnings: Sequence[tuple[str, str]],
    notes: Sequence[str],
    alone: Iterable[str] | None,
) -> None:
    """Warnings before the lines and notes after them; on stdout too where it is read `alone`, after that."""
    for label, sentence in warnings:
        note("warning", f"{label}: {sentence}")
    if alone is not None:
        write_lines(f"{block}\n" for block in alone)
        write_lines(f"**{label}**: {sentence}.\n" for label, sentence in warnings)
    more = [*print_lines()]
    if alone is not None:
        write_lines(["", *notes])
    for sentence in (*notes, *more):
        tell(sentence)


def refuse_contradictions(wanted: Wanted, settings: ShowSettings) -> None:
    """Raise UsageError about filters of which no VM can pass both."""
    asks = {"worst": wanted.worst is not None, "missing": wanted.missing is not None, "reboot": wanted.reboot}
    asks["patches"] = settings.patches
    other = next((each for each, is_asked in asks.items() if is_asked), None)
    if wanted.is_not_assessed and other is not None:
        first = "failed" if wanted.failed else "skipped"
        raise UsageError(
            "nothing is known of the patches of a VM that was not assessed",
            Remedy(f"give {{{first}}} or {{{other}}}", {first: None, other: None}),
        )
    if wanted.worst is not None and settings.patches:
        raise UsageError(
            "the worst are VMs", Remedy("give {worst} or {patches}", {"worst": None, "patches": None})
        )


def _view_of(settings: ShowSettings, wanted: Wanted) -> tuple[Sequence[Column], View]:
    """What is looked at, and the columns to show."""
    from fleetscan.report.columns import chosen
    from fleetscan.report.shown import MACHINE_PATCHES, MACHINES, PATCHES

    view = MACHINES
    if settings.patches:
        view = PATCHES if settings.machine is None else MACHINE_PATCHES
    names = settings.columns.split(",") if settings.columns is not None else usual_columns(settings, wanted)
    return chosen(names, view.columns, "columns"), view


def usual_columns(settings: ShowSettings, wanted: Wanted) -> Sequence[str]:
    """The columns where none were chosen: those that answer the question; for programs the VM's id too."""
    is_for_programs = settings.format in FOR_PROGRAMS
    if settings.patches:
        of_patch = ("is_critical_or_security", "published_on", "patch_name")
        if settings.machine is None:
            return ("vms", "patch", *of_patch)
        return (*(("resource_id",) if is_for_programs else ()), *WHOSE, "patch", "version", *of_patch)
    whose = ("resource_id", *WHOSE) if is_for_programs else WHOSE
    if wanted.is_not_assessed:
        return (*whose, "reason", "error_code", "error_message", *(("to_do",) if is_for_programs else ()))
    if wanted.missing is not None:
        return (*whose, "missing", *COUNTS)
    return (*whose, *(() if wanted.needs_result else ("outcome",)), *COUNTS)


def _print(found: Found, columns: Sequence[Column], form: Form, whose: int) -> Iterator[str]:
    """Print the lines; what is to be said of them afterwards."""
    from fleetscan.report.screen import columns_of
    from fleetscan.report.tables import lines_in

    # A pipe has no width: what reads it wants whole names.
    is_fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = columns_of(sys.stdout) if is_fitted else None
    cuts: list[bool] = []
    if found.lines or form != "table":
        lines = lines_in(form, columns, found.lines, width, whose, lambda: cuts.append(True))
        write_lines(lines, are_verbatim=form == "csv")
    if cuts:
        yield f"Texts are cut to fit {width} columns: --format csv has them whole."
