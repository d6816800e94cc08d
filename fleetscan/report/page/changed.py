"""What changed since an earlier run, as the page tells it: the words of a diff, with links to what is here.

Plain values for the template. A VM that is gone has no link, nor has a patch that no VM misses any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fleetscan.records.diff import Diff
from fleetscan.records.patches import UNNAMED
from fleetscan.records.reported_vm import MOST_PATCHES, MOST_VMS
from fleetscan.report.changes import Figure, Names, by_name, figures, headline
from fleetscan.report.missed_patches import title_beside
from fleetscan.report.page.shown import (
    MESSAGE_LIMIT_CHARS,
    NAME_LIMIT_CHARS,
    cut,
    patch_key,
    patch_link,
    vm_link,
)
from fleetscan.report.which_run import minute

# Where a patch's key stands in a row.
KEY_AT = 2


class Cell(NamedTuple):
    """A text from outside, and its link where it has one."""

    text: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """VMs or patches that changed in one way; `name_at` is the place of the cell that names one."""

    title: str
    heads: Sequence[str]
    name_at: int
    rows: list[list[Cell]]
    more: int


@dataclass(frozen=True, slots=True)
class Changes:
    """A diff in words."""

    since: str
    headline: str
    groups: list[list[Figure]]
    """Figures, those without a label of their own with the one before."""
    names: list[Changed]


def changes_of(diff: Diff, patches: Collection[str]) -> Changes:
    """The words of `diff`; `patches` are the keys that the page shows."""
    return Changes(
        since=minute(diff["old"]["started_at"]),
        headline=headline(diff),
        groups=_groups(figures(diff)),
        names=[_changed(names, patches) for names in by_name(diff, MOST_VMS, MOST_PATCHES)],
    )


def _groups(figures: Iterable[Figure]) -> list[list[Figure]]:
    groups: list[list[Figure]] = []
    for figure in figures:
        shown = figure._replace(words=cut(figure.words, MESSAGE_LIMIT_CHARS))
        if figure.label or not groups:
            groups.append([shown])
        else:
            groups[-1].append(shown)
    return groups


def _changed(names: Names, patches: Collection[str]) -> Changed:
    rows = _vms(names) if names.vms else _patches(names, patches)
    return Changed(names.title, names.heads, 0 if names.vms else KEY_AT, [*rows], names.more)


def _vms(names: Names) -> Iterator[list[Cell]]:
    """A row for each VM, with its address where the page has it."""
    for vm, (name, *others) in zip(names.vms, names.rows, strict=True):
        link = None if vm.get("after", vm) is None else vm_link(vm["resource_id"])
        yield [Cell(cut(name, NAME_LIMIT_CHARS) or UNNAMED, link), *map(_cell, others)]


def _patches(names: Names, patches: Collection[str]) -> Iterator[list[Cell]]:
    """A row for each patch; a package's name is no title beside its key."""
    for *counts, key, name in names.rows:
        shown = patch_key(key)
        link = patch_link(shown) if shown in patches else None
        yield [*map(_cell, counts), Cell(shown, link), _cell(title_beside(key, name))]


def _cell(text: str) -> Cell:
    return Cell(cut(text, NAME_LIMIT_CHARS))
