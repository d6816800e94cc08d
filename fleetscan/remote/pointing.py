"""`latest` below a place of runs: one object with a run's name, which moves on under If-Match.

The rules are those of the link among directories. Where two scans end at once the one that loses reads again
and judges again, so that the run that began later stays.
"""

from __future__ import annotations

from pathlib import Path

from fleetscan import places
from fleetscan.errors import FleetscanError, Remedy
from fleetscan.places import Address
from fleetscan.remote.fetching import new_directory
from fleetscan.remote.parts import LATEST, MARKER
from fleetscan.remote.storage import Storage, StorageError, TakenError
from fleetscan.runs.directory import RUN
from fleetscan.runs.found import FoundRun, found_run
from fleetscan.runs.latest import NotSwitched, why_it_stays

# Each one is a run that ended at the same moment.
MOST_RACES = 20


def follow(directory: Path, runs: Address, listed: int) -> NotSwitched | None:
    """Have `latest` below `runs` lead to the complete run that `directory` stands for, of `listed` VMs.

    None where it does; else why it does not.
    """
    place = places.place_of(str(directory))
    if place is None or place.around != runs:
        return None
    run, storage = found_run(directory), Storage.open(runs)
    link = runs.below(LATEST)
    try:
        for _ in range(MOST_RACES):
            found = storage.read(LATEST)
            name = "" if found is None else found[0].decode("utf-8", "replace").strip()
            if name == place.name:
                return None
            pointed = _run_of(runs, name)
            if (why := why_it_stays(run, listed, pointed)) is not None:
                stays = f"{link} is not set" if pointed is None else f"{link} stays at {name}"
                return NotSwitched(stays, why)
            try:
                data = f"{place.name}\n".encode()
                _ = storage.create(LATEST, data) if found is None else storage.replace(LATEST, data, found[1])
            except TakenError:
                continue
            return None
    except StorageError as error:
        return _failed(link, place.name, error.why)
    return _failed(link, place.name, "too many scans end at once")


def _failed(link: Address, name: str, why: str) -> NotSwitched:
    sentence = f"{link} could not be pointed at {name} ({why})"
    return NotSwitched(sentence, Remedy("write the run's name into that object"), is_failure=True)


def _run_of(runs: Address, name: str) -> FoundRun | None:
    """The run that `latest` leads to; None where there is none that is complete, or none that can be read."""
    if not places.is_name(name):
        return None
    storage = Storage.open(runs.below(name))
    facts = storage.read(RUN)
    if facts is None or storage.read(MARKER) is None:
        return None
    directory = new_directory() / name
    try:
        directory.mkdir()
        (directory / RUN).write_bytes(facts[0])
        return found_run(directory)
    except (FleetscanError, OSError):
        return None
