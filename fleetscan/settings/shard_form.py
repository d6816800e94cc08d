"""The type of a setting that names one shard of a scan."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.settings.types import Value, ValueType
from fleetscan.shards import MOST, Shard


@dataclass(frozen=True, slots=True)
class ShardForm(ValueType):
    """One of so many shards. Text may leave out which: a job's pods are told by their index."""

    metavar: str = "I/N"
    expected: str = f"a shard such as 2/4, from 1/N to N/N, with N up to {MOST:,}"

    def allows(self, value: object) -> bool:
        return _is_shard(value, 1)

    def parse(self, text: str) -> Value:
        shard = text.strip()
        return str(Shard.of_text(shard)) if _is_shard(shard, None) else shard

    def check(self, value: object) -> None:
        if not _is_shard(value, None):
            raise self.refusal(value)


def _is_shard(value: object, number: int | None) -> bool:
    """Whether `value` is one, with this number where it leaves out its own."""
    try:
        return isinstance(value, str) and bool(Shard.of_text(value, number))
    except ValueError:
        return False
