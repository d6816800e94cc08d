"""Tables of fields for people, in Markdown: derived, as the schemas are, from the records' declarations.

A field of a record inside another is named with a dot, one of a list's records with `[]` and a dot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleetscan.records.shapes import object_schema

# What a JSON type is called here; any other by its own name.
NAMES = {"string": ["text"], "integer": ["whole number"], "boolean": ["true", "false"]}
# A choice of more words than these has its own table.
MOST_WORDS = 8
HEAD = "| field | holds | meaning |\n|---|---|---|\n"


def field_table(record: type, names: Iterable[str] | None = None) -> str:
    """The fields of a declared record, or the named ones in that order; KeyError for an unknown name."""
    rows = field_rows(record)
    return HEAD + "".join(f"| `{name}` | {rows[name]} |\n" for name in (rows if names is None else names))


def field_rows(record: type) -> dict[str, str]:
    """What a field holds and what it means, as cells of a table, by the fields' names."""
    return dict(_rows(object_schema(record)["properties"]))


def _rows(properties: Any, within: str = "") -> Iterator[tuple[str, str]]:
    """The name of each field, those of the records in it too, and its other cells."""
    for name, schema in properties.items():
        meaning = schema.get("description", "Which kind of record it is.").replace("|", r"\|")
        yield within + name, f"{_held(schema)} | {meaning}"
        inner = schema.get("items", schema)
        if "properties" in inner:
            dots = "." if inner is schema else "[]."
            yield from _rows(inner["properties"], within + name + dots)


def _held(schema: Mapping[str, Any]) -> str:
    """What a field may hold, in words."""
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any JSON")
    names = schema.get("enum", [kind] if isinstance(kind, str) else kind)
    if "enum" in schema:
        words = [f"`{word}`" for word in names if word is not None]
        words = words if len(words) <= MOST_WORDS else ["a word"]
    else:
        words = [word for name in names if name != "null" for word in _named(name, schema)]
    return listed([*words, *(["null"] if None in names or "null" in names else [])])


def _named(kind: str, schema: Mapping[str, Any]) -> list[str]:
    if kind == "array":
        return ["list of objects" if schema["items"].get("type") == "object" else "list"]
    return NAMES.get(kind, [kind])


def listed(words: list[str]) -> str:
    """ "a, b or c"."""
    *some, last = words
    return f"{', '.join(some)} or {last}" if some else last
