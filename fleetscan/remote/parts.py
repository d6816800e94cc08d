"""The objects of a run: rows and journal in parts, each named by where it begins, and the other files.

So a list of parts shows whether one is missing, doubled or another's: each begins where the one before ends.
A part is created and never written again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fleetscan import json_text
from fleetscan.model import Json
from fleetscan.runs.directory import JOURNAL, RESULTS, RUN, TOTALS

# Written last of a run that is complete: what it consists of.
MARKER = "complete"
LEASE = "lease"
LATEST = "latest"
# What is kept in parts, by the folder of its parts.
FOLDERS = {"results": RESULTS, "journal": JOURNAL}
WHOLE = (TOTALS, RUN)
_MARKED = (*WHOLE, *FOLDERS.values())
_PART = re.compile(r"(results|journal)/([0-9]{15})\.jsonl(\.zst)?")
# A larger one is uploaded as several, so that memory and the time of one exchange are bounded.
MOST_PART_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One part of a file: where it begins, and the object's name."""

    begins_at: int
    name: str
    is_compressed: bool


def part_name(folder: str, begins_at: int, *, is_compressed: bool) -> str:
    """The object of the part that begins at this byte."""
    return f"{folder}/{begins_at:015d}.jsonl{'.zst' if is_compressed else ''}"


def parts_of(folder: str, names: Iterable[str]) -> list[Part]:
    """The parts among objects, in their order; other names are none of a run's."""
    found = (_PART.fullmatch(name) for name in names)
    return sorted(
        Part(int(each[2]), each[0], each[3] is not None) for each in found if each and each[1] == folder
    )


def whole_lines(data: bytes) -> bytes:
    """What of `data` ends with a line: the next part begins with the rest."""
    return data[: data.rfind(b"\n") + 1]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bytes of each file are uploaded."""

    results: int = 0
    journal: int = 0

    @classmethod
    def of(cls, told: Json) -> Sizes:
        """What an object tells; raises ValueError where it tells none."""
        match told:
            case {"results_bytes": int(results), "journal_bytes": int(journal)}:
                return cls(results, journal)
        raise ValueError("it tells no sizes")

    def as_json(self) -> dict[str, Json]:
        """As objects tell them."""
        return {"results_bytes": self.results, "journal_bytes": self.journal}


@dataclass(frozen=True, slots=True)
class Marker:
    """What a complete run consists of: how long its files in parts are, and the digest of every file."""

    sizes: Sizes
    digests: dict[str, str]

    def encoded(self) -> bytes:
        """The object."""
        return json_text.encode_line({**self.sizes.as_json(), "sha256": {**self.digests}})

    @classmethod
    def of(cls, data: bytes) -> Marker:
        """The marker in an object; raises ValueError where it is none."""
        told = json_text.parse(data)
        match told:
            case {"sha256": dict(digests)} if all(isinstance(digests.get(name), str) for name in _MARKED):
                return cls(Sizes.of(told), {name: str(digests[name]) for name in _MARKED})
        raise ValueError("it tells no digests")
