"""What a token's text tells, unverified: whose it is and how long it lives. And the header that carries it.

No token is logged or shown, by no error either.
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from fleetscan.errors import CredentialError, Remedy

# Tokens have one to four thousand bytes. Servers refuse header lines of more than 8 to 16 kB with a page of
# HTML, or by closing the connection, which would look like weather.
MAX_TOKEN_BYTES = 16 * 1024
# A token that says that it lives for longer, past the year 5000, says nothing.
LATEST_EXPIRY = 1e11


def header_of(token: str, name: str) -> str:
    """The value of Authorization for `token`; raises CredentialError, without showing it, for one that no
    header may carry. `name` is what a person calls it."""
    if re.fullmatch(r"[!-~]+", token) is None:
        raise CredentialError(
            f"{name} is not a valid bearer token: it is empty, or contains whitespace "
            "or other characters that no header may carry",
            Remedy("give the bare access token, without 'Bearer'"),
        )
    if len(token) > MAX_TOKEN_BYTES:
        raise CredentialError(
            f"{name} is too long for a bearer token: it has {len(token):,} bytes, and {MAX_TOKEN_BYTES:,} "
            "are the most that is sent",
            Remedy("give an access token for Azure Resource Manager alone"),
        )
    return f"Bearer {token}"


def principal_of(header: str) -> dict[str, str | None]:
    """The principal that the JWT in `header` names, unverified; every field None when it is no JWT.

    v1 tokens say `appid` and `unique_name`, v2 tokens `azp` and `preferred_username`.
    """
    claims = _claims_in(header)

    def first(*names: str) -> str | None:
        values = (claims.get(name) for name in names)
        return next((value for value in values if isinstance(value, str) and value), None)

    return {
        "object_id": first("oid"),
        "app_id": first("appid", "azp"),
        "tenant_id": first("tid"),
        "name": first("name", "upn", "unique_name", "preferred_username", "app_displayname"),
    }


def expiry_of(header: str) -> float | None:
    """When the JWT in `header` expires, in seconds since the epoch; None where it does not say."""
    match _claims_in(header).get("exp"):
        case bool():
            return None
        case int() | float() as exp if 0 < exp < LATEST_EXPIRY:
            return float(exp)
        case _:
            return None


def decoded_object(encoded: str) -> str | None:
    """The JSON object that base64 text holds, in either alphabet, padded or not; None for all else."""
    text = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
        return decoded if isinstance(json.loads(decoded), dict) else None
    except (binascii.Error, ValueError, RecursionError):
        return None


def _claims_in(header: str) -> dict[str, object]:
    match header.split("."):
        case [_, payload, _]:
            claims: dict[str, object] = json.loads(decoded_object(payload) or "{}")
            return claims
        case _:
            return {}
