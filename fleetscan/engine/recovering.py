"""Where to read what became of an assessment: from the VM and Graph, or of an Arc server from Graph alone."""

from __future__ import annotations

from typing import TypeAlias

from fleetscan.engine.phase import Passage
from fleetscan.engine.recover import Cause, Recovering
from fleetscan.engine.recover_arc import ArcRecovering
from fleetscan.engine.rules import OperationRules
from fleetscan.model import Ending, Target

Recovery: TypeAlias = Recovering | ArcRecovering


def recovery_of(
    target: Target,
    rules: OperationRules,
    since: float,
    once_more: Passage | None,
    otherwise: Ending,
    cause: Cause = Cause.LOST,
) -> Recovery:
    """The phase that reads it for the kind of `target`."""
    of_kind = ArcRecovering if target.is_arc else Recovering
    return of_kind(target, rules, since, once_more, otherwise, cause)


def into_recovery(
    target: Target,
    rules: OperationRules,
    since: float,
    once_more: Passage | None,
    otherwise: Ending,
    now: float,
    cause: Cause = Cause.LOST,
) -> Passage:
    """Into that phase, which begins now."""
    return recovery_of(target, rules, since, once_more, otherwise, cause).begun(now)
