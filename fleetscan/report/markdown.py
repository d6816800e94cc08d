"""A report as GitHub's Markdown, for a pull request or the summary of a job.

Reads only the record of fleetscan.report/1. Foreign text stands in code spans: there GitHub reads no
Markdown, HTML, mention or link, and `code` leaves it no way out of its span or its cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleetscan.records.patches import UNNAMED
from fleetscan.records.report import Report, UnassessedReason
from fleetscan.records.row import OutcomeWord
from fleetscan.records.totals import GroupTotals, NotListed
from fleetscan.report.commands import Spelled, next_command, show_flags
from fleetscan.report.earlier import earlier_words
from fleetscan.report.figures import counted, duration, of_each, parts_of, percent_words, to_do_label
from fleetscan.report.judged_markdown import PLACE, age_rows, gates_block, judged_blocks, place
from fleetscan.report.left_out import passed_over_words, selection_words, unlisted_words, unseen_words
from fleetscan.report.markdown_text import LINE_LIMIT_CHARS, MESSAGE_LIMIT_CHARS, code, table
from fleetscan.report.missed_patches import HEADING, title_beside
from fleetscan.report.named import by_reason, told_code
from fleetscan.report.not_counted import mark, marked
from fleetscan.report.reasons import meaning_of
from fleetscan.report.which_run import NewerRun, minute

WORST_SHOWN = 10
# VMs of one reason; there are some fifteen reasons, and GitHub takes 65,536 characters in a comment.
FAILED_SHOWN = 5
PATCHES_SHOWN = 10
GROUPS_SHOWN = 20
ERRORS_SHOWN = 10
WARNINGS_SHOWN = 10
ENDED_OTHERWISE: Sequence[tuple[str, OutcomeWord]] = (
    ("Failed", "failed"),
    ("Timed out", "timed_out"),
    ("Skipped", "skipped"),
)


def markdown_of(report: Report, spelled: Spelled, newer: NewerRun | None = None) -> str:
    """The report as Markdown, with the commands for its run as they are `spelled`.

    `newer` is a newer run that is not complete.
    """
    blocks = [
        _heading(report),
        *newer_block(newer),
        *_warnings(report),
        *gates_block(report),
        *_figures(report),
        *_worst(report),
        *_not_assessed(report),
        *_patches(report),
        *judged_blocks(report),
        *_groups(report, "subscription", "subscription"),
        *_groups(report, "os_type", "operating system"),
        *_more(report, spelled),
    ]
    return "\n\n".join(blocks)


def newer_block(newer: NewerRun | None) -> Iterator[str]:
    """The paragraph about a newer run, where there is one."""
    if newer is not None:
        yield f"**NEWER RUN**: {newer.told(lambda text: code(text, LINE_LIMIT_CHARS))}"


def _heading(report: Report) -> str:
    fleet, lasted = report["fleet"], report["duration_s"]
    words = f"{counted(fleet['listed'], 'VM', 'VMs')} listed, {fleet['outcomes']['assessed']:,} assessed"
    within = "" if lasted is None else f" in {duration(lasted)}"
    endpoint = report["endpoint"]
    at = "" if endpoint is None else f", endpoint {code(endpoint, LINE_LIMIT_CHARS)}"
    return f"## Patches: {words}\n\nRun of {minute(report['started_at'])}{at}{within}."


def _warnings(report: Report) -> Iterator[str]:
    """What makes the figures less than they look."""
    yield from (f"**PARTIAL**: {why}." for why in report["partial"])
    errors = report["inventory_errors"]
    if errors is None:
        yield "**NOT LISTED**: unknown, because the run has no totals."
    yield from (f"**NOT LISTED**: {_not_listed(error)}" for error in (errors or [])[:ERRORS_SHOWN])
    if errors and len(errors) > ERRORS_SHOWN:
        yield f"**NOT LISTED**: and {len(errors) - ERRORS_SHOWN:,} more."
    if words := passed_over_words(report["not_scanned"]):
        yield f"**Passed over**: {code(words, LINE_LIMIT_CHARS)}"
    if words := unseen_words(report["uniform_scale_set_vms"]):
        yield f"**Not seen**: {words}"
    warnings = report["warnings"]
    yield from (f"**Warning**: {code(each, LINE_LIMIT_CHARS)}" for each in warnings[:WARNINGS_SHOWN])
    if (more := len(warnings) - WARNINGS_SHOWN) > 0:
        yield f"**Warning**: and {more:,} more, in `run.json`."
    if words := unlisted_words(report["selection"], report["fleet"]["listed"]):
        yield f"**Left out**: {words}"
    if words := selection_words(report["selection"]):
        yield f"Selection: {code(words, LINE_LIMIT_CHARS)}"


def _not_listed(error: NotListed) -> str:
    part = f"subscription {code(error['subscription_id'])}" if error["subscription_id"] else "the fleet"
    return f"{part}: {code(error['code']) or 'no code'}: {code(error['message'], MESSAGE_LIMIT_CHARS)}"


def _figures(report: Report) -> Iterator[str]:
    fleet = report["fleet"]
    listed, assessed = fleet["listed"], fleet["outcomes"]["assessed"]
    if not listed:
        # A scan that is listing its fleet may find some yet.
        if report["inventory_errors"] is not None:
            yield "**EMPTY**: no VM was found: check the selection and the permissions of the identity."
        return
    of = "of the VMs listed" if report["is_whole_fleet"] else "of what was listed"
    compliance = f"{percent_words(fleet['compliance_pct'])} {of} have no missing critical or security patches"
    rows = [
        ("Coverage", f"{percent_words(fleet['coverage_pct'])} {of} ({assessed:,} of {listed:,})"),
        ("Compliance", marked(compliance, report)),
        *([("Earlier", earlier)] if (earlier := earlier_words(report)) else []),
        *(_missing(report) if assessed else [("Missing", "unknown: no VM was assessed")]),
        *age_rows(report),
        *_ends(report),
    ]
    yield table(("figure", ""), rows)


def _missing(report: Report) -> Iterator[tuple[str, str]]:
    fleet = report["fleet"]
    critical = counted(
        fleet["critical_and_security_count"], "critical or security patch", "critical and security patches"
    )
    on = counted(fleet["vms_with_critical_or_security"], "VM", "VMs")
    yield "Missing", marked(f"**{critical}** on {on}; {fleet['other_count']:,} other", report)
    yield "Reboot", f"pending on {counted(fleet['reboot_pending'], 'VM', 'VMs')}"
    if fleet["patches_incomplete"]:
        lists = counted(fleet["patches_incomplete"], "patch list is", "patch lists are")
        yield "Incomplete", f"{lists} truncated; counts are correct"


def _ends(report: Report) -> Iterator[tuple[str, str]]:
    outcomes = report["fleet"]["outcomes"]
    for label, outcome in ENDED_OTHERWISE:
        reasons = by_reason(report["not_assessed"], outcome)
        if number := sum(count for _, count in reasons):
            yield label, f"{number:,}: {parts_of(number, reasons)}"
    if outcomes["interrupted"]:
        yield "Unfinished", f"{outcomes['interrupted']:,}"


def _worst(report: Report) -> Iterator[str]:
    if not (worst := (report["worst"] or [])[:WORST_SHOWN]):
        return
    rows = [
        (
            _number(vm["critical_and_security_count"]),
            _number(vm["other_count"]),
            "pending" if vm["reboot_pending"] else "",
            *place(vm),
        )
        for vm in worst
    ]
    yield _headed("Worst VMs", report)
    yield table(("critical and security", "other", "reboot", *PLACE), rows)


def _not_assessed(report: Report) -> Iterator[str]:
    failed = [each for each in report["not_assessed"] if each["outcome"] != "skipped"]
    if failed:
        yield "### Not assessed\n\nWhat these VMs miss is unknown."
    for reason in failed:
        mend = meaning_of(reason["reason"]).mend
        to_do = f" {to_do_label(reason['count'])}: {mend}." if mend else ""
        code_words = f" ({code(told)})" if (told := told_code(reason)) else ""
        what = of_each(reason["count"], reason["what"])
        yield f"**{reason['count']:,} {_words(reason)}**{code_words}: {what}.{to_do}"
        yield from _unassessed(reason)


def _unassessed(reason: UnassessedReason) -> Iterator[str]:
    shown = reason["vms"][:FAILED_SHOWN]
    if not shown:
        return
    rows = [
        (*place(vm), ": ".join(filter(None, (code(vm["code"]), code(vm["message"], MESSAGE_LIMIT_CHARS)))))
        for vm in shown
    ]
    yield table((*PLACE, "message"), rows)
    if (more := reason["count"] - len(shown)) > 0:
        yield f"and {more:,} more"


def _patches(report: Report) -> Iterator[str]:
    if not (patches := (report["patches"] or [])[:PATCHES_SHOWN]):
        return
    yield _headed(HEADING, report)
    if unknown := report["vms_unknown"]:
        are = "1 VM is" if unknown == 1 else f"{unknown:,} VMs are"
        yield f"{are} unknown: not assessed."
    rows = [
        (
            f"{each['vms']:,}",
            code(each["patch"]) or UNNAMED,
            code(", ".join(each["classifications"])),
            code(title_beside(each["patch"], each["name"]), MESSAGE_LIMIT_CHARS),
        )
        for each in patches
    ]
    vms = "VMs, at least" if report["fleet"]["patches_incomplete"] else "VMs"
    yield table((vms, "patch", "kind", "title"), rows)


def _groups(report: Report, scope: str, label: str) -> Iterator[str]:
    """The groups of one scope, those with the most critical and security patches first."""
    groups = [each for each in report["groups"] if each["scope"] == scope]
    groups.sort(key=lambda each: (-each["critical_and_security_count"], each["key"] or ""))
    if len(groups) < 2:
        return
    rows = [
        (
            code(each["name"] or each["key"]) or "unknown",
            f"{each['listed']:,}",
            percent_words(each["coverage_pct"]),
            percent_words(each["compliance_pct"]),
            _known(each, each["critical_and_security_count"]),
            _known(each, each["reboot_pending"]),
        )
        for each in groups[:GROUPS_SHOWN]
    ]
    yield _headed(f"By {label}", report, " in all")
    yield table((label, "VMs", "coverage", "compliance", "critical and security", "reboots"), rows)
    if (more := len(groups) - GROUPS_SHOWN) > 0:
        yield f"and {more:,} more"


def _headed(heading: str, report: Report, where: str = "") -> str:
    """A section's heading, and what its figures leave out."""
    told = mark(report)
    return f"### {heading}\n\n{told[0].upper()}{told[1:]}{where}." if told else f"### {heading}"


def _known(group: GroupTotals, number: int) -> str:
    """A sum over assessed VMs; where there are none it is not 0 but unknown."""
    return f"{number:,}" if group["outcomes"]["assessed"] else "unknown"


def _more(report: Report, spelled: Spelled) -> Iterator[str]:
    """The commands that show more, and the one that retries."""
    show, *others = show_flags(report) or [""]
    if show:
        told = "".join(f", `{flag}`" for flag in others)
        yield f"More: {code(f'{spelled.show} {show}', LINE_LIMIT_CHARS)}{told}"
    if (command := next_command(report, spelled)) is not None:
        yield f"Next: {code(command, LINE_LIMIT_CHARS)}"


def _words(reason: UnassessedReason) -> str:
    return str(reason["reason"]).replace("_", " ")


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
