"""What is judged of a run, declared: what counts, and which service levels are kept.

It goes into other records and has no schema of its own. A VM that was not assessed is unknown here, never
good; interrupted VMs have no row and stand in neither figure.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.records.ages import Ages, BasisWord
from fleetscan.records.reported_vm import MOST_VMS, ReportedVm
from fleetscan.records.shapes import Count

ClassWord: TypeAlias = Literal["critical", "security", "critical_and_security", "other"]
ExceptionState: TypeAlias = Literal["applied", "shadowed", "unused", "expired"]


class ServiceLevelRules(TypedDict):
    """For how many days at most a patch may be missing; null without a rule."""

    critical_days: Annotated[Count | None, "Critical patches."]
    security_days: Annotated[Count | None, "Security patches."]
    other_days: Annotated[Count | None, "All other patches."]


class Levels(TypedDict):
    """How many are within their service level."""

    within: Annotated[Count, "Missing for no longer than the rule allows."]
    breached: Annotated[Count, "Missing for longer."]
    unknown: Annotated[Count, "Nothing tells for how long, or the VM was not assessed."]


class PatchLevels(TypedDict):
    """Missing patches by class, each once for each VM that misses it; a class without a rule has none."""

    critical: Annotated[Levels, "Listed critical patches, of lists that have all."]
    security: Annotated[Levels, "Listed security patches, of lists that have all."]
    critical_and_security: Annotated[
        Levels, "Both together, of lists that are cut short: judged by the stricter rule."
    ]
    other: Annotated[Levels, "All others."]


class BreachingVm(ReportedVm):
    """A VM that misses patches for too long, with the one that is furthest beyond its rule."""

    breached: Annotated[Count, "Patches that it misses for too long."]
    patch: Annotated[str, "The KB (KB5034441), or the package's name."]
    patch_class: Annotated[ClassWord, "By which rule it is judged."]
    age_days: Annotated[Count, "For how long it has been missing."]
    age_basis: Annotated[BasisWord, "Since when that is counted."]
    limit_days: Annotated[Count, "For how long it may be missing."]


class ServiceLevelsJudged(TypedDict):
    """Whether the VMs and patches of a run are within their service levels."""

    rules: ServiceLevelRules
    vms: Annotated[Levels, "VMs: breached with one patch that is, within only if all are."]
    patches: PatchLevels
    worst: Annotated[list[BreachingVm], f"The {MOST_VMS} VMs that are furthest beyond a rule."]


class JudgedException(TypedDict):
    """An entry of the exceptions file, and what it leaves out."""

    number: Annotated[Count, "Its place in the file, from 1."]
    scope: Annotated[list[str], "The ids and globs it covers; empty for the fleet."]
    patch: Annotated[str, "The KB, package, glob or *."]
    reason: Annotated[str, "Why."]
    owner: Annotated[str, "Who answers for it."]
    expires: Annotated[str, "The last day on which it holds."]
    state: Annotated[
        ExceptionState,
        "Whether it leaves something out; covers only what is left out already; covers nothing that is "
        "missing; or has expired.",
    ]
    patches: Annotated[Count, "Patches it leaves out, or would if it had not expired; once for each VM."]
    vms: Annotated[Count, "On so many VMs."]


class IgnoredClassification(TypedDict):
    """A classification that does not count."""

    classification: Annotated[str, "The word, as it was given."]
    patches: Annotated[Count, "Patches left out; once for each VM."]
    vms: Annotated[Count, "On so many VMs."]


class AsOf(TypedDict):
    """The day after which patches do not count."""

    day: Annotated[str, "The day (UTC)."]
    patches: Annotated[Count, "Patches left out; once for each VM."]
    vms: Annotated[Count, "On so many VMs."]


class LeftOut(TypedDict):
    """What does not count in a run's figures, though it is missing."""

    critical_and_security_count: Annotated[Count, "By so much is that figure lower than Azure's."]
    other_count: Annotated[Count, "By so much is that figure lower than Azure's."]
    patches: Annotated[Count, "Patches left out; once for each VM."]
    vms: Annotated[Count, "VMs with a patch left out."]
    ignored_classifications: list[IgnoredClassification]
    as_of: AsOf | None
    exceptions: list[JudgedException]


class Judged(TypedDict):
    """A run judged: of its figures those of patches are over what counts."""

    ages: Ages
    left_out: Annotated[LeftOut | None, "What does not count; null where everything does."]
    service_levels: Annotated[ServiceLevelsJudged | None, "Null where no service levels are set."]
