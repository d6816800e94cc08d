"""Text that strangers wrote (names, tags, Azure's messages), made fit to be shown: one line, no commands."""

from __future__ import annotations

ELLIPSIS = "..."


def harmless(text: str, limit: int = 200) -> str:
    """`text` on one line of at most `limit` characters, with what a terminal would obey spelled out.

    Blanks of every kind, line ends too, become one space. Control characters, escapes, bidi marks, other
    invisible characters and lone surrogates become their escapes, such as \\x1b and \\u202e.
    """
    # No more is looked at than can be shown: a megabyte of message costs what a line costs.
    line = " ".join(text[: limit + 1].split())
    shown = "".join(character if character.isprintable() else _spelled(character) for character in line)
    if len(shown) <= limit and len(text) <= limit:
        return shown
    return shown[: limit - len(ELLIPSIS)] + ELLIPSIS


def fit(text: str, encoding: str) -> str:
    """`text` with what `encoding` has no bytes for spelled out, so that writing it cannot fail."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
