"""The settings on earlier assessments: how young one has to be to count, and whether others are made."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.selecting import ListSettings
from fleetscan.settings.setting import Group, setting
from fleetscan.settings.types import Duration, Switch

KEPT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Age(Duration):
    """An age of an assessment: Resource Graph tells of none that is older than it keeps them."""

    @property
    def expected(self) -> str:
        return f"a duration with its unit, such as 20h, from {self.show(self.low_s)} to {KEPT_DAYS}d, {KEPT}"

    @property
    def expected_value(self) -> str:
        return f"a number of seconds, from {self.low_s:.15g} to {self.high_s:.15g}, {KEPT}"


KEPT = "because Resource Graph keeps assessments for seven days"


@dataclass(frozen=True, slots=True)
class FreshSettings(ListSettings):
    """What `fleetscan plan` and `fleetscan scan` share about earlier assessments."""

    max_age_s: float | None = setting(
        None,
        Age(1.0, KEPT_DAYS * 86_400.0),
        "Do not assess VMs whose last assessment, by Resource Graph, succeeded less than this long ago: "
        "use that one.",
        "Default: every running VM is assessed.",
        group=Group.FRESHNESS,
    )
    cached_only: bool = setting(
        False,
        Switch(),
        "Assess no VM: read earlier assessments from Resource Graph, those of the last seven days or of "
        "--max-age.",
        "It reads counts alone, a thousand VMs a query; a VM without an assessment young enough is skipped.",
        is_whom=True,
        group=Group.FRESHNESS,
    )
    with_patches: bool = setting(
        False,
        Switch(),
        "With --cached-only: read the lists of patches, too, at a query for every thousand patches.",
        "With --max-age alone they are always read. With --include-arc: ask for the list of each Arc server "
        "that was assessed, too, a query each.",
        group=Group.FRESHNESS,
    )

    @property
    def wants_fresh(self) -> bool:
        """Whether earlier assessments count."""
        return self.cached_only or self.max_age_s is not None

    @property
    def wants_lists(self) -> bool:
        """Whether the patches of earlier assessments are read."""
        return self.wants_fresh and (self.with_patches or not self.cached_only)

    def check_freshness(self) -> None:
        """Raises UsageError where `with_patches` has nothing to be about."""
        if self.with_patches and not (self.wants_fresh or self.include_arc):
            asked = {"cached_only": None, "max_age_s": None, "include_arc": None}
            how = Remedy("give {cached_only}, {max_age_s} or {include_arc}", asked)
            raise UsageError(
                "with-patches is about earlier assessments or Arc servers, and none are asked for", how
            )
