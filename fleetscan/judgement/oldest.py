"""The age that a gate judges: of the oldest missing patch of a fleet, and how much has no known age."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.judgement.ages import Age
from fleetscan.records.ages import Ages


@dataclass(frozen=True, slots=True)
class Oldest:
    """The age of the oldest missing patch that counts; None without any of known age.

    `undated_patches` have no known age, on so many VMs; of the lists of `unlisted_vms` are missing at least
    `unlisted_patches`. A patch counts once for each VM that misses it.
    """

    age: Age | None = None
    undated_patches: int = 0
    undated_vms: int = 0
    unlisted_patches: int = 0
    unlisted_vms: int = 0

    @classmethod
    def of(cls, ages: Ages) -> Oldest:
        """That of the ages of a fleet."""
        oldest, unknown = ages["oldest"], ages["unknown"]
        return cls(
            None if oldest is None else Age(oldest["days"], oldest["basis"]),
            unknown["missing"],
            unknown["vms"] + unknown["partly"],
            unknown["not_listed"],
            unknown["vms_not_listed"],
        )
