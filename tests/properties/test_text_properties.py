"""What holds for every text and every JSON: shown it does no harm, written it reads back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable

import orjson
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import json_text
from fleetscan.model import Json
from fleetscan.report.sanitize import fit, sanitize
from tests.hostile import harm_in, recorded
from tests.properties.strategies import json_values, wild_texts


@given(wild_texts, st.integers(4, 300))
def test_shown_text_is_one_harmless_line_of_at_most_so_many_characters(text: str, limit: int) -> None:
    shown = sanitize(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown
    assert harm_in(shown) == []


@given(wild_texts, st.sampled_from(("ascii", "latin-1", "cp1252", "utf-8", "utf-16")))
def test_fitted_text_can_be_written_in_its_encoding(text: str, encoding: str) -> None:
    fit(text, encoding).encode(encoding)


@given(json_values)
def test_what_is_written_reads_back_as_it_was(value: Json) -> None:
    line = json_text.encode_line(value)
    assert line.count(b"\n") == 1
    for written in (line, json_text.encode(value), json_text.encode_indented(value)):
        assert json_text.parse(written) == orjson.loads(written) == recorded(value)


@given(json_values)
def test_written_for_a_terminal_it_is_the_same_in_harmless_ascii(value: Json) -> None:
    written = json_text.encode_ascii(value)
    assert written.isascii()
    assert written.isprintable()
    assert orjson.loads(written) == recorded(value)


scraps = st.text('[]{},:"\\ud8001234567890.eE+-truefalsn \t\n', max_size=30).map(str.encode)
almost = json_values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


@given(st.one_of(st.binary(), scraps, almost))
def test_what_is_read_is_what_pythons_own_reader_reads_but_for_halves(text: bytes) -> None:
    ours = read(text, json_text.parse)
    assert ours is ValueError or repr(ours) == repr(recorded(json.loads(text.decode(), parse_int=whole)))


def whole(digits: str) -> int | float:
    """A whole number as orjson reads it."""
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else float(digits)


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
