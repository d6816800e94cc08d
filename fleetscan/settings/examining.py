"""The settings of `fleetscan doctor`: those that a scan lists by, and where its run would be kept."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.settings.place import Place
from fleetscan.settings.selecting import ListSettings
from fleetscan.settings.setting import Group, setting
from fleetscan.settings.types import OneOf, Switch


@dataclass(frozen=True, slots=True)
class DoctorSettings(ListSettings):
    """What the scan would be asked for, and how `fleetscan doctor` shows what it found."""

    cached_only: bool = setting(
        False,
        Switch(),
        "Check what a scan with --cached-only needs: it starts nothing, so that listing is enough.",
        is_whom=True,
        group=Group.FRESHNESS,
    )
    out: str | None = setting(
        None,
        Place("DIR|URL", "a directory's path, a place in object storage, or - for standard output"),
        "Check that a run can be written to this directory or place; nothing of it is left there.",
        group=Group.OUTPUT,
    )
    runs: str | None = setting(
        None,
        Place("DIR|URL", "a directory's path, or a place in object storage"),
        "Without --out, check that runs can be written under this one.",
        "Default: fleetscan-runs.",
        group=Group.OUTPUT,
    )
    format: str = setting(
        "text",
        OneOf(("text", "json")),
        "text fits a terminal; json is schema fleetscan.doctor/1.",
        group=Group.OUTPUT,
        command="doctor",
    )
