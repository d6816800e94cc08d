"""Assessment operations under way and done: their states in time, and the signed URLs they are read at.

The 3.3 kB tail of a URL is derived anew whenever it is needed, from the seed and the operation alone,
so that a hundred thousand operations keep none of it: half a kilobyte each, however long they are read.
"""

from __future__ import annotations

import base64
import hashlib
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from math import inf

from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.guids import guid_of
from fleetscan.simulator.times import Calendar
from fleetscan.simulator.troubles import Trouble

URL_SAFE = string.ascii_letters + string.digits + "-_"
# The lengths recorded in 2024.
CERTIFICATE_CHARS = 2615
SIGNATURE_CHARS = 342
HASH_CHARS = 43
# 16 for the id beside `p=`, the rest for `s=` and `h=`, four characters for three bytes.
SEAL_BYTES = 16 + 291
# What tells the two URLs of an operation apart.
MONITOR = "&monitor=true"


class State(Enum):
    """An operation's status words."""

    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


@dataclass(frozen=True, slots=True)
class Operation:
    """One accepted start, after the `older` one of its machine.

    `superseded_at` is when a newer one took its machine over, if one did.
    """

    machine: Machine
    guid: str
    api_version: str
    started_at: float
    older: Operation | None = None
    superseded_at: float | None = None

    @property
    def ends_at(self) -> float:
        """When it is over, one way or the other; infinity for one that never is."""
        if self.superseded_at is not None:
            return self.superseded_at
        lot = self.machine.lot
        match lot.trouble:
            case Trouble.NEVER_ENDING | Trouble.VANISHING:
                return inf
            case Trouble.PREEMPTED:
                return self.started_at + lot.duration_s / 2
            case _:
                return self.started_at + lot.duration_s

    @property
    def gone_at(self) -> float:
        """When its machine is deleted, and it with it; infinity for most."""
        lot = self.machine.lot
        return self.started_at + lot.duration_s / 2 if lot.trouble is Trouble.VANISHING else inf

    @property
    def is_preempted(self) -> bool:
        """Whether a newer operation ends it, or so it says."""
        return self.superseded_at is not None or self.machine.lot.trouble is Trouble.PREEMPTED

    @property
    def span_s(self) -> float:
        """How long it takes, or would were it to end."""
        ends_at = self.ends_at
        return self.machine.lot.duration_s if ends_at == inf else ends_at - self.started_at

    def state(self, now: float) -> State:
        """Its status at a moment."""
        ends_at = self.ends_at
        if now < ends_at or ends_at == inf:
            return State.IN_PROGRESS
        lot = self.machine.lot
        if self.is_preempted or lot.fate is Fate.OPERATION_CANCELED:
            return State.CANCELED
        return State.FAILED if self.machine.fate is Fate.OPERATION_FAILED else State.SUCCEEDED


class Operations:
    """Every operation of a cloud by its guid, and the newest of each machine."""

    def __init__(self, seed: int, calendar: Calendar) -> None:
        self._seed = seed
        self._calendar = calendar
        self._by_guid: dict[str, Operation] = {}
        self._newest: dict[str, Operation] = {}
        # One text for all operations of a version.
        self._versions: dict[str, str] = {}
        draw = random.Random(f"{seed}:certificate")
        self._certificate = "MII" + "".join(draw.choices(URL_SAFE, k=CERTIFICATE_CHARS - 3))

    def begin(self, machine: Machine, api_version: str, now: float) -> tuple[Operation, Operation | None]:
        """Starts one; the second value is the one it superseded, where one was still running."""
        older, superseded = self.newest(machine), None
        if older is not None and older.state(now) is State.IN_PROGRESS:
            superseded = self._by_guid[older.guid] = replace(older, superseded_at=now)
        operation = self._mint(machine, superseded or older, api_version, now)
        self._by_guid[operation.guid] = operation
        self._newest[machine.key] = operation
        return operation, superseded

    def find(self, guid: str) -> Operation | None:
        """The operation of a guid."""
        return self._by_guid.get(guid)

    def newest(self, machine: Machine) -> Operation | None:
        """The operation of a machine that was started last."""
        return self._newest.get(machine.key)

    def newest_at(self, machine: Machine, at: float) -> Operation | None:
        """The operation that had been started last at a moment, which may be past."""
        operation = self._newest.get(machine.key)
        while operation is not None and operation.started_at > at:
            operation = operation.older
        return operation

    def machines(self) -> Iterator[Machine]:
        """The machines that have any, by their first start."""
        return (operation.machine for operation in self._newest.values())

    def targets(self, operation: Operation) -> tuple[str, str]:
        """Path and query of the operation's status, and of its result at the end."""
        machine = operation.machine
        named = f"{self._seed}:{operation.guid}:{operation.api_version}".encode()
        seal = hashlib.shake_128(named).digest(SEAL_BYTES)
        tail = base64.urlsafe_b64encode(seal[16:]).decode()
        path = (
            f"/subscriptions/{machine.subscription.subscription_id}/providers/Microsoft.Compute/locations/"
            f"{machine.region}/operations/{operation.guid}?p={guid_of(seal[:16])}"
        )
        signed = (
            f"&api-version={operation.api_version}&t={self._calendar.ticks(operation.started_at)}"
            f"&c={self._certificate}&s={tail[:SIGNATURE_CHARS]}"
            f"&h={tail[SIGNATURE_CHARS : SIGNATURE_CHARS + HASH_CHARS]}"
        )
        return path + signed, f"{path}{MONITOR}{signed}"

    def arc_target(self, operation: Operation, ticks: int) -> str:
        """Path and query at which an Arc server's operation is read, as signed at a moment."""
        machine = operation.machine
        named = f"{self._seed}:{operation.guid}:{operation.api_version}:{ticks}".encode()
        tail = base64.urlsafe_b64encode(hashlib.shake_128(named).digest(SEAL_BYTES)).decode()
        return (
            f"/subscriptions/{machine.subscription.subscription_id}/providers/Microsoft.HybridCompute/locations/"
            f"{machine.region}/updateCenterOperationResults/{operation.guid}"
            f"?api-version={operation.api_version}&t={ticks}"
            f"&c={self._certificate}&s={tail[:SIGNATURE_CHARS]}"
            f"&h={tail[SIGNATURE_CHARS : SIGNATURE_CHARS + HASH_CHARS]}"
        )

    def _mint(self, machine: Machine, older: Operation | None, api_version: str, now: float) -> Operation:
        """The guid follows from the machine and its operation before, never from other machines."""
        seed = f"{self._seed}:{machine.key}:{older.guid if older else ''}"
        guid = guid_of(hashlib.blake2b(seed.encode(), digest_size=16).digest())
        return Operation(machine, guid, self._versions.setdefault(api_version, api_version), now, older)
