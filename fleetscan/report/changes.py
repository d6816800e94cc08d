"""A diff in words, for a screen and as Markdown: the figures in sentences, then VMs and patches by name.

Reads only the record of fleetscan.diff/1. Foreign text is sanitized, in Markdown it stands in code spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fleetscan.records.diff import BackAgain, ChangedVms, Diff, DiffRun
from fleetscan.records.reported_vm import ReportedVm
from fleetscan.report.arc_mark import name_with_kind
from fleetscan.report.cells import aligned
from fleetscan.report.figures import counted
from fleetscan.report.left_out import elsewhere, elsewhere_words, selection_words
from fleetscan.report.markdown import newer_block
from fleetscan.report.markdown_text import code
from fleetscan.report.sanitize import sanitize
from fleetscan.report.which_run import NewerRun, minute

VMS_SHOWN, PATCHES_SHOWN = 5, 10
# So many patches of one VM.
KEYS_SHOWN = 3
LABEL_CELLS = 14
NAME_LIMIT_CHARS, LINE_LIMIT_CHARS = 100, 1000


class Figure(NamedTuple):
    """A line of figures; `is_bad` where it makes the others less than they look.

    `is_foreign` where a run's files say the words.
    """

    label: str
    words: str
    is_bad: bool = False
    is_foreign: bool = False


class Names(NamedTuple):
    """VMs or patches by name, cell by cell; `vms` are those of the rows, empty where rows are patches."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int
    vms: Sequence[ReportedVm] = ()


def text_of(diff: Diff, width: int) -> Iterator[str]:
    """The lines for a screen of so many columns."""
    yield headline(diff)
    yield ""
    for figure in figures(diff):
        yield from aligned([[figure.label.ljust(LABEL_CELLS), figure.words]], max(width, LINE_LIMIT_CHARS))
    for names in by_name(diff):
        yield ""
        yield names.title
        rows = [[sanitize(cell, NAME_LIMIT_CHARS) for cell in row] for row in names.rows]
        yield from (f"  {line}" for line in aligned(rows, max(width - 2, 1)))
        if names.more:
            yield f"  and {names.more:,} more"


def markdown_of(diff: Diff, newer: NewerRun | None = None) -> str:
    """The diff for a pull request or a job's summary; `newer` is a newer run that is not complete."""
    blocks = [f"## {headline(diff)}", *newer_block(newer)]
    blocks += [
        (f"**{each.label}**: " if each.label else "")
        + (code(each.words, LINE_LIMIT_CHARS) if each.is_foreign else each.words)
        for each in figures(diff)
    ]
    for names in by_name(diff):
        blocks.append(f"### {names.title}")
        lines = [
            names.heads,
            ["---"] * len(names.heads),
            *([code(cell) for cell in row] for row in names.rows),
        ]
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        if names.more:
            blocks.append(f"and {names.more:,} more")
    return "\n\n".join(blocks)


def headline(diff: Diff) -> str:
    """Which runs, and how much of them is compared."""
    return (
        f"Changes from {minute(diff['old']['started_at'])} to {minute(diff['new']['started_at'])}: "
        f"{counted(diff['compared'], 'VM', 'VMs')} compared"
    )


def figures(diff: Diff) -> Iterator[Figure]:
    """What makes the comparison less than it looks first, then what changed."""
    for word, run in (("old", diff["old"]), ("new", diff["new"])):
        yield from (Figure("PARTIAL", f"the {word} run: {why}", True) for why in run["partial"])
    if not diff["is_same_selection"]:
        yield Figure("Selections", _selections(diff["old"], diff["new"]), True, True)
    elif (endpoint := elsewhere(diff["new"]["selection"])) is not None:
        yield Figure("Endpoint", sanitize(endpoint, NAME_LIMIT_CHARS), False, True)
    if diff["compared"]:
        yield from _compared(diff)
    else:
        yield Figure("Patches", "unknown: no VM was assessed in both runs", True)
    yield Figure("VMs", _vms(diff))
    yield from _not_compared(diff)


def _compared(diff: Diff) -> Iterator[Figure]:
    """What changed on the VMs that both runs assessed."""
    yield Figure("Missing", _missing(diff))
    yield Figure("Patches", f"{diff['newly_missing']:,} newly missing, {diff['installed']:,} installed")
    if (back := diff["back_again"]) is not None:
        yield Figure("Back again", _back_again(back))
    cleared, due = diff["reboots_cleared"]["count"], diff["reboots_due"]["count"]
    yield Figure("Restarts", f"{cleared:,} no longer pending, {due:,} newly pending")


def _selections(old: DiffRun, new: DiffRun) -> str:
    was, now = old["selection"], new["selection"]
    if (words := _selected(old)) != _selected(new):
        return f"{words}; now {_selected(new)}"
    names = [name.replace("_", "-") for name in {**was, **now} if was.get(name) != now.get(name)]
    return f"{words}, with another {', '.join(names)}"


def _selected(run: DiffRun) -> str:
    asked = selection_words(run["selection"]) or "the whole fleet"
    return ", ".join(filter(None, (asked, elsewhere_words(elsewhere(run["selection"])))))


def _back_again(back: BackAgain) -> str:
    since = "the history begins later"
    if back["history_since"] is not None:
        since = f"history since {back['history_since']}"
    on = f" on {counted(back['vm_count'], 'VM', 'VMs')}, installed before" if back["count"] else ""
    return f"{back['count']:,}{on} ({since})"


def _missing(diff: Diff) -> str:
    old, new = diff["old"], diff["new"]
    critical = _change(old["critical_and_security_count"], new["critical_and_security_count"])
    vms = _change(old["vms_with_critical_or_security"], new["vms_with_critical_or_security"])
    other = _change(old["other_count"], new["other_count"])
    return f"critical and security {critical}, on VMs {vms}; other {other}"


def _change(before: int, after: int) -> str:
    return f"{before:,} -> {after:,} ({after - before:+,})"


def _vms(diff: Diff) -> str:
    counts = {
        "new": diff["appeared"],
        "gone": diff["gone"],
        "newly failing": diff["newly_failing"],
        "newly unseen": diff["newly_unseen"],
        "seen again": diff["seen_again"],
    }
    return ", ".join(f"{vms['count']:,} {word}" for word, vms in counts.items())


def _not_compared(diff: Diff) -> Iterator[Figure]:
    if number := diff["not_comparable"]:
        yield Figure("Not compared", f"{_of(number)} not assessed in one of the runs", True)
    if number := diff["lists_not_compared"]:
        yield Figure(
            "", f"{_of(number)} compared by patches in part: a list is cut short, or none came", True
        )
    if number := diff["only_old"]:
        yield Figure("", f"{_of(number)} not looked at by the new run: neither gone nor mended", True)
    if number := diff["only_new"]:
        yield Figure("", f"{_of(number)} not looked at by the old run: not new", True)


def _of(number: int) -> str:
    return f"{counted(number, 'VM', 'VMs')} {'was' if number == 1 else 'were'}"


def by_name(diff: Diff, most_vms: int = VMS_SHOWN, most_patches: int = PATCHES_SHOWN) -> Iterator[Names]:
    """The VMs that changed, the worst news first, then the patches that changed most: the first of each."""
    for title, vms in (
        ("Newly failing", diff["newly_failing"]),
        ("Newly unseen", diff["newly_unseen"]),
        ("Gone", diff["gone"]),
        ("New", diff["appeared"]),
        ("Restart newly pending", diff["reboots_due"]),
    ):
        if vms["count"]:
            yield _vms_by_name(title, vms, most_vms)
    if (back := diff["back_again"]) is not None and back["count"]:
        yield _back_by_name(back, most_vms)
    if patches := diff["patches"][:most_patches]:
        rows = [
            [f"+{each['newly_missing']:,}", f"-{each['installed']:,}", each["patch"], each["name"] or ""]
            for each in patches
        ]
        heads = ["newly missing", "installed", "patch", "title"]
        more = diff["distinct_patches"] - len(patches)
        yield Names("Patches that changed on most VMs (newly missing, installed)", heads, rows, more)


def _vms_by_name(title: str, vms: ChangedVms, most: int) -> Names:
    shown = vms["vms"][:most]
    rows = [[*_place(vm), (vm["reason"] or "").replace("_", " ")] for vm in shown]
    heads = ["VM", "resource group", "subscription", "reason"]
    return Names(title, heads, rows, vms["count"] - len(shown), shown)


def _back_by_name(back: BackAgain, most: int) -> Names:
    shown = back["vms"][:most]
    rows = []
    for vm in shown:
        named = vm["patches"][:KEYS_SHOWN]
        more = vm["count"] - len(named)
        name, *place = _place(vm)
        rows.append([name, ", ".join(named) + (f" and {more:,} more" if more else ""), *place])
    heads = ["VM", "patches", "resource group", "subscription"]
    return Names(
        "Back again after they had been installed", heads, rows, back["vm_count"] - len(shown), shown
    )


def _place(vm: ReportedVm) -> list[str]:
    return [name_with_kind(vm), vm["resource_group"], vm["subscription_name"] or vm["subscription_id"]]
