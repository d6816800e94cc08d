"""The link `latest` among the runs: which complete runs it follows, and what is said of the others.

Reports, recipes and scans that learn from the last run read it, so it leads to the whole fleet, or to one
selection for good.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fleetscan.errors import CannotReadRunError, Remedy
from fleetscan.records.asked import CACHED_ONLY, chosen_by, is_elsewhere
from fleetscan.runs.directory import LATEST
from fleetscan.runs.disk import reason
from fleetscan.runs.found import FoundRun, found_run

# What makes a run a part of the fleet, each time perhaps another one.
PARTIAL = ("limit", "retry_failed", "inventory", "shard")


@dataclass(frozen=True, slots=True)
class NotSwitched:
    """Why `latest` does not lead to a complete run, and how to have it do so. `is_failure`: it should."""

    sentence: str
    remedy: Remedy
    is_failure: bool = False


def switch_latest(path: Path, runs: Path | None, listed: int) -> NotSwitched | None:
    """Point `latest` at the complete run in `path`, of `listed` VMs, if it is one of `runs` to follow.

    None where that is done, and where the run lies elsewhere.
    """
    if runs is None or path.parent.resolve() != runs.resolve():
        return None
    link = runs / LATEST
    pointed = _pointed_at(link)
    if pointed is not None and pointed.path.resolve() == path.resolve():
        return None
    why = why_it_stays(found_run(path), listed, pointed)
    if why is not None:
        stays = f"{link} is not set" if pointed is None else f"{link} stays at {pointed.path.resolve().name}"
        return NotSwitched(stays, _to_switch(link, path, why))
    try:
        _point(link, path.name)
    except OSError as error:
        sentence = f"{link} could not be pointed at {path.name} ({reason(error)})"
        return NotSwitched(sentence, Remedy("remove what is in its place"), is_failure=True)
    return None


def why_it_stays(run: FoundRun, listed: int, pointed: FoundRun | None) -> Remedy | None:
    """Why `latest`, which leads to `pointed`, does not go on to the complete `run`; None where it does."""
    # 1. A part of the fleet is no fleet, and neither is nothing.
    for name in PARTIAL:
        if run.selection.get(name):
            return Remedy(f"a run with {{{name}}} has only a part of the fleet", {name: None})
    if run.selection.get(CACHED_ONLY):
        return Remedy("a run with {cached_only} assesses no VM", {CACHED_ONLY: None})
    if not listed:
        return Remedy("this run has no VMs")
    if pointed is None:
        return None
    # 2. Another place has another fleet, and a simulated one teaches nothing of it.
    if (other := _elsewhere(run, pointed)) is not None:
        return other
    # 3. A run that took long may end after one that began later; a merged run began when its first one did.
    if run.began_at <= pointed.began_at and not run.has_all_of(pointed):
        return Remedy("this run began before that one")
    # 4. A selection replaces only itself.
    chosen = chosen_by(run.selection)
    if not chosen or run.is_of(pointed.selection, pointed.tenant_id):
        return None
    names = ", ".join(f"{{{name}}}" for name in chosen)
    return Remedy(f"this run has another selection ({names})", dict.fromkeys(chosen))


def _elsewhere(run: FoundRun, pointed: FoundRun) -> Remedy | None:
    """That `run` asked another endpoint or tenant than `pointed`; None where no two are told."""
    if is_elsewhere(run.selection, pointed.selection):
        return Remedy("this run asked another endpoint ({endpoint})", {"endpoint": run.selection["endpoint"]})
    tenants = {tenant.lower() for tenant in (run.tenant_id, pointed.tenant_id) if tenant}
    return Remedy("this run is of another tenant") if len(tenants) > 1 else None


def _to_switch(link: Path, path: Path, why: Remedy) -> Remedy:
    command = f"ln -sfn {shlex.quote(path.name)} {shlex.quote(str(link))}"
    how = f"point it there with `{command}`".replace("{", "{{").replace("}", "}}")
    return Remedy(f"{why.template}; {how}", why.settings)


def _pointed_at(link: Path) -> FoundRun | None:
    """The run that `latest` leads to; None where there is no link, or nothing behind it that can be read."""
    try:
        return found_run(link)
    except CannotReadRunError:
        return None


def _point(link: Path, name: str) -> None:
    """Have the link lead to `name`, in one step; raises OSError."""
    new = link.with_name(f".{LATEST}-{name}")
    try:
        new.symlink_to(name, target_is_directory=True)
        os.replace(new, link)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
