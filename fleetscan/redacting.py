"""Hides secrets in text that is about to be shown: in a line of the log, a span, a warning. Pure.

Two ways, because neither is enough: the secrets that this process was given are looked for by their text, and
what only looks like a secret by its shape: a bearer token, the signature of a URL, a password in an address.
What Azure replies is searched by `azure/held_tokens.py` before anything reads it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "<hidden>"
TOKEN = "<token>"  # noqa: S105 - what stands in the place of one
# What is shorter is a word, and would be cut out of our own sentences; a short secret is looked for where it
# stands alone.
LEAST_CHARS = 5
SHORT_CHARS = 16
# A message that is cut may end in the middle of a secret: so much of its beginning counts as all of it.
SEED_CHARS = 12

# Variables whose whole value is a secret, by what they are called.
SECRET_NAME = re.compile(
    r"(?:SECRET|PASSWORD|TOKEN|IDENTITY_HEADER|API_?KEY|(?:ACCESS|ACCOUNT|MASTER|SAS)_?KEY)$", re.IGNORECASE
)
# Variables of OpenTelemetry with headers in them: name=value,name=value.
HEADERS_NAME = re.compile(r"OTEL_EXPORTER_OTLP_(?:\w+_)?HEADERS")
# Variables with an address that may have a password in it.
PROXY_NAME = re.compile(r"(?:HTTPS?|ALL|FLEETSCAN)_PROXY", re.IGNORECASE)
USERINFO = re.compile(r"(?<=://)(?!USER:PASSWORD@)[^/?#\s\"'<>@]*:[^/?#\s\"'<>]*(?=@)")
# An operation's URL is signed: t, c, s and h are its parts; sig is a storage account's.
_PARAMETERS = (
    "sig|t|c|s|h|code|access_token|refresh_token|id_token|token|client_secret|client_assertion|assertion"
    "|password|secret"
)
ANY_TOKEN = re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]+){0,4}")
SHAPES = (
    (ANY_TOKEN, TOKEN),
    (re.compile(r"(?i)(\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|negotiate|ntlm)\s+)?)"
                r"(?!(?:bearer|basic|negotiate|ntlm)\s|<)[^\s\"',;<>]+"), rf"\1{TOKEN}"),
    (re.compile(r"(?i)(\bbearer\s+)(?!<)(?=[^\s\"',;<>]*[\d._~+/=-])[^\s\"',;<>]{16,}"), rf"\1{TOKEN}"),
    (re.compile(rf"(?i)((?:[?&;]|%3f|%26|\\u0026)(?:{_PARAMETERS})(?:=|%3d))[^&\s\"'<>;\\]+"),
     rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(\b(?:client_secret|client_assertion|assertion|refresh_token|access_token|password)=)"
                r"(?!<)[^&\s\"'<>;\\]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)([\"'](?:access_token|refresh_token|id_token|client_secret|client_assertion|password)"
                r"\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+"), rf"\1{HIDDEN}"),
    (USERINFO, HIDDEN),
)  # fmt: skip
# Without one of these no shape is there: most lines are done with one look.
MARKS = re.compile(r"(?i)eyJ|authorization|bearer|=|%3d|://|token|secret|password")


class Secrets:
    """What this process was told and no one else may read."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values if len(value) >= LEAST_CHARS for form in _forms_of(value)}
        # The longest first: of two that begin alike the whole of the longer one is hidden.
        self._forms = sorted((form for form in forms if len(form) >= SHORT_CHARS), key=len, reverse=True)
        short = sorted(map(re.escape, forms.difference(self._forms)), key=len, reverse=True)
        self._short = re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(short)})(?![0-9A-Za-z])") if short else None

    @classmethod
    def of(cls, environment: Mapping[str, str], words: Iterable[str] = ()) -> Secrets:
        """Those in the environment, and the passwords of addresses among the `words` of a command line."""
        return cls([*_of_environment(environment), *(each for word in words for each in _of_address(word))])

    def hide(self, text: str) -> str:
        """`text` without secrets; itself where there is none."""
        for form in self._forms:
            text = _without(text, form)
        if self._short is not None:
            text = self._short.sub(HIDDEN, text)
        if MARKS.search(text) is not None:
            for shape, instead in SHAPES:
                text = shape.sub(instead, text)
        return text


def _of_environment(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if SECRET_NAME.search(name):
            yield value.strip()
        elif HEADERS_NAME.fullmatch(name):
            values = (header.partition("=")[2].strip() for header in value.split(","))
            yield from (form for each in values for form in (each, unquote(each)))
        elif PROXY_NAME.fullmatch(name):
            yield from _of_address(value)


def _of_address(url: str) -> Iterator[str]:
    """The password in the address, as it is written, as it is meant, and as it is sent."""
    if (found := USERINFO.search(url)) is not None:
        user, _, password = found[0].partition(":")
        yield from dict.fromkeys((password, unquote(password)))
        yield base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()


def _forms_of(value: str) -> Iterator[str]:
    """How the secret may be written: as it is, in a URL, in JSON, in base64."""
    yield from (value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1])
    for shift in range(3):
        # Without the ends, which depend on what is beside it.
        encoded = base64.b64encode(bytes(shift) + value.encode("utf-8", "surrogatepass")).decode()
        if len(inside := encoded[4 if shift else 0 : -4]) >= SEED_CHARS:
            yield inside


def _without(text: str, form: str) -> str:
    """`text` without `form`, and without a beginning of it where a cut left no more."""
    seed = form[:SEED_CHARS]
    at = text.find(seed)
    while at >= 0:
        end = at + len(seed)
        while end < len(text) and end - at < len(form) and text[end] == form[end - at]:
            end += 1
        text = f"{text[:at]}{HIDDEN}{text[end:]}"
        at = text.find(seed, at + len(HIDDEN))
    return text
