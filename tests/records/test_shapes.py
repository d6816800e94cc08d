"""From a declared record to its schema: each kind of field once, by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest

from fleetscan.model import Json
from fleetscan.records.shapes import Count, Seconds, Tally, UtcTime, object_schema


class Inner(TypedDict):
    """An inner record."""

    word: str


class Fields(TypedDict):
    """Every kind of field.

    What follows the first paragraph is for programmers.
    """

    text: Annotated[str, "A text."]
    text_or_null: Annotated[str | None, "A text."]
    flag: bool
    count: Annotated[Count | None, "So many."]
    seconds: Annotated[Seconds, "So long."]
    time: Annotated[UtcTime | None, "When."]
    one_word: Literal["a"]
    one_word_or_null: Literal["a"] | None
    words: Annotated[Literal["a", "b"], "A word."]
    words_or_null: Literal["a", "b"] | None
    texts: dict[str, str]
    tally: Annotated[Tally, "Counts."]
    anything: Annotated[dict[str, Json] | None, "Anything."]
    inner: Inner
    told_inner: Annotated[Inner | None, "A record inside."]
    inners: Annotated[list[Inner], "Many."]


INNER = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("text", {"description": "A text.", "type": "string"}),
        ("text_or_null", {"description": "A text.", "type": ["string", "null"]}),
        ("flag", {"type": "boolean"}),
        ("count", {"description": "So many.", "type": ["integer", "null"], "minimum": 0}),
        ("seconds", {"description": "So long.", "type": "number", "minimum": 0}),
        ("one_word", {"const": "a"}),
        ("one_word_or_null", {"enum": ["a", None]}),
        ("words", {"description": "A word.", "enum": ["a", "b"]}),
        ("words_or_null", {"enum": ["a", "b", None]}),
        ("texts", {"type": "object", "additionalProperties": {"type": "string"}}),
        (
            "tally",
            {
                "description": "Counts.",
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 1},
            },
        ),
        ("anything", {"description": "Anything.", "type": ["object", "null"]}),
        ("inner", {"description": "An inner record.", **INNER}),
        ("told_inner", {"description": "A record inside.", **INNER, "type": ["object", "null"]}),
        (
            "inners",
            {"description": "Many.", "type": "array", "items": {"description": "An inner record.", **INNER}},
        ),
    ],
)
def test_a_field_says_its_sentence_its_type_and_what_its_shape_adds(name: str, schema: Any) -> None:
    properties: Any = object_schema(Fields)["properties"]
    assert properties[name] == schema


def test_a_shapes_own_sentence_follows_the_fields() -> None:
    properties: Any = object_schema(Fields)["properties"]
    assert properties["time"]["description"] == "When. UTC, ISO 8601 with Z."


def test_a_record_is_described_by_the_first_paragraph_and_closed() -> None:
    schema = object_schema(Fields)
    assert schema["description"] == "Every kind of field."
    assert schema["required"] == [*Fields.__annotations__]
    assert schema["additionalProperties"] is False


def test_keys_of_the_parts_stand_before_a_records_own() -> None:
    class Whole(Inner):
        """Both."""

        number: int

    assert object_schema(Whole)["required"] == ["word", "number"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened."""

    at: Annotated[float, "When."]
    urls: Annotated[tuple[str, ...], "Where."] = ()


def test_a_frozen_dataclass_is_a_record_too() -> None:
    assert object_schema(Event) == {
        "description": "Something happened.",
        "type": "object",
        "properties": {
            "at": {"description": "When.", "type": "number"},
            "urls": {"description": "Where.", "type": "array", "items": {"type": "string"}},
        },
        "required": ["at", "urls"],
        "additionalProperties": False,
    }
