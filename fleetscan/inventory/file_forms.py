"""The forms in which people have VMs in a file: what each VM's entry is, and on which line it stands.

Lines of ids or JSON objects, mixed; a column of ids under a heading, or a CSV with such a column; one JSON
document, as `az vm list` and `az graph query` print. What the first line that says anything is decides. No
form is guessed at: what cannot be an entry is an error, never a smaller fleet.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

from fleetscan.engine.replies import parse_json
from fleetscan.errors import InventoryFileError
from fleetscan.model import Json

MAX_GOT_CHARS = 80
MAX_DOCUMENT_BYTES = 1024**3
# What a heading calls the column of ids, without case, blanks, underscores and hyphens; the first wins.
ID_NAMES = ("resourceid", "id", "vmid", "virtualmachineid", "azureresourceid")
DELIMITERS = ",;\t"
# What Excel is told before the heading.
SEPARATOR = re.compile(r"sep=[,;\t]?", re.IGNORECASE)
# Under which name a document has its list: az graph query, the REST APIs of Azure.
LISTS = ("data", "value")
# How JSON of many lines begins, as az prints its lists and its queries' answers.
OPENINGS = {
    "[": "it begins a JSON array after other lines; jq -c '.[]' makes one line per VM of it",
    "{": "it begins JSON of several lines after other lines; jq -c . makes one line of it",
}

Numbered: TypeAlias = tuple[int, bytes]


class Entry(NamedTuple):
    """What a file says of one VM: its id, or an object that has it. `got` shows it, `subject` names it."""

    line: int
    got: str
    value: str | Mapping[str, Json]
    subject: str = "the line is"


class Forms:
    """The entries of the file that people call `name`; `note` is set once all were read."""

    def __init__(self, lines: Iterable[bytes], name: str) -> None:
        self._lines = enumerate(lines, start=1)
        self._name = name
        self.note: str | None = None

    def entries(self) -> Iterator[Entry]:
        """Each entry in the file's order. Raises InventoryFileError for the first that cannot be one."""
        for number, raw in self._lines:
            text = self._text(number, raw)
            if not text or text.startswith("#") or SEPARATOR.fullmatch(text):
                continue
            rest = chain(((number, raw),), self._lines)
            if (document := self._document(number, text, rest)) is not None:
                return (yield from self._of_document(document))
            if (heading := _heading(text)) is not None:
                return (yield from self._of_table(*heading))
            return (yield from self._of_lines(rest))

    def _text(self, number: int, raw: bytes) -> str:
        return self._line(number, raw).strip()

    def _line(self, number: int, raw: bytes) -> str:
        try:
            text = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise self._error(number, "it is not UTF-8", raw.decode(errors="replace")) from None
        if "\0" in text:
            why = "it has null bytes, as UTF-16 without a byte order mark has; save it as UTF-8"
            raise self._error(number, why, text)
        return text

    def _error(self, line: int, why: str, got: str) -> InventoryFileError:
        return InventoryFileError(self._name, line=line, why=why, got=got.strip()[:MAX_GOT_CHARS])

    def _of_lines(self, lines: Iterable[Numbered]) -> Iterator[Entry]:
        for number, raw in lines:
            text = self._text(number, raw)
            if not text or text.startswith("#"):
                continue
            try:
                yield Entry(number, text[:MAX_GOT_CHARS], _value_of(text))
            except ValueError as error:
                raise self._error(number, str(error), text) from None

    def _document(self, number: int, text: str, lines: Iterable[Numbered]) -> Json:
        """The whole file as one JSON document; None where it is lines. An object by itself is a line."""
        if not text.startswith(("[", "{")):
            return None
        if text.startswith("{"):
            try:
                first = parse_json(text.encode())
            except ValueError:
                pass
            else:
                return first if _list_in(first) is not None else None
        pieces, size_bytes = [], 0
        for place, raw in lines:
            size_bytes += len(raw)
            if size_bytes > MAX_DOCUMENT_BYTES:
                raise self._error(place, f"its JSON has more than {MAX_DOCUMENT_BYTES:,} bytes", text)
            pieces.append(raw.removeprefix(b"\xef\xbb\xbf") if place == 1 else raw)
        try:
            return parse_json(b"".join(pieces))
        except ValueError:
            why = "it begins a JSON document that is not JSON to its end"
            if text.startswith("{"):
                why = "it is neither a JSON object nor a resource id"
            raise self._error(number, why, text) from None

    def _of_document(self, document: Json) -> Iterator[Entry]:
        listed = document if isinstance(document, list) else _list_in(document)
        values = [document] if listed is None else listed
        self.note = _note_of_part(document, len(values))
        for place, value in enumerate(values, start=1):
            got = str(value)[:MAX_GOT_CHARS]
            if not isinstance(value, str | dict):
                raise self._error(1, f"entry {place} of its JSON is no object and no text", got)
            yield Entry(1, got, value, f"entry {place} is")

    def _of_table(self, delimiter: str, heading: Sequence[str], id_place: int) -> Iterator[Entry]:
        numbers = [1]

        def texts() -> Iterator[str]:
            for number, raw in self._lines:
                numbers[0] = number
                # Blanks may be empty cells between tabs.
                text = self._line(number, raw)
                if text.strip() and not text.startswith("#"):
                    yield f"{text}\n"

        rows = csv.reader(texts(), delimiter=delimiter)
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise self._error(numbers[0], f"it is no line of CSV ({error})", "") from None
            if row is None:
                return
            cells = dict(zip(heading, row, strict=False))
            shown = delimiter.join(row)
            if len(row) <= id_place:
                why = f"it has no column {heading[id_place]!r}, in which the heading has ids"
                raise self._error(numbers[0], why, shown)
            value: dict[str, Json] = {"id": row[id_place].strip()}
            value |= {name: cells[name] for name in ("location", "os_type", "power_state") if name in cells}
            value |= {name: cells[name] for name in ("patch_mode", "subscription_name") if name in cells}
            yield Entry(numbers[0], shown[:MAX_GOT_CHARS], value | _tags_in(cells))


def _value_of(line: str) -> str | dict[str, Json]:
    """What a line says; ValueError with what was expected."""
    if not line.startswith(("{", "[", '"')):
        # az prints several columns with tabs between them.
        return line.partition("\t")[0]
    try:
        value = parse_json(line.encode())
    except ValueError as error:
        raise ValueError(OPENINGS.get(line, "it is neither a JSON object nor a resource id")) from error
    if isinstance(value, list):
        raise ValueError(OPENINGS["["])
    if not isinstance(value, str | dict):
        raise ValueError("it is JSON but not an object")
    return value


def _heading(line: str) -> tuple[str, list[str], int] | None:
    """The delimiter of a table, its columns, and which has the ids; None where `line` is no heading."""
    for delimiter in DELIMITERS:
        try:
            [cells] = csv.reader([line], delimiter=delimiter)
        except (csv.Error, ValueError):
            continue
        cells = [cell.strip() for cell in cells]
        bare = ["".join(cell.lower().replace("_", " ").replace("-", " ").split()) for cell in cells]
        # A person's own heading says whose resource id it is: "VM Resource Id".
        places = [bare.index(name) for name in ID_NAMES if name in bare]
        places += [place for place, name in enumerate(bare) if _is_own_heading(cells[place], name)]
        if places:
            return delimiter, [cell.lower() for cell in cells], places[0]
    return None


def _is_own_heading(cell: str, bare: str) -> bool:
    # An id itself may end in such a name, and so may a whole line with other delimiters.
    return bare.endswith(ID_NAMES[0]) and not any(mark in cell for mark in ("/", *DELIMITERS))


def _list_in(document: Json) -> list[Json] | None:
    """The list of an answer that is an object; None where it is none."""
    if not isinstance(document, dict) or "id" in document or "resource_id" in document:
        return None
    return next((found for name in LISTS if isinstance(found := document.get(name), list)), None)


def _note_of_part(document: Json, entries: int) -> str | None:
    """That an answer is only the first page of several; None where it is whole."""
    if not isinstance(document, dict):
        return None
    total = next((document[name] for name in ("total_records", "totalRecords") if name in document), None)
    if isinstance(total, int) and total > entries:
        return f"has {entries:,} of the {total:,} rows of its query; `fleetscan inventory` lists all"
    if document.get("skip_token") or document.get("$skipToken") or document.get("nextLink"):
        return f"has {entries:,} rows of a query with more; `fleetscan inventory` lists all"
    return None


def _tags_in(cells: Mapping[str, str]) -> dict[str, Json]:
    """The tags of a line of a table, where a column has them as JSON; nothing where they are not told."""
    if "tags" not in cells:
        return {}
    try:
        tags = parse_json(cells["tags"].encode()) if cells["tags"] else {}
    except ValueError:
        return {}
    return {"tags": tags} if isinstance(tags, dict) or tags is None else {}
