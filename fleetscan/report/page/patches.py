"""The distinct patches of a fleet as the page tells them, and on how many VMs each one counts.

An entry is what Azure says of a patch, with its age and the cause for which it does not count: those that say
the same are one, so that a VM's list is numbers alone. Entries with the same key (a KB, a package's name) are
one patch. Foreign text is sanitized here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from fleetscan import json_text
from fleetscan.judgement.ages import Age, AgedPatch
from fleetscan.judgement.counting import Cause, Ignored, Later, LeftOutPatch
from fleetscan.records.patches import Patch
from fleetscan.report.missed_patches import most_missed, newest_of, title_beside
from fleetscan.report.page.columns import Column, Value, numbers_json
from fleetscan.report.page.shown import NAME_LIMIT_CHARS, cut, patch_key

# Beside each patch; the overview has all of a reason.
REASON_LIMIT_CHARS = 300

# The columns of entries, as the script calls them.
ENTRIES = ("name", "version", "class", "reboot", "published", "days", "basis", "cause")
Entry: TypeAlias = tuple[Value, ...]
"""A key's number, whether it is critical or security, then the columns of `ENTRIES`."""
CauseKey: TypeAlias = int | str
"""An exception's number, or what the other causes name: a dictionary's key that is quick to look up."""


class Patches:
    """Call `add` with what each VM misses."""

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.vms_by_key: Counter[int] = Counter()
        """On how many VMs each key counts."""
        self.left_out_by_key: Counter[int] = Counter()
        """On how many VMs each key is missing and does not count."""
        self._entries: dict[Entry, int] = {}
        self._counting = _Counting(self)
        self._left_out: dict[tuple[Patch, Age | None, CauseKey], int] = {}
        self._key_of: list[int] = []

    def add(self, patches: Sequence[AgedPatch], left_out: Sequence[LeftOutPatch] = ()) -> bytes:
        """Count what one VM misses; its entries' numbers as JSON, each as the step from the one before."""
        found = {*map(self._counting.__getitem__, patches)}
        keys = {self._key_of[number] for number in found}
        self.vms_by_key.update(keys)
        if left_out:
            others = {self._number_left_out(each) for each in left_out}
            self.left_out_by_key.update({self._key_of[number] for number in others} - keys)
            found |= others
        numbers = sorted(found)
        steps = [number - before for number, before in zip(numbers, [0, *numbers], strict=False)]
        return f"[{','.join(map(str, steps))}]".encode()

    def foremost(self, many: int) -> list[tuple[str, str, bool, int]]:
        """Key, title, whether critical or security, and VMs of the first patches that count."""
        counting = {patch for patch, _ in self._counting}
        titles, pressing = _titles(counting, self.keys), _pressing(counting)
        vms = {key: self.vms_by_key[number] for key, number in self.keys.items() if self.vms_by_key[number]}
        return [(key, titles[key], key in pressing, vms[key]) for key in most_missed(vms, pressing, many)]

    def json(self) -> Iterator[bytes]:
        """The members of a JSON object: columns of entries, then columns of keys."""
        for place, name in enumerate(ENTRIES, 2):
            column = Column()
            for entry in self._entries:
                column.add(entry[place])
            yield b'"%s":' % name.encode()
            yield from column.json(range(len(self._entries)))
            yield b","
        yield b'"key":'
        yield from numbers_json(self._key_of)
        yield b',"keys":' + json_text.encode([*self.keys])
        patches = {patch for patch, _ in self._counting} | {patch for patch, *_ in self._left_out}
        titles, pressing = _titles(patches, self.keys), _pressing(patches)
        yield b',"titles":' + json_text.encode([titles[key] or None for key in self.keys])
        for name, counts in (("vms", self.vms_by_key), ("leftOut", self.left_out_by_key)):
            yield b',"%s":' % name.encode()
            yield from numbers_json([counts[key] for key in range(len(self.keys))])
        yield b',"pressing":'
        yield from numbers_json([int(key in pressing) for key in self.keys])

    def take(self, patch: Patch, age: Age | None, cause: str | None = None) -> int:
        """The number of what is shown of an entry: different ones may look the same."""
        told: Entry = (
            self.keys.setdefault(patch_key(patch.key), len(self.keys)),
            patch.is_critical_or_security,
            cut(patch.name, NAME_LIMIT_CHARS),
            cut(patch.version, NAME_LIMIT_CHARS),
            cut(", ".join(patch.classifications), NAME_LIMIT_CHARS) or None,
            cut(patch.reboot_behavior, NAME_LIMIT_CHARS),
            patch.published_on,
            None if age is None else age.days,
            None if age is None else age.basis,
            cause,
        )
        if told not in self._entries:
            self._entries[told] = len(self._entries)
            self._key_of.append(self.keys[patch_key(patch.key)])
        return self._entries[told]

    def _number_left_out(self, left_out: LeftOutPatch) -> int:
        known = left_out.patch, left_out.age, _cause_key(left_out.cause)
        number = self._left_out.get(known)
        if number is None:
            number = self.take(left_out.patch, left_out.age, cause_words(left_out.cause))
            self._left_out[known] = number
        return number


def _titles(patches: Collection[Patch], keys: Collection[str]) -> dict[str, str]:
    """What each key's newest description says beside the key; "" for nothing."""
    newest = newest_of(patches, keys, lambda patch: patch_key(patch.key))
    return {key: cut(title_beside(key, patch.name), NAME_LIMIT_CHARS) for key, patch in newest.items()}


def _pressing(patches: Collection[Patch]) -> set[str]:
    return {patch_key(patch.key) for patch in patches if patch.is_critical_or_security}


class _Counting(dict[AgedPatch, int]):
    """The number of each entry that counts, found when it is asked for first."""

    def __init__(self, patches: Patches) -> None:
        super().__init__()
        self._patches = patches

    def __missing__(self, aged: AgedPatch) -> int:
        number = self[aged] = self._patches.take(*aged)
        return number


def cause_words(cause: Cause) -> str:
    """Why a patch does not count, as a VM's list says it."""
    match cause:
        case Ignored(word):
            return f"classification {cut(word, NAME_LIMIT_CHARS)} is ignored"
        case Later(day):
            return f"newer than {day.isoformat()}"
        case _:
            reason = cut(cause.reason, REASON_LIMIT_CHARS)
            owner = cut(cause.owner, NAME_LIMIT_CHARS)
            return f"exception {cause.number}, until {cause.expires.isoformat()}, {owner}: {reason}"


def _cause_key(cause: Cause) -> CauseKey:
    match cause:
        case Ignored(word):
            return word
        case Later():
            return ""
        case _:
            return cause.number
