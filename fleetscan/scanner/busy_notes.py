"""What is said of VMs on which a patch operation may run, or is only shown as running. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fleetscan.errors import Remedy
from fleetscan.model import Target

HOUR_S = 3600


def of_unseen(targets: Iterable[Target], through_compute: frozenset[str]) -> str | None:
    """That Resource Graph cannot tell who is busy where it did not list the VMs to start; None of none."""
    unseen = {target.subscription_id.lower() for target in targets} & through_compute
    if not unseen:
        return None
    where = "1 subscription" if len(unseen) == 1 else f"{len(unseen):,} subscriptions"
    return (
        f"running patch installations are not seen in {where} listed through Compute; "
        "an assessment may cancel one"
    )


def of_assessing(targets: Iterable[Target], assessing: frozenset[str]) -> str | None:
    """How many of the VMs are not started, because another client is assessing them; None of none."""
    if not (number := sum(target.key in assessing for target in targets)):
        return None
    are = "1 VM is" if number == 1 else f"{number:,} VMs are"
    return f"{are} being assessed by another client: the results are read, none is started"


def of_stale(targets: Iterable[Target], stale: frozenset[str], max_age_s: float) -> tuple[str, Remedy] | None:
    """How many of the VMs to start have a patch operation that is too old to run; None of none."""
    if not (number := sum(target.key in stale for target in targets)):
        return None
    have = "1 VM has" if number == 1 else f"{number:,} VMs have"
    return (
        f"{have} a patch operation that Azure has shown as running for more than {max_age_s / HOUR_S:g} h: "
        "it is ignored as dead, and assessments are started",
        Remedy("{busy_max_age_s} sets how long one is believed", {"busy_max_age_s": None}),
    )
