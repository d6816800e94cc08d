"""Whether runs can be kept in object storage: an object is made, written over, read and removed again."""

from __future__ import annotations

import uuid

from fleetscan.doctor.findings import Directory, Finding
from fleetscan.errors import Remedy
from fleetscan.places import Address
from fleetscan.remote.fetching import address_of
from fleetscan.remote.parts import LEASE
from fleetscan.remote.storage import Storage, StorageError, TakenError


def look_at_place(text: str, setting: str) -> tuple[Directory, list[Finding]]:
    """What is wrong with the place that the setting names, such as az://container/runs.

    Raises UsageError where it is none, or what object storage needs is not installed.
    """
    place = address_of(text)
    try:
        storage = Storage.open(place)
        why = _try_object(storage)
        is_there = setting == "out" and any(each.name != LEASE for each in storage.listed())
    except StorageError as error:
        finding = Finding("directory", "failed", error.what, error.remedy)
        return Directory(str(place), is_writable=False, locks_work=None, free_bytes=None), [finding]
    directory = Directory(str(place), is_writable=True, locks_work=not why, free_bytes=None)
    if why:
        return directory, [Finding("directory", "failed", f"{place} {why}: two scans could write one run")]
    found = [_holds_run(place)] if is_there else []
    return directory, [*found, Finding("directory", "ok", f"{place} can be written, read and listed")]


def _holds_run(place: Address) -> Finding:
    remedy = Remedy(
        "name another place with {out}, or go on with that run: {resume}", {"out": None, "resume": True}
    )
    return Finding(
        "directory", "warning", f"{place} already holds a run, which a scan never overwrites", remedy
    )


def _try_object(storage: Storage) -> str:
    """What the storage does not keep of its word; nothing where it does."""
    name = f"doctor-{uuid.uuid4().hex}"
    tag = storage.create(name, b"1")
    try:
        try:
            storage.create(name, b"2")
        except TakenError:
            newer = storage.replace(name, b"3", tag)
        else:
            return "writes over an object that is to be new"
        try:
            storage.replace(name, b"4", tag)
        except TakenError:
            found = storage.read(name)
        else:
            return "writes over an object that has changed"
        return "" if found == (b"3", newer) else "does not return what was written last"
    finally:
        storage.remove(name)
