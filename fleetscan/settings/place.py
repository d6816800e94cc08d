"""Settings that name a place in object storage or a path on a disk; and whether a run is kept in storage."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.places import EXPECTED, Address, is_url
from fleetscan.settings.types import Text


@dataclass(frozen=True, slots=True)
class Place(Text):
    """A path, or a place that runs are kept at. A URL that is none is not repeated: it may be secret."""

    def allows(self, value: object) -> bool:
        return Text.allows(self, value) and not (is_url(value) and _fault_of(value))

    def check(self, value: object) -> None:
        if not self.allows(value):
            raise self.refusal(value)

    def refusal(self, got: object) -> ValueError:
        if is_url(got):
            return ValueError(f"must be {self.expected}, as {EXPECTED}")
        return Text.refusal(self, got)


@dataclass(frozen=True, slots=True)
class OnDisk(Text):
    """A path on this computer's disks: a URL would become a directory of that name. It is not repeated."""

    def allows(self, value: object) -> bool:
        return Text.allows(self, value) and not is_url(value)

    def check(self, value: object) -> None:
        if not self.allows(value):
            raise self.refusal(value)

    def refusal(self, got: object) -> ValueError:
        if is_url(got):
            return ValueError(f"must be {self.expected}, on this computer: no URL is written or read here")
        return Text.refusal(self, got)


def _fault_of(value: object) -> str:
    try:
        Address.of(str(value))
    except ValueError as error:
        return str(error)
    return ""


def is_elsewhere(out: str | None, runs: str | None) -> bool:
    """Whether a run that goes to `out`, or else below `runs`, is kept in object storage."""
    return is_url(out) if out is not None else is_url(runs or "")
