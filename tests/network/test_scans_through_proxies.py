"""Whole scans through a real proxy to a simulated Azure over TLS: what the proxy gets, what stops a scan."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fleetscan.simulator import Cloud, Scenario, serve
from tests.cli.processes import begun, ended, errors_in
from tests.network.authorities import Authority
from tests.network.proxies import proxy

CALM = Scenario(machines=7, speed=1000, stopped_pct=0, failing_pct=0, token="sesame")
LOGIN = ("--basic-auth", "ann:s/cret")
AS_URL = "ann:s%2Fcret"
IN_HEADER = base64.b64encode(b"ann:s/cret").decode()
SECRETS = ("s/cret", "s%2Fcret", IN_HEADER, "ann:")
POLLS = ("--first-poll", "0.5s", "--poll-interval", "1s")


@asynccontextmanager
async def azure(authority: Authority, *names: str, days: float = 30.0) -> AsyncIterator[str]:
    """The endpoint of a simulated Azure over TLS, under a name that the proxy alone can look up."""
    async with serve(Cloud(CALM), tls=authority.server(*names, days=days)) as endpoint:
        yield endpoint.replace("127.0.0.1", "arm.azure.test")


async def scanned(
    endpoint: str, out: Path, environment: Mapping[str, str], *flags: str, command: str = "scan"
) -> tuple[int, str]:
    """The exit code and the words of a scan."""
    polls = (*POLLS, "--out", str(out)) if command == "scan" else ()
    process = begun(environment, command, "--endpoint", endpoint, *polls, *flags)
    code, _, words = await asyncio.to_thread(ended, process)
    return code, words


def port_of(endpoint: str) -> str:
    return endpoint.rpartition(":")[2]


def secrets_in(out: Path, *texts: str) -> set[str]:
    """The secrets that stand in a file of the run or in the texts."""
    told = [*texts, *(path.read_text() for path in out.rglob("*") if path.is_file())]
    return {secret for secret in (*SECRETS, "sesame") if any(secret in text for text in told)}


@pytest.mark.parametrize(
    ("named_by", "trusted_by"),
    [
        ("HTTPS_PROXY", "--ca-bundle"),
        ("https_proxy", "SSL_CERT_FILE"),
        ("FLEETSCAN_PROXY", "REQUESTS_CA_BUNDLE"),
        ("--proxy", "FLEETSCAN_CA_BUNDLE"),
    ],
)
async def test_a_whole_scan_leaves_through_the_proxy_which_gets_its_login_and_no_token(
    tmp_path: Path, named_by: str, trusted_by: str
) -> None:
    authority, out = Authority(tmp_path), tmp_path / "run"
    with proxy(tmp_path / "proxy", *LOGIN) as through:
        told = {named_by: through.url(AS_URL), trusted_by: str(authority.bundle)}
        flags = [word for name, value in told.items() if name.startswith("--") for word in (name, value)]
        environment = {name: value for name, value in told.items() if not name.startswith("--")}
        async with azure(authority) as endpoint:
            code, words = await scanned(endpoint, out, environment, *flags)
    assert code == 0, words
    assert through.connected == {f"arm.azure.test:{port_of(endpoint)}"}
    for head in through.asked:
        names = [line.partition(":")[0] for line in head.split("\n")[1:]]
        assert names == ["host", "user-agent", "accept", "accept-encoding", "proxy-authorization"]
        assert "sesame" not in head
        assert f"proxy-authorization: basic {IN_HEADER.lower()}" in head
    assert secrets_in(out, words) == set()
    is_setting = named_by in ("--proxy", "FLEETSCAN_PROXY")
    kept = json.loads((out / "run.json").read_text())["settings"]["proxy"]
    assert kept == (through.url() if is_setting else None)


@pytest.mark.parametrize("command", ["plan", "inventory"])
async def test_every_command_that_lists_leaves_through_it(tmp_path: Path, command: str) -> None:
    authority = Authority(tmp_path)
    with proxy(tmp_path / "proxy") as through:
        environment = {"FLEETSCAN_PROXY": through.url(), "SSL_CERT_FILE": str(authority.bundle)}
        async with azure(authority) as endpoint:
            code, words = await scanned(endpoint, tmp_path, environment, command=command)
    assert (code, through.connected) == (0, {f"arm.azure.test:{port_of(endpoint)}"}), words


async def test_this_machine_is_reached_through_a_proxy_that_a_setting_names_and_no_other(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    with proxy(tmp_path / "proxy") as through:
        names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
        environment = dict.fromkeys(names, through.url()) | {"SSL_CERT_FILE": str(authority.bundle)}
        async with azure(authority) as endpoint:
            here = endpoint.replace("arm.azure.test", "localhost")
            direct = await scanned(here, tmp_path / "direct", environment)
            assert (direct[0], through.asked) == (0, []), direct
            proxied = await scanned(here, tmp_path / "proxied", environment, "--proxy", through.url())
            exempt = {**environment, "NO_PROXY": "127.0.0.1,localhost"}
            asked = len(through.asked)
            again = await scanned(here, tmp_path / "exempt", exempt, "--proxy", through.url())
            assert (again[0], len(through.asked)) == (0, asked), again
    assert (proxied[0], through.connected) == (0, {f"localhost:{port_of(endpoint)}"}), proxied


async def test_plain_http_never_goes_through_a_proxy_even_one_that_is_named(tmp_path: Path) -> None:
    with proxy(tmp_path / "proxy") as through:
        async with serve(Cloud(CALM)) as endpoint:
            environment = {"HTTP_PROXY": through.url(), "HTTPS_PROXY": through.url()}
            code, words = await scanned(endpoint, tmp_path / "run", environment, "--proxy", through.url())
    assert (code, through.asked) == (0, []), words


@pytest.mark.parametrize(
    ("login", "said"), [("", "wants a login"), ("ann:s%2Fcrets", "refuses the login that it was sent")]
)
async def test_a_proxy_that_refuses_the_login_ends_the_scan_at_once(
    tmp_path: Path, login: str, said: str
) -> None:
    authority, out = Authority(tmp_path), tmp_path / "run"
    with proxy(tmp_path / "proxy", *LOGIN) as through:
        environment = {"HTTPS_PROXY": through.url(login), "SSL_CERT_FILE": str(authority.bundle)}
        async with azure(authority) as endpoint:
            code, words = await scanned(endpoint, out, environment)
    assert code == 4
    assert errors_in(words) == [
        f"the proxy 127.0.0.1:{through.port} {said} (HTTP 407); name it as "
        "http://USER:PASSWORD@HOST:PORT, with --proxy or in HTTPS_PROXY"
    ]


async def test_a_proxy_that_is_down_is_named_without_its_login(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    down = {"HTTPS_PROXY": f"http://{AS_URL}@127.0.0.1:{port}"}
    code, words = await scanned("https://arm.azure.test", tmp_path / "run", down)
    assert (code, f"no connection to the proxy 127.0.0.1:{port}: " in words) == (4, True), words
    assert "; check the proxy: --proxy or HTTPS_PROXY, and NO_PROXY for what needs none" in words
    assert "--endpoint" not in words
    assert secrets_in(tmp_path / "run", words) == set()


async def test_tunnels_that_are_cut_in_mid_stream_lose_no_vm(tmp_path: Path) -> None:
    authority, out = Authority(tmp_path), tmp_path / "run"
    # A handshake of this CA takes 1.2 kB: each of the first four tunnels is cut within a reply.
    with proxy(tmp_path / "proxy", cuts=4, cut_after=2_000) as through:
        environment = {"HTTPS_PROXY": through.url(), "SSL_CERT_FILE": str(authority.bundle)}
        async with azure(authority) as endpoint:
            code, words = await scanned(endpoint, out, environment, "--unknown-start-wait", "1s")
    totals = json.loads((out / "totals.jsonl").read_text().splitlines()[0])
    assert (code, totals["outcomes"]["assessed"]) == (0, 7), words
    assert through.cuts == 4


async def test_a_proxy_that_is_too_busy_for_a_while_delays_a_scan(tmp_path: Path) -> None:
    authority, out = Authority(tmp_path), tmp_path / "run"
    with proxy(tmp_path / "proxy", refused="1 3 4 5") as through:
        environment = {"HTTPS_PROXY": through.url(), "SSL_CERT_FILE": str(authority.bundle)}
        async with azure(authority) as endpoint:
            code, words = await scanned(endpoint, out, environment)
    totals = json.loads((out / "totals.jsonl").read_text().splitlines()[0])
    assert (code, totals["outcomes"]["assessed"], totals["requests"]["retried"]) == (0, 7, 4), words


async def test_a_proxy_is_spoken_to_over_tls_as_well(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued = authority.ca.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(cert))
    with proxy(tmp_path / "proxy", *LOGIN, "--cert-file", str(cert), "--key-file", str(key)) as through:
        environment = {"HTTPS_PROXY": through.url(AS_URL, "https")}
        async with azure(authority) as endpoint:
            trusting = environment | {"SSL_CERT_FILE": str(authority.bundle)}
            code, words = await scanned(endpoint, tmp_path / "run", trusting)
            refused = await scanned(endpoint, tmp_path / "refused", environment)
    assert (code, through.connected) == (0, {f"arm.azure.test:{port_of(endpoint)}"}), words
    assert refused[0] == 4
    assert f"the certificate of the proxy 127.0.0.1:{through.port} is not trusted" in refused[1]


def intercepting(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The CA of a proxy that looks into TLS, and the flags with which proxy.py does so."""
    authority = Authority(folder, "inspection")
    key, signing = folder / "inspection.key", folder / "signing.key"
    authority.ca.private_key_pem.write_to_path(str(key))
    trustme_key = Authority(folder, "spare").ca
    trustme_key.private_key_pem.write_to_path(str(signing))
    flags = ("--ca-key-file", str(key), "--ca-cert-file", str(authority.bundle))
    return authority.bundle, (*flags, "--ca-signing-key-file", str(signing))


async def test_a_proxy_that_inspects_tls_is_trusted_by_its_own_ca_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    bundle, flags = intercepting(tmp_path)
    upstream = ("--ca-file", str(authority.bundle), "--ca-cert-dir", str(tmp_path / "made"))
    with proxy(tmp_path / "proxy", *flags, *upstream) as through:
        async with azure(authority) as endpoint:
            environment = {"HTTPS_PROXY": through.url()}
            inspected = await scanned(endpoint, tmp_path / "run", environment, "--ca-bundle", str(bundle))
            other = {**environment, "REQUESTS_CA_BUNDLE": str(authority.bundle)}
            asked = len(through.asked)
            refused = await scanned(endpoint, tmp_path / "refused", other)
            tries = len(through.asked) - asked
    assert inspected[0] == 0, inspected
    assert (refused[0], tries) == (4, 1)
    assert "is not trusted: " in refused[1]
    assert "to the file that REQUESTS_CA_BUNDLE names" in refused[1]
