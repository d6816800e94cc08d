"""azure-identity's real classes against a sign-in service on loopback: what they send and what follows."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from fleetscan.azure.credentials import TokenSource, token_source
from fleetscan.azure.identity import SignIn
from fleetscan.clouds import CHINA, PUBLIC, US_GOVERNMENT, AzureCloud
from fleetscan.errors import CredentialError
from tests.azure.sign_in_service import (
    ASSERTION,
    BUSY,
    CLIENT,
    DOWN,
    HEADER,
    SECRET,
    SILENT,
    TENANT,
    UNREACHABLE,
    WRONG_SECRET,
    InMemory,
    SignInService,
    in_memory,
    on_loopback,
    test_ca,
    trust,
)
from tests.virtual_scan import in_virtual_time

SCOPE = "https://management.azure.com/.default"
OTHER_TENANT = "99999999-8888-7777-6666-555555555555"
HTTP = ["managed-identity", "workload-identity", "service-principal"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No credential but those of the test; tools are looked for in an empty directory."""
    for name in [
        name for name in os.environ if name.startswith(("AZURE_", "FLEETSCAN_", "IDENTITY_", "MSI_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
async def service(alone: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SignInService]:
    """A sign-in service that an application and a managed identity are told of."""
    tls, bundle = test_ca(alone)
    trust(bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    made = SignInService(time.time)
    async with on_loopback(made, tls) as authority, on_loopback(made) as managed:
        for name, value in set_up(alone, authority, f"{managed}/msi/token").items():
            monkeypatch.setenv(name, value)
        yield made


def set_up(folder: Path, authority: str, managed: str) -> dict[str, str]:
    """The variables of every credential that speaks HTTP."""
    assertion = folder / "federated-token"
    assertion.write_text(ASSERTION)
    return {
        "AZURE_AUTHORITY_HOST": authority,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": SECRET,
        "AZURE_FEDERATED_TOKEN_FILE": str(assertion),
        "IDENTITY_ENDPOINT": managed,
        "IDENTITY_HEADER": HEADER,
    }


def source(auth: str, **more: Any) -> TokenSource:
    """The tokens of one credential, as a scan of the public cloud gets them."""
    return token_source(None, SignIn(SCOPE, auth=auth, environment=dict(os.environ), **more))


async def refusal_of(tokens: TokenSource) -> CredentialError:
    """What is said where there is no token."""
    with pytest.raises(CredentialError) as caught:
        await tokens.header()
    await tokens.aclose()
    return caught.value


def az(folder: Path, script: str) -> None:
    """An `az` that is a program of Python's."""
    (folder / "az").write_text(f"#!{sys.executable} -S\n{script}")
    (folder / "az").chmod(0o755)


def az_that_signs_in(folder: Path, life_s: float = 3600.0, slow_s: float = 0.0) -> Path:
    """An `az` that prints token-1, token-2, ...; the file in which it notes its arguments, a line a call."""
    notes = folder / "az-notes"
    az(
        folder,
        f"""import json, pathlib, sys, time
notes = pathlib.Path({str(notes)!r})
with notes.open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
time.sleep({slow_s!r})
number = len(notes.read_text().splitlines())
print(json.dumps({{"accessToken": f"token-{{number}}", "expires_on": int(time.time() + {life_s!r})}}))
""",
    )
    return notes


async def az_ends() -> None:
    """An `az` that was left, or killed, has ended: azure-identity does not wait for it."""
    await asyncio.sleep(1.5)


async def test_a_managed_identity_is_asked_for_with_its_header_and_client_id(service: SignInService) -> None:
    tokens = source("managed-identity")
    assert service.is_good(await tokens.header())
    [asked] = service.asked
    assert asked.path == "/msi/token"
    assert asked.parameters["resource"] == "https://management.azure.com"
    assert asked.parameters["client_id"] == CLIENT
    assert asked.headers["X-IDENTITY-HEADER"] == HEADER
    assert tokens.principal()["tenant_id"] == TENANT
    await tokens.aclose()


@pytest.mark.parametrize(
    ("auth", "proof", "value"),
    [
        ("service-principal", "client_secret", SECRET),
        ("workload-identity", "client_assertion", ASSERTION),
        ("default", "client_secret", SECRET),
    ],
)
@pytest.mark.parametrize("tenant", [None, OTHER_TENANT, "contoso.com"])
async def test_an_application_signs_in_to_the_tenant_with_its_proof(
    service: SignInService, auth: str, proof: str, value: str, tenant: str | None
) -> None:
    tokens = source(auth, tenant=tenant)
    if tenant == OTHER_TENANT:
        # The service issues tokens of its own tenant alone.
        assert f"the token is of the tenant {TENANT}" in (await refusal_of(tokens)).what
    else:
        assert service.is_good(await tokens.header())
        await tokens.aclose()
    [asked] = service.asked
    assert asked.path == f"/{tenant or TENANT}/oauth2/v2.0/token"
    assert asked.parameters["client_id"] == CLIENT
    assert asked.parameters["scope"] == SCOPE
    assert asked.parameters[proof] == value


async def test_the_azure_cli_is_asked_for_the_resource_and_the_tenant(alone: Path) -> None:
    notes = az_that_signs_in(alone)
    tokens = source("cli", tenant="contoso.com")
    assert await tokens.header() == "Bearer token-1"
    await tokens.aclose()
    [line] = notes.read_text().splitlines()
    assert "account get-access-token" in line
    assert "--resource https://management.azure.com" in line
    assert "--tenant contoso.com" in line


@pytest.mark.parametrize("auth", HTTP)
@pytest.mark.parametrize("trouble", [DOWN, UNREACHABLE])
async def test_a_service_that_fails_once_is_asked_again(
    service: SignInService, auth: str, trouble: Any
) -> None:
    service.trouble = lambda _: trouble if len(service.asked) == 1 else None
    tokens = source(auth)
    assert service.is_good(await tokens.header())
    assert len(service.asked) == 2
    await tokens.aclose()


@pytest.mark.parametrize("auth", HTTP)
async def test_tokens_of_two_seconds_are_renewed_all_along(service: SignInService, auth: str) -> None:
    service.life_s = 2.0
    tokens = source(auth)
    until = time.monotonic() + 7.0
    while time.monotonic() < until:
        asked_at = time.time()
        token = (await tokens.header()).removeprefix("Bearer ")
        assert service.issued[token] > asked_at
        await asyncio.sleep(0.01)
    await tokens.aclose()
    assert 3 <= len(service.issued) <= 8


async def test_an_az_whose_tokens_live_for_two_seconds_is_asked_all_along(alone: Path) -> None:
    notes = az_that_signs_in(alone, life_s=2.0)
    tokens = source("cli")
    seen = set()
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        seen.add(await tokens.header())
        await asyncio.sleep(0.01)
    await tokens.aclose()
    await az_ends()
    assert len(seen) >= 3
    assert len(notes.read_text().splitlines()) <= 10


async def test_an_az_that_takes_long_holds_no_request_up_while_the_token_lives(alone: Path) -> None:
    az_that_signs_in(alone, life_s=5.0, slow_s=1.0)
    tokens = source("cli")
    await tokens.header()
    longest_s, seen = 0.0, set()
    until = time.monotonic() + 6.0
    while time.monotonic() < until:
        began = time.monotonic()
        seen.add(await tokens.header())
        longest_s = max(longest_s, time.monotonic() - began)
        await asyncio.sleep(0.01)
    await tokens.aclose()
    await az_ends()
    assert len(seen) >= 2
    assert longest_s < 0.5


async def test_an_az_that_takes_longer_than_it_may_is_told_with_what_to_wait_for(alone: Path) -> None:
    az_that_signs_in(alone, slow_s=3.0)
    error = await refusal_of(source("cli", timeout_s=0.5))
    await az_ends()
    assert error.told() == (
        "not signed in to Azure with the Azure CLI; run `az account get-access-token` to see why the Azure "
        "CLI does not answer, or wait longer with auth_timeout_s=1.0"
    )
    assert error.details == ("Timed out waiting for Azure CLI",)


async def test_a_secret_that_is_refused_is_told_with_the_command_that_makes_another(
    service: SignInService,
) -> None:
    service.trouble = lambda _: WRONG_SECRET
    error = await refusal_of(source("service-principal"))
    assert error.told() == (
        "not signed in to Azure with a service principal; make a new secret with "
        f"`az ad app credential reset --id {CLIENT} --append` and put it into AZURE_CLIENT_SECRET"
    )
    assert "AADSTS7000215: Invalid client secret." in error.details[0]
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("auth", "missing", "said"),
    [
        ("service-principal", "AZURE_TENANT_ID", "AZURE_TENANT_ID is not set"),
        ("service-principal", "AZURE_CLIENT_ID", "AZURE_CLIENT_ID is not set"),
        (
            "service-principal",
            "AZURE_CLIENT_SECRET",
            "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set",
        ),
        ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE is not set"),
    ],
)
async def test_the_variable_that_is_missing_is_named(
    service: SignInService, monkeypatch: pytest.MonkeyPatch, auth: str, missing: str, said: str
) -> None:
    monkeypatch.delenv(missing)
    error = await refusal_of(source(auth))
    assert error.details == (said,)
    assert error.remedy is not None
    assert service.asked == []


async def test_a_federated_token_that_is_not_there_is_named(
    service: SignInService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/absent/federated-token")
    assert (await refusal_of(source("workload-identity"))).told() == (
        "not signed in to Azure with a workload identity: No such file or directory: "
        "'/absent/federated-token'; see that the file that AZURE_FEDERATED_TOKEN_FILE names is there and can "
        "be read: /absent/federated-token; a pod's webhook or a pipeline's sign-in writes it"
    )


@pytest.mark.parametrize("auth", ["service-principal", "default"])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "CERTIFICATE_PATH",
            "/absent.pem",
            "AZURE_CLIENT_CERTIFICATE_PATH names is there and can be read: /absent.pem",
        ),
        ("CERTIFICATE_PATH", "/dev/null", "AZURE_CLIENT_CERTIFICATE_PATH name a PEM or PKCS12 file"),
        (
            "CERTIFICATE_PATH",
            "/",
            "Is a directory: '/'; see that the file that AZURE_CLIENT_CERTIFICATE_PATH",
        ),
        (
            "TENANT_ID",
            "no tenant!",
            "or in AZURE_TENANT_ID, as `az account tenant list` shows them; 'no tenant!'",
        ),
    ],
)
async def test_a_variable_that_is_set_and_wrong_is_named_with_its_value(
    service: SignInService, monkeypatch: pytest.MonkeyPatch, auth: str, name: str, value: str, said: str
) -> None:
    if name == "CERTIFICATE_PATH":
        monkeypatch.delenv("AZURE_CLIENT_SECRET")
    monkeypatch.setenv(f"AZURE_{'CLIENT_' * (name == 'CERTIFICATE_PATH')}{name}", value)
    told = (await refusal_of(source(auth))).told()
    assert said in told
    assert value in told
    assert "set AZURE_CLIENT_ID" not in told
    assert "the AZURE_* variables of a service principal" not in told
    assert service.asked == []


@pytest.mark.parametrize("auth", ["service-principal", "workload-identity", "default"])
async def test_a_sign_in_service_that_nothing_leads_to_is_a_matter_of_the_network(
    service: SignInService, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    from fleetscan.azure.network import Network
    from fleetscan.azure.sign_in_transport import for_credentials

    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://localhost:1")
    tokens = source(auth, reached_by=lambda: for_credentials(Network()))
    told = (await refusal_of(tokens)).told()
    assert "no connection to localhost:1: " in told
    assert (
        "; check the network and the proxy: proxy or HTTPS_PROXY, NO_PROXY, ca_bundle, and whether a " in told
    )
    assert "firewall lets this computer through to localhost:1" in told
    assert service.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"access_token": 5}', b'{"access_token": "t"}', b"<html>", b"\xff"]
)
@pytest.mark.parametrize("auth", HTTP)
async def test_a_reply_that_holds_no_token_is_an_error_that_says_so(
    service: SignInService, auth: str, body: bytes
) -> None:
    from tests.azure.sign_in_service import Trouble

    service.trouble = lambda _: Trouble(200, {}, body)
    error = await refusal_of(source(auth))
    assert error.what.startswith("not signed in to Azure with a ")
    assert error.remedy is not None


@pytest.mark.parametrize("auth", HTTP)
async def test_on_loopback_the_simulator_s_token_is_named_and_that_the_credential_is_left_out(
    service: SignInService, auth: str
) -> None:
    service.trouble = lambda _: WRONG_SECRET
    error = await refusal_of(source(auth, is_loopback=True))
    assert "; a simulated Azure takes any token: set FLEETSCAN_ACCESS_TOKEN=anything and leave auth out" in (
        error.told()
    )


class Recorded:
    """What was asked of whom, in memory; every authority answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.service = SignInService(time.time)
        for name, value in set_up(folder, "", "http://localhost:1/msi/token").items():
            if name != "AZURE_AUTHORITY_HOST":
                monkeypatch.setenv(name, value)

    async def host(self, auth: str, cloud: AzureCloud | None, said: str = "") -> tuple[str, list[str]]:
        """The host that is asked, and what was warned of."""
        environment, warned = dict(os.environ), list[str]()
        if said:
            environment["AZURE_AUTHORITY_HOST"] = said
        sign_in = SignIn(
            SCOPE,
            auth=auth,
            cloud=cloud,
            environment=environment,
            warn=warned.append,
            reached_by=lambda: {"transport": InMemory(self.service)},
        )
        tokens = token_source(None, sign_in)
        await tokens.header()
        await tokens.aclose()
        return self.service.asked[-1].host, warned


@pytest.mark.parametrize("auth", ["service-principal", "workload-identity", "default"])
@pytest.mark.parametrize(
    ("cloud", "said", "host"),
    [
        (None, "", "login.microsoftonline.com"),
        (PUBLIC, "", "login.microsoftonline.com"),
        (US_GOVERNMENT, "", "login.microsoftonline.us"),
        (CHINA, "", "login.chinacloudapi.cn"),
        (CHINA, "https://login.microsoftonline.com/", "login.chinacloudapi.cn"),
        (PUBLIC, "login.microsoftonline.us", "login.microsoftonline.com"),
        (US_GOVERNMENT, "https://login.private.example", "login.private.example"),
        (None, "https://login.private.example", "login.private.example"),
    ],
)
@pytest.mark.parametrize("is_federated", [False, True])
async def test_a_cloud_has_its_own_sign_in_service_unless_a_private_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
    alone: Path,
    auth: str,
    cloud: AzureCloud | None,
    said: str,
    host: str,
    *,
    is_federated: bool,
) -> None:
    recorded = Recorded(monkeypatch, alone)
    if said:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", said)
    if is_federated and auth == "default":
        monkeypatch.delenv("AZURE_CLIENT_SECRET")
    asked, warned = await recorded.host(auth, cloud, said)
    assert asked == host
    is_other = cloud is not None and said.endswith((".com/", ".us"))
    assert len(warned) == is_other
    assert all(f": {host} is asked instead" in each for each in warned)


@in_virtual_time
async def test_a_service_that_asks_for_an_hour_s_patience_is_told_with_its_answer() -> None:
    service = SignInService(time.monotonic)
    service.trouble = lambda _: BUSY
    error = await refusal_of(in_memory("service-principal", service))
    assert error.details == ("no token within 65 s; its last reply was HTTP 429",)
    assert time.monotonic() == pytest.approx(65.0, abs=0.1)


@in_virtual_time
async def test_a_refresh_that_hangs_holds_no_request_up() -> None:
    with mock.patch("time.time", time.monotonic):
        service = SignInService(time.monotonic, life_s=600.0)
        tokens = in_memory("service-principal", service)
        first = await tokens.header()
        service.trouble = lambda _: SILENT
        await asyncio.sleep(310.0)
        for _ in range(280):
            began = time.monotonic()
            assert await tokens.header() == first
            assert time.monotonic() == began
            await asyncio.sleep(1.0)
        assert 3 <= len(service.asked) <= 6
        service.trouble = lambda _: None
        await asyncio.sleep(60.0)
        assert service.is_good(await tokens.header())
        await tokens.aclose()
