"""What the settings mean for the engine: one reading of them for a scan and its plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from fleetscan.engine.limits import Limits, limits_for
from fleetscan.engine.pacing import Pacing
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.rules import OperationRules
from fleetscan.model import Origin, Target
from fleetscan.results.past_durations import durations_of
from fleetscan.settings import PlanSettings


def limits_of(settings: PlanSettings) -> Limits:
    """Where the buckets of the cloud asked begin, and the share of them that is ours."""
    return limits_for(Origin.of(settings.endpoint).host, settings.rate_share)


def operation_rules(
    settings: PlanSettings, chance: Callable[[], float], past: Mapping[str, Sequence[float]]
) -> OperationRules:
    """The rules that `settings` make; `chance` returns 0.0 to 1.0, `past` is as `past_durations` gives it."""
    return OperationRules(
        endpoint=settings.endpoint,
        origin=Origin.of(settings.endpoint),
        api_version=settings.api_version,
        pacing=Pacing(chance, settings.first_poll_s, settings.poll_interval_s, past),
        retrying=Retrying(chance),
        timeout_s=settings.operation_timeout_s,
    )


def longest_first(targets: Iterable[Target], past: Mapping[str, Sequence[float]]) -> list[Target]:
    """The machines whose kind took longest in the past first: what starts last decides when a scan ends."""
    medians = {kind: median(durations_s) for kind, durations_s in past.items() if durations_s}
    return sorted(targets, key=lambda target: -medians.get(target.os_type or "", 0.0))


def past_durations(settings: PlanSettings, warn: Callable[[str], None]) -> dict[str, list[float]]:
    """Seconds that assessments of the run to learn from took, by OS type; without it nothing stops."""
    if settings.last_run is None:
        return {}
    try:
        return durations_of(Path(settings.last_run))
    except OSError as error:
        warn(f"nothing is learned from {settings.last_run} ({error.strerror})")
        return {}
