"""The one bearer token that every request carries: where it comes from, when it is renewed, whose it is.

A token is never logged, never part of a message and never part of a repr.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from fleetscan.azure.identity import SignIn
from fleetscan.azure.renewed_token import CredentialToken
from fleetscan.azure.sign_in import borrowed_has_none, fresh_token_command, other_tenant
from fleetscan.azure.token_text import decoded_object, expiry_of, header_of, principal_of
from fleetscan.errors import CredentialError, Remedy, TokenRefusedError
from fleetscan.model import ACCESS_TOKEN

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
    from azure.core.credentials_async import AsyncTokenCredential

CLAIMS = re.compile(r'[\s,]claims="([A-Za-z0-9+/_=-]{1,8192})"', re.ASCII | re.IGNORECASE)


class TokenSource(Protocol):
    """Hands out the current token. Its maker closes it, after the transport."""

    async def header(self) -> str:
        """The value of Authorization now; raises CredentialError when there is no token."""
        ...

    async def renew(self, refused: str, claims: str | None) -> None:
        """Replace the token after Azure answered 401 to `refused`, a value `header` returned.

        Of many callers one renews and the others wait; returns at once when `refused` is no longer the
        current one. Whether it cured anything the next reply shows: the new token may equal the old one,
        and a renewal that failed leaves the old one, because identity services fail at times too.
        `claims` is what `claims_of` found. Raises TokenRefusedError where nothing can be renewed.
        """
        ...

    def principal(self) -> dict[str, str | None]:
        """Whose token it is, unverified: object_id, app_id, tenant_id, name; None where it does not say."""
        ...

    async def aclose(self) -> None:
        """Release what the source holds open; it may be called twice."""
        ...


def token_source(credential: str | AsyncTokenCredential | None, sign_in: SignIn) -> TokenSource:
    """The source of the tokens that `credential` stands for.

    A text is a ready token; None is what `sign_in` says: the one in FLEETSCAN_ACCESS_TOKEN, or one of
    azure-identity's credentials; anything else is a credential of the caller's, which is borrowed and not
    closed. Raises CredentialError, without showing it, for a text that is no token.
    """
    if isinstance(credential, str):
        return _ready(StaticToken(credential, "the token given as credential"), sign_in)
    if credential is not None:
        return CredentialToken(sign_in, lambda *_: Borrowed(credential))
    ready = sign_in.environment.get(ACCESS_TOKEN, "").strip()
    if sign_in.auth == "token" and not ready:
        how = Remedy(f"put one there with `{fresh_token_command(sign_in)}`")
        raise CredentialError(f"there is no token in {ACCESS_TOKEN}", how)
    if ready and sign_in.auth in ("default", "token"):
        return _ready(StaticToken(ready), sign_in)
    if (contradiction := sign_in.contradiction()) is not None:
        sign_in.warn(contradiction)
    return CredentialToken(sign_in)


def _ready(token: StaticToken, sign_in: SignIn) -> StaticToken:
    """`token`, once it is known that it is of the tenant that was asked for."""
    if (error := other_tenant(sign_in, token.principal())) is not None:
        raise error
    return token


def last_moment(tokens: TokenSource) -> float | None:
    """When the token expires, in seconds since the epoch, if it is never renewed and says so; else None."""
    return tokens.expires_at if isinstance(tokens, StaticToken) else None


class StaticToken:
    """A ready token: the variable FLEETSCAN_ACCESS_TOKEN's, or one that a program holds. `name` says which.

    Blanks around it are dropped: secrets kept in files end in a line break.
    """

    __slots__ = ("_header", "_name")

    def __init__(self, token: str, name: str = ACCESS_TOKEN) -> None:
        self._header = header_of(token.strip(), name)
        self._name = name

    def __repr__(self) -> str:
        return "StaticToken()"

    @property
    def expires_at(self) -> float | None:
        """When it expires, in seconds since the epoch; None where it does not say."""
        return expiry_of(self._header)

    async def header(self) -> str:
        return self._header

    async def renew(self, refused: str, claims: str | None) -> None:
        remedy = "get a fresh one, or leave it out to sign in with `az login` or another Azure credential"
        raise TokenRefusedError(f"Azure refuses the token in {self._name} (401){self._end()}", Remedy(remedy))

    def _end(self) -> str:
        """When it expires, to complete a sentence; "" where it does not say."""
        if (expires_at := self.expires_at) is None:
            return ""
        verb = "expired" if expires_at <= time.time() else "expires"
        return f"; it {verb} at {datetime.fromtimestamp(expires_at, UTC):%F %T} UTC"

    def principal(self) -> dict[str, str | None]:
        return principal_of(self._header)

    async def aclose(self) -> None:
        pass


class Borrowed:
    """A credential of the caller's, in the one form used here. It is never closed: it is not ours."""

    __slots__ = ("_credential",)

    def __init__(self, credential: AsyncTokenCredential) -> None:
        self._credential = credential

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        from azure.core.credentials import AccessTokenInfo

        told: dict[str, Any] = {"claims": None, **(options or {})}
        asked = self._credential.get_token(*scopes, **told)
        if not isinstance(asked, Awaitable):
            raise CredentialError(
                "the credential is not an async one", Remedy("take one from azure.identity.aio")
            )
        try:
            token = await asked
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller's credential has no token
            raise borrowed_has_none(" ".join(scopes), error) from None
        return AccessTokenInfo(token.token, token.expires_on)

    async def close(self) -> None:
        """Does nothing: the caller that made it closes it."""


def claims_of(www_authenticate: str) -> str | None:
    """The claims challenge in a 401's WWW-Authenticate, as the JSON a credential takes, or None."""
    found = CLAIMS.search(www_authenticate)
    return None if found is None else decoded_object(found[1])
