"""URLs that Azure hands out: opaque, taken byte for byte, and only when they lead back to Azure."""

from __future__ import annotations

from urllib.parse import quote, urljoin

from fleetscan.addresses import HIDDEN, Origin

# RFC 3986 characters that a resource id may hold as they are: resource groups may carry parentheses.
ID_SAFE = "/()-_.~"
# All but control characters, spaces, backslashes and bytes beyond ASCII, which URL parsers read in more than
# one way. Deleting these from a signed URL takes 2 µs, searching it for the others 20.
SOUND = bytes(set(range(0x21, 0x7F)) - {0x5C})
# Where a URL's authority begins at the latest: after "https://".
AUTHORITY_AT = 8


def assess_url(endpoint: str, resource_id: str, api_version: str) -> str:
    """Where the assessment of a VM or an Arc server is started."""
    return f"{endpoint}{quote(resource_id, ID_SAFE)}/assessPatches?api-version={api_version}"


def view_url(endpoint: str, resource_id: str, api_version: str) -> str:
    """Where a VM tells of its newest assessment."""
    return f"{endpoint}{quote(resource_id, ID_SAFE)}?$expand=instanceView&api-version={api_version}"


def follow(url: str, base_url: str, origin: Origin) -> str | None:
    """`url` as it may be requested: itself when absolute, joined to `base_url` of `origin` when relative.

    None when it leads anywhere but to `origin`, when two URL parsers may read it differently, or when it held
    a token of ours and is another URL without it.
    """
    if HIDDEN in url or not url.isascii() or url.encode().translate(None, SOUND):
        return None
    if url.startswith(base_url[: base_url.index("/", AUTHORITY_AT) + 1]):
        return url
    try:
        absolute = url if url.lower().startswith(("https://", "http://")) else urljoin(base_url, url)
        return absolute if Origin.of(absolute) == origin else None
    except ValueError:
        return None
