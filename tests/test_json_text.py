"""One reader and one writer of JSON: what they take, what they refuse, and that nothing changes between."""

from __future__ import annotations

import json

import orjson
import pytest

from fleetscan import json_text
from fleetscan.model import Json
from tests.hostile import HOSTILE, recorded

ENCODERS = [json_text.encode, json_text.encode_line, json_text.encode_indented]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("encode", ENCODERS)
def test_every_text_reads_back_as_it_was_written(text: str, encode: object) -> None:
    assert callable(encode)
    value: Json = {text: [text, {"nested": text}], "plain": 1}
    written = encode(value)
    assert json.loads(written) == orjson.loads(written) == json_text.parse(written) == recorded(value)
    assert orjson.loads(json_text.encode_ascii(value)) == recorded(value)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_line_has_one_newline_and_it_is_the_last_byte(text: str) -> None:
    line = json_text.encode_line({text: text})
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\r" not in line


def test_what_came_as_half_a_character_is_a_replacement_character_in_keys_too() -> None:
    came = json_text.parse(b'{"a\\ud800b":["\\udc80","\\uDBFF\\n"]}')
    assert came == {"a\ufffdb": ["\ufffd", "\ufffd\n"]}
    assert json_text.encode({"a\udce9": "caf\udce9"}) == '{"a\ufffd":"caf\ufffd"}'.encode()
    assert json_text.encode_ascii("caf\udce9 \U0001f600") == '"caf\\ufffd \\ud83d\\ude00"'


def test_two_halves_that_belong_together_are_one_character() -> None:
    assert json_text.parse(b'["\\ud83d\\ude00", "\\ud83d"]') == ["\U0001f600", "\ufffd"]
    assert json_text.parse(b'["\\ud83d\\ud83d\\ude00\\ude00"]') == ["\ufffd\U0001f600\ufffd"]


def test_a_backslash_before_the_letters_of_an_escape_is_a_backslash() -> None:
    assert json_text.parse(b'["\\\\ud800", "\\\\\\ud800", "\\ud800"]') == ["\\ud800", "\\\ufffd", "\ufffd"]
    assert json_text.encode(["\\ud800", "\ud800"]) == '["\\\\ud800","\ufffd"]'.encode()


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"{",
        b"<html>",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[" + b"9" * 400 + b"]",
        b'["\xff"]',
        b'["\xed\xa0\x80"]',
        b'["\x01"]',
        b'["raw\nline"]',
        b"{'a': 1}",
        b"[1,]",
        b"[" * 2000 + b"]" * 2000,
    ],
)
@pytest.mark.parametrize("half", [b"", b'"\\ud800"'])
def test_what_is_no_json_is_refused_beside_half_a_character_too(odd: bytes, half: bytes) -> None:
    text = b"[" + half + b"," + odd + b"]" if half else odd
    with pytest.raises(ValueError, match=r"."):
        json_text.parse(text)


def test_a_whole_number_beyond_64_bits_becomes_the_nearest_float() -> None:
    assert json_text.parse(b"[18446744073709551615, 18446744073709551616]") == [2**64 - 1, 2.0**64]


def test_a_sum_beyond_64_bits_is_written_whole() -> None:
    assert json_text.encode({"sum": 2**64}) == b'{"sum":18446744073709551616}'


def test_of_equal_names_the_last_counts() -> None:
    assert json_text.parse(b'{"a": 1, "a": 2}') == json_text.parse(b'{"a": "\\ud800", "a": 2}') == {"a": 2}


def test_what_nests_deeper_than_orjson_writes_is_written_all_the_same() -> None:
    nested = b"[" * 400 + b"]" * 400
    assert json_text.encode(json_text.parse(nested)) == nested


def test_what_nests_too_deeply_to_be_written_is_a_value_error() -> None:
    value: Json = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(ValueError, match="it nests too deeply"):
        json_text.encode_line(value)


@pytest.mark.parametrize(
    "value",
    [
        {"title": "\u2028 \ud800 Zürich \x1b"},
        {"\udc00": ["\ud83d", 1.5, None, True]},
        {"a": {"b": "\ud83d\ude00"}},
    ],
)
def test_what_was_written_is_written_the_same_once_it_was_read(value: dict[str, object]) -> None:
    line = json_text.encode_line(value)
    assert json_text.encode_line({**json_text.parse(line)}) == line  # type: ignore[dict-item]
    assert json_text.encode_indented(value) == json_text.encode_indented({**json_text.parse(line)})  # type: ignore[dict-item]
