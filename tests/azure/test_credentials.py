"""Where the token comes from, when it is renewed and by whom, and that nobody ever sees it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable

import anyio
import pytest
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken, claims_of, last_moment, token_source
from fleetscan.azure.identity import Credential, SignIn
from fleetscan.azure.renewed_token import CredentialToken
from fleetscan.azure.token_text import expiry_of, principal_of
from fleetscan.azure.transport import Transport
from fleetscan.errors import CredentialError, TokenRefusedError, UsageError
from fleetscan.model import Request
from tests.azure.loopback_server import OK, Answer, serving
from tests.virtual_scan import in_virtual_time

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
        self.never_answers: anyio.Event | None = None
        # By a token's number, when it ends.
        self.ends: dict[int, float] = {}

    def sign_in(self) -> Credential:
        self.credentials += 1
        return FakeCredential(self)

    def tokens(self) -> CredentialToken:
        return CredentialToken(SignIn(SCOPE), lambda *_: self.sign_in(), lambda: self.now)


class Refused:
    """A reply of a sign-in service that has decided."""

    status_code = 401
    reason = "Unauthorized"


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
        if identity.never_answers is not None:
            await identity.never_answers.wait()
        if identity.refusal is not None:
            raise identity.refusal
        identity.issued += 1
        identity.ends[identity.issued] = identity.now + identity.life_s
        expires_on = int(identity.now + identity.life_s)
        return AccessTokenInfo(identity.issue(), expires_on, refresh_on=identity.refresh_on)

    async def close(self) -> None:
        self.identity.closed += 1


async def later(tokens: CredentialToken) -> str:
    """The header once what goes on beside requests had its turn."""
    await tokens.header()
    await anyio.wait_all_tasks_blocked()
    return await tokens.header()


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
    assert await later(tokens) == "Bearer token-1"
    identity.now = last_moment
    assert await later(tokens) == "Bearer token-2"


async def test_a_token_of_one_minute_is_not_fetched_for_every_request() -> None:
    identity = Identity()
    identity.life_s = 60.0
    tokens = identity.tokens()
    for second in range(31):
        identity.now = 1000.0 + second
        await later(tokens)
    assert identity.issued == 2


async def test_a_refresh_that_fails_lives_on_with_a_token_that_is_still_good() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.header()
    identity.refusal = ClientAuthenticationError("the directory is down")
    identity.now = 4300.0
    assert await later(tokens) == "Bearer token-1"
    identity.now = 4329.0
    assert await later(tokens) == "Bearer token-1"
    assert len(identity.asked) == 2
    identity.now = 4330.0
    identity.refusal = None
    assert await later(tokens) == "Bearer token-2"


async def test_a_token_that_has_expired_is_never_handed_out() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.header()
    identity.refusal = ClientAuthenticationError("the secret is gone", response=Refused())  # type: ignore[arg-type]
    identity.now = 4599.0
    assert await tokens.header() == "Bearer token-1"
    identity.now = 4600.0
    with pytest.raises(CredentialError, match="the secret is gone"):
        await tokens.header()


async def test_no_request_waits_for_a_refresh_while_the_token_lives() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.header()
    identity.never_answers = anyio.Event()
    identity.now = 4300.0
    for _ in range(50):
        assert await tokens.header() == "Bearer token-1"
        await anyio.lowlevel.checkpoint()
    assert len(identity.asked) == 2
    identity.never_answers.set()
    assert await later(tokens) == "Bearer token-2"
    await tokens.aclose()


async def test_a_refresh_that_hangs_is_left_when_the_source_is_closed() -> None:
    identity = Identity()
    tokens = identity.tokens()
    await tokens.header()
    identity.never_answers = anyio.Event()
    identity.now = 4300.0
    await later(tokens)
    with anyio.fail_after(0.9):
        await tokens.aclose()
    assert identity.closed == 1


@in_virtual_time
async def test_an_answer_that_never_comes_is_waited_for_as_long_as_was_said() -> None:
    identity = Identity()
    identity.never_answers = anyio.Event()
    tokens = CredentialToken(SignIn(SCOPE, auth="cli", timeout_s=20.0), lambda *_: identity.sign_in())
    began = time.monotonic()
    with pytest.raises(CredentialError) as caught:
        await tokens.header()
    assert time.monotonic() - began == pytest.approx(25.0)
    assert caught.value.told() == (
        "not signed in to Azure with the Azure CLI; see why the sign-in service does not answer from here, "
        "or wait longer with auth_timeout_s=40.0"
    )
    assert caught.value.details == ("no token within 25 s",)


@in_virtual_time
async def test_an_outage_of_the_sign_in_service_is_waited_out_once_a_token_was_good() -> None:
    identity, warned = Identity(), list[str]()
    tokens = CredentialToken(
        SignIn(SCOPE, warn=warned.append), lambda *_: identity.sign_in(), lambda: 1000.0 + time.monotonic()
    )
    await tokens.header()
    identity.refusal = ServiceRequestError("no connection to login.microsoftonline.com")
    await anyio.sleep(3600.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tokens.header)
        await anyio.sleep(500.0)
        identity.refusal = None
    assert await tokens.header() == "Bearer token-2"
    assert warned == [
        "the token cannot be renewed, and has expired; trying again "
        "(not signed in to Azure: no connection to login.microsoftonline.com)"
    ]


@in_virtual_time
async def test_an_outage_of_over_ten_minutes_ends_with_what_the_service_said() -> None:
    identity = Identity()
    tokens = CredentialToken(SignIn(SCOPE), lambda *_: identity.sign_in(), lambda: 1000.0 + time.monotonic())
    await tokens.header()
    identity.refusal = ServiceRequestError("no connection to login.microsoftonline.com")
    await anyio.sleep(3600.0)
    with pytest.raises(CredentialError) as caught:
        await tokens.header()
    assert time.monotonic() == pytest.approx(4200.0, abs=31.0)
    assert caught.value.what == "not signed in to Azure: no connection to login.microsoftonline.com"


@in_virtual_time
async def test_tokens_of_four_seconds_are_never_used_after_their_end() -> None:
    identity = Identity()
    identity.life_s = 4.0
    tokens = CredentialToken(SignIn(SCOPE), lambda *_: identity.sign_in(), lambda: 1000.0 + time.monotonic())
    for _ in range(1000):
        identity.now = 1000.0 + time.monotonic()
        number = int((await tokens.header()).rpartition("-")[2])
        assert identity.now < identity.ends[number]
        await anyio.sleep(0.1)
    assert 25 <= identity.issued <= 60


async def test_a_wrong_clock_does_not_have_each_request_ask_for_a_token() -> None:
    identity = Identity()
    identity.life_s = -7200.0
    tokens = identity.tokens()
    for second in range(100):
        identity.now = 1000.0 + second
        await later(tokens)
    assert identity.issued == 1


async def test_where_the_clock_is_wrong_the_same_token_is_good_for_as_long_as_azure_takes_it() -> None:
    identity = Identity()
    identity.life_s = -7200.0
    identity.issue = lambda: "the-same"
    tokens = identity.tokens()
    for minute in range(60):
        identity.now = 1000.0 + 60.0 * minute
        with anyio.fail_after(1.0):
            assert await later(tokens) == "Bearer the-same"


async def test_a_credential_that_gives_out_its_expired_token_again_has_none() -> None:
    identity = Identity()
    identity.issue = lambda: "the-same"
    tokens = identity.tokens()
    await tokens.header()
    identity.now, identity.life_s = 4601.0, -1.0
    identity.refusal = None
    with anyio.move_on_after(0.1) as waited:
        await tokens.header()
    # As in any outage, it is asked again later.
    assert waited.cancelled_caught
    assert len(identity.asked) == 2


async def test_the_tenant_is_asked_for_and_another_one_s_token_is_refused() -> None:
    asked, other = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
    identity = Identity()
    identity.issue = lambda: jwt(tid=asked.upper())
    tokens = CredentialToken(SignIn(SCOPE, tenant=asked), lambda *_: identity.sign_in(), lambda: 0.0)
    await tokens.header()
    assert identity.asked == [((SCOPE,), {"tenant_id": asked})]
    identity.issue = lambda: jwt(tid=other)
    tokens = CredentialToken(SignIn(SCOPE, tenant=asked), lambda *_: identity.sign_in(), lambda: 0.0)
    with pytest.raises(CredentialError, match=f"the token is of the tenant {other}, and {asked} was asked"):
        await tokens.header()
    with pytest.raises(CredentialError, match=f"the token is of the tenant {other}, and {asked} was asked"):
        token_source(jwt(tid=other), SignIn(SCOPE, tenant=asked))


def test_a_token_is_of_no_other_tenant_where_a_domain_was_asked_for() -> None:
    token_source(jwt(tid="99999999-2222-3333-4444-555555555555"), SignIn(SCOPE, tenant="contoso.com"))


@pytest.mark.parametrize(
    ("claims", "expiry"),
    [
        ({"exp": 1790000000}, 1790000000.0),
        ({"exp": 1.5}, 1.5),
        ({"exp": True}, None),
        ({"exp": "1790000000"}, None),
        ({"exp": -1}, None),
        ({"exp": 1e300}, None),
        ({"exp": None}, None),
        ({}, None),
    ],
)
def test_the_end_of_a_token_is_read_where_it_is_a_time(
    claims: dict[str, object], expiry: float | None
) -> None:
    assert expiry_of(f"Bearer {jwt(**claims)}") == expiry
    assert last_moment(StaticToken(jwt(**claims))) == expiry


async def test_a_static_token_that_is_refused_says_when_it_ends() -> None:
    with pytest.raises(TokenRefusedError, match=r"\(401\); it expired at 2023-11-14 22:13:20 UTC;"):
        await StaticToken(jwt(exp=1700000000)).renew("", None)
    with pytest.raises(TokenRefusedError, match=r"\(401\); it expires at 2096-10-02 07:06:40 UTC;"):
        await StaticToken(jwt(exp=4000000000)).renew("", None)


@pytest.mark.parametrize(
    ("auth", "environment", "source"),
    [
        ("default", {"FLEETSCAN_ACCESS_TOKEN": "t"}, StaticToken),
        ("token", {"FLEETSCAN_ACCESS_TOKEN": "t"}, StaticToken),
        ("cli", {"FLEETSCAN_ACCESS_TOKEN": "t"}, CredentialToken),
        ("default", {"FLEETSCAN_ACCESS_TOKEN": " "}, CredentialToken),
    ],
)
def test_a_token_in_the_environment_is_used_where_no_other_credential_was_chosen(
    auth: str, environment: dict[str, str], source: type
) -> None:
    assert isinstance(token_source(None, SignIn(SCOPE, auth=auth, environment=environment)), source)


def test_a_token_that_was_asked_for_and_is_not_there_is_told_with_the_command_that_makes_one() -> None:
    with pytest.raises(CredentialError) as caught:
        token_source(None, SignIn(SCOPE, auth="token", tenant="contoso.com"))
    assert caught.value.told() == (
        "there is no token in FLEETSCAN_ACCESS_TOKEN; put one there with `az account get-access-token "
        "--tenant contoso.com --scope https://management.azure.com/.default --query accessToken -o tsv`"
    )


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


async def test_what_a_credential_says_to_a_challenge_that_it_cannot_answer_is_told() -> None:
    identity, warned = Identity(), list[str]()
    tokens = CredentialToken(SignIn(SCOPE, warn=warned.append), lambda *_: identity.sign_in(), lambda: 1000.0)
    refused = await tokens.header()
    identity.refusal = CredentialUnavailableError("This credential doesn't support claims challenges.")
    for _ in range(5):
        await tokens.renew(refused, '{"access_token":{}}')
    assert warned == [
        "the token cannot be renewed, and is good for another 3600 s; trying again "
        "(This credential doesn't support claims challenges.)"
    ]


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
        "not signed in to Azure; mend what is said below, or run `az login`, set the AZURE_* variables of a "
        "service principal, or put a token into FLEETSCAN_ACCESS_TOKEN"
    )
    assert caught.value.details == ("no credential here",)
    assert str(caught.value) == f"{caught.value.told()}\n  no credential here"
    assert caught.value.exit_code == 4


async def test_what_the_network_found_out_is_told_in_its_own_words() -> None:
    identity = Identity()
    identity.refusal = ClientAuthenticationError("cannot verify")
    final = CredentialError("the certificate of login.microsoftonline.com is not trusted")
    tokens = CredentialToken(SignIn(SCOPE, refusal=lambda: final), lambda *_: identity.sign_in())
    with pytest.raises(CredentialError) as caught:
        await tokens.header()
    assert caught.value is final


async def test_a_mistake_in_a_setting_is_no_failure_to_sign_in() -> None:
    def make(*_: object) -> Credential:
        raise UsageError("the file of certificates has none")

    with pytest.raises(UsageError, match="the file of certificates has none"):
        await CredentialToken(SignIn(SCOPE), make).header()


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
