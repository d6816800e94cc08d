"""Whether a patch operation that says InProgress can still be running: a dead agent leaves the word for ever.

Seen in public issues (Azure/LinuxPatchExtension#70, #74). Maintenance windows last four hours at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from fleetscan.azure_times import FIRST_EVER, azure_time
from fleetscan.model import Json

# Clocks inside Azure differ by little; what began later than this from now did not begin at all.
AHEAD = timedelta(minutes=5)


def is_stale(times: Iterable[Json], azure_now: datetime | None, max_age_s: float) -> bool:
    """Whether the operation began more than `max_age_s` before `azure_now`.

    `times` are those that Azure tells of it, when it began first: the first usable one counts. One in the
    future is not, and one before `FIRST_EVER` only where there is no other. Without one, or without knowing
    what time it is, the operation may be running.
    """
    if azure_now is None:
        return False
    moments = (azure_time(text) for text in times)
    past = [at for at in moments if at is not None and at <= azure_now + AHEAD]
    began = next((at for at in past if at >= FIRST_EVER), past[0] if past else None)
    return began is not None and (azure_now - began).total_seconds() > max_age_s
