"""Whose token it is, and when it expires: what the token says itself, unverified. The token is never kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from fleetscan.doctor.findings import Finding, Identity
from fleetscan.errors import Remedy
from fleetscan.model import ACCESS_TOKEN

# A ready token cannot be renewed. Azure's live for an hour or more.
SHORT_S = 3600.0
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def identity_of(header: str, principal: dict[str, str | None]) -> Identity:
    """The identity of a token, whose Authorization header is `header`."""
    return Identity(principal, expires_at(header))


def expires_at(header: str) -> float | None:
    """The second since 1970 when the token in `header` expires; None where it is no JWT or does not say."""
    parts = header.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        seconds = float(claims["exp"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return seconds if 0.0 <= seconds < LATEST else None


def finding_of(identity: Identity, now: float, environment: Mapping[str, str]) -> Finding:
    """What is said of a token that was had. `now` is in seconds since 1970."""
    who = f"signed in as {_who(identity.principal)}"
    left_s = None if identity.expires_at is None else identity.expires_at - now
    if left_s is None:
        return Finding("token", "ok", f"{who}; the token does not say when it expires")
    is_ready = bool(environment.get(ACCESS_TOKEN, "").strip())
    if left_s <= 0:
        remedy = Remedy("get a fresh one, or sign in anew: run `az login`")
        return Finding("token", "failed", f"{who}; the token has expired", remedy)
    what = f"{who}; the token expires in {_span(left_s)}"
    if is_ready and left_s < SHORT_S:
        remedy = Remedy(f"a scan that takes longer stops then: get a fresh token, or unset {ACCESS_TOKEN}")
        return Finding("token", "warning", f"{what} and cannot be renewed", remedy)
    return Finding("token", "ok", what)


def _who(principal: Mapping[str, str | None]) -> str:
    named = {
        "object": principal["object_id"],
        "application": principal["app_id"],
        "tenant": principal["tenant_id"],
    }
    told = ", ".join(f"{word} {value}" for word, value in named.items() if value)
    name = principal["name"]
    if name and told:
        return f"{name} ({told})"
    return name or told or "an identity that the token does not name"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h"
