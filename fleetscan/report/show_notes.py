"""What `fleetscan show` says beside its lines: what makes them partial, and what they cannot tell.

Every word in them is ours, but for the endpoint, which is sanitized.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleetscan.records.patches import kb_of
from fleetscan.report.commands import Spelled, of_run
from fleetscan.report.figures import counted
from fleetscan.report.left_out import elsewhere, elsewhere_words
from fleetscan.report.reasons import MEANINGS, meaning_of
from fleetscan.report.sanitize import sanitize
from fleetscan.report.shown import Found, Wanted
from fleetscan.report.which_run import minute
from fleetscan.runs.own_totals import not_listed
from fleetscan.runs.reader import Run

PATCH_LIMIT_CHARS = 80


def warnings_of(run: Run) -> list[tuple[str, str]]:
    """What makes every line and count less than it looks: a label and a clause each.

    Raises CannotReadRunError for totals that a later version wrote.
    """
    errors = len(not_listed(run) or [])
    partial = [("PARTIAL", sentence) for sentence in run.incomplete]
    if not errors:
        return partial
    parts, their = (
        counted(errors, "part of the fleet", "parts of the fleet"),
        "its" if errors == 1 else "their",
    )
    return [*partial, ("NOT LISTED", f"{parts} could not be listed: {their} VMs are not here")]


def place_of(run: Run) -> list[str]:
    """That the run asked another endpoint than one of Azure's clouds; empty where it did not."""
    words = elsewhere_words(elsewhere(run.facts["selection"]))
    return [f"Run of {minute(run.facts['started_at'])}, {words}."] if words else []


def notes_of(
    found: Found, wanted: Wanted, spelled: Spelled | None = None, *, rowless: int | None = 0
) -> Iterator[str]:
    """How many VMs are listed, why, and of how many it is not known whether they should be.

    `spelled` are the commands that go on from the run. `rowless` VMs were listed and have no row,
    None where that is not known: what was asked for may be so of each.
    """
    yield from _of_rows(found, wanted, spelled, rowless)
    if rowless is None:
        yield "How many more VMs were listed and have no row is not known."
    elif rowless and wanted.machine is None and not wanted.needs_result:
        yield f"{counted(rowless, 'VM has', 'VMs have')} no row: nothing is known of {_them(rowless)}."
    elif rowless and "/" not in (wanted.machine or "/"):
        is_named = "whether it is" if rowless == 1 else "whether any of them is"
        yield f"{counted(rowless, 'VM has', 'VMs have')} no row: {is_named} named so is unknown."


def _of_rows(found: Found, wanted: Wanted, spelled: Spelled | None, rowless: int | None) -> Iterator[str]:
    # Which VMs they are is not in the rows: a name is not looked for among them.
    unknown = found.unknown if wanted.machine is not None else found.unknown + (rowless or 0)
    unassessed = [*_unassessed(unknown, is_least=rowless is None)]
    if wanted.missing is not None and wanted.worst is None and not wanted.patches:
        yield "; ".join([_missing(found, wanted), *unassessed]) + "."
        yield from _unknown(found, wanted)
        return
    of = _of_all(found, rowless)
    what = f"{counted(len(found.lines), 'patch', 'patches')} on " if wanted.patches else ""
    yield f"{what}{counted(found.vms, 'VM', 'VMs')} {of}."
    for reason, number in found.reasons.most_common() if wanted.is_not_assessed else ():
        word = reason.replace("_", " ") if reason in MEANINGS else "ended otherwise"
        each = "" if number == 1 else "; for each"
        to_do = of_run(meaning_of(reason).to_do, spelled)
        yield f"{counted(number, 'VM', 'VMs')}: {word}{each}: {to_do}."
    if wanted.needs_result:
        yield from (f"{sentence[0].upper()}{sentence[1:]}." for sentence in unassessed)
        yield from _unknown(found, wanted)


def _missing(found: Found, wanted: Wanted) -> str:
    """Of how many VMs it is known whether they miss what was asked for, and how many do."""
    patch = sanitize(kb_of(wanted.missing or "") or wanted.missing or "", PATCH_LIMIT_CHARS)
    miss = "misses" if found.vms == 1 else "miss"
    waits = ("has" if found.vms == 1 else "have") + " a restart pending"
    told = f"{found.vms:,} of {counted(found.assessed, 'assessed VM', 'assessed VMs')} {miss} {patch}"
    return f"{told} and {waits}" if wanted.reboot else told


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _of_all(found: Found, rowless: int | None) -> str:
    if rowless is None:
        return f"of {found.rows:,} that have a row"
    listed = found.rows + rowless
    return f"of {listed:,}" if listed != found.vms else "in all"


def _unassessed(number: int, *, is_least: bool) -> Iterator[str]:
    """How many VMs were not assessed, or at least so many."""
    if number:
        were, they = ("VM was", "it misses") if number == 1 else ("VMs were", "they miss")
        yield f"{'at least ' if is_least else ''}{number:,} {were} not assessed: what {they} is unknown"


def _unknown(found: Found, wanted: Wanted) -> Iterator[str]:
    if wanted.reboot and (number := found.untold):
        yield f"{counted(number, 'VM does', 'VMs do')} not tell whether a restart is pending."
    if wanted.missing is None and not wanted.patches:
        return
    if number := found.unlisted:
        they = "it misses" if number == 1 else "they miss"
        yield f"{counted(number, 'VM', 'VMs')} came without a list of patches: which ones {they} is unknown."
    if number := found.cut:
        are, those = (
            ("list of patches is", "that VM") if number == 1 else ("lists of patches are", "those VMs")
        )
        yield f"{number:,} {are} cut short: {those} may miss more."
