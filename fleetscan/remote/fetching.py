"""Runs in object storage as private directories of this process: listed, or whole.

What is listed has run.json alone, until it is opened. What has no marker never looks complete: its totals are
left out. The directories go with the process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from fleetscan import json_text, places
from fleetscan.errors import CannotReadRunError, CannotWriteError, UsageError
from fleetscan.model import Json
from fleetscan.places import Address
from fleetscan.records.run import COMPLETE
from fleetscan.remote.lease import LEASE_S, is_ours, is_released, sizes_in
from fleetscan.remote.parts import FOLDERS, LATEST, LEASE, MARKER, Marker, Part, Sizes, parts_of
from fleetscan.remote.storage import Listed, Storage
from fleetscan.runs.directory import JOURNAL, RUN, TOTALS
from fleetscan.runs.disk import reason
from fleetscan.runs.opening import OWNER_ALONE
from fleetscan.runs.zstd import unpacked

AT_ONCE = 16
# Directories that have a run's run.json and not the rest yet, with the run.
_light: dict[str, Address] = {}
_listed: dict[Address, Path] = {}
# Directories that have a complete run: it changes no more.
_final: set[str] = set()
_made: list[str] = []


def address_of(text: str) -> Address:
    """The place that a person names; raises UsageError, which does not repeat it, where it is none."""
    try:
        return Address.of(text)
    except ValueError as error:
        raise UsageError(f"a run's place in object storage {error}") from None


def listed(runs: Address, *, is_anew: bool = False) -> Path:
    """A directory with the runs below `runs`, each with its run.json, and `latest`.

    Asked for once, unless `is_anew`. Raises StorageError.
    """
    if not is_anew and (known := _listed.get(runs)) is not None:
        return known
    directory, storage = new_directory(runs), Storage.open(runs)
    names = [name for name in storage.names() if places.is_name(name) and name != LATEST]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda name: _outline(runs.below(name), directory / name), names))
    name = pointed_at(storage)
    if name is not None and (directory / name).is_dir():
        (directory / LATEST).symlink_to(name, target_is_directory=True)
    _listed[runs] = directory
    return directory


def whole(place: Address) -> Path:
    """A directory with the run at `place`, or that `latest` there leads to. Raises CannotReadRunError.

    Raises StorageError too, and CannotWriteError where this computer has no room for it.
    """
    if place.name == LATEST and (name := pointed_at(Storage.open(place.around))) is not None:
        place = place.around.below(name)
    known = places.directory_of(place)
    if known in _final:
        return Path(str(known))
    # What is not complete may have grown since it was fetched.
    directory = Path(known) if known is not None and known in _light else run_directory(place)
    try:
        directory.mkdir(exist_ok=True)
        fetch(Storage.open(place), directory)
    except OSError as error:
        raise CannotWriteError(str(directory), reason(error)) from error
    _light.pop(str(directory), None)
    return directory


def opened(directory: Path) -> Path:
    """`directory`, whole where only its run.json was fetched so far; a link such as `latest` is followed."""
    if not _light:
        return directory
    place = _light.get(os.path.realpath(directory))
    return directory if place is None else whole(place)


def run_directory(place: Address) -> Path:
    """Where the run at `place` is to be kept by this process."""
    directory = new_directory() / place.name
    places.stand_in(str(directory), place)
    return directory


def new_directory(place: Address | None = None) -> Path:
    """A directory for this process alone, which stands for `place`; it goes with the process."""
    try:
        made = os.path.realpath(tempfile.mkdtemp(prefix="fleetscan-copy-"))
    except OSError as error:
        raise CannotWriteError(tempfile.gettempdir(), reason(error)) from error
    if not _made:
        atexit.register(remove_copies)
    _made.append(made)
    if place is not None:
        places.stand_in(made, place)
    return Path(made)


def keep(directory: Path) -> None:
    """Leave `directory` where it is when the process ends: it has what object storage has not."""
    _made[:] = [made for made in _made if not str(directory).startswith(made)]
    places.forget(str(directory))


def remove_copies() -> None:
    """Remove the directories of this process, and forget what is in them. What `keep` was told of stays."""
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)
    for told in (_light, _listed, _final):
        told.clear()


def pointed_at(storage: Storage) -> str | None:
    """The name of the run that `latest` leads to; None where there is none, or it is no name."""
    found = storage.read(LATEST)
    name = "" if found is None else found[0].decode("utf-8", "replace").strip()
    return name if places.is_name(name) else None


def _outline(place: Address, directory: Path) -> None:
    """run.json of the run at `place` in `directory`, or how its journal begins; nothing without a run."""
    storage = Storage.open(place)
    if (facts := storage.read(RUN)) is not None:
        directory.mkdir()
        _write(directory / RUN, [_as_marked(facts[0], is_marked=storage.read(MARKER) is not None)])
    elif first := parts_of("journal", (each.name for each in storage.listed("journal"))):
        directory.mkdir()
        _write(directory / JOURNAL, [_part(storage, first[0])])
    else:
        return
    _light[str(directory)] = place


def fetch(storage: Storage, directory: Path) -> Sizes:
    """Put the run at `storage` into `directory`, and return how much of it is there.

    Raises CannotReadRunError where a part is missing or is not of this run, StorageError and OSError.
    """
    # What tells of parts is read before they are listed, and the journal's before the rows': while a process
    # is at work more may come, and never less than was told of.
    lease, marker = storage.read(LEASE), _marker(storage)
    objects = {each.name: each for folder in ("journal", "results", "") for each in storage.listed(folder)}
    sizes = Sizes(*(_join(storage, folder, objects, directory) for folder in FOLDERS))
    told = marker.sizes if marker is not None else sizes_in(lease[0] if lease is not None else b"")
    if sizes.results < told.results or sizes.journal < told.journal:
        raise unreadable(storage, "parts of it are missing")
    for name in FOLDERS.values():
        if marker is not None and digest_of(directory / name) != marker.digests[name]:
            raise unreadable(storage, f"the parts of its {name} are not those that it was completed with")
    facts, totals = storage.read(RUN), storage.read(TOTALS)
    if facts is None and not sizes.journal:
        raise unreadable(storage, "it holds no run")
    has_totals = marker is not None or _was_stopped(facts, lease, sizes)
    for name, found in ((RUN, facts), (TOTALS, totals if has_totals else None)):
        if marker is not None and (found is None or digest(found[0]) != marker.digests[name]):
            raise unreadable(storage, f"its {name} is not the one that it was completed with")
        if found is not None:
            data = _as_marked(found[0], is_marked=marker is not None) if name == RUN else found[0]
            _write(directory / name, [data])
    if marker is not None:
        _final.add(str(directory))
    return sizes


def fetch_anew(storage: Storage, directory: Path) -> Sizes:
    """The same, in the place of what was fetched before."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    sizes = fetch(storage, directory)
    _light.pop(str(directory), None)
    return sizes


def digest(data: bytes) -> str:
    """What tells one content from another."""
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path) -> str:
    """The same of a file; of one that is not there as of an empty one. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return digest(b"")


def _marker(storage: Storage) -> Marker | None:
    if (found := storage.read(MARKER)) is None:
        return None
    try:
        return Marker.of(found[0])
    except ValueError as error:
        raise unreadable(storage, f"its marker cannot be read: {error}") from None


def _was_stopped(facts: tuple[bytes, str] | None, lease: tuple[bytes, str] | None, sizes: Sizes) -> bool:
    """Whether the run was stopped and let go with all that there is, its totals too."""
    try:
        code = _code(json_text.parse(facts[0] if facts is not None else b""))
    except ValueError:
        return False
    if lease is None or not is_released(lease[0]) or sizes_in(lease[0]) != sizes:
        return False
    return code is not None and code not in COMPLETE


def _as_marked(data: bytes, *, is_marked: bool) -> bytes:
    """run.json as it may be read: without a marker no run is complete, whatever it says."""
    try:
        told = json_text.parse(data)
    except ValueError:
        return data
    if is_marked or not isinstance(told, dict) or _code(told) not in COMPLETE:
        return data
    return json_text.encode_indented({**told, "exit_code": None, "finished_at": None, "stopped_by": None})


def _code(told: Json) -> int | None:
    match told:
        case {"exit_code": int(code)}:
            return code
    return None


def _join(storage: Storage, folder: str, objects: dict[str, Listed], directory: Path) -> int:
    """Write the parts of a file end to end, and return how long it is."""
    parts = parts_of(folder, objects)
    if not parts:
        return 0
    size_bytes = 0
    with (
        open(directory / FOLDERS[folder], "wb", opener=_private) as file,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        for part, data in zip(parts, _fetched(threads, storage, parts), strict=True):
            if part.begins_at != size_bytes:
                raise unreadable(storage, f"its {folder} lacks a part at byte {size_bytes:,}")
            size_bytes += file.write(data)
    return size_bytes


def _fetched(threads: ThreadPoolExecutor, storage: Storage, parts: list[Part]) -> Iterator[bytes]:
    """The parts' bytes in order; some are fetched ahead, so that memory stays bounded."""
    for first in range(0, len(parts), AT_ONCE):
        yield from threads.map(lambda part: _part(storage, part), parts[first : first + AT_ONCE])


def _part(storage: Storage, part: Part) -> bytes:
    if (found := storage.read(part.name)) is None:
        raise unreadable(storage, f"{part.name} is not there any more")
    if not part.is_compressed:
        return found[0]
    try:
        return unpacked(found[0])
    except ValueError as error:
        raise unreadable(storage, f"{part.name} {error}") from None


def unreadable(storage: Storage, why: str) -> CannotReadRunError:
    """The error of a run that is not there, or not whole."""
    return CannotReadRunError(str(storage.place), why)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, OWNER_ALONE)


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    with open(path, "wb", opener=_private) as file:
        for block in blocks:
            file.write(block)


def is_at_work(place: Address) -> bool:
    """Whether another process probably works on the run at `place`: its lease is young, if clocks agree."""
    if is_ours(place):
        return False
    storage = Storage.open(place)
    written_at, lease = storage.written_at(LEASE), storage.read(LEASE)
    if written_at is None or lease is None:
        return False
    if is_released(lease[0]):
        return False
    return (datetime.now(UTC) - written_at).total_seconds() < LEASE_S
