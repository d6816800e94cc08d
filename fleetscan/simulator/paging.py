"""Opaque page tokens, which must come back as they were given."""

from __future__ import annotations

import base64
import hashlib


def mint_token(scope: str, offset: int) -> str:
    """The token of the page of `scope` that begins at `offset`; tokens of two scopes never mix."""
    seal = hashlib.blake2b(f"{scope}!{offset}".encode(), digest_size=18).hexdigest()
    return base64.urlsafe_b64encode(f"{offset}!{seal}".encode()).decode().rstrip("=")


def read_token(scope: str, token: str) -> int | None:
    """The offset in a token of `scope`; None for any other string."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        offset = int(text.partition("!")[0])
    except ValueError:
        return None
    return offset if mint_token(scope, offset) == token else None
