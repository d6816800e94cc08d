"""What the page's tables hold, gathered in one pass over the rows: VMs and distinct patches, in columns.

A row is never held. Only what was assessed has patches; each VM counts once for a patch, however often its
list has it. Figures of VMs are over what counts. Foreign text is sanitized here, so that the page shows it as
it comes; it is not HTML yet.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence

from fleetscan import json_text
from fleetscan.judgement.counting import CountedVm
from fleetscan.model import Json
from fleetscan.records.row import Row
from fleetscan.report.commands import Spelled, of_run
from fleetscan.report.page.columns import Column, JsonColumn, Value
from fleetscan.report.page.patches import Patches
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

    def __init__(self, spelled: Spelled | None = None) -> None:
        """`spelled` are the commands that go on from the run."""
        self._spelled = spelled
        self.vms = {name: Column() for name in NAMES}
        self.count = 0
        self.patches = Patches()
        self._lists = JsonColumn()

    def add(self, row: Row, counted: CountedVm) -> None:
        """Take up one VM, and what counts of it."""
        for column, value in zip(self.vms.values(), _facts(counted.row), strict=True):
            column.add(value)
        is_empty = not (counted.patches or counted.left_out)
        self._lists.add(b"[]" if is_empty else self.patches.add(counted.patches, counted.left_out))
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
            word: [meaning.what, meaning.mend, meaning.retry and of_run(meaning.retry, self._spelled)]
            for word, meaning in MEANINGS.items()
        }

    def _by_id(self) -> Sequence[int]:
        parts = [self.vms[name] for name in ("subscription", "group", "name", "id")]
        ranks = [_ranks(column) for column in parts]
        return sorted(
            range(self.count),
            key=lambda index: [rank[column.at[index]] for rank, column in zip(ranks, parts, strict=True)],
        )


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
