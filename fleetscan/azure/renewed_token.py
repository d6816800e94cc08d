"""A token that a credential gives, renewed before it expires: one credential, one refresh a process.

While a token lives no request waits for the next one: it is fetched beside them, however long that takes, and
again where it fails. Times are seconds since the epoch, because that is how tokens count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from fleetscan.azure.held_tokens import HeldTokens
from fleetscan.azure.identity import Credential, LastHeard, SignIn, make_credential
from fleetscan.azure.sign_in import is_decided, not_signed_in, other_tenant
from fleetscan.azure.token_text import header_of, principal_of
from fleetscan.errors import CredentialError, FleetscanError

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

# azure-identity itself asks for a new token when five minutes are left.
REFRESH_BEFORE_EXPIRY_S = 300.0
# A refresh that failed while the token is still good is tried again after this long.
REFRESH_AGAIN_S = 30.0
# A token that lives for seconds is asked for no more often than this.
LEAST_S = 1.0
# Sign-in services have outages: a scan that had a token waits so long for the next, beyond its expiry.
OUTAGE_S = 600.0
# So many failures in a row are told.
TOLD_FAILURES = 2
# Closing a credential ends its connections; it may not hold up a scan that is cancelled.
CLOSING_S = 1.0


class CredentialToken:
    """The current token of the credential that `sign_in` names.

    `make` is called once at first, and again after a 401 without a claims challenge: a credential's own
    cache would only return the refused token.
    """

    __slots__ = (
        "_clock",
        "_credential",
        "_expires_at",
        "_failures",
        "_header",
        "_heard",
        "_held",
        "_is_clock_wrong",
        "_lock",
        "_make",
        "_refresh_at",
        "_refreshing",
        "_renewals",
        "_sign_in",
    )

    def __init__(
        self,
        sign_in: SignIn,
        make: Callable[[SignIn, LastHeard], Credential] = make_credential,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sign_in = sign_in
        self._make = make
        self._clock = clock
        self._heard = LastHeard()
        self._credential: Credential | None = None
        self._lock = anyio.Lock()
        self._refreshing: asyncio.Task[None] | None = None
        self._header = ""
        self._held = HeldTokens()
        self._refresh_at = self._expires_at = 0.0
        self._renewals = self._failures = 0
        self._is_clock_wrong = False

    def __repr__(self) -> str:
        return f"CredentialToken({self._sign_in.scope!r})"

    async def header(self) -> str:
        """See TokenSource."""
        now = self._clock()
        if now < self._refresh_at:
            return self._header
        if now < self._expires_at:
            if self._refreshing is None or self._refreshing.done():
                self._refreshing = asyncio.create_task(self._refresh())
            return self._header
        async with self._lock:
            if self._clock() >= self._refresh_at:
                await self._wait_for_one()
            return self._header

    async def renew(self, refused: str, claims: str | None) -> None:
        """See TokenSource."""
        renewals = self._renewals
        async with self._lock:
            if refused != self._header or renewals != self._renewals:
                return
            self._renewals += 1
            if claims is None:
                await self._drop_credential()
            try:
                await self._fetch(claims)
            except CredentialError as error:
                self._count_failure(error)

    def principal(self) -> dict[str, str | None]:
        """See TokenSource."""
        return principal_of(self._header)

    async def aclose(self) -> None:
        """See TokenSource."""
        with anyio.move_on_after(CLOSING_S, shield=True):
            if self._refreshing is not None:
                self._refreshing.cancel()
                await asyncio.wait([self._refreshing])
            await self._drop_credential()

    async def _refresh(self) -> None:
        """Fetch the next token while this one lives; where that fails, later again."""
        async with self._lock:
            if self._clock() < self._refresh_at:
                return
            try:
                await self._fetch(None)
            except CredentialError as error:
                self._put_off(error)

    async def _wait_for_one(self) -> None:
        """Fetch a token where none is good. Where one was, an outage of the sign-in service is waited out."""
        while True:
            try:
                return await self._fetch(None)
            except CredentialError as error:
                is_over = self._clock() >= self._expires_at + OUTAGE_S
                if not self._header or error.is_decided or is_over:
                    raise
                self._put_off(error)
            await asyncio.sleep(REFRESH_AGAIN_S)

    def _put_off(self, error: CredentialError) -> None:
        now = self._clock()
        self._refresh_at = min(now + REFRESH_AGAIN_S, max(self._expires_at, now))
        self._count_failure(error)

    def _count_failure(self, error: CredentialError) -> None:
        self._failures += 1
        if self._failures == TOLD_FAILURES:
            why = error.details[0] if error.details else error.what
            left_s = self._expires_at - self._clock()
            until = f"is good for another {left_s:.0f} s" if left_s > 0 else "has expired"
            self._sign_in.warn(f"the token cannot be renewed, and {until}; trying again ({why})")

    async def _fetch(self, claims: str | None) -> None:
        self._heard.forget()
        try:
            with anyio.fail_after(self._sign_in.attempt_s):
                token = await self._asked(claims)
        except FleetscanError:
            raise
        except TimeoutError:
            said = f"no token within {self._sign_in.attempt_s:g} s{self._heard.told()}"
            raise not_signed_in(self._sign_in, said) from None
        except Exception as error:  # noqa: BLE001 - whatever a credential raises, it has no token
            if (final := self._sign_in.refusal()) is not None:
                raise final from None
            none = not_signed_in(self._sign_in, self._held.hide_text(_words_of(error)))
            none.is_decided = is_decided(error)
            raise none from None
        self._take(token)

    async def _asked(self, claims: str | None) -> AccessTokenInfo:
        if self._credential is None:
            self._credential = self._make(self._sign_in, self._heard)
        options: TokenRequestOptions = {"claims": claims} if claims else {}
        if self._sign_in.tenant is not None:
            options["tenant_id"] = self._sign_in.tenant
        return await self._credential.get_token_info(self._sign_in.scope, options=options)

    def _take(self, token: AccessTokenInfo) -> None:
        """Use `token` from now on; raises CredentialError where it is none, of another tenant, or too old."""
        header = header_of(token.token, f"the token for {self._sign_in.scope}")
        self._held.hold(header)
        if (error := other_tenant(self._sign_in, principal_of(header))) is not None:
            raise error
        now = self._clock()
        left_s = token.expires_on - now
        is_new = header != self._header
        if left_s <= 0:
            # 1. This machine's clock is wrong, and Azure goes by its own.
            self._is_clock_wrong |= is_new
            # 2. azure-identity gives out what it has where the service does not answer.
            if not self._is_clock_wrong:
                raise not_signed_in(self._sign_in, f"there is no newer token{self._heard.told()}")
            left_s = REFRESH_BEFORE_EXPIRY_S
        # A token with less than five minutes to live is not fetched anew for each request.
        early = now + left_s - min(REFRESH_BEFORE_EXPIRY_S, left_s / 2)
        wanted = min(token.refresh_on or early, early)
        if not is_new:
            # The credential's own cache has no newer one yet.
            wanted = now
        at_least_s = min(REFRESH_AGAIN_S, max(left_s / 2, LEAST_S))
        self._expires_at = now + left_s
        self._refresh_at = min(max(wanted, now + at_least_s), self._expires_at)
        self._header = header
        self._failures = 0

    async def _drop_credential(self) -> None:
        if self._credential is not None:
            credential, self._credential = self._credential, None
            await credential.close()


def _words_of(error: Exception) -> str:
    """What `error` says; its type where it says nothing."""
    return str(error) or type(error).__name__
