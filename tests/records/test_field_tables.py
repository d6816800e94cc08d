"""The tables of fields in the documents say what the declarations say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import pytest

from fleetscan.model import Json
from fleetscan.records.field_table import field_table
from fleetscan.records.shapes import Count, Tally, UtcTime
from tests.field_tables import FILES, PLACE, TABLES, with_tables


class Inner(TypedDict):
    """A record inside."""

    word: Annotated[Literal["a", "b"] | None, "A word | or none."]


class Outer(TypedDict):
    """A record."""

    schema: Literal["x/1"]
    count: Annotated[Count | None, "So many."]
    share: Annotated[float, "A share."]
    flag: Annotated[bool | None, "Whether."]
    time: Annotated[UtcTime, "When."]
    many_words: Annotated[Literal["a", "b", "c", "d", "e", "f", "g", "h", "i"], "One of many."]
    tally: Annotated[Tally, "Counts."]
    anything: Annotated[dict[str, Json] | None, "Anything."]
    inner: Inner | None
    inners: Annotated[list[Inner], "Several."]


def test_a_table_says_of_each_field_what_it_holds_and_means() -> None:
    assert field_table(Outer).splitlines() == [
        "| field | holds | meaning |",
        "|---|---|---|",
        "| `schema` | `x/1` | Which kind of record it is. |",
        "| `count` | whole number or null | So many. |",
        "| `share` | number | A share. |",
        "| `flag` | true, false or null | Whether. |",
        "| `time` | text | When. UTC, ISO 8601 with Z. |",
        "| `many_words` | a word | One of many. |",
        "| `tally` | object | Counts. |",
        "| `anything` | object or null | Anything. |",
        "| `inner` | object or null | A record inside. |",
        r"| `inner.word` | `a`, `b` or null | A word \| or none. |",
        "| `inners` | list of objects | Several. |",
        r"| `inners[].word` | `a`, `b` or null | A word \| or none. |",
    ]


def test_a_choice_of_fields_stands_in_its_own_order() -> None:
    rows = field_table(Outer, ["inner.word", "count"]).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == ["inner.word", "count"]
    with pytest.raises(KeyError):
        field_table(Outer, ["gone"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_tables_in_the_documents_are_those_of_the_declarations(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "<!-- made:" in text and shutil.which("jq") is None:
        pytest.skip("a sample is made with jq")
    assert text == with_tables(text), "`make docs` writes the right tables"


def test_every_table_stands_in_a_document() -> None:
    places = [name for path in FILES for _, name, *_ in PLACE.findall(path.read_text(encoding="utf-8"))]
    assert sorted(places) == sorted(TABLES)
