"""A run in one record, schema fleetscan.report/1, by one pass over its rows: what every view of a run shows.

It holds the first few VMs and patches, never a row, so that memory does not grow with the fleet. Sums are the
run's own; where it has none, they are counted from its journal and its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from fleetscan import places
from fleetscan.history.judged_run import judging_of, trend_of
from fleetscan.history.seen import Seen, seen_by
from fleetscan.judgement.counting import CountedVm
from fleetscan.judgement.judging import Judging
from fleetscan.judgement.standards import NO_STANDARDS, Standards
from fleetscan.model import Json
from fleetscan.records.fleet_facts import not_scanned, stopped_words
from fleetscan.records.patches import PatchReader
from fleetscan.records.report import SCHEMA, Report, UnassessedReason
from fleetscan.records.row import REASONS, OutcomeWord, Row
from fleetscan.records.totals import GroupTotals, NotListed, NotScanned, Totals
from fleetscan.report.earlier import OldestEarlier, earlier_of
from fleetscan.report.left_out import elsewhere, is_whole
from fleetscan.report.named import Named, in_order, reason_of
from fleetscan.runs.begun import BegunRun
from fleetscan.runs.directory import JOURNAL, RESULTS, TOTALS
from fleetscan.runs.own_totals import own_totals
from fleetscan.runs.reader import Run, State

NOT_ASSESSED: tuple[OutcomeWord, ...] = ("failed", "timed_out", "skipped")
# How often it is asked whether to go on: reading so many rows takes some 0.05 s.
ASK_EVERY = 500


class TooLongError(Exception):
    """The pass over the rows was given up."""


def report_of(
    run: Run,
    standards: Standards = NO_STANDARDS,
    history: Path | None = None,
    *,
    beside: Callable[[Row, CountedVm], None] = lambda row, counted: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Report:
    """The report of `run`: complete, stopped or unfinished; judged by `standards`, with ages from `history`.

    `beside` is called with each row and what counts of it. Raises CannotReadRunError where the run's files
    cannot be read or a later fleetscan wrote them, HistoryError where the history cannot be, and TooLongError
    once `goes_on` answers no.
    """
    with ExitStack() as stack:
        seen = None if history is None else stack.enter_context(seen_by(history, run.facts))
        return _report_of(run, standards, seen, beside, goes_on)


def _report_of(
    run: Run,
    standards: Standards,
    seen: Seen | None,
    beside: Callable[[Row, CountedVm], None],
    goes_on: Callable[[], bool],
) -> Report:
    told = own_totals(run)
    begun = BegunRun(run) if told is None else None
    named, reader, earlier = Named(), PatchReader(), OldestEarlier()
    judging = judging_of(run, standards, seen)
    for number, row in enumerate(run.rows()):
        if number % ASK_EVERY == 0 and not goes_on():
            raise TooLongError
        counted = judging.add(row, reader.of(row))
        named.add(counted)
        earlier.add(row)
        beside(row, counted)
        if begun is not None:
            begun.ended(row)
    report = _of_begun(run, begun) if begun is not None else report_of_totals(*(told or ()))
    report["trend"] = None if seen is None else trend_of(run, seen.nights, report["fleet"])
    _judge(report, judging, told[0] if told is not None and run.is_complete else None)
    report["earlier"] = earlier_of(report["fleet"], earlier.assessed_at)
    report["state"] = run.state.value
    report["directory"] = places.told(str(directory_of(run.path)))
    report["endpoint"] = elsewhere(run.facts["selection"])
    report["warnings"] = run.facts["warnings"]
    report["partial"] = [*_partial(run, begun)]
    return _with_names(report, named)


def _judge(report: Report, judging: Judging, totals: Totals | None) -> None:
    """Have the report tell what counts, how old it is, and which gates stand in the way of `totals`."""
    report["judged"] = judging.told()
    if totals is not None and judging.gates:
        report["gates"], report["breaches"] = judging.gates, judging.breaches(totals)
    report["fleet"], report["groups"] = judging.figures(report["fleet"], report["groups"])


def directory_of(path: Path) -> Path:
    """The run's own directory: a link such as `latest` may lead to another run tomorrow."""
    return path.parent / path.readlink() if path.is_symlink() else path


def report_of_totals(
    totals: Totals, groups: Sequence[GroupTotals] = (), *, is_merged: bool = False
) -> Report:
    """What the fleet's line of totals.jsonl tells; no VM and no patch by name."""
    report = _outline(totals, groups, totals["selection"], totals["not_scanned"], totals["inventory_errors"])
    report["uniform_scale_set_vms"] = totals["uniform_scale_set_vms"]
    report["started_at"], report["finished_at"] = totals["started_at"], totals["finished_at"]
    report["duration_s"], report["requests"] = totals["duration_s"], totals["requests"]
    if (lacking := stopped_words(totals, is_merged=is_merged)) is not None:
        report["state"] = "stopped"
        report["partial"] = [lacking]
    return report


def _partial(run: Run, begun: BegunRun | None) -> Iterator[str]:
    """Why the figures are partial, or not the run's own."""
    yield from run.incomplete
    if begun is not None and run.state is not State.UNFINISHED:
        yield f"the figures are counted from {JOURNAL} and {RESULTS}, without {TOTALS}"
    if begun is not None and begun.listed is None:
        yield f"{JOURNAL} does not tell how many VMs were listed: the figures are of those that have a row"


def _of_begun(run: Run, begun: BegunRun) -> Report:
    fleet, groups = begun.sums()
    facts = run.facts
    report = _outline(fleet, groups, facts["selection"], not_scanned(facts["scope"]), begun.errors)
    report["uniform_scale_set_vms"] = facts["scope"]["uniform_scale_set_vms"]
    report["started_at"], report["finished_at"] = facts["started_at"], facts["finished_at"]
    return report


def _outline(
    fleet: GroupTotals,
    groups: Sequence[GroupTotals],
    selection: dict[str, Json],
    passed_over: list[NotScanned],
    errors: list[NotListed] | None,
) -> Report:
    return {
        "schema": SCHEMA,
        "scan_id": fleet["scan_id"],
        "directory": None,
        "started_at": None,
        "finished_at": None,
        "duration_s": None,
        "state": "complete",
        "partial": [],
        "is_whole_fleet": is_whole(selection, fleet["listed"], passed_over, errors),
        "selection": selection,
        "endpoint": elsewhere(selection),
        "not_scanned": passed_over,
        "uniform_scale_set_vms": None,
        "inventory_errors": errors,
        "warnings": [],
        "requests": None,
        "fleet": cast("GroupTotals", {name: fleet.get(name) for name in GroupTotals.__annotations__}),
        "groups": [*groups],
        "earlier": earlier_of(fleet),
        "not_assessed": _reasons(fleet),
        "worst": None,
        "patches": None,
        "distinct_patches": None,
        "judged": None,
        "gates": None,
        "breaches": None,
        "trend": None,
        "vms_unknown": fleet["listed"] - fleet["outcomes"]["assessed"],
    }


def _reasons(fleet: GroupTotals) -> list[UnassessedReason]:
    """The reasons that occurred, without the VMs."""
    counts = fleet["reasons"]
    return in_order(
        reason_of(outcome, word, None, counts[word], [])
        for outcome in NOT_ASSESSED
        for word in REASONS[outcome]
        if word is not None and word in counts
    )


def _with_names(report: Report, named: Named) -> Report:
    report["worst"], report["patches"] = named.worst(), named.patches()
    report["distinct_patches"] = named.distinct_patches
    report["not_assessed"] = named.not_assessed()
    return report
