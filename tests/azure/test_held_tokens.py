"""Our tokens in what others say: found in every spelling, and nothing else is changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.azure.held_tokens import HeldTokens

HEAD = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHkifQ"
TOKEN = f"{HEAD}.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tIiwib2lkIjoiMTIzNCJ9.{'c2ln-_' * 50}"
RENEWED = f"{HEAD}.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tIiwib2lkIjoiNTY3OCJ9.{'bmV3' * 80}"


def holding(*tokens: str) -> HeldTokens:
    held = HeldTokens()
    for token in tokens:
        held.hold(f"Bearer {token}")
    return held


HELD = holding(TOKEN, RENEWED)


def json_escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04X}" for letter in text)


def mixed(text: str) -> str:
    spellings = ["{}".format, "\\u{:04x}".format, "\\x{:02x}".format, "%{:02X}".format, "&#{};".format]
    return "".join(
        spellings[place % 5](letter if place % 5 == 0 else ord(letter)) for place, letter in enumerate(text)
    )


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "first letter escaped": lambda text: "\\u0065" + text[1:],
    "JSON": json_escaped,
    "JSON in JSON": lambda text: json.dumps(json_escaped(text))[1:-1],
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json_escaped(text))[1:-1])[1:-1],
    "JavaScript": lambda text: "".join(f"\\x{ord(letter):02x}" for letter in text),
    "URL": lambda text: "".join(f"%{ord(letter):02x}" for letter in text),
    "URL in URL": lambda text: quote("".join(f"%{ord(letter):02x}" for letter in text)),
    "URL in JSON": lambda text: json_escaped("".join(f"%{ord(letter):02x}" for letter in text)),
    "HTML": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "HTML in sixteens": lambda text: "".join(f"&#x{ord(letter):X};" for letter in text),
    "HTML in JSON": lambda text: json_escaped("".join(f"&#{ord(letter)};" for letter in text)),
    "each letter in another way": mixed,
    "UTF-16": lambda text: text.encode("utf-16-be").decode(),
}


@pytest.mark.parametrize("token", [TOKEN, RENEWED, TOKEN[:200]], ids=["first", "renewed", "cut off"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_token_is_hidden_however_it_is_spelled(spelling: str, token: str) -> None:
    echo = SPELLINGS[spelling](token)
    text = f'{{"a\\n":"Bearer {echo}"," {echo}":"\\u0027{echo}\\""}}'
    expected = '{"a\\n":"Bearer <token>"," <token>":"\\u0027<token>\\""}'
    assert HELD.hide(text.encode()).decode().replace("\0", "") == expected


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_token_is_hidden_in_a_text_without_any_other_escape(spelling: str) -> None:
    echo = SPELLINGS[spelling](TOKEN)
    assert HELD.hide(f"sent: {echo} and more".encode()).decode().replace("\0", "") == "sent: <token> and more"


@pytest.mark.parametrize("before", ["", "B", "Be", "Authorization: Bearer "])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_token_in_base64_is_hidden_wherever_it_stands(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    encoded = encode(f"{before}{TOKEN} and more".encode())
    hidden = HELD.hide(b'{"request":"' + encoded + b'"}')
    left = hidden.removeprefix(b'{"request":"').replace(b"<token>", b"")
    assert len(left) < 64
    assert HELD.hide(quote(encoded.decode(), safe="").encode()).count(b"<token>") == 1


@pytest.mark.parametrize("wrap", ["\n", "\r\n ", "\\n", "<wbr>", "<br/>\n", "=\r\n", "\u200b"], ids=repr)
@pytest.mark.parametrize("width", [76, 64])
def test_a_token_that_was_wrapped_is_hidden_to_its_last_line(wrap: str, width: int) -> None:
    lines = [TOKEN[at : at + width] for at in range(0, len(TOKEN), width)]
    assert holding(TOKEN).hide_text(f"<p>{wrap.join(lines)}{wrap}end</p>") == f"<p><token>{wrap}end</p>"


def test_base64_in_lines_is_hidden_to_its_last_line() -> None:
    hidden = holding(TOKEN).hide(base64.encodebytes(TOKEN.encode()))
    assert len(hidden.strip()) < 16


def test_what_follows_a_tokens_header_is_hidden_too() -> None:
    assert HELD.hide(TOKEN[20:].encode()) == HEAD[20:].encode() + b".<token>"


def test_html_that_is_no_character_of_ascii_and_broken_escapes_stay() -> None:
    text = b'&#999;&#x;%zz%2\\u00\\uD83D\\u2028\\\\ "\\/"'
    assert HELD.hide(text) is text


@pytest.mark.parametrize(
    ("token", "text", "hidden"),
    [
        ("t0ken", "Bearer t0ken", "Bearer <token>"),
        ("t0ken", '"a\\nt0ken","\\u00740ken"', '"a\\n<token>","<token>"'),
        ("t0ken", "a t0kenizer, at0ken", "a t0kenizer, at0ken"),
        ("token", "a token <token>", "a token <token>"),
        ("any", "for any action", "for any action"),
    ],
)
def test_a_short_token_is_hidden_where_it_stands_alone(token: str, text: str, hidden: str) -> None:
    assert holding(token).hide_text(text) == hidden


@pytest.mark.parametrize("token", ["a.b.c+/=\\\"'" * 3, "a+/%41=" * 4, "\\u0041\\u0041\\u0041"])
def test_a_token_that_has_escapes_in_it_itself_is_hidden(token: str) -> None:
    held = holding(token)
    for text in (token, json.dumps({"a": token}), quote(token, safe="")):
        hidden = held.hide_text(text)
        assert "<token>" in hidden
        assert token not in hidden
        assert json.dumps(token)[1:-1] not in hidden


def test_a_body_of_escapes_alone_is_hidden_whole_and_large_ones_are_searched() -> None:
    assert HELD.hide(b"%41" * 1_000_001) == b"<token>"
    assert HELD.hide(b" " * 2_000_000 + json_escaped(TOKEN).encode()) == b" " * 2_000_000 + b"<token>"


def test_headers_are_searched_with_their_names() -> None:
    headers = {"location": f"https://a.test/?t={TOKEN}", "date": "today"}
    assert HELD.hide_headers(headers) == {"location": "https://a.test/?t=<token>", "date": "today"}
    assert HELD.hide_headers({TOKEN: "x"}) == {"<token>": "x"}
    clean = {"date": "today"}
    assert HELD.hide_headers(clean) is clean


def test_no_token_is_shown_by_what_holds_it() -> None:
    assert repr(HELD) == "HeldTokens(2)"


@given(st.binary() | st.text().map(str.encode))
def test_what_holds_no_token_stays_the_very_same(text: bytes) -> None:
    assert HELD.hide(text) is text


@given(st.lists(st.sampled_from((*"ab\\/%&#;0125eE\"'\n\0", "\\u0065", "%65", "&#101;", TOKEN[:70], TOKEN))))
def test_nothing_is_left_of_a_token_in_any_company(pieces: list[str]) -> None:
    text = "".join(pieces)
    hidden = HELD.hide_text(text)
    assert TOKEN[:70] not in hidden
    # What stands before a token may have taken its first letter, as the end of an escape.
    assert TOKEN[1:71] not in hidden
