"""A fleet from a file, in one of the forms of `file_forms.py`, or from an earlier run.

A line that cannot be a VM is an error and never a smaller fleet. What a file says of a VM is used as it is,
except for the power state in a row of an earlier run: that was another night, and the VM is asked again.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, cast

from fleetscan.addresses import parse_vm_id
from fleetscan.engine.replies import text_at, value_at
from fleetscan.errors import InventoryFileError, Remedy, UsageError
from fleetscan.inventory.file_forms import MAX_GOT_CHARS, Entry, Forms
from fleetscan.inventory.machines import (
    PATHS,
    UNTOLD_TAGS,
    VIEW_PATHS,
    facts_of_vm,
    location_of,
    os_type_of,
    power_state_of,
    target_of,
)
from fleetscan.inventory.servers import SERVER_PATHS, facts_of_server
from fleetscan.model import Json, Target
from fleetscan.places import is_url
from fleetscan.records.machine_facts import NAMES, shared_facts
from fleetscan.records.row import Row
from fleetscan.runs.directory import PACKED, RESULTS, RUN
from fleetscan.runs.reader import Run, open_run

# A row with a list of a thousand patches has some 0.5 MB.
MAX_LINE_BYTES = 16 * 1024 * 1024
STDIN = 0
# How tools call a VM's id, without case: PowerShell writes Id.
ID_KEYS = frozenset({"resource_id", "resourceid", "id"})
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# How the schema of a run's row begins, whichever its number.
ROW_SCHEMA = "fleetscan.result/"


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """The VMs of a file, the first of each id; `duplicates` counts the lines passed over.

    `note` says that the file is a part of an answer.
    """

    name: str
    targets: list[Target]
    duplicates: int
    note: str | None = None


def read_inventory(path: str) -> InventoryFile:
    """The VMs in the file at `path`, those of the run it belongs to, or on standard input for "-".

    Raises InventoryFileError for the first line that is no VM, CannotReadRunError for an unreadable run, and
    UsageError for any other unreadable file.
    """
    try:
        if path != "-" and (run := run_of(Path(path))) is not None:
            return InventoryFile(path, [target_of_row(row) for row in run.rows()], 0)
        if path != "-":
            with open(path, "rb") as lines:
                return read_lines(_lines(lines, path), path)
        # A reader of its own: Python's is locked while it is read, so that a process could not end.
        with open(STDIN, "rb", closefd=False) as lines:
            return read_lines(_lines(lines, "standard input"), "standard input")
    except OSError as error:
        raise UsageError(
            f"the inventory {path} cannot be read ({error.strerror})",
            Remedy("name a readable file with {inventory}", {"inventory": None}),
        ) from error


def run_of(path: Path) -> Run | None:
    """The run whose directory, or whose rows, `path` is; None where it is neither."""
    if is_url(path):
        return open_run(path)
    directory = path.parent if path.name in (RESULTS, PACKED) else path
    return open_run(directory) if (directory / RUN).is_file() else None


def target_of_row(row: Row) -> Target:
    """The VM of a row, with all that the row tells of it but its power state, which is old."""
    return _with_facts(_target_of_id(row["resource_id"], "'resource_id' is"), cast("dict[str, Json]", row))


def read_lines(lines: Iterable[bytes], name: str) -> InventoryFile:
    """The VMs on `lines`; `name` is what a person calls the file. Raises InventoryFileError."""
    targets: dict[str, Target] = {}
    machines = 0
    forms = Forms(lines, name)
    for entry in forms.entries():
        try:
            target = _target_of(entry)
        except ValueError as error:
            raise InventoryFileError(name, line=entry.line, why=str(error), got=entry.got) from None
        machines += 1
        targets.setdefault(target.key, target)
    note = None if forms.note is None else f"{name} {forms.note}"
    return InventoryFile(name, list(targets.values()), machines - len(targets), note)


def _lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines in UTF-8; raises InventoryFileError for one that does not end, as in a device.

    Windows PowerShell's `>` writes UTF-16, which a byte order mark shows.
    """
    first = file.readline(MAX_LINE_BYTES)
    if first.startswith(UTF16_MARKS):
        yield from _in_utf8(first + file.read(), name)
        return
    lines = chain((first,), iter(partial(file.readline, MAX_LINE_BYTES), b""))
    # A document is bounded as a whole: az prints it on one line, if asked.
    is_document = first.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"["
    for number, line in enumerate(lines, start=1):
        if len(line) == MAX_LINE_BYTES and not is_document:
            got = line[:MAX_GOT_CHARS].decode(errors="replace")
            raise InventoryFileError(
                name, line=number, why=f"it has {MAX_LINE_BYTES:,} bytes and more", got=got
            )
        yield line


def _in_utf8(text: bytes, name: str) -> list[bytes]:
    try:
        return text.decode("utf-16").encode().splitlines()
    except UnicodeDecodeError as error:
        why = f"its byte order mark is UTF-16's, and byte {error.start} is not UTF-16"
        raise InventoryFileError(name, line=1, why=why, got=repr(text[:MAX_GOT_CHARS])) from error


def _target_of(entry: Entry) -> Target:
    """The VM of an entry; ValueError with what was expected."""
    if isinstance(entry.value, str):
        return _target_of_id(entry.value, entry.subject)
    row, names = entry.value, [name for name in entry.value if name.lower() in ID_KEYS]
    name = next((name for name in ("resource_id", "id") if name in row), names[0] if names else "id")
    resource_id = row.get(name)
    if not isinstance(resource_id, str):
        raise ValueError("it has neither 'resource_id' nor 'id' with a resource id")
    return _with_facts(_target_of_id(resource_id, f"'{name}' is"), row)


def _target_of_id(text: str, subject: str) -> Target:
    try:
        parts = parse_vm_id(text)
    except ValueError as error:
        raise ValueError(f"{subject} {error}") from error
    return Target(text, parts.subscription_id, parts.resource_group, parts.name, tags=UNTOLD_TAGS)


def _with_facts(bare: Target, row: Mapping[str, Json]) -> Target:
    """`bare` with what the row tells besides, under the names of a results.jsonl record or under Azure's."""
    azure = target_of({**_azure_facts(row), "id": bare.resource_id}, {})
    known = _is_of_a_run(row)
    return Target(
        resource_id=bare.resource_id,
        subscription_id=bare.subscription_id,
        resource_group=bare.resource_group,
        name=bare.name,
        location=location_of(_text(row, "location")),
        subscription_name=_text(row, "subscription_name"),
        os_type=os_type_of(_text(row, "os_type")) or azure.os_type,
        power_state=None if known else power_state_of(_text(row, "power_state")) or azure.power_state,
        tags=_tags(row),
        facts=shared_facts({name: _text(row, name) or azure.facts.get(name) for name in NAMES}),
    )


def _azure_facts(row: Mapping[str, Json]) -> dict[str, Json]:
    """The facts of a VM as Azure's APIs and queries tell them, or az, which leaves `properties` out."""
    properties = row.get("properties")
    whole: dict[str, Json] = {**row} if not isinstance(properties, dict) else properties
    facts = facts_of_vm({"properties": whole}) | facts_of_server({"properties": whole})
    named = (*PATHS, *VIEW_PATHS, *SERVER_PATHS)
    facts |= {name: row[name] for name in named if row.get(name) is not None}
    view = value_at(whole, "extended.instanceView")
    for name, path in VIEW_PATHS.items():
        facts[name] = facts.get(name) or text_at(view, path)
    return facts


def _is_of_a_run(row: Mapping[str, Json]) -> bool:
    """Whether `row` says of itself that a run wrote it, whatever file it stands in."""
    schema = row.get("schema")
    return isinstance(schema, str) and schema.startswith(ROW_SCHEMA)


def _text(row: Mapping[str, Json], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{name}' must be text or null")
    return value or None


def _tags(row: Mapping[str, Json]) -> Mapping[str, str]:
    if "tags" not in row:
        return UNTOLD_TAGS
    value = row["tags"] or {}
    tags = value if isinstance(value, dict) else {}
    texts = {name: text for name, text in tags.items() if isinstance(text, str)}
    if texts != value:
        raise ValueError("'tags' must be an object of texts")
    return texts
