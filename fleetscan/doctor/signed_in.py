"""Whose token it is, and when it expires: what the token says itself, unverified. The token is never kept."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscan.azure.credentials import StaticToken, TokenSource
from fleetscan.azure.identity import SignIn
from fleetscan.azure.sign_in import CALLED, fresh_token_command, login_command
from fleetscan.azure.token_text import expiry_of
from fleetscan.doctor.findings import Finding, Identity
from fleetscan.errors import Remedy
from fleetscan.model import ACCESS_TOKEN

# A ready token cannot be renewed. Azure's live for an hour or more.
SHORT_S = 3600.0


def identity_of(header: str, principal: dict[str, str | None]) -> Identity:
    """The identity of a token, whose Authorization header is `header`."""
    return Identity(principal, expiry_of(header))


def finding_of(
    identity: Identity, now: float, tokens: TokenSource, sign_in: SignIn, *, is_reached: bool
) -> Finding:
    """What is said of a token that `tokens` gave as `sign_in` says. `now` is in seconds since 1970.

    `is_reached` says whether Azure can be asked about it: where it cannot, nothing is claimed of it.
    """
    who = f"signed in as {_who(identity.principal)}"
    if not is_reached:
        who = (
            f"a token is there, not checked: the endpoint could not be reached; of {_who(identity.principal)}"
        )
    left_s = None if identity.expires_at is None else identity.expires_at - now
    if left_s is not None and left_s <= 0:
        return Finding("token", "failed", f"{who}; the token has expired", _expired(tokens, sign_in))
    expiry = "does not say when it expires" if left_s is None else f"expires in {_span(left_s)}"
    what = f"{who}; the token {expiry}"
    if left_s is not None and left_s < SHORT_S and isinstance(tokens, StaticToken):
        remedy = _fresh(sign_in, "a scan that takes longer stops then: ")
        return Finding("token", "warning", f"{what} and cannot be renewed", remedy)
    return Finding("token", "ok" if is_reached else "not_checked", what)


def _expired(tokens: TokenSource, sign_in: SignIn) -> Remedy:
    """What mends an expired token. A credential gives none, unless a cache or a clock is wrong."""
    if isinstance(tokens, StaticToken):
        return _fresh(sign_in)
    if sign_in.auth in ("cli", "default"):
        return Remedy(f"check this computer's clock, or sign in anew: run `{login_command(sign_in)}`")
    called = CALLED.get(sign_in.auth, "the credential")
    return Remedy(f"check this computer's clock: {called} gives tokens that are still good")


def _fresh(sign_in: SignIn, why: str = "") -> Remedy:
    """What mends a ready token, which is that of the variable unless a program gave one."""
    fresh = f"{why}get a fresh token with `{fresh_token_command(sign_in)}`"
    if not sign_in.environment.get(ACCESS_TOKEN, "").strip():
        return Remedy(fresh)
    if sign_in.auth == "token":
        return Remedy(
            f"{fresh} and put it into {ACCESS_TOKEN}, or choose a credential that renews it with {{auth}}",
            {"auth": None},
        )
    return Remedy(f"{fresh} and put it into {ACCESS_TOKEN}, or unset {ACCESS_TOKEN} to sign in otherwise")


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
    return name or told or "an identity that it does not name"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h"
