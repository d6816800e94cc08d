"""What the page's tables hold, gathered in one pass over the rows: VMs and distinct patches, in columns.

A row is never held. Only what was assessed has patches; each VM counts once for a patch, however often its
list has it. Foreign text is sanitized here, so that the page shows it as it comes; it is not HTML yet.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from fleetscan import json_text
from fleetscan.judgement.counting import CountedVm
from fleetscan.model import Json
from fleetscan.records.patches import UNNAMED, Patch
from fleetscan.records.row import Row
from fleetscan.report.commands import of_run
from fleetscan.report.missed_patches import most_missed, newest_of, title_beside
from fleetscan.report.page.columns import Column, JsonColumn, Value, numbers_json
from fleetscan.report.page.shown import (
    ID_LIMIT_CHARS,
    MESSAGE_LIMIT_CHARS,
    NAME_LIMIT_CHARS,
    cut,
    name_of,
    system_of,
    tags_of,
    told,
)
from fleetscan.report.reasons import MEANINGS
from fleetscan.report.which_run import minute

KINDS = {"vm": "Microsoft.Compute/virtualMachines", "arc": "Microsoft.HybridCompute/machines"}
# The columns of VMs, as the script calls them.
NAMES = (
    "id",
    "kind",
    "name",
    "group",
    "subscription",
    "subscriptionName",
    "region",
    "os",
    "system",
    "image",
    "patching",
    "power",
    "tags",
    "outcome",
    "reason",
    "status",
    "assessed",
    "critical",
    "other",
    "reboot",
    "whole",
    "listed",
    "error",
    "correlation",
)
# 16 more: with the header of a gzip file, which browsers unpack.
GZIP_BITS = zlib.MAX_WBITS + 16
LEVEL = 6


class PageData:
    """The VMs and patches of one run. Call `add` once for every row."""

    def __init__(self, retry: str | None = None) -> None:
        """`retry` is the command that retries what failed in the run."""
        self._retry = retry
        self.vms = {name: Column() for name in NAMES}
        self.count = 0
        self.patches = Patches()
        self._lists = JsonColumn()

    def add(self, row: Row, counted: CountedVm) -> None:
        """Take up one VM, and what counts of it."""
        for column, value in zip(self.vms.values(), _facts(row), strict=True):
            column.add(value)
        entries = [*counted.patches, *((each.patch, each.age) for each in counted.left_out)]
        self._lists.add(self.patches.add([patch for patch, _ in entries]) if entries else b"[]")
        self.count += 1

    def packed(self) -> str:
        """All of it as JSON, by gzip and base64. VMs stand in the order of their ids, which packs best."""
        packer = zlib.compressobj(LEVEL, wbits=GZIP_BITS)
        packed = b"".join([*map(packer.compress, self._json()), packer.flush()])
        return b64encode(packed).decode("ascii")

    def _json(self) -> Iterator[bytes]:
        order = self._by_id()
        yield b'{"count":%d,"kinds":' % self.count
        yield json_text.encode(KINDS)
        yield b',"meanings":'
        yield json_text.encode(self._meanings())
        yield b',"vms":{'
        for name, column in self.vms.items():
            yield b'"%s":' % name.encode()
            yield from column.json(order)
            yield b","
        yield b'"list":'
        yield from self._lists.json(order)
        yield b'},"patches":{'
        yield from self.patches.json()
        yield b"}}"

    def _meanings(self) -> Json:
        return {
            word: [meaning.what, meaning.mend, meaning.retry and of_run(meaning.retry, self._retry)]
            for word, meaning in MEANINGS.items()
        }

    def _by_id(self) -> Sequence[int]:
        parts = [self.vms[name] for name in ("subscription", "group", "name", "id")]
        ranks = [_ranks(column) for column in parts]
        return sorted(
            range(self.count),
            key=lambda index: [rank[column.at[index]] for rank, column in zip(ranks, parts, strict=True)],
        )


Entry: TypeAlias = tuple[int, str | None, str | None, str | None, str | None, str | None, bool]
"""A key's number, name, version, classes, restart, day, and whether it is critical or security."""


class Patches:
    """The distinct patches of a fleet, and how many VMs miss each one.

    An entry is what Azure says of a patch; entries with the same key (a KB, a package's name) are one patch.
    """

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.vms_by_key: Counter[int] = Counter()
        self._entries: dict[Entry, int] = {}
        self._number: dict[Patch, int] = {}
        self._key_of: list[int] = []

    def add(self, patches: Sequence[Patch]) -> bytes:
        """Count what one VM misses; its entries' numbers as JSON, each as the step from the one before."""
        numbers = sorted({self._number_of(patch) for patch in patches})
        self.vms_by_key.update({self._key_of[number] for number in numbers})
        steps = [number - before for number, before in zip(numbers, [0, *numbers], strict=False)]
        return f"[{','.join(map(str, steps))}]".encode()

    def foremost(self, many: int) -> list[tuple[str, str, bool, int]]:
        """Key, title, whether critical or security, and VMs of the first patches by `most_missed`."""
        vms, titles, pressing = self._vms(), self._titles(), self._pressing()
        return [(key, titles[key], key in pressing, vms[key]) for key in most_missed(vms, pressing, many)]

    def json(self) -> Iterator[bytes]:
        """The members of a JSON object: columns of entries, then columns of keys."""
        for name, place in (("name", 1), ("version", 2), ("class", 3), ("reboot", 4), ("published", 5)):
            column = Column()
            for entry in self._entries:
                column.add(entry[place])
            yield b'"%s":' % name.encode()
            yield from column.json(range(len(self._entries)))
            yield b","
        yield b'"key":'
        yield from numbers_json(self._key_of)
        yield b',"keys":' + _texts([*self.keys])
        titles, pressing = self._titles(), self._pressing()
        yield b',"titles":' + _texts([titles[key] or None for key in self.keys])
        yield b',"vms":'
        yield from numbers_json([self.vms_by_key[key] for key in range(len(self.keys))])
        yield b',"pressing":'
        yield from numbers_json([int(key in pressing) for key in self.keys])

    def _number_of(self, patch: Patch) -> int:
        if (number := self._number.get(patch)) is None:
            number = self._number[patch] = self._take(patch)
        return number

    def _take(self, patch: Patch) -> int:
        """The number of what is shown of `patch`: different entries may look the same."""
        told_of: Entry = (
            self.keys.setdefault(_key(patch), len(self.keys)),
            cut(patch.name, NAME_LIMIT_CHARS),
            cut(patch.version, NAME_LIMIT_CHARS),
            cut(", ".join(patch.classifications), NAME_LIMIT_CHARS) or None,
            cut(patch.reboot_behavior, NAME_LIMIT_CHARS),
            patch.published_on,
            patch.is_critical_or_security,
        )
        if told_of not in self._entries:
            self._entries[told_of] = len(self._entries)
            self._key_of.append(told_of[0])
        return self._entries[told_of]

    def _vms(self) -> dict[str, int]:
        return {key: self.vms_by_key[number] for key, number in self.keys.items()}

    def _titles(self) -> dict[str, str]:
        """What each key's newest description says beside the key; "" for nothing."""
        newest = newest_of(self._number, self.keys, _key)
        return {key: cut(title_beside(key, patch.name), NAME_LIMIT_CHARS) for key, patch in newest.items()}

    def _pressing(self) -> set[str]:
        return {_key(patch) for patch in self._number if patch.is_critical_or_security}


def _key(patch: Patch) -> str:
    """A patch's key as the page shows it."""
    return cut(patch.key, NAME_LIMIT_CHARS) or UNNAMED


def _facts(row: Row) -> tuple[Value, ...]:
    """What the page shows of one VM, in the order of `NAMES`."""
    error = row["error"]
    return (
        _id(row),
        row["kind"],
        name_of(row),
        cut(row["resource_group"], NAME_LIMIT_CHARS),
        cut(row["subscription_id"].lower(), NAME_LIMIT_CHARS),
        cut(row["subscription_name"], NAME_LIMIT_CHARS),
        cut((row["location"] or "").lower(), NAME_LIMIT_CHARS) or None,
        row["os_type"],
        system_of(row),
        cut(row["image"], NAME_LIMIT_CHARS),
        told(row["patch_mode"], row["assessment_mode"]),
        cut(row["power_state"], NAME_LIMIT_CHARS),
        tags_of(row),
        row["outcome"],
        row["reason"],
        cut(row["status"], NAME_LIMIT_CHARS),
        minute(row["assessed_at"]) if row["assessed_at"] else None,
        row["critical_and_security_count"],
        row["other_count"],
        row["reboot_pending"],
        row["patches_complete"],
        row["patch_count"],
        None
        if error is None
        else (
            cut(error["code"], NAME_LIMIT_CHARS),
            cut(error["message"], MESSAGE_LIMIT_CHARS),
            error["http_status"],
        ),
        None if error is None else cut(error["correlation_id"], NAME_LIMIT_CHARS),
    )


def _id(row: Row) -> str | None:
    """The id, or None where the page can make it of the subscription, the group and the name it shows."""
    made = (
        f"/subscriptions/{cut(row['subscription_id'].lower(), NAME_LIMIT_CHARS)}"
        f"/resourceGroups/{cut(row['resource_group'], NAME_LIMIT_CHARS)}"
        f"/providers/{KINDS.get(row['kind'])}/{name_of(row)}"
    )
    return None if row["resource_id"] == made else cut(row["resource_id"], ID_LIMIT_CHARS)


def _ranks(column: Column) -> list[int]:
    """The place of each distinct value among all, by its number."""
    values = ["" if value is None else str(value) for value in column.numbers]
    ranks = [0] * len(values)
    for rank, number in enumerate(sorted(range(len(values)), key=lambda number: values[number].lower())):
        ranks[number] = rank
    return ranks


def _texts(texts: Sequence[str | None]) -> bytes:
    return json_text.encode([*texts])
