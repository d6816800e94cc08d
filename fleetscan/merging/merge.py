"""One run of several: what was named is checked, its rows are written as one run's, and its sums made anew.

Nothing is put in its place before all of it is whole, so that a kill or a full disk leaves no half run.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import Remedy, UsageError
from fleetscan.merging.agreeing import families_of
from fleetscan.merging.given import Family, Given
from fleetscan.merging.joined import Ended, fleet_facts, group_by_of, run_facts, scope_of, warnings_of
from fleetscan.merging.missing_shards import missing_of
from fleetscan.merging.row_pass import RowPass
from fleetscan.merging.rowless import take_family
from fleetscan.records.run import RunFacts
from fleetscan.records.totals import GroupTotals, Totals
from fleetscan.runs.directory import RESULTS, RUN, TOTALS, refuse_used
from fleetscan.runs.whole_files import LineFile, whole_files

INCOMPLETE, SOME_FAILED = 5, 3
OUTSIDE = Remedy("name a directory outside the runs with {out}", {"out": None})


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged run in `directory`, with its run.json and the fleet's totals.

    `lacking` has a sentence for each run that is missing or not whole; `unfinished` are those to resume;
    `is_running` where a live process is at work on one.
    """

    directory: Path
    facts: RunFacts
    totals: Totals
    lacking: list[str]
    unfinished: list[Given]
    is_running: bool


def merge(
    runs: Sequence[Given], out: Path, on_new: Callable[[Sequence[Path]], object] = lambda _: None
) -> Merged:
    """Merge `runs` into the new run in the directory `out`. `on_new` is told the files that are half written.

    Raises UsageError where the runs do not fit together or `out` holds a run or is in one,
    CannotReadRunError, CannotWriteError where the disk refuses, and BrokenIdentityError.
    """
    refuse_used(out)
    _refuse_inside(out, runs)
    families = families_of(runs)
    with (
        _removed_if_empty(out),
        whole_files(out, (RESULTS, TOTALS, RUN), on_new=on_new) as ((rows, *rest), _),
    ):
        with closing(LineFile(rows)) as file:
            merged, lines = _merged(families, out, file)
            file.finish()
        _write(rest[0], b"".join(map(json_text.encode_line, lines)))
        _write(rest[1], json_text.encode_indented(merged.facts))
        # A scan may have begun there meanwhile.
        refuse_used(out)
    return merged


def _refuse_inside(out: Path, runs: Sequence[Given]) -> None:
    """Raise UsageError where `out` is in one of the runs: these stay as they are, and can be pruned."""
    for each in runs:
        if out.resolve().is_relative_to(each.run.path.resolve()):
            raise UsageError(f"{out} is inside the run {each.name}", OUTSIDE)


def _write(path: Path, data: bytes) -> None:
    with closing(LineFile(path)) as file:
        file.write(data)
        file.finish()


def _merged(
    families: Sequence[Family], out: Path, file: LineFile
) -> tuple[Merged, tuple[Totals, *tuple[GroupTotals, ...]]]:
    """Write the rows; what the other two files hold."""
    runs = [member for family in families for member in (family.base, *reversed(family.retries))]
    scan_id = str(uuid.uuid4())
    rows = RowPass(scan_id, group_by_of(runs), families, file)
    told = {family.base.scan_id: take_family(family, rows) for family in families}
    bases = [each[0] for each in told.values()]
    listed: dict[str, int] = {}
    for base in bases:
        for key, count in base.listed.items():
            listed[key] = listed.get(key, 0) + count
    missing = missing_of(families, listed, are_counted=all(base.is_counted for base in bases))
    for target, count in missing.targets():
        rows.add_unknown(target, count)
    every = [each for family in told.values() for each in family]
    lacking = [*missing.sentences, *(each.why for each in every if each.why is not None)]
    scope = scope_of([family.base for family in families], is_missing=bool(missing.sentences))
    fleet = fleet_facts(runs, every, missing.errors, scope)
    rows.totals.check(rows.rows_written)
    lines = rows.totals.lines(fleet)
    ended = _ended(lines[0], lacking, runs)
    facts = run_facts(scan_id, runs, fleet, scope, ended, str(out))
    held = [each for each in runs if each.is_held]
    unfinished = [each for each in runs if not each.run.is_complete and each not in held]
    return Merged(out, facts, lines[0], lacking, unfinished, bool(held)), lines


def _ended(totals: Totals, lacking: Sequence[str], runs: Sequence[Given]) -> Ended:
    warnings = [*dict.fromkeys((*lacking, *warnings_of(runs)))]
    if lacking:
        return Ended(INCOMPLETE, "; ".join(lacking), warnings)
    outcomes = totals["outcomes"]
    some_failed = outcomes["failed"] or outcomes["timed_out"] or totals["inventory_errors"]
    return Ended(SOME_FAILED if some_failed else 0, None, warnings)


@contextmanager
def _removed_if_empty(path: Path) -> Iterator[None]:
    """Where the block fails, the directory `path` is there as it was before: not at all, if it was not."""
    is_new = not path.exists()
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                path.rmdir()
        raise
