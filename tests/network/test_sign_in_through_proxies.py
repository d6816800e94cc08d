"""azure-identity's real credentials behind a real proxy and a private CA: which calls leave through it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fleetscan.azure.credentials import token_source
from fleetscan.azure.identity import SignIn
from fleetscan.azure.network import Network
from fleetscan.azure.sign_in_transport import for_credentials
from fleetscan.errors import CredentialError
from fleetscan.simulator import Cloud, serve
from tests.azure.loopback_server import Answer, LoopbackServer, serving
from tests.cli.processes import begun, ended
from tests.network.authorities import Authority
from tests.network.proxies import proxy
from tests.network.test_scans_through_proxies import AS_URL, CALM, LOGIN, POLLS, port_of, secrets_in

GRANTED = json.dumps(
    {
        "token_type": "Bearer",
        "access_token": "sesame",
        "expires_in": "3600",
        "expires_on": "4102444800",
        "resource": "https://arm.azure.test",
    }
).encode()
TOKEN = Answer(
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(GRANTED), GRANTED)
)
TENANT = "11111111-1111-1111-1111-111111111111"
SCOPE = "https://arm.azure.test/.default"


def service_principal(port: int, folder: Path) -> dict[str, str]:
    """The variables of a service principal with a secret."""
    return {**_client(port), "AZURE_CLIENT_SECRET": "client-s3cret"}


def workload(port: int, folder: Path) -> dict[str, str]:
    """The variables of a workload identity."""
    (folder / "assertion").write_text("assert1on")
    return {**_client(port), "AZURE_FEDERATED_TOKEN_FILE": str(folder / "assertion")}


def _client(port: int) -> dict[str, str]:
    host = f"https://login.azure.test:{port}"
    return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "2" * 8, "AZURE_AUTHORITY_HOST": host}


@asynccontextmanager
async def login(authority: Authority, *names: str) -> AsyncIterator[LoopbackServer]:
    """A service that hands out tokens over TLS."""
    async with serving(TOKEN, tls=authority.server(*names)) as server:
        yield server


async def planned(endpoint: str, environment: Mapping[str, str], *flags: str) -> tuple[int, str]:
    """The exit code and the words of a plan that has to sign in."""
    process = begun(environment, "plan", "--endpoint", endpoint, *flags, token="")
    code, _, words = await asyncio.to_thread(ended, process)
    return code, words


@pytest.mark.parametrize("flow", [service_principal, workload])
@pytest.mark.parametrize("is_flag", [True, False])
async def test_a_whole_scan_signs_in_and_runs_through_the_proxy_with_a_private_ca(
    tmp_path: Path, flow: object, is_flag: bool
) -> None:
    authority, out = Authority(tmp_path), tmp_path / "run"
    flags: tuple[str, ...] = ()
    async with login(authority) as tokens, serve(Cloud(CALM), tls=authority.server()) as served:
        assert callable(flow)
        environment = flow(tokens.port, tmp_path)
        with proxy(tmp_path / "proxy", *LOGIN) as through:
            if is_flag:
                flags = ("--proxy", through.url(AS_URL), "--ca-bundle", str(authority.bundle))
            else:
                environment |= {"HTTPS_PROXY": through.url(AS_URL), "SSL_CERT_FILE": str(authority.bundle)}
            endpoint = served.replace("127.0.0.1", "arm.azure.test")
            line = ("scan", "--endpoint", endpoint, "--out", str(out), *POLLS, *flags)
            code, _, words = await asyncio.to_thread(ended, begun(environment, *line, token=""))
    assert code == 0, words
    hosts = {f"arm.azure.test:{port_of(served)}", f"login.azure.test:{tokens.port}"}
    assert through.connected == hosts
    assert not any("sesame" in head or "s3cret" in head or "assert1on" in head for head in through.asked)
    assert tokens.targets == [f"/{TENANT}/oauth2/v2.0/token"]
    assert tokens.header("Proxy-Authorization") is None
    assert secrets_in(out, words) == set()


async def test_a_managed_identity_is_asked_directly_whatever_proxies_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(TOKEN) as tokens, serve(Cloud(CALM), tls=authority.server()) as served:
        with proxy(tmp_path / "proxy") as through:
            names = ("HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "FLEETSCAN_PROXY")
            environment = {
                **dict.fromkeys(names, through.url()),
                "IDENTITY_ENDPOINT": f"http://127.0.0.1:{tokens.port}/msi/token",
                "IDENTITY_HEADER": "header",
                "SSL_CERT_FILE": str(authority.bundle),
            }
            endpoint = served.replace("127.0.0.1", "arm.azure.test")
            code, words = await planned(endpoint, environment)
    assert (code, len(tokens.requests)) == (0, 1), words
    assert through.connected == {f"arm.azure.test:{port_of(served)}"}


async def test_a_service_of_this_machine_is_asked_directly_over_tls_as_well(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with login(authority) as tokens:
        environment = service_principal(tokens.port, tmp_path)
        environment["AZURE_AUTHORITY_HOST"] = f"https://localhost:{tokens.port}"
        with proxy(tmp_path / "proxy") as through:
            environment |= {"SSL_CERT_FILE": str(authority.bundle)}
            async with serve(Cloud(CALM), tls=authority.server()) as served:
                endpoint = served.replace("127.0.0.1", "arm.azure.test")
                code, words = await planned(endpoint, environment, "--proxy", through.url())
    assert (code, through.connected) == (0, {f"arm.azure.test:{port_of(served)}"}), words


@pytest.mark.parametrize(
    ("names", "trusts", "said", "remedy"),
    [
        ((), False, "unable to get local issuer certificate", "REQUESTS_CA_BUNDLE"),
        (("other.azure.test",), True, "Hostname mismatch, certificate is not valid for", "DNS or a proxy"),
    ],
)
async def test_a_certificate_that_is_refused_ends_the_sign_in_at_once(
    tmp_path: Path, names: tuple[str, ...], trusts: bool, said: str, remedy: str
) -> None:
    authority = Authority(tmp_path)
    async with login(authority, *names) as tokens:
        environment = service_principal(tokens.port, tmp_path)
        with proxy(tmp_path / "proxy") as through:
            environment |= {"HTTPS_PROXY": through.url()}
            environment |= {"SSL_CERT_FILE": str(authority.bundle)} if trusts else {}
            code, words = await planned("https://arm.azure.test", environment)
    (line,) = words.splitlines()
    where = f"the certificate of login.azure.test:{tokens.port} is not trusted: {said}"
    assert line.startswith(f"fleetscan: error: not signed in to Azure: {where}")
    assert remedy in line
    assert (code, len(through.asked), tokens.requests) == (4, 1, [])


async def test_a_proxy_that_refuses_the_login_ends_the_sign_in_at_once(tmp_path: Path) -> None:
    with proxy(tmp_path / "proxy", *LOGIN) as through:
        environment = service_principal(1, tmp_path) | {"HTTPS_PROXY": through.url("ann:wr0ng")}
        code, words = await planned("https://arm.azure.test", environment)
    assert code == 4
    (line,) = words.splitlines()
    assert line.startswith(
        f"fleetscan: error: not signed in to Azure: the proxy 127.0.0.1:{through.port} refuses the login "
        "that it was sent (HTTP 407); name it as http://USER:PASSWORD@HOST:PORT"
    )
    assert "wr0ng" not in line


async def test_a_proxy_that_is_down_is_told_from_the_service_behind_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    down = {"HTTPS_PROXY": f"http://{AS_URL}@127.0.0.1:{port}"}
    code, words = await planned("https://arm.azure.test", service_principal(1, tmp_path) | down)
    assert (code, f"AZURE_* variables: no connection to the proxy 127.0.0.1:{port}: " in words) == (
        4,
        True,
    ), words
    assert "; check the network and the proxy: --proxy or HTTPS_PROXY, NO_PROXY, --ca-bundle, and" in words
    assert secrets_in(tmp_path / "none", words) == set()


async def test_a_token_that_is_good_outlives_a_certificate_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh that fails so late in the night stops nothing while the old token lives."""
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    context = authority.server()
    async with serving(Answer(TOKEN.data, "close"), tls=context) as tokens:
        variables = service_principal(tokens.port, tmp_path)
        variables["AZURE_AUTHORITY_HOST"] = f"https://localhost:{tokens.port}"
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        network = Network(ca_bundle=str(authority.bundle))
        sign_in = SignIn(
            SCOPE,
            environment=variables,
            reached_by=lambda: for_credentials(network),
            refusal=lambda: network.refused,
        )
        source = token_source(None, sign_in)
        assert await source.header() == "Bearer sesame"
        other.ca.issue_cert("localhost").configure_cert(context)
        await source.renew("Bearer sesame", None)
        assert await source.header() == "Bearer sesame"
        assert isinstance(network.refused, CredentialError)
        await source.aclose()
