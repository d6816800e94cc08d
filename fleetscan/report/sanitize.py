"""Foreign text (names, tags, Azure's messages) made safe to show: one line, no control sequences."""

from __future__ import annotations

ELLIPSIS = "..."


def sanitize(text: str, limit: int = 200) -> str:
    """`text` on one line of at most `limit` characters, with everything that a terminal would obey escaped.

    Whitespace of every kind, line ends too, becomes one space. Control characters, escapes, bidi marks, other
    invisible characters and lone surrogates are written as escapes, such as \\x1b and \\u202e.
    """
    # Only as much is read as can be shown: a megabyte of message costs what a line costs.
    line = " ".join(text[: limit + 1].split())
    shown = "".join(character if character.isprintable() else _escaped(character) for character in line)
    if len(shown) <= limit and len(text) <= limit:
        return shown
    return shown[: limit - len(ELLIPSIS)] + ELLIPSIS


def fit(text: str, encoding: str) -> str:
    """`text` with the characters that `encoding` lacks written as escapes, so that writing it cannot fail."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
