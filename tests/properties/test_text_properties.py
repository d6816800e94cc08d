"""What holds for every text and every JSON: shown it does no harm, written it reads back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable

import orjson
from hypothesis import assume, given
from hypothesis import strategies as st

from fleetscan import json_text
from fleetscan.model import Json
from fleetscan.report.sanitize import fit, sanitize
from tests.hostile import harm_in
from tests.properties.strategies import json_values, texts


@given(texts, st.integers(4, 300))
def test_shown_text_is_one_harmless_line_of_at_most_so_many_characters(text: str, limit: int) -> None:
    shown = sanitize(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown
    assert harm_in(shown) == []


@given(texts, st.sampled_from(("ascii", "latin-1", "cp1252", "utf-8", "utf-16")))
def test_fitted_text_can_be_written_in_its_encoding(text: str, encoding: str) -> None:
    fit(text, encoding).encode(encoding)


@given(json_values)
def test_what_is_written_reads_back_as_it_was(value: Json) -> None:
    line = json_text.encode_line(value)
    assert line.count(b"\n") == 1
    for written in (line, json_text.encode(value), json_text.encode_indented(value)):
        assert json_text.parse(written) == json.loads(written) == value


@given(json_values)
def test_written_for_a_terminal_it_is_the_same_in_harmless_ascii(value: Json) -> None:
    written = json_text.encode_ascii(value)
    assert written.isascii()
    assert written.isprintable()
    assert json_text.parse(written.encode()) == value


scraps = st.text('[]{},:"\\ud8001234567890.eE+-truefalsn \t\n', max_size=30).map(str.encode)
almost = json_values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


@given(st.one_of(st.binary(), scraps, almost))
def test_both_readers_read_the_same(text: bytes) -> None:
    """The one that stands in for lone surrogates is no more lenient than orjson, and no stricter."""
    assume(json_text.HALF.search(text) is None)
    assert read(text, json_text._parse_with_halves) == read(text, orjson.loads)


@given(st.one_of(st.binary(), scraps, almost))
def test_any_bytes_are_json_or_a_value_error(text: bytes) -> None:
    read(text, json_text.parse)
    read(b'["\\ud800",' + text + b"]", json_text.parse)


def read(text: bytes, reader: Callable[[bytes], object]) -> object:
    """What the reader finds, its refusal told as the class."""
    try:
        return reader(text)
    except ValueError:
        return ValueError
