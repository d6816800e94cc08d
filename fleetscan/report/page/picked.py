"""The few VMs that the overview names: the worst, and some of each reason for which VMs were not assessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from urllib.parse import quote

from fleetscan.records.row import Row
from fleetscan.report.causes import Causes, How
from fleetscan.report.page.shown import ID_LIMIT_CHARS, NAME_LIMIT_CHARS, cut, name_of
from fleetscan.report.reasons import how_bad

SHOWN = 10
# So many are kept before the rest is dropped: sorting at each row would cost as much as reading it.
KEPT = 500


@dataclass(frozen=True, slots=True)
class NamedVm:
    """A VM as the overview shows it. `place` sorts it among its like: the worst first, then by name."""

    place: tuple[int | str, ...]
    link: str
    name: str
    group: str
    subscription: str
    os: str
    critical: int
    other: int
    reboot: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """The VMs of one reason that share an error code, the first of them by name."""

    code: str | None
    count: int
    vms: list[NamedVm]


class Picked:
    """Call `add` once for every row."""

    def __init__(self) -> None:
        self._worst: list[NamedVm] = []
        self._causes = Causes()
        self._by_cause: dict[How, list[NamedVm]] = {}

    def add(self, row: Row) -> None:
        """Keep the VM of `row` if it may be among those shown."""
        if row["outcome"] != "assessed":
            _keep(self._by_cause.setdefault(self._causes.add(row), []), _named(row))
        elif any(how_bad(row)):
            _keep(self._worst, _named(row))

    def worst(self) -> list[NamedVm]:
        """The VMs that miss most, the worst first."""
        return _first(self._worst)

    def of_reason(self, outcome: str, reason: str) -> list[Cause]:
        """The causes of the VMs that ended so, the most frequent first."""
        found = [
            Cause(cut(code, NAME_LIMIT_CHARS), count, _first(self._by_cause[outcome_word, word, code]))
            for (outcome_word, word, code), count in self._causes.ends.items()
            if (outcome_word, word) == (outcome, reason)
        ]
        return sorted(found, key=lambda each: (-each.count, each.code or ""))


def _keep(kept: list[NamedVm], vm: NamedVm) -> None:
    kept.append(vm)
    if len(kept) > KEPT:
        kept[:] = _first(kept)


def _first(vms: Iterable[NamedVm]) -> list[NamedVm]:
    return sorted(vms, key=attrgetter("place"))[:SHOWN]


def _named(row: Row) -> NamedVm:
    return NamedVm(
        place=(*(-part for part in how_bad(row)), row["name"].lower(), row["resource_id"].lower()),
        link="#vm/" + quote(cut(row["resource_id"], ID_LIMIT_CHARS).lower(), safe=""),
        name=name_of(row),
        group=cut(row["resource_group"], NAME_LIMIT_CHARS),
        subscription=cut(row["subscription_name"] or row["subscription_id"], NAME_LIMIT_CHARS),
        os=row["os_type"] or "",
        critical=row["critical_and_security_count"] or 0,
        other=row["other_count"] or 0,
        reboot=row["reboot_pending"] is True,
    )
