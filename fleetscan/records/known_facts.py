"""What Resource Graph knows of a VM besides its assessment: the fields of a row, and the sums over a fleet.

A listed VM holds its values as one tuple in the order of the fields, empty where they were not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeAlias, TypedDict, cast

from fleetscan.records.shapes import Count, Keyword, UtcTime

# Of which a row says that they were read: what is null in it is null for another reason then.
MACHINES, ASSESSMENTS, INSTALLATIONS, MAINTENANCE = (
    "resources",
    "patchassessmentresources",
    "patchinstallationresources",
    "maintenanceresources",
)
WSUS = "WSUS"
FAILED = "failed"
PATTERN_OF_DAY = Keyword("pattern", r"^\d{4}-\d\d-\d\d$")


class KnownFacts(TypedDict, total=False):
    """What Resource Graph knows besides; all of it null where a scan did not ask for it, or was not told.

    Always written, and read from rows of before too.
    """

    facts_read: Annotated[
        str | None, "The tables of Resource Graph that were read for these facts; null where none was."
    ]
    patch_service: Annotated[
        str | None, "Azure's word for the service that says what is missing: WU, WU_WSUS and others."
    ]
    maintenance_configuration: Annotated[
        str | None, "The ids of the maintenance configurations for guest patches that are attached to the VM."
    ]
    maintenance_has_effect: Annotated[
        bool | None,
        "Whether the patch mode and its bypass flag let the schedule have effect; null if none is attached.",
    ]
    last_installation_status: Annotated[
        str | None, "Azure's word for how the newest patch installation ended that has ended."
    ]
    last_installation_at: Annotated[UtcTime | None, "When that installation ended."]
    last_installation_failed: Annotated[Count | None, "Patches that failed in it."]
    last_installation_pending: Annotated[Count | None, "Patches that it left pending."]
    last_installation_window_exceeded: Annotated[bool | None, "Whether it ran out of its maintenance window."]
    last_installation_reboot: Annotated[str | None, "Azure's word for the restart after it."]
    periodic_assessment: Annotated[bool | None, "Whether Azure assesses the VM by itself every day."]
    os_support_ends_on: Annotated[
        str | None,
        "The last day of the vendor's support for the operating system; null where it is not surely known.",
        PATTERN_OF_DAY,
    ]
    os_support_ended: Annotated[bool | None, "Whether that day was past when the scan began."]


Known: TypeAlias = tuple[str | int | bool | None, ...]
"""The values of the fields in their order, or none at all."""

NAMES: tuple[str, ...] = tuple(KnownFacts.__annotations__)
NOTHING_KNOWN: Known = (None,) * len(NAMES)


def known_of(facts: KnownFacts) -> Known:
    """The values of `facts`, as a listed VM holds them."""
    return tuple(facts[name] for name in NAMES)  # type: ignore[literal-required]


def known_of_row(row: Mapping[str, object]) -> Known:
    """What a listed VM held whose row this is; a row of an earlier version has no such fields."""
    told = tuple(cast("str | int | bool | None", row.get(name)) for name in NAMES)
    return () if told == NOTHING_KNOWN else told


def facts_of(known: Known) -> KnownFacts:
    """The fields of a row; ValueError where `known` is neither empty nor has one value for each."""
    return cast(KnownFacts, dict(zip(NAMES, known or NOTHING_KNOWN, strict=True)))


class FactCounts(TypedDict, total=False):
    """VMs of which a fact holds; null without facts, and where that is not told of all that are listed.

    Always written, and read from totals of before too.
    """

    wsus: Annotated[int | None, "VMs whose missing patches a WSUS decides.", Keyword("minimum", 0)]
    schedule_without_effect: Annotated[
        int | None, "VMs with a maintenance schedule that has no effect.", Keyword("minimum", 0)
    ]
    failed_installation: Annotated[
        int | None, "VMs whose last patch installation failed, or had failed patches.", Keyword("minimum", 0)
    ]
    window_exceeded: Annotated[
        int | None,
        "VMs whose last patch installation ran out of its maintenance window.",
        Keyword("minimum", 0),
    ]
    periodic_assessment_off: Annotated[
        int | None, "VMs that Azure does not assess by itself.", Keyword("minimum", 0)
    ]
    unsupported_os: Annotated[
        int | None, "VMs whose operating system its vendor no longer supports.", Keyword("minimum", 0)
    ]


COUNTED: tuple[str, ...] = tuple(FactCounts.__annotations__)


def _is_of_wsus(facts: KnownFacts) -> bool | None:
    service = facts["patch_service"]
    return None if service is None else WSUS in service.upper()


def _has_failed(facts: KnownFacts) -> bool | None:
    status = facts["last_installation_status"] or ""
    return status.lower() == FAILED or bool(facts["last_installation_failed"])


# (Whether it holds, None where it is not told; the table that tells it), in the order of FactCounts.
_TESTS: Sequence[tuple[Callable[[KnownFacts], bool | None], str]] = (
    (_is_of_wsus, ASSESSMENTS),
    (lambda facts: facts["maintenance_has_effect"] is False, MAINTENANCE),
    (_has_failed, INSTALLATIONS),
    (lambda facts: facts["last_installation_window_exceeded"] is True, INSTALLATIONS),
    (lambda facts: _negated(facts["periodic_assessment"]), MACHINES),
    (lambda facts: facts["os_support_ended"], MACHINES),
)


def _negated(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


# What a fact says of a VM, None where its table was not read.
Verdicts: TypeAlias = tuple["int | None", ...]
_NO, _YES, _NOT_TOLD = 0, 1, 2


def verdicts_of(known: Known) -> Verdicts:
    """What each counted fact says of one VM, for `FactSums`; empty where no facts were asked for."""
    if not known:
        return ()
    facts = facts_of(known)
    read = (facts["facts_read"] or "").split(", ")
    return tuple(_verdict(test(facts)) if table in read else None for test, table in _TESTS)


def _verdict(holds: bool | None) -> int:
    return _NOT_TOLD if holds is None else _YES if holds else _NO


class FactSums:
    """How many of a group's VMs each fact holds for, does not, and is not told of."""

    __slots__ = ("_tallies",)

    def __init__(self) -> None:
        self._tallies: list[list[int]] = [[0, 0, 0] for _ in COUNTED]

    def add(self, verdicts: Verdicts) -> None:
        """Count one VM."""
        for tally, verdict in zip(self._tallies, verdicts, strict=False):
            if verdict is not None:
                tally[verdict] += 1

    def counts(self, listed: int) -> FactCounts:
        """The counts: unknown where a table was not read for one of `listed` VMs, or tells of none."""
        told = (
            tally[_YES] if sum(tally) == listed and tally[_NO] + tally[_YES] else None
            for tally in self._tallies
        )
        return cast(FactCounts, dict(zip(COUNTED, told, strict=True)))
