"""The few shapes our schemas are made of, as JSON Schema; each with a sentence for the reader."""

from __future__ import annotations

from fleetscan.model import Json

UTC_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


def closed_object(description: str, properties: dict[str, Json], *, or_null: bool = False) -> dict[str, Json]:
    """An object of ours: every key is there and no other."""
    return {
        **_typed("object", description, or_null),
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def text(description: str, *, or_null: bool = False) -> Json:
    """A string."""
    return _typed("string", description, or_null)


def words(description: str, words: list[Json]) -> Json:
    """One of a few words; None stands for null."""
    return {"description": description, "enum": words}


def utc_time(description: str, *, or_null: bool = False) -> Json:
    """A moment as `times.utc_text` writes it."""
    return {**_typed("string", f"{description} UTC, ISO 8601 with Z.", or_null), "pattern": UTC_PATTERN}


def count(description: str, *, or_null: bool = False) -> Json:
    """A whole number from 0."""
    return {**_typed("integer", description, or_null), "minimum": 0}


def seconds(description: str, *, or_null: bool = False) -> Json:
    """A span of time."""
    return {**_typed("number", description, or_null), "minimum": 0}


def flag(description: str) -> Json:
    """True, false, or null where nobody said."""
    return {"description": description, "type": ["boolean", "null"]}


def percent(description: str) -> Json:
    """A share of the machines listed, with two decimals."""
    return {
        **_typed("number", f"{description} Null when nothing is listed.", True),
        "minimum": 0,
        "maximum": 100,
    }


def http_status() -> Json:
    """A reply's status code."""
    return {**_typed("integer", "The reply's HTTP status; null without a reply.", True), "minimum": 100}


def tally(description: str) -> Json:
    """Counts by a word that is not ours to list."""
    return {
        "description": description,
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 1},
    }


def _typed(kind: str, description: str, or_null: bool) -> dict[str, Json]:
    return {"description": description, "type": [kind, "null"] if or_null else kind}
