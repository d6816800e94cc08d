"""URLs that Azure hands out: opaque, taken byte for byte, and only when they lead back to Azure."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin

from fleetscan.model import Origin

# RFC 3986 characters that a resource id may hold as they are: resource groups may carry parentheses.
ID_SAFE = "/()-_.~"
# Control characters, spaces, backslashes and bytes beyond ASCII, which URL parsers read in more than one way.
FORBIDDEN = re.compile(r"[^!-\[\]-~]")


def assess_url(endpoint: str, resource_id: str, api_version: str) -> str:
    """Where a machine's assessment is started."""
    return f"{endpoint}{quote(resource_id, ID_SAFE)}/assessPatches?api-version={api_version}"


def follow(url: str, base_url: str, origin: Origin) -> str | None:
    """`url` as it may be requested: itself when absolute, joined to `base_url` when relative.

    None when it leads anywhere but to `origin`, or cannot be read as one URL by everybody.
    """
    if FORBIDDEN.search(url):
        return None
    absolute = url if url.lower().startswith(("https://", "http://")) else urljoin(base_url, url)
    try:
        return absolute if Origin.of(absolute) == origin else None
    except ValueError:
        return None
