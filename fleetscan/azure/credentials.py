"""The one bearer token that every request carries: where it comes from, when it is renewed, whose it is.

A token is never logged, never part of a message and never part of a repr. Times are seconds since the
epoch, because that is how tokens count.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import anyio

from fleetscan.azure.held_tokens import HeldTokens
from fleetscan.azure.network import Network
from fleetscan.azure.sign_in import borrowed_has_none, not_signed_in
from fleetscan.errors import CredentialError, Remedy, TokenRefusedError
from fleetscan.model import ACCESS_TOKEN

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
    from azure.core.credentials_async import AsyncTokenCredential

# azure-identity itself asks for a new token when five minutes are left.
REFRESH_BEFORE_EXPIRY_S = 300.0
# A refresh that failed while the token is still good is tried again after this long.
REFRESH_AGAIN_S = 30.0
# Closing a credential ends its connections; it may not hold up a scan that is cancelled.
CLOSING_S = 1.0
# `az` starts slowly: azure-identity's own 10 s are too few for a cold start, on Windows above all.
DEVELOPER_TOOL_S = 30
# Tokens have one to four thousand bytes. Servers refuse header lines of more than 8 to 16 kB with a page of
# HTML, or by closing the connection, which would look like weather.
MAX_TOKEN_BYTES = 16 * 1024
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


def token_source(
    credential: str | AsyncTokenCredential | None,
    scope: str,
    environment: Mapping[str, str],
    network: Network | None = None,
) -> TokenSource:
    """The source of the tokens that `credential` stands for.

    A text is a ready token; None is the one in FLEETSCAN_ACCESS_TOKEN, or without it azure-identity's default
    chain, whose requests leave as `network` says; anything else is a credential of the caller's, which is
    borrowed and not closed. Raises CredentialError, without showing it, for a text that is no token.
    """
    if isinstance(credential, str):
        return StaticToken(credential, "the token given as credential")
    if credential is not None:
        return CredentialToken(scope, lambda: Borrowed(credential))
    ready = environment.get(ACCESS_TOKEN, "").strip()
    if ready:
        return StaticToken(ready)
    make = partial(default_credential, network)
    return CredentialToken(scope, make, environment=environment, network=network)


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

    async def header(self) -> str:
        return self._header

    async def renew(self, refused: str, claims: str | None) -> None:
        remedy = "get a fresh one, or leave it out to sign in with `az login` or another Azure credential"
        raise TokenRefusedError(f"Azure refuses the token in {self._name} (401)", Remedy(remedy))

    def principal(self) -> dict[str, str | None]:
        return principal_of(self._header)

    async def aclose(self) -> None:
        pass


class Credential(Protocol):
    """The part of azure-identity's async credentials that is used."""

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        """A token for `scopes`; raises azure.core's AzureError."""
        ...

    async def close(self) -> None:
        """Release the credential's connections."""
        ...


class Borrowed:
    """A credential of the caller's, in the one form used here. It is never closed: it is not ours."""

    __slots__ = ("_credential",)

    def __init__(self, credential: AsyncTokenCredential) -> None:
        self._credential = credential

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        from azure.core.credentials import AccessTokenInfo

        asked = self._credential.get_token(*scopes, claims=(options or {}).get("claims"))
        if not isinstance(asked, Awaitable):
            raise CredentialError(
                "the credential is not an async one", Remedy("take one from azure.identity.aio")
            )
        try:
            token = await asked
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller's credential has no token
            raise borrowed_has_none(" ".join(scopes), str(error)) from None
        return AccessTokenInfo(token.token, token.expires_on)

    async def close(self) -> None:
        """Does nothing: the caller that made it closes it."""


def default_credential(network: Network | None = None) -> Credential:
    """azure-identity's chain: AZURE_* variables, workload and managed identity, `az login`.

    Its requests leave as `network` says; `az` reads the environment itself. Raises UsageError for a file of
    certificates that cannot be used.
    """
    from azure.identity.aio import DefaultAzureCredential  # half a second of imports, needed by scans alone

    from fleetscan.azure.sign_in_transport import for_credentials

    return DefaultAzureCredential(process_timeout=DEVELOPER_TOOL_S, **for_credentials(network or Network()))


class CredentialToken:
    """A token from a credential, renewed before it expires by one caller while the others wait.

    `scope` is `https://management.azure.com/.default` or its like. `make_credential` is called once at
    first, and again after a 401 without a claims challenge: a credential's own cache would only return
    the refused token. `environment` explains, in an error, what the credential was made from, and `network`
    what it cannot get past.
    """

    __slots__ = (
        "_clock",
        "_credential",
        "_environment",
        "_expires_at",
        "_header",
        "_held",
        "_lock",
        "_make_credential",
        "_network",
        "_refresh_at",
        "_renewals",
        "_scope",
    )

    def __init__(
        self,
        scope: str,
        make_credential: Callable[[], Credential] = default_credential,
        clock: Callable[[], float] = time.time,
        environment: Mapping[str, str] = MappingProxyType({}),
        network: Network | None = None,
    ) -> None:
        self._scope = scope
        self._environment = environment
        self._network = network
        self._make_credential = make_credential
        self._clock = clock
        self._credential: Credential | None = None
        self._lock = anyio.Lock()
        self._header = ""
        self._held = HeldTokens()
        self._refresh_at = self._expires_at = 0.0
        self._renewals = 0

    def __repr__(self) -> str:
        return f"CredentialToken({self._scope!r})"

    async def header(self) -> str:
        if self._clock() < self._refresh_at:
            return self._header
        async with self._lock:
            if self._clock() >= self._refresh_at:
                await self._refresh()
            return self._header

    async def renew(self, refused: str, claims: str | None) -> None:
        renewals = self._renewals
        async with self._lock:
            if refused != self._header or renewals != self._renewals:
                return
            self._renewals += 1
            if claims is None:
                await self._drop_credential()
            with suppress(CredentialError):
                await self._fetch(claims)

    def principal(self) -> dict[str, str | None]:
        return principal_of(self._header)

    async def aclose(self) -> None:
        with anyio.move_on_after(CLOSING_S, shield=True):
            await self._drop_credential()

    async def _refresh(self) -> None:
        """Fetch a token; where that fails, go on with one that is still valid: it may work later."""
        try:
            await self._fetch(None)
        except CredentialError:
            now = self._clock()
            if now >= self._expires_at:
                raise
            self._refresh_at = min(now + REFRESH_AGAIN_S, self._expires_at)

    async def _fetch(self, claims: str | None) -> None:
        from azure.core.exceptions import AzureError

        try:
            # (ValueError and OSError: a certificate or token file the environment names, unreadable.)
            if self._credential is None:
                self._credential = self._make_credential()
            options: TokenRequestOptions = {"claims": claims} if claims else {}
            token = await self._credential.get_token_info(self._scope, options=options)
        except (AzureError, ValueError, OSError) as error:
            if self._network is not None and self._network.refused is not None:
                raise self._network.refused from None
            raise not_signed_in(self._scope, self._held.hide_text(str(error)), self._environment) from None
        self._header = header_of(token.token, f"the token for {self._scope}")
        self._held.hold(self._header)
        self._expires_at = float(token.expires_on)
        early = self._expires_at - REFRESH_BEFORE_EXPIRY_S
        # A token with less than five minutes to live is not fetched anew for each request.
        self._refresh_at = max(min(token.refresh_on or early, early), self._clock() + REFRESH_AGAIN_S)

    async def _drop_credential(self) -> None:
        if self._credential is not None:
            credential, self._credential = self._credential, None
            await credential.close()


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


def claims_of(www_authenticate: str) -> str | None:
    """The claims challenge in a 401's WWW-Authenticate, as the JSON a credential takes, or None."""
    found = CLAIMS.search(www_authenticate)
    return None if found is None else _decoded_object(found[1])


def principal_of(header: str) -> dict[str, str | None]:
    """The principal that the JWT in `header` names, unverified; every field None when it is no JWT.

    v1 tokens say `appid` and `unique_name`, v2 tokens `azp` and `preferred_username`.
    """
    match header.split("."):
        case [_, payload, _]:
            claims: dict[str, object] = json.loads(_decoded_object(payload) or "{}")
        case _:
            claims = {}

    def first(*names: str) -> str | None:
        values = (claims.get(name) for name in names)
        return next((value for value in values if isinstance(value, str) and value), None)

    return {
        "object_id": first("oid"),
        "app_id": first("appid", "azp"),
        "tenant_id": first("tid"),
        "name": first("name", "upn", "unique_name", "preferred_username", "app_displayname"),
    }


def _decoded_object(encoded: str) -> str | None:
    """The JSON object that base64 text holds, in either alphabet, padded or not; None for all else."""
    text = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
        return decoded if isinstance(json.loads(decoded), dict) else None
    except (binascii.Error, ValueError, RecursionError):
        return None
