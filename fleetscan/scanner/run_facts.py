"""The contents of run.json, and the exit code of a run. Values in, values out."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import CannotScanError, FleetscanError, StoppedError
from fleetscan.model import Json
from fleetscan.records.asked import Selection
from fleetscan.records.run import SCHEMA, Principal, RunFacts, Scope
from fleetscan.records.times import WallClock
from fleetscan.records.totals import Totals
from fleetscan.redacting import Secrets
from fleetscan.scanner.hooks import Opening
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import settings_of
from fleetscan.version import __version__


@dataclass(frozen=True, slots=True)
class RunDescription:
    """What there is to tell of a run from its beginning on: whose, of what and with which settings.

    `scope` says which subscriptions were listed and which were passed over; `principal` whose token it was.
    """

    scan_id: str
    settings: Settings
    scope: Scope
    selection: Selection
    principal: Principal | None
    clock: WallClock
    started_at: str

    def begun(self, warnings: list[str]) -> RunFacts:
        """run.json while the run is unfinished."""
        return self._facts(None, None, None, warnings)

    def ended(
        self, ended_at: float, code: int, stopped_by: FleetscanError | None, warnings: list[str]
    ) -> RunFacts:
        """run.json once it has ended at the monotonic second `ended_at`."""
        why = None if stopped_by is None else Secrets.of(os.environ).hide(stopped_by.what)
        return self._facts(self.clock.iso(ended_at), code, why, warnings)

    def opening(self, directory: Path | None) -> Opening:
        """What the hooks are told of the run, which is kept in `directory`."""
        return Opening(self.scan_id, directory, self.principal, self.started_at)

    def _facts(
        self, finished_at: str | None, code: int | None, stopped_by: str | None, warnings: list[str]
    ) -> RunFacts:
        return {
            "schema": SCHEMA,
            "scan_id": self.scan_id,
            "started_at": self.started_at,
            "finished_at": finished_at,
            "exit_code": code,
            "stopped_by": stopped_by,
            "warnings": warnings,
            "versions": {"fleetscan": __version__, "python": platform.python_version()},
            "principal": self.principal,
            "scope": self.scope,
            "selection": self.selection,
            "settings": settings_facts(self.settings),
            "sources": [],
        }


def settings_facts(settings: Settings) -> dict[str, Json]:
    """The settings as run.json has them: without the password of a proxy."""
    told = ((each, getattr(settings, each.attribute)) for each in settings_of(type(settings)))
    return {each.attribute: as_json(None if value is None else each.form.kept(value)) for each, value in told}


def principal_facts(told: Mapping[str, str | None]) -> Principal:
    """Whom a token names, as run.json tells it."""
    return {
        "object_id": told.get("object_id"),
        "app_id": told.get("app_id"),
        "tenant_id": told.get("tenant_id"),
        "name": told.get("name"),
    }


def as_json(value: object) -> Json:
    """A setting's value as JSON: tuples are lists, and a path that is no UTF-8 reads as it is written."""
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    return json_text.whole(str(value))


def exit_code(fleet: Totals, stopped_by: FleetscanError | None, *, has_accepted: bool) -> int:
    """The contract's exit code of a run whose fleet line is `fleet`.

    If Azure refuses the token from the first start on, the code is 4 (could not scan); later it is 5.
    """
    if isinstance(stopped_by, CannotScanError):
        return StoppedError.exit_code if has_accepted else stopped_by.exit_code
    if stopped_by is not None:
        return stopped_by.exit_code
    outcomes = fleet["outcomes"]
    return 3 if outcomes["failed"] or outcomes["timed_out"] or fleet["inventory_errors"] else 0
