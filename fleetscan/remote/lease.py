"""Who writes a run in object storage: one object that its holder renews, and another takes by If-Match.

Clocks of two hosts are never compared. The holder stops before the lease's time is over by its own clock;
another takes it when it saw no renewal for the whole of that time by its own.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable

from fleetscan import json_text
from fleetscan.errors import FleetscanError, LockedError, OutputError, Remedy, StoppedError
from fleetscan.model import Json
from fleetscan.places import Address
from fleetscan.remote.parts import LEASE, Sizes
from fleetscan.remote.storage import Storage, StorageError, TakenError

# How long no other process takes the run after a renewal.
LEASE_S = 60.0
# A holder that could not renew for so long starts nothing more: what it sent has ended when the lease does.
HOLD_S = 40.0
LOOK_EVERY_S = 2.0
# A word in an object is foreign text.
LONGEST_HOLDER = 100
# The runs that this process holds.
_held: set[Address] = set()


class Lease:
    """Our hold on a run, made by `take`. `renewed_at` is when the last renewal that succeeded was sent."""

    def __init__(
        self, storage: Storage, holder: str, tag: str, renewed_at: float, *, was_released: bool
    ) -> None:
        """`was_released` where no holder was there before, or the last one had uploaded all that it did."""
        _held.add(storage.place)
        self._storage = storage
        self._holder = holder
        self._tag = tag
        self.renewed_at = renewed_at
        self.was_released = was_released

    @classmethod
    def take(
        cls,
        storage: Storage,
        tell: Callable[[str], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> Lease:
        """The lease of the run at `storage`, once no other process holds it.

        A hold that was not released is waited out, which `tell` is told of. Raises LockedError where its
        holder renews it meanwhile, StorageError, and StoppedError where `stop` is set first.
        """
        holder, sent_at = uuid.uuid4().hex, time.monotonic()
        try:
            tag = storage.create(LEASE, _ours(holder, Sizes()))
            return cls(storage, holder, tag, sent_at, was_released=True)
        except TakenError:
            found = storage.read(LEASE)
        was_let_go = found is None or is_released(found[0])
        if found is not None and not was_let_go:
            found = _waited_out(storage, found, tell, stop)
        sent_at = time.monotonic()
        try:
            if found is None:
                tag = storage.create(LEASE, _ours(holder, Sizes()))
            else:
                # What was uploaded stays told until something is uploaded.
                tag = storage.replace(LEASE, _ours(holder, sizes_in(found[0])), found[1])
        except TakenError:
            raise LockedError(str(storage.place), holder_in(storage.read(LEASE))) from None
        return cls(storage, holder, tag, sent_at, was_released=was_let_go)

    @property
    def is_safe(self) -> bool:
        """Whether no other process may take the run yet."""
        return time.monotonic() - self.renewed_at < HOLD_S

    def renew(self, sizes: Sizes, *, is_last: bool = False) -> None:
        """Hold it for another while. Raises OutputError where another process took it, and StorageError."""
        sent_at, data = time.monotonic(), _ours(self._holder, sizes, is_last=is_last)
        try:
            self._tag = self._storage.replace(LEASE, data, self._tag)
        except TakenError:
            self._renew_again(data)
        self.renewed_at = sent_at
        if is_last:
            _held.discard(self._storage.place)

    def _renew_again(self, data: bytes) -> None:
        """An earlier renewal may have arrived whose answer did not: what it wrote is ours."""
        found = self._storage.read(LEASE)
        if found is None or _told(found[0]).get("id") != self._holder:
            raise taken_over(self._storage)
        try:
            self._tag = self._storage.replace(LEASE, data, found[1])
        except TakenError:
            raise taken_over(self._storage) from None

    def drop(self) -> None:
        """Let a run go of which nothing is there; what goes wrong is only that others wait."""
        _held.discard(self._storage.place)
        try:
            self._storage.remove(LEASE)
        except StorageError:
            return


def is_ours(place: Address) -> bool:
    """Whether this process holds the run at `place`."""
    return place in _held


def taken_over(storage: Storage) -> OutputError:
    """What to say where another process writes the run by now."""
    try:
        holder = holder_in(storage.read(LEASE))
    except FleetscanError:
        holder = "another process"
    remedy = Remedy("leave the run to that one; nothing more is started here")
    return OutputError(str(storage.place), f"{holder} has taken it over", remedy)


def _waited_out(
    storage: Storage, found: tuple[bytes, str], tell: Callable[[str], None], stop: threading.Event | None
) -> tuple[bytes, str] | None:
    """The lease that was seen unchanged for its whole time, or None; raises LockedError where it changes."""
    holder = holder_in(found)
    tell(f"{storage.place} was held by {holder}: waiting up to {LEASE_S:.0f} s for a sign of it")
    until = time.monotonic() + LEASE_S
    while time.monotonic() < until:
        if stop is not None and stop.wait(LOOK_EVERY_S):
            raise StoppedError(f"stopped while waiting for {storage.place}")
        if stop is None:
            time.sleep(LOOK_EVERY_S)
        now = storage.read(LEASE)
        if now is None or is_released(now[0]):
            return now
        if now[1] != found[1]:
            raise LockedError(str(storage.place), holder_in(now))
    return found


def _ours(holder: str, sizes: Sizes, *, is_last: bool = False) -> bytes:
    # Each is another, so that a write whose answer was lost is known again.
    who = {"host": socket.gethostname(), "pid": os.getpid(), "id": holder, "renewal": uuid.uuid4().hex}
    return json_text.encode_line({**who, "is_released": is_last, **sizes.as_json()})


def _told(data: bytes) -> dict[str, Json]:
    """What a lease tells; nothing where it cannot be read."""
    try:
        told = json_text.parse(data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def sizes_in(data: bytes) -> Sizes:
    """How much was uploaded when the lease was renewed; nothing where it does not tell."""
    try:
        return Sizes.of(_told(data))
    except ValueError:
        return Sizes()


def is_released(data: bytes) -> bool:
    """Whether a lease tells that its holder had uploaded all, and let the run go."""
    return _told(data).get("is_released") is True


def holder_in(found: tuple[bytes, str] | None) -> str:
    """Who holds a lease, in words."""
    match _told(b"" if found is None else found[0]):
        case {"host": str(host), "pid": int(pid)}:
            return f"process {pid} on {host:.{LONGEST_HOLDER}}"
    return "another process"
