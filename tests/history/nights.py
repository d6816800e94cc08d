"""Random nights of a small fleet, as run directories, and what they come to by a plain re-computation.

The re-computation looks at one VM and one patch at a time over all nights; it shares nothing with the history
but the rules.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from fleetscan.model import Json, Reason
from fleetscan.records.row import Row
from tests.report.small_runs import FACTS, edit_facts, kb, package, small_run, unassessed, vm

SUBSCRIPTIONS = ("11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555")
FIRST_NIGHT = datetime(2026, 8, 1, 2, tzinfo=UTC)
WINDOWS, LINUX = range(5034400, 5034406), ("openssl", "curl", "linux-image", "bash", "zlib1g")

Saw: TypeAlias = Literal["missing", "installed", "vm gone", "unknown"]
HowGone: TypeAlias = Literal["installed", "vm gone"] | None


class Episode(NamedTuple):
    """A patch that a VM misses, from one night's start to another's; `gone_at` is None while it does."""

    vm: str
    patch: str
    first_seen_at: str
    gone_at: str | None
    how: HowGone


@dataclass
class Look:
    """What a night saw of one VM: the patches it lists, and whether the list is whole; None: not assessed."""

    patches: set[str] | None
    is_whole: bool = True


@dataclass
class Night:
    """One run: what it saw, by VM, and of which subscriptions it listed all."""

    began: datetime
    looks: dict[str, Look]
    listed: set[str]
    kind: str
    path: Path = field(default_factory=Path)

    @property
    def started_at(self) -> str:
        """As run.json has it."""
        return self.began.strftime("%Y-%m-%dT%H:%M:%S.000000Z")

    def saw(self, name: str, patch: str) -> Saw:
        """What it says of one VM and one patch."""
        look = self.looks.get(name)
        if look is None:
            return "vm gone" if subscription_of(name) in self.listed else "unknown"
        if look.patches is None:
            return "unknown"
        if patch in look.patches:
            return "missing"
        return "installed" if look.is_whole else "unknown"


def subscription_of(name: str) -> str:
    """The first VMs are in one subscription, the others in another."""
    return SUBSCRIPTIONS[int(name[1:]) % 2]


def recomputed(nights: list[Night]) -> set[Episode]:
    """The episodes of all nights, pair by pair."""
    names = sorted({name for night in nights for name in night.looks})
    keys = sorted({key for night in nights for look in night.looks.values() for key in look.patches or ()})
    return {episode for name in names for key in keys for episode in _of_pair(name, key, nights)}


def _of_pair(name: str, key: str, nights: list[Night]) -> list[Episode]:
    found: list[Episode] = []
    first: str | None = None
    for night in nights:
        saw = night.saw(name, key)
        if saw == "missing" and first is None:
            first = night.started_at
        elif saw in ("installed", "vm gone") and first is not None:
            found.append(Episode(name, key, first, night.started_at, saw))
            first = None
    return found if first is None else [*found, Episode(name, key, first, None, None)]


def random_nights(seed: int, directory: Path) -> list[Night]:
    """Some nights of some VMs, written below `directory`."""
    draw = random.Random(seed)
    missing: dict[str, set[str]] = {}
    nights: list[Night] = []
    for number in range(draw.randrange(2, 9)):
        names = [f"m{each}" for each in range(6) if draw.random() < 0.85]
        looks: dict[str, Look] = {}
        for name in names:
            looks[name] = _look(name, missing, draw)
        kind = draw.choice(("whole", "whole", "whole", "limited", "refused", "stopped", "retried"))
        if kind in ("limited", "retried"):
            looks = {name: look for name, look in looks.items() if draw.random() < 0.5}
        began = FIRST_NIGHT + timedelta(days=number, seconds=draw.randrange(3600))
        listed = {"whole": {*SUBSCRIPTIONS}, "refused": {SUBSCRIPTIONS[0]}}.get(kind, set())
        night = Night(began, looks, listed, kind)
        night.path = write_night(directory / f"night-{number}", night, draw)
        nights.append(night)
    return nights


def _look(name: str, missing: dict[str, set[str]], draw: random.Random) -> Look:
    """The VM's patches change a little, whether a night sees it or not."""
    patches = missing.setdefault(name, set())
    choice = [f"KB{each}" for each in WINDOWS] if is_windows(name) else [*LINUX]
    for key in choice:
        if draw.random() < 0.25:
            patches ^= {key}
    if draw.random() < 0.2:
        return Look(None)
    if draw.random() < 0.2:
        return Look({key for key in patches if draw.random() < 0.5}, is_whole=False)
    return Look(set(patches))


def is_windows(name: str) -> bool:
    """Half of each subscription's VMs."""
    return int(name[1:]) % 4 < 2


def write_night(path: Path, night: Night, draw: random.Random) -> Path:
    """The run directory of a night; ids change their case and lists their order from night to night."""
    rows = [_row(name, look, draw) for name, look in night.looks.items()]
    errors = ()
    facts = replace(FACTS, started_at=night.started_at, inventory_errors=errors)
    stopped = night.kind == "stopped"
    small_run(path, rows, 5 if stopped else 0, facts=facts, unfinished=2 if stopped else 0)
    listed = SUBSCRIPTIONS if night.kind != "refused" else SUBSCRIPTIONS[:1]
    scope: list[Json] = [
        {"subscription_id": each.upper(), "name": None, "state": "Enabled", "tenant_id": None}
        for each in listed
    ]
    selection: dict[str, Json] = {"endpoint": "https://management.azure.com"}
    if night.kind == "limited":
        selection["limit"] = 3
    if night.kind == "retried":
        selection["retry_failed"] = "latest"
    edit_facts(
        path,
        scan_id=f"00000000-0000-4000-8000-{night.began.timestamp():012.0f}",
        started_at=night.started_at,
        scope={"subscriptions": scope, "not_enabled": [], "uniform_scale_set_vms": None, "shard": None},
        selection=selection,
    )
    return path


def _row(name: str, look: Look, draw: random.Random) -> Row:
    if look.patches is None:
        row = unassessed(name, draw.choice((Reason.DENIED, Reason.NOT_RUNNING, Reason.OPERATION_TIMEOUT)))
    else:
        listed = sorted(look.patches)
        draw.shuffle(listed)
        os_type = "Windows" if is_windows(name) else "Linux"
        # Of a list that was cut short, Azure's counts tell how long it was.
        cut = 0 if look.is_whole else 3
        row = vm(name, len(listed) + cut, 0, [_patch(key, draw) for key in listed], os_type=os_type)
    subscription_id = subscription_of(name)
    resource_id = row["resource_id"].replace(row["subscription_id"], subscription_id)
    row["resource_id"] = resource_id.upper() if draw.random() < 0.3 else resource_id
    row["subscription_id"] = subscription_id
    return row


def _patch(key: str, draw: random.Random) -> Json:
    """A definition update changes its name and its date every day, a package its version."""
    if key.startswith("KB"):
        return kb(int(key[2:]), title=f"Update {draw.randrange(9)}", day=f"2026-07-{draw.randrange(10, 31)}")
    return {**package(key), "version": f"1.{draw.randrange(9)}"}  # type: ignore[dict-item]
