"""What the settings mean for the engine, the same for a scan and its plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from fleetscan.addresses import Origin
from fleetscan.engine.limits import Limits, limits_for
from fleetscan.engine.pacing import Pacing
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.rules import OperationRules
from fleetscan.errors import FleetscanError
from fleetscan.model import Json, Target
from fleetscan.places import is_url
from fleetscan.records.asked import is_elsewhere
from fleetscan.runs.reader import open_run
from fleetscan.scanner.past_durations import PastDurations, durations_of
from fleetscan.scanner.run_facts import as_json
from fleetscan.scanner.sharding import askers_of, share_of
from fleetscan.settings.declared import PacedSettings
from fleetscan.settings.selecting import ListSettings
from fleetscan.settings.setting import settings_of


def asked_of(settings: ListSettings) -> dict[str, Json]:
    """The settings that say whom a run asks and for which VMs: two processes on one run share them."""
    told = {each.attribute: getattr(settings, each.attribute) for each in settings_of(type(settings))}
    whom = [each.attribute for each in settings_of(type(settings)) if each.is_whom]
    return {name: as_json(told[name]) for name in whom}


def limits_of(settings: ListSettings) -> Limits:
    """The rate limits of the endpoint's cloud at the start, and the share of them that is ours."""
    return limits_for(Origin.of(settings.endpoint).host, share_of(settings), askers_of(settings))


def operation_rules(
    settings: PacedSettings, chance: Callable[[], float], past: PastDurations
) -> OperationRules:
    """The rules that follow from `settings`; `chance` returns 0.0 to 1.0."""
    return OperationRules(
        endpoint=settings.endpoint,
        origin=Origin.of(settings.endpoint),
        api_version=settings.api_version,
        arc_api_version=settings.arc_api_version,
        wants_arc_lists=settings.with_patches,
        pacing=Pacing(chance, settings.first_poll_s, settings.poll_interval_s, past.by_os),
        retrying=Retrying(chance),
        timeout_s=settings.operation_timeout_s,
    )


def longest_first(targets: Sequence[Target], past: PastDurations) -> list[int]:
    """The indexes of the targets, the longest assessment first, by the VM's own last time or its OS's median.

    The last start decides when a scan ends. Where nothing is known Windows goes first: it searches for
    updates longer than a package manager takes to read its lists.
    """
    medians = past.medians()

    def order(index: int) -> tuple[float, bool]:
        target = targets[index]
        expected_s = past.of(target) or medians.get(target.os_type or "", 0.0)
        return -expected_s, target.os_type != "Windows"

    return sorted(range(len(targets)), key=order)


def past_durations(settings: PacedSettings, warn: Callable[[str], None]) -> PastDurations:
    """How long assessments took in the run to learn from; if it cannot be read, a warning says so."""
    if settings.last_run is None:
        return PastDurations()
    if not (is_url(settings.last_run) or os.path.lexists(settings.last_run)):
        warn(f"there is no run at {settings.last_run} yet to learn from")
        return PastDurations()
    try:
        run = open_run(settings.last_run)
        if is_elsewhere(asked := run.facts["selection"], {"endpoint": settings.endpoint}):
            warn(f"{settings.last_run} asked another endpoint ({asked['endpoint']}): it is not learned from")
            return PastDurations()
        return durations_of(run)
    except FleetscanError as error:
        warn(f"cannot learn from the last run, ignoring it: {error.what}")
        return PastDurations()
