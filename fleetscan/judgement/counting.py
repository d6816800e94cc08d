"""Which missing patches count, and what of a row's figures is left when the others are left out.

A patch is left out for one cause, the first that holds: all its classifications are ignored; it was
published after the day that is asked about; an exception covers it. A row itself
never changes: here is a copy with other figures. Azure's counts stand: an entry that is left out lowers one
by 1, and what is counted and not listed cannot be left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeAlias

from fleetscan.judgement.ages import Age, AgedPatch
from fleetscan.judgement.covered import Covered, Places, first_of, places_in
from fleetscan.judgement.exceptions import PatchException
from fleetscan.records.judged import AsOf, ExceptionState, IgnoredClassification, JudgedException, LeftOut
from fleetscan.records.patches import Patch
from fleetscan.records.row import Row


class Ignored(NamedTuple):
    """A patch is left out because of its classification: the word, as it was given."""

    classification: str


class Later(NamedTuple):
    """A patch is left out because it was published after `as_of`."""

    as_of: date


Cause: TypeAlias = Ignored | Later | PatchException


class LeftOutPatch(NamedTuple):
    """An entry of a VM's list that does not count, and why."""

    patch: Patch
    age: Age | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class CountedVm:
    """A row with the figures that count, the patches that do, and those that do not.

    `row` is the one that was given where nothing is left out, else a copy with other counts.
    """

    row: Row
    patches: Sequence[AgedPatch]
    left_out: Sequence[LeftOutPatch] = ()


@dataclass(slots=True)
class _Tally:
    """Patches and VMs of one cause. A patch counts once for each VM."""

    patches: int = 0
    vms: int = 0

    def add(self, keys: set[str]) -> None:
        self.patches += len(keys)
        self.vms += 1


@dataclass(slots=True)
class _OfVm:
    """What is found of one VM: its keys by cause, and the expired exceptions by key."""

    covered: Places
    left_out: list[LeftOutPatch] = field(default_factory=list)
    by_cause: dict[Cause, set[str]] = field(default_factory=lambda: defaultdict(set))
    expired: dict[str, Places] = field(default_factory=dict)


class Counting:
    """Call `count` for each row, then `told`. The patches are those of one PatchReader, each entry of a list.

    `on` is the day (UTC) on which the run began: it decides which exceptions have expired, and ages are days
    before it.
    """

    def __init__(
        self,
        exceptions: Sequence[PatchException],
        ignored_classifications: Iterable[str],
        as_of: date | None,
        on: date,
    ) -> None:
        self._exceptions = exceptions
        self._ignored: dict[str, str] = {}
        for word in ignored_classifications:
            self._ignored.setdefault(word.lower(), word)
        self._on = on
        self._later = None if as_of is None else Later(as_of)
        self._covered = Covered(exceptions)
        self._expired = sum(1 << place for place, each in enumerate(exceptions) if each.has_expired(on))
        self._seen = 0
        self._words: dict[Patch, Ignored | None] = {}
        self._pressing: dict[Patch, bool] = {}
        self._by_cause: dict[Cause, _Tally] = defaultdict(_Tally)
        # How many patches, and VMs, would be left out by the same expired exceptions.
        self._expired_patches: Counter[Places] = Counter()
        self._expired_vms: Counter[Places] = Counter()
        self._all = _Tally()
        self._critical = self._other = 0

    def count(self, row: Row, aged_patches: Sequence[AgedPatch]) -> CountedVm:
        """What counts of a row. That of a VM that was not assessed stays as it is, without patches."""
        if row["outcome"] != "assessed":
            return CountedVm(row, ())
        vm = _OfVm(self._covered.on_vm(row) if self._exceptions else 0)
        kept: list[AgedPatch] = []
        last: Cause | None = None
        keys: set[str] = set()
        for entry in aged_patches:
            patch, age = entry
            cause = self._cause(patch, vm)
            if cause is None:
                kept.append(entry)
            else:
                vm.left_out.append(LeftOutPatch(patch, age, cause))
                # (An exception is a value of many texts: it is looked up where it is another one.)
                if cause is not last:
                    last, keys = cause, vm.by_cause[cause]
                keys.add(patch.key)
        if vm.expired:
            self._add_expired(vm.expired)
        if not vm.left_out:
            return CountedVm(row, kept)
        self._keep_account(vm)
        return CountedVm(self._lowered(row, vm.left_out), kept, vm.left_out)

    def told(self) -> LeftOut:
        """What was left out so far."""
        return {
            "critical_and_security_count": self._critical,
            "other_count": self._other,
            "patches": self._all.patches,
            "vms": self._all.vms,
            "ignored_classifications": [self._told_ignored(word) for word in self._ignored.values()],
            "as_of": None if self._later is None else self._told_later(self._later),
            "exceptions": self._told_exceptions(),
        }

    def _cause(self, patch: Patch, vm: _OfVm) -> Cause | None:
        """Why a patch does not count, None where it does."""
        covering = vm.covered and self._covered.on_patch(patch) & vm.covered
        self._seen |= covering
        # 1. A classification that is ignored.
        ignored = self._ignored_word(patch) if self._ignored else None
        if ignored is not None:
            return ignored
        # 2. A later day.
        if self._later is not None and (patch.published_on or "") > self._later.as_of.isoformat():
            return self._later
        # 3. An exception: the first of the file that holds. An expired one leaves nothing out.
        holding = covering & ~self._expired
        if holding:
            return self._exceptions[first_of(holding)]
        if covering:
            vm.expired[patch.key] = vm.expired.get(patch.key, 0) | covering
        return None

    def _ignored_word(self, patch: Patch) -> Ignored | None:
        """The word of which a patch is left out. One that is something else besides is not."""
        try:
            return self._words[patch]
        except KeyError:
            words = [word.lower() for word in patch.classifications]
            is_ignored = bool(words) and all(word in self._ignored for word in words)
            found = self._words[patch] = Ignored(self._ignored[words[0]]) if is_ignored else None
            return found

    def _is_pressing(self, patch: Patch) -> bool:
        found = self._pressing.get(patch)
        if found is None:
            found = self._pressing[patch] = patch.is_critical_or_security
        return found

    def _keep_account(self, vm: _OfVm) -> None:
        for cause, keys in vm.by_cause.items():
            self._by_cause[cause].add(keys)
        self._all.add(set().union(*vm.by_cause.values()))

    def _add_expired(self, by_key: dict[str, Places]) -> None:
        of_vm = 0
        for places in by_key.values():
            self._expired_patches[places] += 1
            of_vm |= places
        self._expired_vms[of_vm] += 1

    def _lowered(self, row: Row, left_out: Sequence[LeftOutPatch]) -> Row:
        """A copy of a row whose counts are lower by the entries that are left out; never below 0."""
        pressing = sum(self._is_pressing(each.patch) for each in left_out)
        critical = _less(row["critical_and_security_count"], pressing)
        other = _less(row["other_count"], len(left_out) - pressing)
        self._critical += (row["critical_and_security_count"] or 0) - (critical or 0)
        self._other += (row["other_count"] or 0) - (other or 0)
        return {**row, "critical_and_security_count": critical, "other_count": other}

    def _told_later(self, later: Later) -> AsOf:
        tally = self._by_cause.get(later, _Tally())
        return {"day": later.as_of.isoformat(), "patches": tally.patches, "vms": tally.vms}

    def _told_ignored(self, word: str) -> IgnoredClassification:
        tally = self._by_cause.get(Ignored(word), _Tally())
        return {"classification": word, "patches": tally.patches, "vms": tally.vms}

    def _told_exceptions(self) -> list[JudgedException]:
        patches, vms = _by_place(self._expired_patches), _by_place(self._expired_vms)
        return [
            self._told_exception(place, _Tally(patches[place], vms[place]))
            for place in range(len(self._exceptions))
        ]

    def _told_exception(self, place: int, expired: _Tally) -> JudgedException:
        exception = self._exceptions[place]
        has_expired = exception.has_expired(self._on)
        tally = expired if has_expired else self._by_cause.get(exception, _Tally())
        return {
            "number": exception.number,
            "scope": [*exception.scope],
            "patch": exception.patch,
            "reason": exception.reason,
            "owner": exception.owner,
            "expires": exception.expires.isoformat(),
            "state": self._state(place, tally),
            "patches": tally.patches,
            "vms": tally.vms,
        }

    def _state(self, place: int, tally: _Tally) -> ExceptionState:
        if self._expired >> place & 1:
            return "expired"
        if tally.patches:
            return "applied"
        return "shadowed" if self._seen >> place & 1 else "unused"


def _less(count: int | None, by: int) -> int | None:
    return None if count is None else max(0, count - by)


def _by_place(counts: Counter[Places]) -> Counter[int]:
    """The counts of sets as counts of each place in them."""
    found: Counter[int] = Counter()
    for places, count in counts.items():
        for place in places_in(places):
            found[place] += count
    return found
