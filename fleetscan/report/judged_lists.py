"""What is judged of a run on a screen: ages, service levels, what is left out, and the trend.

Reads only the record of fleetscan.report/1. Tables fit the width or become sentences; names are cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fleetscan.records.judged import BreachingVm, JudgedException
from fleetscan.records.report import Report
from fleetscan.report.age_words import (
    BASIS,
    MEANING,
    AgeTable,
    age_tables,
    ages_of,
    bucket_words,
    history_note,
    is_asked_for,
)
from fleetscan.report.cells import aligned
from fleetscan.report.figures import counted
from fleetscan.report.grid import columns, grid
from fleetscan.report.level_words import (
    HEAD,
    basis_words,
    level_rows,
    levels_of,
    more_breached,
    rules_words,
    unknown_note,
)
from fleetscan.report.name_lists import BAD, INDENT, NAME_LIMIT_CHARS, Line, Style, heading, place_of
from fleetscan.report.not_counted import (
    also_marked,
    by_state,
    effect_words,
    left_out_of,
    other_causes,
    others_words,
    scope_words,
    state_words,
    summary_words,
)
from fleetscan.report.sanitize import sanitize
from fleetscan.report.trend_words import HEAD as TREND_HEAD
from fleetscan.report.trend_words import (
    change_words,
    heading_note,
    left_out_words,
    night_row,
    shown_nights,
)

BREACHING_SHOWN = 5
EXCEPTIONS_SHOWN = 5
REASON_LIMIT_CHARS = 150
MIDDLING: Style = "yellow"


class JudgedLists:
    """The sections of a report for a screen of so many columns, in words that `fit` makes showable."""

    def __init__(self, report: Report, fit: Callable[[str], str], width: int) -> None:
        self._report = report
        self._fit = fit
        self._width = width

    def sections(self) -> Iterator[list[Line]]:
        """Each section's lines, its heading first; none for what there is nothing of."""
        for lines in (self._ages(), self._levels(), self._breaching(), self._left_out(), self._trend()):
            if found := [*lines]:
                yield found

    def _ages(self) -> Iterator[Line]:
        ages = ages_of(self._report)
        if ages is None or not is_asked_for(self._report) or not (tables := age_tables(ages)):
            return
        yield heading("Ages in days", also_marked(MEANING, self._report))
        days = [bucket_words(bucket) for bucket in ages["buckets"]]
        for table in tables:
            yield from map(self._line, self._age_table(table, days))
        if note := history_note(ages):
            yield self._line(note)

    def _age_table(self, table: AgeTable, days: Sequence[str]) -> list[str]:
        """The buckets side by side, or below each other where that is too wide."""
        has_unknown = any(row.unknown is not None for row in table.rows)
        head = [BASIS[table.basis], *days, *(["unknown"] if has_unknown else [])]
        rows = [
            [row.label, *(f"{count:,}" for count in (*row.buckets, row.unknown) if count is not None)]
            for row in table.rows
        ]
        width = self._width - INDENT
        turned = [*zip(head, *rows, strict=True)]
        return columns(head, rows, width) or grid(turned[0], turned[1:], width)

    def _levels(self) -> Iterator[Line]:
        levels = levels_of(self._report)
        if levels is None:
            return
        breached = counted(levels["vms"]["breached"], "VM breaches them", "VMs breach them")
        beyond = (f": {breached}", BAD) if levels["vms"]["breached"] else ("", "")
        rules = f" ({also_marked(rules_words(levels), self._report)})"
        yield Line(0, [("Service levels", "bold"), beyond, (rules, "")])
        rows = [
            [label, f"{each['within']:,}", f"{each['breached']:,}", f"{each['unknown']:,}"]
            for label, each in level_rows(levels)
        ]
        yield from self._grid(HEAD, rows)
        if note := unknown_note(self._report):
            yield self._line(note)

    def _breaching(self) -> Iterator[Line]:
        levels = levels_of(self._report)
        if levels is None or not (worst := levels["worst"][:BREACHING_SHOWN]):
            return
        told = "days missing, limit, counted since; +N more patches"
        yield heading("Furthest beyond a service level", told)
        figures = [(f"{vm['age_days']:,}", f"{vm['limit_days']:,}", basis_words(vm)) for vm in worst]
        widths = [max(len(row[place]) for row in figures) for place in range(3)]
        before = sum(widths) + 6
        names = aligned([self._breach(vm) for vm in worst], self._width - INDENT - before)
        for (days, limit, basis), name in zip(figures, names, strict=True):
            told = f"  {limit.rjust(widths[1])}  {basis.ljust(widths[2])}  {name}"
            yield Line(INDENT, [(days.rjust(widths[0]), BAD), (told, "")])
        if more := more_breached(levels, len(worst)):
            yield self._line(f"and {more:,} more {'VM' if more == 1 else 'VMs'}")

    def _breach(self, vm: BreachingVm) -> list[str]:
        more = f"+{vm['breached'] - 1:,}" if vm["breached"] > 1 else ""
        patch = " ".join(filter(None, (self._shown(vm["patch"]), more)))
        return [patch, *place_of(vm, self._shown)]

    def _left_out(self) -> Iterator[Line]:
        left_out = left_out_of(self._report)
        if left_out is None:
            return
        yield Line(0, [("Left out", "bold"), (f": {summary_words(left_out)}", "")])
        for group in by_state(left_out, EXCEPTIONS_SHOWN):
            for exception in group.first:
                yield from self._exception(exception)
            if others := others_words(group):
                yield self._line(others, BAD if group.state == "expired" else "")
        for clause in other_causes(left_out, self._shown):
            yield self._line(clause)

    def _exception(self, exception: JudgedException) -> Iterator[Line]:
        """What it is and does, then who answers for it and why."""
        style = {"expired": BAD, "applied": ""}.get(exception["state"], MIDDLING)
        where = f"{self._shown(exception['patch'])} on {scope_words(exception, self._shown)}"
        yield Line(INDENT, [(state_words(exception), style), (f"  {where}: {effect_words(exception)}", "")])
        owner, reason = self._shown(exception["owner"]), self._shown(exception["reason"], REASON_LIMIT_CHARS)
        yield Line(2 * INDENT, [(f"{owner}: {reason}", "")])

    def _trend(self) -> Iterator[Line]:
        nights = self._report["trend"]
        if not nights:
            return
        yield heading("Trend", heading_note(self._report, nights))
        if len(nights) > 1:
            first, between, last = shown_nights(nights)
            rows = [*map(night_row, (*first, *last))]
            lines = [*self._grid(TREND_HEAD, rows)]
            if between:
                # (Below the first night; where the nights are sentences, there is no heading above it.)
                lines.insert(len(lines) - len(last), self._line(left_out_words(between)))
            yield from lines
        yield self._line(change_words(nights))

    def _grid(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
        return map(self._line, grid(head, rows, self._width - INDENT))

    def _line(self, words: str, style: Style = "") -> Line:
        return Line(INDENT, [(words, style)])

    def _shown(self, text: str, limit: int = NAME_LIMIT_CHARS) -> str:
        return self._fit(sanitize(text, limit))
