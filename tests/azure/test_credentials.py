"""Where the token comes from, when it is renewed and by whom, and that nobody ever sees it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable

import anyio
import pytest
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import (
    Credential,
    CredentialToken,
    StaticToken,
    claims_of,
    principal_of,
)
from fleetscan.azure.transport import Transport
from fleetscan.errors import CredentialError, TokenRefusedError
from fleetscan.model import Request
from tests.azure.loopback_server import OK, Answer, serving

SCOPE = "https://management.azure.com/.default"


def jwt(**claims: object) -> str:
    """A JWT whose payload holds `claims`, in base64url without padding."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{payload}.c2ln"


class Identity:
    """A directory that issues token-1, token-2, ... good for an hour of its own clock, or refuses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.life_s = 3600.0
        self.refresh_on: int | None = None
        self.issued = 0
        self.refusal: Exception | None = None
        self.asked: list[tuple[tuple[str, ...], TokenRequestOptions]] = []
        self.credentials = 0
        self.closed = 0
        self.issue: Callable[[], str] = lambda: f"token-{self.issued}"

    def sign_in(self) -> Credential:
        self.credentials += 1
        return FakeCredential(self)

    def tokens(self) -> CredentialToken:
        return CredentialToken(SCOPE, self.sign_in, lambda: self.now)


class FakeCredential:
    """Asks `identity`, after a moment in which others may come by."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        identity = self.identity
        identity.asked.append((scopes, options or {}))
        await anyio.lowlevel.checkpoint()
        if identity.refusal is not None:
            raise identity.refusal
        identity.issued += 1
        expires_on = int(identity.now + identity.life_s)
        return AccessTokenInfo(identity.issue(), expires_on, refresh_on=identity.refresh_on)

    async def close(self) -> None:
        self.identity.closed += 1


async def test_the_credential_is_asked_once_for_many_callers() -> None:
    identity = Identity()
    tokens = identity.tokens()
    headers: list[str] = []

    async def ask() -> None:
        headers.append(await tokens.header())

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(ask)
    assert headers == ["Bearer token-1"] * 50
    assert identity.asked == [((SCOPE,), {})]


async def test_nothing_is_signed_in_before_the_first_token_is_wanted() -> None:
    identity = Identity()
    tokens = identity.tokens()
    assert identity.credentials == 0
    await tokens.aclose()
    assert (identity.credentials, identity.closed) == (0, 0)


@pytest.mark.parametrize(
    ("refresh_on", "last_moment"), [(None, 1000.0 + 3600.0 - 300.0), (2000, 2000.0), (9000, 4300.0)]
)
async def test_a_token_is_renewed_five_minutes_before_it_expires_or_when_it_asks_for_it(
    refresh_on: int | None, last_moment: float
) -> None:
    identity = Identity()
    identity.refresh_on = refresh_on
    tokens = identity.tokens()
    await tokens.header()
    identity.now = last_moment - 1.0
    assert await tokens.header() == "Bearer token-1"
    identity.now = last_moment
    assert await tokens.header() == "Bearer token-2"


async def test_a_token_of_one_minute_is_not_fetched_for_every_request() -> None:
    identity = Identity()
    identity.life_s = 60.0
    tokens = identity.tokens()
    for second in range(31):
        identity.now = 1000.0 + second
        await tokens.header()
    assert identity.issued == 2


async def test_a_refresh_that_fails_lives_on_with_a_token_that_is_still_good() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.header()
    identity.refusal = ClientAuthenticationError("the directory is down")
    identity.now = 4300.0
    assert await tokens.header() == "Bearer token-1"
    identity.now = 4329.0
    assert await tokens.header() == "Bearer token-1"
    assert len(identity.asked) == 2
    identity.now = 4330.0
    identity.refusal = None
    assert await tokens.header() == "Bearer token-2"


async def test_a_token_that_has_expired_is_never_handed_out() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.header()
    identity.refusal = ClientAuthenticationError("the directory is down")
    identity.now = 4599.0
    assert await tokens.header() == "Bearer token-1"
    identity.now = 4600.0
    with pytest.raises(CredentialError, match="the directory is down"):
        await tokens.header()


async def test_after_a_401_one_caller_renews_and_the_others_wait() -> None:
    identity = Identity()
    tokens = identity.tokens()
    refused = await tokens.header()
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(tokens.renew, refused, None)
    assert identity.issued == 2
    assert await tokens.header() == "Bearer token-2"


async def test_a_401_on_a_token_that_was_replaced_meanwhile_renews_nothing() -> None:
    identity = Identity()
    tokens = identity.tokens()
    refused = await tokens.header()
    await tokens.renew(refused, None)
    await tokens.renew(refused, None)
    assert identity.issued == 2


async def test_those_who_waited_for_a_renewal_that_failed_do_not_each_try_again() -> None:
    identity = Identity()
    tokens = identity.tokens()
    refused = await tokens.header()
    identity.refusal = ClientAuthenticationError("the directory is down")
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(tokens.renew, refused, None)
    assert len(identity.asked) == 2
    assert await tokens.header() == refused


async def test_a_renewal_after_a_failed_one_succeeds() -> None:
    identity = Identity()
    tokens = identity.tokens()
    refused = await tokens.header()
    identity.refusal = ClientAuthenticationError("the directory is down")
    await tokens.renew(refused, None)
    identity.refusal = None
    await tokens.renew(refused, None)
    assert await tokens.header() == "Bearer token-2"


async def test_without_a_challenge_a_new_credential_is_asked_because_the_old_one_remembers() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.renew(await tokens.header(), None)
    assert (identity.credentials, identity.closed) == (2, 1)
    await tokens.aclose()
    await tokens.aclose()
    assert identity.closed == 2


async def test_a_claims_challenge_is_passed_on_to_the_same_credential() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.renew(await tokens.header(), '{"access_token":{"nbf":{"value":"1"}}}')
    assert identity.credentials == 1
    assert identity.asked[1] == ((SCOPE,), {"claims": '{"access_token":{"nbf":{"value":"1"}}}'})


async def test_the_request_after_a_401_carries_the_new_token_and_answers_the_challenge() -> None:
    claims = base64.b64encode(b'{"access_token":{}}')
    challenge = b'Bearer realm="", error="insufficient_claims", claims="' + claims + b'"'
    refusal = b"HTTP/1.1 401 No\r\nWWW-Authenticate: " + challenge + b"\r\nContent-Length: 0\r\n\r\n"
    identity = Identity()
    async with serving(Answer(refusal), OK) as server:
        url = f"http://127.0.0.1:{server.port}/x"
        async with Transport(
            Origin.of(url), identity.tokens(), max_in_flight=1, user_agent="fleetscan/1"
        ) as wire:
            assert (await wire.exchange(Request("GET", url))).status == 401
            assert (await wire.exchange(Request("GET", url))).status == 200
        assert [server.header("Authorization", at) for at in (0, 1)] == ["Bearer token-1", "Bearer token-2"]
    assert identity.asked[1][1] == {"claims": '{"access_token":{}}'}


@pytest.mark.parametrize(
    "refusal",
    [
        CredentialUnavailableError("no\n  credential\there"),
        ClientAuthenticationError("no credential here"),
        ValueError("no credential here"),
        FileNotFoundError("no credential here"),
    ],
)
async def test_no_token_ends_in_one_sentence_that_says_what_to_do(refusal: Exception) -> None:
    identity = Identity()
    identity.refusal = refusal
    with pytest.raises(CredentialError) as caught:
        await identity.tokens().header()
    assert caught.value.told() == (
        "not signed in to Azure; run `az login`, set the AZURE_* variables of a service principal, "
        "or put a token into FLEETSCAN_ACCESS_TOKEN"
    )
    assert caught.value.details == ("no credential here",)
    assert str(caught.value) == f"{caught.value.told()}\n  no credential here"
    assert caught.value.exit_code == 4


async def test_a_repr_shows_no_token() -> None:
    tokens = Identity().tokens()
    header = await tokens.header()
    assert repr(tokens) == "CredentialToken('https://management.azure.com/.default')"
    assert repr(StaticToken("t0ken")) == "StaticToken()"
    wire = Transport(Origin.of("https://azure.test"), tokens, max_in_flight=1, user_agent="fleetscan/1")
    assert header not in repr(wire)


async def test_a_static_token_is_sent_as_it_is_without_its_line_break() -> None:
    assert await StaticToken("  abc.def-_~+/=\r\n").header() == "Bearer abc.def-_~+/="


@pytest.mark.parametrize("text", ["", " \n", "Bearer abc", "a\nb", "\N{LATIN SMALL LETTER AE}", "\x00"])
def test_what_cannot_be_a_token_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(CredentialError, match="is not a valid bearer token") as caught:
        StaticToken(text)
    assert not text.strip() or text.strip() not in str(caught.value).replace("'Bearer'", "")


async def test_a_static_token_cannot_be_renewed() -> None:
    tokens = StaticToken("t0ken")
    with pytest.raises(TokenRefusedError, match="FLEETSCAN_ACCESS_TOKEN") as caught:
        await tokens.renew("Bearer t0ken", None)
    assert "t0ken" not in str(caught.value)
    await tokens.aclose()


def test_the_principal_is_read_from_the_token_in_both_versions() -> None:
    first = principal_of("Bearer " + jwt(oid="o", appid="a", tid="t", unique_name="ann@x.test", extra=[1]))
    assert first == {"object_id": "o", "app_id": "a", "tenant_id": "t", "name": "ann@x.test"}
    second = principal_of("Bearer " + jwt(oid="o", azp="a", tid="t", name="Ann"))
    assert second == {"object_id": "o", "app_id": "a", "tenant_id": "t", "name": "Ann"}


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.b.c", "a.!!.c", "a.e30.c", "a.W10.c", "a.bnVsbA.c", "a.WWW.c", "a.b.c.d.e"],
)
def test_a_token_that_is_no_jwt_names_nobody(token: str) -> None:
    nobody = {"object_id": None, "app_id": None, "tenant_id": None, "name": None}
    assert principal_of(f"Bearer {token}") == nobody


def test_claims_of_the_wrong_type_name_nobody() -> None:
    token = StaticToken(jwt(oid=1, appid=None, azp=["a"], tid={}, name="", upn="ann@x.test"))
    assert token.principal() == {"object_id": None, "app_id": None, "tenant_id": None, "name": "ann@x.test"}


CLAIMS = '{"access_token":{"xms_rp_ipaddr":{"value":"1.2.3.4"},"s":"?>~"}}'
STANDARD = base64.b64encode(CLAIMS.encode()).decode()
URLSAFE = base64.urlsafe_b64encode(CLAIMS.encode()).decode()


@pytest.mark.parametrize("encoded", [STANDARD, STANDARD.rstrip("="), URLSAFE, URLSAFE.rstrip("=")])
def test_a_claims_challenge_is_read_in_every_spelling_of_base64(encoded: str) -> None:
    header = f'Bearer realm="", authorization_uri="https://login.test", error="x", claims="{encoded}"'
    assert claims_of(header) == CLAIMS
    assert claims_of(f'PoP nonce="n", Bearer claims="{encoded}", error="insufficient_claims"') == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        'Bearer error="invalid_token"',
        'Bearer claims=""',
        'Bearer claims="?"',
        'Bearer claims="bm90IGpzb24"',
        'Bearer claims="W10"',
        'Bearer claims="_w"',
        f'Bearer otherclaims="{STANDARD}"',
        'Bearer claims="' + "A" * 9000 + '"',
    ],
)
def test_what_is_no_claims_challenge_is_none(header: str) -> None:
    assert claims_of(header) is None


def test_azure_identity_is_not_imported_before_it_is_used() -> None:
    code = "import sys, fleetscan.azure.credentials; sys.exit('azure.identity' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
