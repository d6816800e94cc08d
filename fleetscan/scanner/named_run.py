"""The run that a person has resumed, by its name or as the newest unfinished one, with the settings it has.

Whom it asks, and for which VMs, is what the first line of its journal says; how it goes on is what this
process is told, then what run.json says. A run's files may be a stranger's: each value is checked as one from
outside, and an endpoint that is neither a cloud of Azure's nor this machine has to be said again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetscan import places
from fleetscan.errors import (
    OTHER_VERSION,
    CannotReadRunError,
    CannotResumeError,
    LockedError,
    Remedy,
    SettingError,
    UsageError,
    resume_with,
)
from fleetscan.model import Json
from fleetscan.records.asked import is_same_value
from fleetscan.records.journal import SCHEMA, ProcessBegan
from fleetscan.records.run import RunFacts
from fleetscan.runs.directory import JOURNAL, RUN, holds_run
from fleetscan.runs.found import begun_run, run_path, runs_in
from fleetscan.runs.how_to_resume import command_for, to_say_again
from fleetscan.runs.journal import first_event, holder_of, is_held
from fleetscan.runs.no_journal import is_of_cluster, no_journal
from fleetscan.runs.reader import fetched, open_run
from fleetscan.scanner.resume import SELECTING
from fleetscan.scanner.which_run import newest_unfinished
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import Setting, name_of, settings_of

WHOM = tuple(each for each in settings_of(Settings) if each.is_whom)
# Where the run is, and that it is resumed, is what the command says; a scan on a cluster has its own command.
TOLD = ("out", "resume", "engine", "scheduler", "shards")
HOW = tuple(each for each in settings_of(Settings) if not each.is_whom and each.attribute not in TOLD)


@dataclass(frozen=True, slots=True)
class NamedRun:
    """A run to be resumed. `whom` has its own settings of whom it asks and for which VMs, and defaults else.

    `how` is what its run.json tells of the others; `warnings` are for the person.
    """

    path: Path
    whom: Settings
    how: Mapping[str, object]
    warnings: list[str] = field(default_factory=list)

    def settings(self, endpoint: str | None, how: Mapping[str, object]) -> Settings:
        """The settings with which it goes on; `how` are those that this process is told.

        What is of the process is what this one is told: a stranger's file could have the token go elsewhere.

        Raises CannotResumeError unless its endpoint is known or is `endpoint`, UsageError for a setting that
        is not one of HOW, and SettingError.
        """
        self._confirm(endpoint)
        for name in how.keys() - {each.attribute for each in HOW}:
            raise UsageError(f"a resumed run keeps its own {name_of(name)}, or there is no such setting")
        runs = _runs_around(self.path, how.get("runs", self.started_with.runs))
        own = {each.attribute: each.default for each in HOW if each.is_of_process}
        told: dict[str, Any] = {**own, **how, "runs": runs}
        settings = replace(self.started_with, **told)
        settings.check_together()
        return settings

    @property
    def started_with(self) -> Settings:
        """The settings that its run.json keeps: what this process is told holds for this process alone."""
        own = {each.attribute: getattr(self.whom, each.attribute) for each in WHOM}
        return Settings(**{**own, **self.how, "out": _out(self.path), "resume": True})

    def _confirm(self, endpoint: str | None) -> None:
        own, command = self.whom.endpoint, command_for(self.path, self.whom.endpoint)
        if endpoint is not None and not is_same_value("endpoint", endpoint, own):
            why = f"it was started with the endpoint {own}, and {endpoint} was named"
            raise CannotResumeError(str(self.path), why, resume_with(command))
        if endpoint is None and to_say_again(own) is not None:
            why = f"its endpoint {own}, which would get the token, is none of Azure's and not on this machine"
            raise CannotResumeError(str(self.path), why, resume_with(command, "make sure that it is yours"))


def find_run(run: str | None, runs: str | None, within_s: float, now: datetime) -> NamedRun:
    """The run that `run` means: a directory, `latest`, or how a name or id among `runs` begins.

    None means the newest unfinished one in `runs` that began less than `within_s` before `now`. Raises
    UsageError where there is none, CannotReadRunError and CannotResumeError where it cannot be resumed, and
    LockedError where a live process holds it.
    """
    warnings: list[str] = []
    if run is None:
        path = _newest(runs, within_s, now, warnings)
    elif not run or "\0" in run:
        raise UsageError(f"{run!r} is no name of a run", Remedy("name its directory"))
    else:
        path = run_path(run, None if runs is None else Path(runs), begun_run)
    path = fetched(path)
    if is_held(path / JOURNAL):
        holder = holder_of(path / JOURNAL)
        raise LockedError(str(path), holder)
    facts = _facts(path, warnings)
    began = _began(path)
    whom = _whom(path, began)
    if facts is not None:
        _check_agree(path, facts, began)
    return NamedRun(path, whom, {} if facts is None else _how(facts, warnings), warnings)


def _newest(runs: str | None, within_s: float, now: datetime, warnings: list[str]) -> Path:
    if runs is None:
        which = Remedy("name its directory, or that of all runs with {runs}", {"runs": None})
        raise UsageError("no run was named", which)
    found = runs_in(Path(runs), begun_run)
    warnings.extend(f"{damaged}; it is passed over" for damaged in found.damaged)
    scans = [run for run in found.runs if not run.sources]
    return newest_unfinished(scans, runs, now, within_s).path


def _facts(path: Path, warnings: list[str]) -> RunFacts | None:
    """What run.json says; None, with a warning, where a process died before it or it was damaged."""
    try:
        return open_run(path).facts
    except CannotReadRunError as error:
        if error.remedy is OTHER_VERSION:
            raise
        if not holds_run(path):
            if is_of_cluster(path):
                raise no_journal(path) from error
            which = Remedy(
                "name a run's directory, or how its name or id under {runs} begins", {"runs": None}
            )
            raise CannotReadRunError(error.path, error.why, which) from None
        # 1. A process that died before it wrote it. 2. A disk that lost it, or a person who changed it.
        warnings.append(f"{error.what}: the settings of how to scan are the defaults")
        return None


def _began(path: Path) -> ProcessBegan:
    """The first line of the journal, which says whom the run asks."""
    if not (path / JOURNAL).exists():
        raise no_journal(path)
    if (began := first_event(path / JOURNAL)) is None:
        raise CannotResumeError(str(path), "the first line of its journal does not say how it began")
    if began.schema != SCHEMA:
        raise CannotResumeError(str(path), f"its journal is {began.schema:.80}, not {SCHEMA}", OTHER_VERSION)
    unknown = sorted(name for name, value in began.asked.items() if value and name not in SELECTING)
    if unknown:
        why = f"it was started with settings that this version does not know: {', '.join(unknown):.200}"
        raise CannotResumeError(str(path), why, OTHER_VERSION)
    return began


def _whom(path: Path, began: ProcessBegan) -> Settings:
    told = {each.attribute: _plain(each, began.asked.get(each.attribute)) for each in WHOM}
    try:
        return Settings(**{name: value for name, value in told.items() if value is not None})  # type: ignore[arg-type]
    except SettingError as error:
        raise CannotResumeError(str(path), f"in its journal, {name_of(error.name)} {error.clause}") from error


def _check_agree(path: Path, facts: RunFacts, began: ProcessBegan) -> None:
    for each in WHOM:
        name = each.attribute
        for told in (facts["settings"], facts["selection"]):
            if name in told and not is_same_value(name, told[name], began.asked.get(name)):
                why = f"its {RUN} and its journal say two different things of its {each.name}"
                raise CannotResumeError(str(path), why)


def _how(facts: RunFacts, warnings: list[str]) -> dict[str, object]:
    """The settings of how to scan that run.json tells, but for those that this version cannot have so."""
    how: dict[str, object] = {}
    for each in HOW:
        if each.attribute not in facts["settings"]:
            continue
        value = _plain(each, facts["settings"][each.attribute])
        try:
            each.check(value)
        except ValueError as refusal:
            warnings.append(f"in the run's {RUN}, {each.name} {refusal}; the default is taken")
        else:
            how[each.attribute] = value
    return how


def _plain(setting: Setting, value: Json) -> object:
    return tuple(value) if setting.is_list and isinstance(value, list) else value


def _out(path: Path) -> str:
    """The directory as a setting: `-` alone would be standard output."""
    return f"./{path}" if str(path).startswith("-") else places.told(str(path))


def _runs_around(path: Path, runs: object) -> str | None:
    """The directory of all runs if the run lies directly in it, wherever a relative one was meant from."""
    if not isinstance(runs, str):
        return None
    if (place := places.place_of(str(path))) is not None:
        return runs if places.is_url(runs) and places.Address.of(runs) == place.around else None
    parent, told = Path(os.path.realpath(path.absolute().parent)), Path(runs)
    if os.path.realpath(told) == str(parent):
        return runs
    if told.is_absolute() or not told.parts or ".." in told.parts:
        return None
    return str(parent) if parent.parts[-len(told.parts) :] == told.parts else None
