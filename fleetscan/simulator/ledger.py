"""What a cloud was sent and what it answered: the truth that a scan's own account is held against.

Machines are named by their lower-cased ids. A 429 is counted as throttled and as nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from fleetscan.model import Json
from fleetscan.simulator.ways import Way


class Ask(StrEnum):
    """What a request was for."""

    START = "start"
    POLL = "poll"
    RESULT = "result"
    LIST = "list"
    GET_VM = "get_vm"
    OTHER = "other"


@dataclass(slots=True)
class Ledger:
    """Counts kept as requests come.

    `result_of` gives the RESULT that a machine's newest accepted operation ends in, or None where it
    ends in none.
    """

    result_of: Callable[[str], dict[str, Json] | None]
    starts: Counter[str] = field(default_factory=Counter)
    """POSTs that reached a machine, refused ones among them."""
    accepted: Counter[str] = field(default_factory=Counter)
    """POSTs answered 202."""
    polls: Counter[str] = field(default_factory=Counter)
    """Reads of Azure-AsyncOperation and of Location."""
    superseded: list[str] = field(default_factory=list)
    """Machines whose running operation was ended by a second start, once each time."""
    installations_killed: list[str] = field(default_factory=list)
    """Machines whose running patch installation was ended by an accepted start, once each."""
    requests: Counter[Ask] = field(default_factory=Counter)
    """Requests that reached the cloud and were not answered 429; some got no answer at all."""
    throttled: Counter[Ask] = field(default_factory=Counter)
    """429s."""
    faults: Counter[Way] = field(default_factory=Counter)
    """Requests that met an outage or a fault, those that never reached the cloud among them."""
