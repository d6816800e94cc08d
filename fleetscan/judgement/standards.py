"""What a run is judged by, as settings say it: gates, service levels, exceptions, what does not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from fleetscan.errors import SettingError
from fleetscan.judgement.exceptions import PatchException
from fleetscan.judgement.gates import Gate, gates_of, needs_age
from fleetscan.judgement.service_levels import ServiceLevelLimits, service_levels_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standards:
    """Nothing by default: then only ages are told."""

    gates: tuple[Gate, ...] = ()
    service_levels: ServiceLevelLimits | None = None
    exceptions: tuple[PatchException, ...] = ()
    ignored_classifications: tuple[str, ...] = ()
    as_of: date | None = None

    @property
    def leaves_out(self) -> bool:
        """Whether there may be missing patches that do not count."""
        return bool(self.exceptions or self.ignored_classifications or self.as_of)

    @property
    def gates_need_rows(self) -> bool:
        """Whether the run's totals are not enough to judge its gates."""
        return bool(self.gates) and (self.leaves_out or needs_age(self.gates))


NO_STANDARDS = Standards()


def standards_of(
    fail_on: str | None = None,
    sla: str | None = None,
    exceptions: tuple[PatchException, ...] = (),
    ignore_classification: Iterable[str] = (),
    as_of: str | None = None,
) -> Standards:
    """The standards in the texts of settings. Raises SettingError about the first that cannot be read."""
    return Standards(
        _read("fail_on", gates_of, fail_on) or (),
        _read("sla", service_levels_of, sla),
        exceptions,
        tuple(ignore_classification),
        None if as_of is None else date.fromisoformat(as_of),
    )


def _read(name: str, read: Callable[[str], T], text: str | None) -> T | None:
    try:
        return None if text is None else read(text)
    except ValueError as clause:
        raise SettingError(name, str(clause)) from None
