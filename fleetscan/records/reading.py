"""Whether JSON that was read is a record as it is declared: its keys are there, and hold what they may hold.

Keys that the declaration does not know are welcome, so that what later versions add does no harm. The rules
between fields, and the bounds of a number or the form of a text, are the schema's and are not asked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeGuard, TypeVar

from fleetscan.model import Json
from fleetscan.records.shapes import object_schema

R = TypeVar("R")
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
# The schemas of as many declared records are kept.
KEPT = 64


def is_record(value: Json, record: type[R]) -> TypeGuard[R]:
    """Whether `value` is a `record`, a TypedDict whose fields are declared."""
    declared: type = record
    return _fits(value, _schema_of(declared))


_schema_of = lru_cache(KEPT)(object_schema)


def _fits(value: Json, schema: Mapping[str, Any]) -> bool:
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    if not _has_type(value, schema.get("type", ())):
        return False
    match value:
        case dict():
            return _fit_members(value, schema)
        case list():
            return all(_fits(item, schema.get("items", {})) for item in value)
    return True


def _has_type(value: Json, names: str | list[str]) -> bool:
    """Whether `value` is of one of the types; true is no number here. No name stands for any JSON."""
    kinds = [kind for name in ([names] if isinstance(names, str) else names) for kind in TYPES[name]]
    return type(value) in kinds if kinds else True


def _fit_members(value: Mapping[str, Json], schema: Mapping[str, Any]) -> bool:
    properties = schema.get("properties")
    if properties is not None:
        return all(name in value and _fits(value[name], each) for name, each in properties.items())
    return all(_fits(member, schema.get("additionalProperties", {})) for member in value.values())
