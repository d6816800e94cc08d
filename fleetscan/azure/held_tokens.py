"""Hides our own tokens in what Azure, or a proxy before it, says: before anything reads, keeps or shows it.

An error page that repeats our request has the token in it. It is looked for as it is, and in the spellings
that a server may give it or a reader may undo: JSON's, JavaScript's, a URL's and HTML's escapes, one within
another, UTF-16 and base64. A beginning of 64 characters counts as the token, because messages are cut.
"""

from __future__ import annotations

import base64
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from fleetscan.addresses import HIDDEN

HIDDEN_BYTES = HIDDEN.encode()
# Azure's tokens have one to four thousand characters. What is shorter than this is a word of a test,
# and is looked for where it stands alone; what has fewer than five letters is no secret.
SHORT_CHARS = 16
LEAST_CHARS = 5
# Much longer than what Azure's tokens have in common with each other and with strangers' tokens.
SEED_CHARS = 64
# By its beginning a token is looked for. Tokens that were renewed have it in common, and few replies have it.
START_CHARS = 32

URL_SAFE = bytes.maketrans(b"+/", b"-_")
# The characters of base64 that depend on what came before, by how many bytes that was beyond threes.
BASE64_BEFORE = (0, 2, 3)

# One character written as an escape, and the NUL that UTF-16 puts between two. It begins with a set of
# characters, which re skips to; and it has one group for each kind.
ESCAPE = re.compile(
    rb"[\\%&\0](?:"
    rb"(?<=\\)\\*(?:(?:u00|x)(?P<json>[0-7][0-9A-Fa-f])|(?P<itself>[/\"])|(?P<slashes>(?<=\\\\)))"
    rb"|(?<=%)(?:25)*(?P<url>[0-7][0-9A-Fa-f])"
    rb"|(?<=&)\#(?:0*(?P<decimal>\d{2,3})|[xX]0*(?P<html>[0-7][0-9A-Fa-f]));"
    rb"|(?<=\0))"
)
# Without one of these there is no escape.
ESCAPE_MARKS = (b"\\", b"%", b"&#", b"\0")
# What stands between two lines of a token that was wrapped: as such, escaped, in HTML or in quoted-printable.
WRAP = re.compile(rb"=?(?:\s|\\[nrt]|<w?br ?/?>|&shy;|\xc2\xad|\xe2\x80\x8b)+")
# So often one escape may stand within another.
MOST_FOLDS = 4
# More are no answer of Azure's, and would take seconds and a hundred MB to undo: a thousand titles of 60
# characters have 60,000 where each letter is escaped.
MOST_ESCAPES = 200_000


class HeldTokens:
    """The tokens this process has held, and the searching of replies for them."""

    __slots__ = ("_forms", "_known", "_words")

    def __init__(self) -> None:
        self._known: set[str] = set()
        # The forms of long tokens, by their first letters; the patterns of short ones, by the token.
        self._forms: dict[bytes, list[bytes]] = {}
        self._words: dict[bytes, re.Pattern[bytes]] = {}

    def __repr__(self) -> str:
        return f"HeldTokens({len(self._known)})"

    def hold(self, authorization: str) -> None:
        """Look for the token in `authorization`, a value of that header, from now on."""
        if authorization in self._known:
            return
        self._known.add(authorization)
        token = authorization.partition(" ")[2].encode()
        if len(token) >= SHORT_CHARS:
            # What looks like an escape in the token itself is undone too where others are.
            for spelling in (token, *_folded(token)):
                for form in _forms_of(spelling):
                    self._forms.setdefault(form[:START_CHARS], []).append(form)
        elif len(token) >= LEAST_CHARS and token not in HIDDEN_BYTES:
            self._words[token] = _word(token)

    def hide(self, text: bytes) -> bytes:
        """`text` with "<token>" for each token in it; itself where there is none.

        A text that is not searchable is hidden as a whole.
        """
        if not _may_have_escapes(text) and not any(self._spans(text)):
            return text
        if not is_searchable(text):
            return HIDDEN_BYTES
        while (depth := self._depth(text)) is not None:
            text = self._hide_at(depth, text)
        return text

    def hide_text(self, text: str) -> str:
        """The same of text."""
        data = text.encode("utf-8", "surrogatepass")
        hidden = self.hide(data)
        return text if hidden is data else hidden.decode("utf-8", "surrogatepass")

    def hide_headers(self, headers: dict[str, str]) -> dict[str, str]:
        """The same of headers, their names too."""
        together = "\n".join((*headers, *headers.values()))
        if self.hide_text(together) is together:
            return headers
        return {self.hide_text(name): self.hide_text(value) for name, value in headers.items()}

    def _depth(self, text: bytes) -> int | None:
        """How often escapes are to be undone in `text` until a token shows best; None where none does."""
        layers = [text, *_folded(text)]
        found = (depth for depth in reversed(range(len(layers))) if any(self._spans(layers[depth])))
        return next(found, None)

    def _hide_at(self, depth: int, text: bytes) -> bytes:
        folds = list[_Fold]()
        for _ in range(depth):
            folds.append(_Fold(folds[-1].text if folds else text))
        spans = sorted(self._spans(folds[-1].text if folds else text))
        return _without(text, [_unfolded(span, folds) for span in spans])

    def _spans(self, plain: bytes) -> Iterator[tuple[int, int]]:
        """Where tokens are in `plain`."""
        for start, forms in self._forms.items():
            if start in plain:
                for form in forms:
                    yield from _spans_of(form, plain)
        for token, word in self._words.items():
            # The pattern tries each letter of the text; nearly every text has no such letters in a row.
            if token in plain:
                yield from (found.span() for found in word.finditer(plain))


class _Fold:
    """`raw` with each escape as the character it stands for, and where in `raw` that came from."""

    __slots__ = ("_plain_at", "_raw_at", "text")

    def __init__(self, raw: bytes) -> None:
        # From each of these positions on both texts run alike, up to the next.
        self._plain_at, self._raw_at = array("Q", (0,)), array("Q", (0,))
        pieces: list[bytes] = []
        plain_end = raw_end = 0
        for found in ESCAPE.finditer(raw):
            start, stop = found.span()
            character = _character(found)
            pieces += (raw[raw_end:start], character)
            plain_end += start - raw_end
            self._mark(plain_end, start)
            plain_end, raw_end = plain_end + len(character), stop
            self._mark(plain_end, stop)
        self.text = b"".join((*pieces, raw[raw_end:]))

    def _mark(self, plain_at: int, raw_at: int) -> None:
        self._plain_at.append(plain_at)
        self._raw_at.append(raw_at)

    def raw_at(self, plain_at: int) -> int:
        """Where in `raw` the position `plain_at` of `text` is."""
        mark = bisect_right(self._plain_at, plain_at) - 1
        return self._raw_at[mark] + plain_at - self._plain_at[mark]


def is_searchable(text: bytes) -> bool:
    """Whether `text` has few enough escapes for a token to be looked for."""
    return len(text) <= MOST_ESCAPES or sum(map(text.count, ESCAPE_MARKS)) <= MOST_ESCAPES


def _may_have_escapes(text: bytes) -> bool:
    """False where `text` has none, as nearly every text."""
    # One character is found at the speed of memory, two at a fortieth of it: so first the rarer of "&#".
    is_html = b"#" in text and b"&#" in text
    return is_html or b"\\" in text or b"%" in text or b"\0" in text


def _folded(text: bytes) -> Iterator[bytes]:
    """`text` with its escapes undone, then with those that this left, and so on."""
    for _ in range(MOST_FOLDS):
        if not _may_have_escapes(text):
            return
        folded = ESCAPE.sub(_character, text)
        if folded == text:
            return
        yield (text := folded)


def _character(found: re.Match[bytes]) -> bytes:
    match found.lastgroup:
        case None:
            return b""
        case "itself":
            return found["itself"]
        case "slashes":
            return b"\\"
        case "decimal":
            number = int(found["decimal"])
            return bytes((number,)) if number < 128 else found[0]
        case group:
            return bytes.fromhex(found[group].decode())


def _unfolded(span: tuple[int, int], folds: Sequence[_Fold]) -> tuple[int, int]:
    """The part of the first text that became `span` of the last."""
    start, stop = span
    for fold in reversed(folds):
        start, stop = fold.raw_at(start), fold.raw_at(stop)
    return start, stop


def _without(text: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """`text` with the sorted `spans` hidden; those that overlap are one."""
    pieces, end = list[bytes](), 0
    for start, stop in spans:
        if start >= end:
            pieces += (text[end:start], HIDDEN_BYTES)
        end = max(end, stop)
    return b"".join((*pieces, text[end:]))


def _spans_of(form: bytes, plain: bytes) -> Iterator[tuple[int, int]]:
    """Where `form` is in `plain`, or a beginning of it that is long enough."""
    seed = form[:SEED_CHARS]
    at = plain.find(seed)
    while at >= 0:
        stop = _end_of(form, plain, at)
        yield at, stop
        at = plain.find(seed, stop)


def _end_of(form: bytes, plain: bytes, at: int) -> int:
    """Where that of `form` ends which begins at `at`, over all the lines that it is wrapped to."""
    told = _shared_length(plain[at : at + len(form)], form)
    stop = at + told
    while told < len(form) and (wrapped := WRAP.match(plain, stop)) is not None:
        more = _shared_length(plain[wrapped.end() : wrapped.end() + len(form) - told], form[told:])
        if not more:
            break
        told, stop = told + more, wrapped.end() + more
    return stop


def _shared_length(one: bytes, two: bytes) -> int:
    """How much both begin with, by halving."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == two[:middle] else (low, middle - 1)
    return low


def _forms_of(token: bytes) -> Iterator[bytes]:
    """The token, what follows the first part of a JWT, which may have been cut off, and both alphabets of
    the token's base64 at each of the three places it may have in what was encoded."""
    yield token
    _, dot, rest = token.partition(b".")
    if dot and len(rest) >= SEED_CHARS:
        yield rest
    encoded = [_base64_of(token, shift) for shift in range(3)]
    yield from dict.fromkeys([*encoded, *(form.translate(URL_SAFE) for form in encoded)])


def _base64_of(token: bytes, shift: int) -> bytes:
    """What base64 makes of the token, but for the ends that depend on what is beside it."""
    shifted = bytes(shift) + token
    return base64.b64encode(shifted[: len(shifted) - len(shifted) % 3])[BASE64_BEFORE[shift] :]


def _word(token: bytes) -> re.Pattern[bytes]:
    """A short token where it stands alone; the letter of a JSON escape is no part of a word."""
    before = rb"(?:(?<![0-9A-Za-z])|(?<=\\[bfnrt]))"
    return re.compile(before + re.escape(token) + rb"(?![0-9A-Za-z])")
