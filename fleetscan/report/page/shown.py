"""How foreign text and a row's facts are shown on the page: sanitized, cut, None where nothing was told."""

from __future__ import annotations

from typing import overload
from urllib.parse import quote

from fleetscan.records.patches import UNNAMED
from fleetscan.records.row import Row
from fleetscan.report.sanitize import sanitize

NAME_LIMIT_CHARS = 200
ID_LIMIT_CHARS = 600
MESSAGE_LIMIT_CHARS = 2000
TAG_LIMIT_CHARS = 300
MOST_TAGS = 60


@overload
def cut(text: str, limit: int) -> str: ...
@overload
def cut(text: str | None, limit: int) -> str | None: ...
def cut(text: str | None, limit: int) -> str | None:
    """`text` on one line of at most `limit` characters, safe to show."""
    if text is None or (text.isascii() and text.isprintable() and len(text) <= limit and "  " not in text):
        # Nearly all names: what `sanitize` would leave as it is.
        return text and text.strip()
    return sanitize(text, limit)


def name_of(row: Row) -> str:
    """The VM's name; a link needs some text."""
    return cut(row["name"], NAME_LIMIT_CHARS) or UNNAMED


def system_of(row: Row) -> str | None:
    """The operating system as the guest told it."""
    return told(row["os_name"], row["os_version"], between=" ")


def told(*texts: str | None, between: str = ", ") -> str | None:
    """Those of `texts` that were told, on one line; None where none was."""
    return cut(between.join(text for text in texts if text), NAME_LIMIT_CHARS) or None


def tags_of(row: Row) -> tuple[str, ...]:
    """The VM's tags as "name = value", in the order of their names."""
    tags = sorted(row["tags"].items(), key=lambda tag: tag[0].lower())
    return tuple(cut(f"{name} = {value}", TAG_LIMIT_CHARS) for name, value in tags[:MOST_TAGS])


def patch_key(key: str) -> str:
    """A patch's key as the page shows it."""
    return cut(key, NAME_LIMIT_CHARS) or UNNAMED


def patch_link(shown: str) -> str:
    """The address of a patch, by its key as the page shows it."""
    return "#patch/" + quote(shown, safe="")


def vm_link(resource_id: str) -> str:
    """The address of a VM."""
    return "#vm/" + quote(cut(resource_id, ID_LIMIT_CHARS).lower(), safe="")
