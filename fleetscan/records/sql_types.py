"""The type that each field of a declared record has in DuckDB: derived from the declarations, as schemas are.

A type is said for every field, so that no reader has to guess one from the first rows of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, ClassVar, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from fleetscan.records.shapes import UTC_PATTERN, Keyword

TEXT, WHOLE, NUMBER, TRUTH, MOMENT, DAY, JSON = (
    "VARCHAR",
    "BIGINT",
    "DOUBLE",
    "BOOLEAN",
    "TIMESTAMPTZ",
    "DATE",
    "JSON",
)
NAMES: Mapping[object, str] = {str: TEXT, int: WHOLE, float: NUMBER, bool: TRUTH}
OF_TIMES = Keyword("pattern", UTC_PATTERN)


def column_types(record: type) -> dict[str, str]:
    """The type of each field of a declared record, by the fields' names."""
    hints = get_type_hints(record, include_extras=True)
    return {name: sql_type(hint) for name, hint in hints.items() if hint is not ClassVar}


def sql_type(hint: object) -> str:
    """The type of a field; JSON where it may hold anything."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return MOMENT if OF_TIMES in arguments[1:] else sql_type(arguments[0])
    if origin in (Union, UnionType):
        types = [argument for argument in arguments if argument is not NoneType]
        return sql_type(types[0]) if len(types) == 1 else JSON
    if origin is Literal:
        return TEXT
    if origin is list:
        return f"{sql_type(arguments[0])}[]"
    if origin is dict:
        # A map keeps names apart that differ in their case alone; the fields of a struct are one to DuckDB.
        values = sql_type(arguments[1])
        return JSON if values == JSON else f"MAP({TEXT}, {values})"
    if (record := record_in(hint)) is not None:
        fields = ", ".join(f"{name_of(name)} {kind}" for name, kind in column_types(record).items())
        return f"STRUCT({fields})"
    return NAMES.get(hint, JSON)


def record_in(hint: object) -> type | None:
    """The declared record that a field holds, null or not; None where it holds none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return record_in(arguments[0])
    if origin in (Union, UnionType):
        types = [argument for argument in arguments if argument is not NoneType]
        return record_in(types[0]) if len(types) == 1 else None
    return hint if isinstance(hint, type) and is_typeddict(hint) else None


def name_of(name: str) -> str:
    """`name` as SQL's name of a column or table, whatever is in it."""
    return '"{}"'.format(name.replace('"', '""'))


def text_of(text: str) -> str:
    """`text` as SQL writes a text."""
    return "'{}'".format(text.replace("'", "''"))
