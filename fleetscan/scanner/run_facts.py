"""The contents of run.json, and the exit code of a run. Values in, values out."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from fleetscan import __version__
from fleetscan.errors import CannotScanError, FleetscanError, StoppedError
from fleetscan.model import Json, Outcome
from fleetscan.records.times import WallClock
from fleetscan.settings.declared import Settings

SCHEMA = "fleetscan.run/1"
COMPLETE = (0, 3)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as run.json describes it: who ran it, its scope, its settings, and how it ended.

    `scope` says which subscriptions were listed and which were left out; `principal` whose token it was.
    """

    scan_id: str
    settings: Settings
    scope: Mapping[str, Json]
    principal: Mapping[str, str | None] | None
    clock: WallClock
    started_at: str

    def begun(self) -> dict[str, Json]:
        """run.json while the run is unfinished."""
        return self._json(None, None, None)

    def ended(self, ended_at: float, code: int, stopped_by: FleetscanError | None) -> dict[str, Json]:
        """run.json once it has ended at the monotonic second `ended_at`."""
        return self._json(self.clock.iso(ended_at), code, None if stopped_by is None else str(stopped_by))

    def _json(self, finished_at: str | None, code: int | None, stopped_by: str | None) -> dict[str, Json]:
        return {
            "schema": SCHEMA,
            "scan_id": self.scan_id,
            "started_at": self.started_at,
            "finished_at": finished_at,
            "exit_code": code,
            "stopped_by": stopped_by,
            "versions": {"fleetscan": __version__, "python": platform.python_version()},
            "principal": None if self.principal is None else dict(self.principal),
            "scope": dict(self.scope),
            "settings": {name: as_json(value) for name, value in asdict(self.settings).items()},
        }


def as_json(value: object) -> Json:
    """A setting's value as JSON: tuples are lists."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    return str(value)


def exit_code(fleet: Mapping[str, Json], stopped_by: FleetscanError | None, *, has_accepted: bool) -> int:
    """The contract's exit code of a run whose fleet line is `fleet`.

    If Azure refuses the token from the first start on, the code is 4 (could not scan); later it is 5.
    """
    if isinstance(stopped_by, CannotScanError):
        return StoppedError.exit_code if has_accepted else stopped_by.exit_code
    if stopped_by is not None:
        return stopped_by.exit_code
    outcomes = fleet["outcomes"]
    assert isinstance(outcomes, dict)
    if outcomes[Outcome.FAILED] or outcomes[Outcome.TIMED_OUT] or fleet["inventory_errors"]:
        return 3
    return 0
