"""What is judged of a run as GitHub's Markdown: gates, ages, service levels, what is left out, the trend.

Reads only the record of fleetscan.report/1. Foreign text stands in code spans.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleetscan.records.judged import BreachingVm, JudgedException
from fleetscan.records.patches import UNNAMED
from fleetscan.records.report import Report
from fleetscan.records.reported_vm import ReportedVm
from fleetscan.report.age_words import (
    MEANING,
    age_tables,
    ages_of,
    bucket_words,
    history_note,
    oldest_words,
    unknown_words,
)
from fleetscan.report.arc_mark import name_with_kind
from fleetscan.report.figures import counted
from fleetscan.report.gate_words import verdict
from fleetscan.report.level_words import (
    HEAD,
    basis_words,
    level_rows,
    levels_of,
    more_breached,
    rules_words,
    unknown_note,
)
from fleetscan.report.markdown_text import MESSAGE_LIMIT_CHARS, code, table
from fleetscan.report.not_counted import (
    by_state,
    effect_words,
    left_out_of,
    marked,
    other_causes,
    others_words,
    scope_words,
    state_words,
    summary_words,
)
from fleetscan.report.trend_words import HEAD as TREND_HEAD
from fleetscan.report.trend_words import (
    change_words,
    heading_note,
    left_out_words,
    night_row,
    shown_nights,
)

PLACE = ("VM", "resource group", "subscription")
BREACHING_SHOWN = 5
# Of each state; GitHub takes 65,536 characters in a comment.
EXCEPTIONS_SHOWN = 5


def gates_block(report: Report) -> Iterator[str]:
    """How the run stands to its gates, each that it does not pass on a line."""
    if not (words := verdict(report)):
        return
    if not (breaches := report["breaches"]):
        yield f"**Gates**: {words}"
        return
    lines = [f"- {code(sentence, MESSAGE_LIMIT_CHARS * 2)}" for sentence in breaches]
    yield "\n".join([f"**GATES**: {words}\n", *lines])


def age_rows(report: Report) -> Iterator[tuple[str, str]]:
    """What stands among the figures."""
    if (ages := ages_of(report)) is None:
        return
    if oldest := oldest_words(ages, code):
        yield "Oldest", marked(oldest, report)
    for clause in unknown_words(ages):
        yield "Age unknown", clause


def judged_blocks(report: Report) -> Iterator[str]:
    """The sections below the names."""
    yield from _ages(report)
    yield from _levels(report)
    yield from _left_out(report)
    yield from _trend(report)


def place(vm: ReportedVm) -> tuple[str, str, str]:
    """A VM's name, resource group and subscription."""
    subscription = vm["subscription_name"] or vm["subscription_id"]
    return code(name_with_kind(vm)) or UNNAMED, code(vm["resource_group"]), code(subscription)


def _ages(report: Report) -> Iterator[str]:
    ages = ages_of(report)
    if ages is None or not (tables := age_tables(ages)):
        return
    yield f"### Ages\n\n{marked(MEANING, report)}."
    has_unknown = any(row.unknown is not None for each in tables for row in each.rows)
    rows = [
        (
            row.label,
            each.since,
            *(f"{count:,}" for count in row.buckets),
            *((f"{row.unknown:,}" if row.unknown is not None else "",) if has_unknown else ()),
        )
        for each in tables
        for row in each.rows
    ]
    # (This sign may begin a tag or a quotation.)
    days = [bucket_words(bucket).replace(">", "over ") for bucket in ages["buckets"]]
    yield table(("figure", "days", *days, *(["unknown"] if has_unknown else [])), rows)
    if note := history_note(ages):
        yield note


def _levels(report: Report) -> Iterator[str]:
    levels = levels_of(report)
    if levels is None:
        return
    yield f"### Service levels\n\nRules: {marked(rules_words(levels), report)}."
    rows = [
        (label, f"{each['within']:,}", f"{each['breached']:,}", f"{each['unknown']:,}")
        for label, each in level_rows(levels)
    ]
    yield table(HEAD, rows)
    if note := unknown_note(report):
        yield f"{note[0].upper()}{note[1:]}."
    if not (worst := levels["worst"][:BREACHING_SHOWN]):
        return
    yield "Furthest beyond their limits:"
    yield table((*PLACE, "patch", "days missing", "limit", "patches beyond"), [*map(_breach, worst)])
    if more := more_breached(levels, len(worst)):
        yield f"and {counted(more, 'more VM', 'more VMs')}"


def _breach(vm: BreachingVm) -> tuple[str, ...]:
    days = f"{vm['age_days']:,}, {basis_words(vm)}"
    return *place(vm), code(vm["patch"]) or UNNAMED, days, f"{vm['limit_days']:,}", f"{vm['breached']:,}"


def _left_out(report: Report) -> Iterator[str]:
    left_out = left_out_of(report)
    if left_out is None:
        return
    told = summary_words(left_out)
    yield f"### Left out\n\n{told[0].upper()}{told[1:]}."
    groups = [*by_state(left_out, EXCEPTIONS_SHOWN)]
    if groups:
        rows = [_exception(each) for group in groups for each in group.first]
        yield table(("state", "patch", "scope", "effect", "owner", "reason"), rows)
    yield from (others for group in groups if (others := others_words(group)))
    yield from (f"{clause[0].upper()}{clause[1:]}." for clause in other_causes(left_out, code))


def _exception(exception: JudgedException) -> tuple[str, ...]:
    state = state_words(exception)
    return (
        f"**{state}**" if exception["state"] == "expired" else state,
        code(exception["patch"]),
        scope_words(exception, code),
        effect_words(exception),
        code(exception["owner"]),
        code(exception["reason"], MESSAGE_LIMIT_CHARS),
    )


def _trend(report: Report) -> Iterator[str]:
    nights = report["trend"]
    if not nights:
        return
    yield f"### Trend\n\n{heading_note(report, nights)}."
    if len(nights) > 1:
        first, between, last = shown_nights(nights)
        rows = [*map(night_row, first)]
        if between:
            rows.append((left_out_words(between), *[""] * (len(TREND_HEAD) - 1)))
        yield table(TREND_HEAD, [*rows, *map(night_row, last)])
    yield change_words(nights)
