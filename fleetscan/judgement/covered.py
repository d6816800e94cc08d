"""Which exceptions cover a patch on a VM, found without trying each on each.

By patch the answer is kept, for a fleet misses some thousands of them; by VM, ids and names are looked up,
and all globs are tried in one search. Globs are those of fnmatch, which never backtrack over a `*`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from typing import TypeAlias

from fleetscan.judgement.exceptions import WILD, PatchException
from fleetscan.records.patches import Patch, kb_of
from fleetscan.records.row import Row

Places: TypeAlias = frozenset[int]
"""Places in the list of exceptions, from 0."""
NONE: Places = frozenset()


class Covered:
    """Made once for a list of exceptions; the patches are those of one PatchReader."""

    def __init__(self, exceptions: Sequence[PatchException]) -> None:
        scopes = [(text.lower(), place) for place, each in enumerate(exceptions) for text in each.scope]
        self._fleet = frozenset(place for place, each in enumerate(exceptions) if not each.scope)
        self._ids = _Texts((text, place) for text, place in scopes if "/" in text)
        self._names = _Texts((text, place) for text, place in scopes if "/" not in text)
        self._matchers = [(place, _patch_matcher(each.patch)) for place, each in enumerate(exceptions)]
        self._by_patch: dict[Patch, Places] = {}

    def on_patch(self, patch: Patch) -> Places:
        """The exceptions for a patch, wherever it is missing."""
        found = self._by_patch.get(patch)
        if found is None:
            found = frozenset(place for place, matches in self._matchers if matches(patch)) or NONE
            self._by_patch[patch] = found
        return found

    def on_vm(self, row: Row) -> Places:
        """The exceptions for a VM, whatever it misses."""
        name, vm_id = row["name"].lower(), row["resource_id"].lower()
        return (
            self._fleet | self._names.matching(name, [name]) | self._ids.matching(vm_id, _with_parents(vm_id))
        )


class _Texts:
    """Texts and globs, each with the place of its exception."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        self._exact: dict[str, set[int]] = defaultdict(set)
        globs: dict[str, set[int]] = defaultdict(set)
        for text, place in texts:
            (globs if WILD & set(text) else self._exact)[text].add(place)
        self._globs = [*globs.values()]
        # A group for each glob, which takes part where the glob matches the whole text.
        self._search = re.compile("".join(f"(?:(?={translate(glob)})()|)" for glob in globs))

    def matching(self, text: str, exact: Iterable[str]) -> set[int]:
        """The places of the globs that match `text`, and of the texts that are one of `exact`."""
        found: set[int] = set()
        if self._exact:
            for each in exact:
                found |= self._exact.get(each, NONE)
        if self._globs:
            match = self._search.match(text)
            groups = () if match is None else match.groups()
            for group, places in zip(groups, self._globs, strict=False):
                if group is not None:
                    found |= places
        return found


def _with_parents(vm_id: str) -> list[str]:
    """An id, and the ids of all that it is in."""
    found = [vm_id]
    end = vm_id.rfind("/")
    while end > 0:
        found.append(vm_id[:end])
        end = vm_id.rfind("/", 0, end)
    return found


def _patch_matcher(wanted: str) -> Callable[[Patch], bool]:
    """Whether a patch is meant by an exception's text: by its key; its name too where that is no KB."""
    text = wanted.lower()
    if kb_of(wanted):
        return lambda patch: patch.key.lower() == text
    if not WILD & set(text):
        return lambda patch: text in _names(patch)
    matches = re.compile(translate(text)).match
    return lambda patch: any(matches(name) is not None for name in _names(patch))


def _names(patch: Patch) -> tuple[str, ...]:
    return (patch.key.lower(), patch.name.lower()) if patch.name else (patch.key.lower(),)
