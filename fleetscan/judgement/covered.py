"""Which exceptions cover a patch on a VM, found without trying each on each.

By patch the answer is kept, for a fleet misses some thousands of them. By VM, ids and names are looked up,
and a glob is tried where its longest fixed piece occurs. Globs are those of fnmatch, which never backtrack
over a `*`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from typing import NamedTuple, TypeAlias

from fleetscan.judgement.exceptions import WILD, PatchException
from fleetscan.records.patches import Patch
from fleetscan.records.row import Row

Places: TypeAlias = int
"""A set of exceptions: bit n stands for the one in place n, from 0. Two sets meet in one step."""

# Pieces of these are in every id, so that they tell no VM apart.
IN_EVERY_ID = "/subscriptions/ /resourcegroups/ /providers/microsoft.compute/virtualmachines/"


def places_in(places: Places) -> Iterator[int]:
    """The places in a set, in their order."""
    while places:
        yield first_of(places)
        places &= places - 1


def first_of(places: Places) -> int:
    """The first place in a set that has one."""
    return (places & -places).bit_length() - 1


class Covered:
    """Made once for a list of exceptions; the patches are those of one PatchReader."""

    def __init__(self, exceptions: Sequence[PatchException]) -> None:
        scopes = [(text.lower(), 1 << place) for place, each in enumerate(exceptions) for text in each.scope]
        self._fleet = sum(1 << place for place, each in enumerate(exceptions) if not each.scope)
        self._ids = _Texts((text, bit) for text, bit in scopes if "/" in text)
        self._names = _Texts((text, bit) for text, bit in scopes if "/" not in text)
        self._patches = _Texts((each.patch.lower(), 1 << place) for place, each in enumerate(exceptions))
        self._by_patch: dict[Patch, Places] = {}

    def on_patch(self, patch: Patch) -> Places:
        """The exceptions for a patch, wherever it is missing."""
        found = self._by_patch.get(patch)
        if found is None:
            key, name = patch.key.lower(), (patch.name or patch.key).lower()
            found = self._patches.matching(key, (key,)) | self._patches.matching(name, (name,))
            self._by_patch[patch] = found
        return found

    def on_vm(self, row: Row) -> Places:
        """The exceptions for a VM, whatever it misses."""
        name, vm_id = row["name"].lower(), row["resource_id"].lower()
        by_name = self._names.matching(name, (name,))
        return self._fleet | by_name | self._ids.matching(vm_id, _with_parents(vm_id))


class _Glob(NamedTuple):
    """A glob that only a text with `piece` can match."""

    piece: str
    matches: Callable[[str], object]
    places: Places


class _Texts:
    """Texts and globs, each with its exceptions."""

    def __init__(self, texts: Iterable[tuple[str, Places]]) -> None:
        exact: dict[str, Places] = defaultdict(int)
        globs: dict[str, Places] = defaultdict(int)
        for text, bit in texts:
            (globs if WILD & set(text) else exact)[text] |= bit
        self._exact = dict(exact)
        self._globs = [
            _Glob(_fixed_piece(glob), re.compile(translate(glob)).match, places)
            for glob, places in globs.items()
        ]

    def matching(self, text: str, exact: Iterable[str]) -> Places:
        """The exceptions of the globs that match `text`, and of the texts that are one of `exact`."""
        found = 0
        if self._exact:
            for each in exact:
                found |= self._exact.get(each, 0)
        for glob in [glob for glob in self._globs if glob[0] in text]:
            if glob.matches(text) is not None:
                found |= glob.places
        return found


def _fixed_piece(glob: str) -> str:
    """The piece of a glob that tells most, "" without one. What follows a "[" may be one letter of many."""
    pieces = re.split("[*?]", glob.partition("[")[0])
    return max(pieces, key=lambda piece: (piece not in IN_EVERY_ID, len(piece)))


def _with_parents(vm_id: str) -> list[str]:
    """An id, and the ids of all that it is in."""
    found = [vm_id]
    end = vm_id.rfind("/")
    while end > 0:
        found.append(vm_id[:end])
        end = vm_id.rfind("/", 0, end)
    return found
